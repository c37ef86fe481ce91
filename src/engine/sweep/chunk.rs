//! A chunk of samples: its blocks one after another, each forward and back while it is in the cache.

use std::ops::Range;

use super::evaluate::Sweep;
use super::finite::NonFinite;
use super::lanes::Block;
use super::result::{Binding, SweepError};
use crate::engine::tape::Leaf;

/// Lane-instructions between two looks at the interrupt.
const POLL: usize = 1 << 18;

/// Some samples, and the part of the result columns that they fill.
pub(super) struct Chunk<'c> {
    pub samples: Range<usize>,
    pub values: Vec<&'c mut [f64]>,
    pub adjoints: Vec<&'c mut [f64]>,
}

/// What a chunk of samples adds up to.
#[derive(Default)]
pub(super) struct ChunkSums {
    /// The adjoint of each uniform leaf.
    pub adjoints: Vec<f64>,
    /// Each reduced output.
    pub outputs: Vec<f64>,
    /// The uniform leaves whose values some sample uses; only told where a uniform value is not finite.
    pub used: Vec<bool>,
    /// An output that is not finite although nothing in this section made it so.
    pub inherited: Option<NonFinite>,
}

impl Sweep<'_> {
    /// A block whose leaves that are the same for every sample are filled in.
    pub(super) fn new_block(&self) -> Block<'_> {
        let section = &self.tape.varying;
        let samples = |leaf: &Leaf| match *leaf {
            Leaf::Input(position) => match self.bindings[position as usize] {
                Binding::Samples(samples) => Some(samples),
                Binding::Number(_) => None,
            },
            Leaf::Uniform(_) | Leaf::Constant(_) => None,
        };
        let samples = section.leaves.iter().map(samples).collect();
        let mut block = Block::new(section, samples, self.with_gradient, self.reduced.len());
        for (slot, leaf) in section.leaves.iter().enumerate() {
            match *leaf {
                Leaf::Uniform(uniform) => block.value_mut(slot).fill(self.point.values[uniform as usize]),
                Leaf::Constant(constant) => block.value_mut(slot).fill(constant),
                Leaf::Input(_) => {}
            }
        }
        block
    }

    /// Fills `chunk`'s columns and adds it up.
    pub(super) fn run_chunk(
        &self,
        block: &mut Block<'_>,
        chunk: &mut Chunk<'_>,
    ) -> Result<ChunkSums, SweepError> {
        let sums = self.run_blocks(block, chunk, false)?;
        if self.refuse && !sums.adjoints.iter().all(|sum| sum.is_finite()) {
            // Again, to find the sample. That costs less than to look for it in every block of every chunk.
            return self.run_blocks(block, chunk, true);
        }
        Ok(sums)
    }

    /// `looks` into the gathering adjoints after each block, too.
    fn run_blocks(
        &self,
        block: &mut Block<'_>,
        chunk: &mut Chunk<'_>,
        looks: bool,
    ) -> Result<ChunkSums, SweepError> {
        let section = &self.tape.varying;
        let crossing = section.uniform_leaves();
        let gathering = if self.with_gradient { crossing } else { 0 };
        let mut sums = ChunkSums { used: vec![false; crossing], ..ChunkSums::default() };
        block.start_sums(gathering);
        let mut until_poll = 0;
        for start in (0..chunk.samples.len()).step_by(block.lanes) {
            if until_poll <= section.slots() * block.lanes {
                self.interrupt.check()?;
                until_poll = POLL;
            } else {
                until_poll -= section.slots() * block.lanes;
            }
            let lanes = block.lanes.min(chunk.samples.len() - start);
            let first = chunk.samples.start + start;
            let (begun, mut turned) = (self.clock(), None);
            block.load(first, lanes);
            let finite = block.forward(section, self.level);
            if self.refuse && !(finite && self.uniform_is_finite) {
                self.check_values(block, first, lanes, &mut sums)?;
            }
            store(&mut chunk.values, &self.wanted_values, start, lanes, |slot| block.value(slot));
            block.add_to_totals(&self.reduced, lanes, self.level);
            if self.with_gradient {
                turned = self.clock();
                for same in self.seeds.chunk_by(|one, other| one.0 == other.0) {
                    block.unseed(same[0].0 as usize);
                    for &(slot, seed) in same {
                        block.seed(slot as usize, seed, first..first + lanes, self.level);
                    }
                }
                block.reverse(section, self.level);
                if self.refuse {
                    self.check_adjoints(block, if looks { crossing } else { 0 }, first, lanes)?;
                }
                let adjoint = |slot| block.adjoint(section, slot);
                store(&mut chunk.adjoints, &self.wanted_adjoints, start, lanes, adjoint);
            }
            self.add_times(begun, turned);
        }
        sums.adjoints = (0..gathering).map(|slot| block.sum_adjoint(slot)).collect();
        sums.outputs = (0..self.reduced.len()).map(|i| block.sum_total(i)).collect();
        Ok(sums)
    }
}

/// Copies a block's lanes of the wanted slots into their columns.
fn store<'b>(
    columns: &mut [&mut [f64]],
    wanted: &[u32],
    start: usize,
    lanes: usize,
    lanes_of: impl Fn(usize) -> &'b [f64],
) {
    for (column, &slot) in columns.iter_mut().zip(wanted) {
        column[start..start + lanes].copy_from_slice(&lanes_of(slot as usize)[..lanes]);
    }
}
