//! A tape at given inputs: outputs, and gradients of the objective.
//!
//! The objective is the sum over samples and outputs, or its mean over samples. Samples are cut into blocks and blocks
//! into chunks of fixed sizes; chunks run on all cores, and their sums are added in a fixed tree order. So the bits of
//! the result do not depend on the number of threads.

use rayon::prelude::*;

use super::finite::NonFinite;
use super::lanes::{Block, block_lanes, tree_sum};
use super::point::Point;
use super::result::{Binding, Column, Gradient, GradientOptions, NonFinitePolicy, Reduction, SweepError};
use crate::engine::kernels::Level;
use crate::engine::tape::{Leaf, Place, Tape};
use crate::engine::{Interrupt, Interrupted};

/// Blocks per chunk: enough work to be worth a thread's attention, few enough that a chunk takes well under the 100 ms in
/// which an interrupt must be noticed.
const CHUNK_BLOCKS: usize = 64;
/// Lane-instructions between two looks at the interrupt.
const POLL: usize = 1 << 18;

impl Tape {
    /// The outputs, one column each.
    pub fn evaluate(
        &self,
        bindings: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Vec<Column>, SweepError> {
        let options = GradientOptions { non_finite, ..GradientOptions::default() };
        Ok(self.sweep(bindings, None, options, interrupt)?.outputs)
    }

    /// The outputs and the gradient of the objective.
    pub fn gradient(
        &self,
        bindings: &[Binding<'_>],
        options: GradientOptions,
        interrupt: &Interrupt,
    ) -> Result<Gradient, SweepError> {
        self.sweep(bindings, Some(options.reduction), options, interrupt)
    }

    fn sweep(
        &self,
        bindings: &[Binding<'_>],
        reduction: Option<Reduction>,
        options: GradientOptions,
        interrupt: &Interrupt,
    ) -> Result<Gradient, SweepError> {
        let samples = self.samples(bindings)?;
        let level = Level::best();
        let seed = match reduction {
            Some(Reduction::Mean) => 1.0 / samples.unwrap_or(1) as f64,
            _ => 1.0,
        };
        let mut sweep = Sweep {
            tape: self,
            bindings,
            refuse: options.non_finite == NonFinitePolicy::Refuse,
            with_gradient: reduction.is_some(),
            samples: samples.unwrap_or(1),
            seed,
            level,
            interrupt,
            point: Point::default(),
            uniform_is_finite: true,
            wanted_values: Vec::new(),
            wanted_adjoints: Vec::new(),
        };
        sweep.run()
    }

    /// The number of samples, if any input is sampled.
    fn samples(&self, bindings: &[Binding<'_>]) -> Result<Option<usize>, SweepError> {
        assert_eq!(bindings.len(), self.roles.len(), "one binding per input");
        let mut samples = None;
        for (input, (binding, role)) in bindings.iter().zip(&self.roles).enumerate() {
            match binding {
                Binding::Samples(values) if role.sampled => {
                    let expected = *samples.get_or_insert(values.len().max(1));
                    if values.len() != expected {
                        return Err(SweepError::Length { input, expected, actual: values.len() });
                    }
                }
                Binding::Number(_) if !role.sampled => {}
                _ => return Err(SweepError::Role { input, sampled: role.sampled }),
            }
        }
        Ok(samples)
    }
}

pub(super) struct Sweep<'a> {
    pub(super) tape: &'a Tape,
    pub(super) bindings: &'a [Binding<'a>],
    pub(super) refuse: bool,
    pub(super) with_gradient: bool,
    pub(super) samples: usize,
    /// The adjoint of each output at each sample.
    pub(super) seed: f64,
    pub(super) level: Level,
    pub(super) interrupt: &'a Interrupt,
    pub(super) point: Point,
    pub(super) uniform_is_finite: bool,
    /// Slots of the varying section whose values, or adjoints, are wanted for every sample.
    pub(super) wanted_values: Vec<u32>,
    pub(super) wanted_adjoints: Vec<u32>,
}

/// The part of the result columns that a chunk of samples fills.
struct ChunkTask<'c> {
    first_sample: usize,
    values: Vec<&'c mut [f64]>,
    adjoints: Vec<&'c mut [f64]>,
}

/// What a chunk of samples adds up to.
pub(super) struct ChunkSums {
    /// The adjoint of each uniform leaf.
    pub(super) adjoints: Vec<f64>,
    /// The uniform leaves whose values some sample uses; only told where a uniform value is not finite.
    pub(super) used: Vec<bool>,
    /// An output that is not finite although nothing in this section made it so.
    pub(super) inherited: Option<NonFinite>,
}

impl Sweep<'_> {
    fn run(&mut self) -> Result<Gradient, SweepError> {
        let tape = self.tape;
        self.forward_uniform()?;
        self.choose_columns();
        let mut values = vec![vec![0.0; self.samples]; self.wanted_values.len()];
        let mut adjoints = vec![vec![0.0; self.samples]; self.wanted_adjoints.len()];
        let crossing = tape.varying.uniform_leaves();
        let mut sums =
            ChunkSums { adjoints: vec![0.0; crossing], used: vec![false; crossing], inherited: None };
        if tape.varying.slots() > 0 {
            sums = self.run_chunks(&mut values, &mut adjoints)?;
        }
        self.check_uniform_values(&sums)?;
        if self.with_gradient {
            self.reverse_uniform(&sums)?;
        }
        Ok(self.collect(&values, &adjoints))
    }

    fn forward_uniform(&mut self) -> Result<(), Interrupted> {
        let section = &self.tape.uniform;
        self.point.resize(section, self.with_gradient);
        for (value, leaf) in self.point.values.iter_mut().zip(&section.leaves) {
            *value = match *leaf {
                Leaf::Constant(constant) => constant,
                Leaf::Input(position) => number(self.bindings[position as usize]),
                Leaf::Uniform(_) => unreachable!("the uniform section has no section below it"),
            };
        }
        self.uniform_is_finite =
            self.point.forward(section, self.with_gradient, self.level, self.interrupt)?;
        Ok(())
    }

    fn choose_columns(&mut self) {
        let tape = self.tape;
        let varying = |place: Option<Place>| match place {
            Some(Place::Varying(slot)) => Some(slot),
            _ => None,
        };
        if tape.traced {
            let slots: Vec<u32> = tape.places().filter_map(|(_, place)| varying(Some(place))).collect();
            self.wanted_values.clone_from(&slots);
            self.wanted_adjoints = if self.with_gradient { slots } else { Vec::new() };
            return;
        }
        self.wanted_values = tape.outputs.iter().filter_map(|&place| varying(Some(place))).collect();
        self.wanted_values.sort_unstable();
        self.wanted_values.dedup();
        if self.with_gradient {
            let wanted = tape.inputs.iter().zip(&tape.roles).filter(|(_, role)| role.wanted);
            self.wanted_adjoints = wanted.filter_map(|(&place, _)| varying(place)).collect();
            self.wanted_adjoints.sort_unstable();
        }
    }

    fn run_chunks(
        &self,
        values: &mut [Vec<f64>],
        adjoints: &mut [Vec<f64>],
    ) -> Result<ChunkSums, SweepError> {
        let section = &self.tape.varying;
        let chunk = block_lanes(section) * CHUNK_BLOCKS;
        let mut tasks: Vec<ChunkTask<'_>> = (0..self.samples.div_ceil(chunk))
            .map(|i| ChunkTask { first_sample: i * chunk, values: Vec::new(), adjoints: Vec::new() })
            .collect();
        for column in values {
            tasks.iter_mut().zip(column.chunks_mut(chunk)).for_each(|(task, part)| task.values.push(part));
        }
        for column in adjoints {
            tasks.iter_mut().zip(column.chunks_mut(chunk)).for_each(|(task, part)| task.adjoints.push(part));
        }
        let count = |first: usize| chunk.min(self.samples - first);
        let results: Vec<Result<ChunkSums, SweepError>> = if tasks.len() == 1 {
            let mut block = self.new_block();
            tasks.into_iter().map(|task| self.run_chunk(&mut block, count(task.first_sample), task)).collect()
        } else {
            tasks
                .into_par_iter()
                .map_init(
                    || self.new_block(),
                    |block, task| self.run_chunk(block, count(task.first_sample), task),
                )
                .collect()
        };
        let chunks: Vec<ChunkSums> = results.into_iter().collect::<Result<_, _>>()?;
        let crossing = chunks[0].adjoints.len();
        Ok(ChunkSums {
            adjoints: (0..crossing)
                .map(|i| tree_sum(&chunks.iter().map(|c| c.adjoints[i]).collect::<Vec<_>>()))
                .collect(),
            used: (0..crossing).map(|i| chunks.iter().any(|c| c.used[i])).collect(),
            inherited: chunks.into_iter().find_map(|c| c.inherited),
        })
    }

    /// A block whose leaves that are the same for every sample are filled in.
    fn new_block(&self) -> Block {
        let section = &self.tape.varying;
        let mut block = Block::new(section, self.with_gradient);
        for (slot, leaf) in section.leaves.iter().enumerate() {
            match *leaf {
                Leaf::Uniform(uniform) => block.value_mut(slot).fill(self.point.values[uniform as usize]),
                Leaf::Constant(constant) => block.value_mut(slot).fill(constant),
                Leaf::Input(_) => {}
            }
        }
        block
    }

    fn run_chunk(
        &self,
        block: &mut Block,
        count: usize,
        mut task: ChunkTask<'_>,
    ) -> Result<ChunkSums, SweepError> {
        let section = &self.tape.varying;
        let crossing = section.uniform_leaves();
        let mut sums = ChunkSums { adjoints: Vec::new(), used: vec![false; crossing], inherited: None };
        if self.with_gradient {
            block.adjoints.fill(0.0);
        }
        let mut until_poll = 0;
        for start in (0..count).step_by(block.lanes) {
            if until_poll <= section.slots() * block.lanes {
                self.interrupt.check()?;
                until_poll = POLL;
            } else {
                until_poll -= section.slots() * block.lanes;
            }
            let lanes = block.lanes.min(count - start);
            let first = task.first_sample + start;
            self.load(block, first, lanes);
            let finite = block.forward(section, self.level);
            if self.refuse && !(finite && self.uniform_is_finite) {
                self.check_values(block, first, lanes, &mut sums)?;
            }
            store(&mut task.values, &self.wanted_values, start, lanes, |slot| block.value(slot));
            if self.with_gradient {
                block.clear_adjoints(crossing);
                self.seed(block, lanes);
                block.reverse(section, self.level);
                if self.refuse {
                    self.check_adjoints(block, crossing, first, lanes)?;
                }
                store(&mut task.adjoints, &self.wanted_adjoints, start, lanes, |slot| block.adjoint(slot));
            }
        }
        if self.with_gradient {
            sums.adjoints = (0..crossing).map(|slot| block.adjoint_sum(slot)).collect();
        } else {
            sums.adjoints = vec![0.0; crossing];
        }
        Ok(sums)
    }

    /// Fills the sampled leaves from sample `first` on. Lanes past the last sample repeat it and get no seed.
    fn load(&self, block: &mut Block, first: usize, lanes: usize) {
        for (slot, leaf) in self.tape.varying.leaves.iter().enumerate() {
            if let Leaf::Input(position) = *leaf
                && let Binding::Samples(samples) = self.bindings[position as usize]
            {
                let part = &samples[first..first + lanes];
                let values = block.value_mut(slot);
                values[..lanes].copy_from_slice(part);
                values[lanes..].fill(part[lanes - 1]);
            }
        }
    }

    fn seed(&self, block: &mut Block, lanes: usize) {
        for place in &self.tape.outputs {
            if let Place::Varying(slot) = *place {
                block.adjoint_mut(slot as usize)[..lanes]
                    .iter_mut()
                    .for_each(|adjoint| *adjoint += self.seed);
            }
        }
    }

    fn reverse_uniform(&mut self, sums: &ChunkSums) -> Result<(), SweepError> {
        let section = &self.tape.uniform;
        for place in &self.tape.outputs {
            if let Place::Uniform(slot) = *place {
                self.point.adjoints[slot as usize] += self.seed * self.samples as f64;
            }
        }
        for (leaf, sum) in self.tape.varying.leaves.iter().zip(&sums.adjoints) {
            if let Leaf::Uniform(slot) = *leaf {
                self.point.adjoints[slot as usize] += sum;
            }
        }
        self.point.reverse(section, self.interrupt)?;
        if self.refuse { self.check_uniform_adjoints() } else { Ok(()) }
    }
}

fn number(binding: Binding<'_>) -> f64 {
    match binding {
        Binding::Number(number) => number,
        Binding::Samples(_) => unreachable!("roles have been checked"),
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
