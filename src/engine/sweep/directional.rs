//! Derivatives in directions: tangents of the outputs forward, and on request tangents of the gradient back.
//!
//! As in [`evaluate`](super::evaluate), the uniform section is run once for all samples, and samples are cut into chunks of
//! blocks. Directions are cut into blocks as well. Which samples and directions share a block is a function of their numbers
//! and the tape, and sums over samples follow that order alone, so that the bits do not depend on the number of threads.

use std::ops::Range;

use rayon::prelude::*;

use super::finite::{NonFinite, Origin};
use super::lanes::{block_lanes, tree_sum};
use super::result::{Binding, Column, NonFinitePolicy, SweepError};
use super::tangents::{Tangents, product};
use crate::engine::kernels::Level;
use crate::engine::tape::{Leaf, Place, Section, Tape};
use crate::engine::{Interrupt, Interrupted};

/// Blocks of samples per chunk.
const CHUNK_BLOCKS: usize = 16;
/// The least samples of a block, where there are as many, and the least lanes.
const WIDTH: usize = 8;

/// How the inputs move: positions with the tangent of each, a number for all samples or one per sample. The others stand
/// still.
pub(crate) type Direction<'a> = Vec<(usize, Binding<'a>)>;

/// What a direction does.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Moved {
    /// The tangent of each output, per sample where the output is.
    pub outputs: Vec<Column>,
    /// The tangent of the derivative of the objective with respect to each input of the tape that is wanted, in their order;
    /// per sample where the input is, else summed. Empty unless asked for.
    pub gradients: Vec<Column>,
}

/// A tape at inputs that move.
pub(crate) struct Directional<'a> {
    tape: &'a Tape,
    bindings: &'a [Binding<'a>],
    samples: usize,
    /// The adjoint of each output at each sample, if the gradient is asked for.
    seed: Option<f64>,
    non_finite: NonFinitePolicy,
    level: Level,
    interrupt: &'a Interrupt,
}

/// What blocks are made of: so many samples in so many directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    samples: usize,
    directions: usize,
}

impl Shape {
    /// For so many samples and directions of `section`, such that a block stays in the cache where it can.
    fn of(section: &Section, samples: usize, directions: usize) -> Self {
        let lanes = (block_lanes(section) / 2).max(WIDTH);
        let together = samples.min((lanes / directions.max(1)).clamp(WIDTH, lanes));
        Self { samples: together, directions: (lanes / together).clamp(1, directions.max(1)) }
    }
}

/// The numbers of a chunk of samples: rows of as many samples.
struct Rows {
    samples: Range<usize>,
    /// For each direction the varying outputs' tangents, then the wanted varying inputs'.
    rows: Vec<f64>,
    /// The adjoints of the uniform leaves, then for each direction their tangents.
    sums: Vec<f64>,
}

impl<'a> Directional<'a> {
    /// Of `tape` at `bindings`, which fit its roles and of which the arrays have so many `samples`. With a `seed`, the
    /// adjoint of each output at each sample, gradients move too.
    pub(crate) fn new(
        tape: &'a Tape,
        bindings: &'a [Binding<'a>],
        samples: usize,
        seed: Option<f64>,
        non_finite: NonFinitePolicy,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { tape, bindings, samples, seed, non_finite, level: Level::best(), interrupt }
    }

    /// What each direction does.
    pub(crate) fn run(&self, directions: &[Direction<'_>]) -> Result<Vec<Moved>, SweepError> {
        let larger = if self.tape.varying.slots() > 0 { &self.tape.varying } else { &self.tape.uniform };
        let shape = Shape::of(larger, self.samples, directions.len());
        let blocks: Vec<Result<Vec<Moved>, Interrupted>> = directions
            .par_chunks(shape.directions)
            .map(|block| self.run_block(block, shape).map(|(moved, ..)| moved))
            .collect();
        let mut moved = Vec::with_capacity(directions.len());
        for block in blocks {
            moved.extend(block?);
        }
        if self.non_finite == NonFinitePolicy::Refuse {
            self.check(directions, &moved)?;
        }
        Ok(moved)
    }

    fn run_block(
        &self,
        directions: &[Direction<'_>],
        shape: Shape,
    ) -> Result<(Vec<Moved>, Tangents, Option<Tangents>), Interrupted> {
        let tape = self.tape;
        let mut uniform = Tangents::new(&tape.uniform, 1, directions.len(), self.seed.is_some());
        self.load(&tape.uniform, &mut uniform, None, directions, 0..1);
        uniform.forward(&tape.uniform, self.level, self.interrupt)?;
        let mut last = None;
        let mut chunks = Vec::new();
        if tape.varying.slots() > 0 {
            let size = shape.samples * CHUNK_BLOCKS;
            let starts: Vec<usize> = (0..self.samples).step_by(size).collect();
            let run = |block: &mut Tangents, first: usize| {
                self.run_chunk(block, &uniform, directions, first..self.samples.min(first + size))
            };
            let new = || Tangents::new(&tape.varying, shape.samples, directions.len(), self.seed.is_some());
            if let [first] = starts[..] {
                let mut block = new();
                chunks.push(run(&mut block, first)?);
                last = Some(block);
            } else {
                let results: Vec<_> = starts.into_par_iter().map_init(new, run).collect();
                chunks = results.into_iter().collect::<Result<_, _>>()?;
            }
        }
        if let Some(seed) = self.seed {
            self.reverse_uniform(&mut uniform, seed, &chunks)?;
        }
        let moved = (0..directions.len()).map(|d| self.collect(&uniform, &chunks, d, directions.len()));
        Ok((moved.collect(), uniform, last))
    }

    /// Fills the leaves of a section with their values and tangents at so many samples. Lanes past the last sample repeat it.
    fn load(
        &self,
        section: &Section,
        block: &mut Tangents,
        uniform: Option<&Tangents>,
        directions: &[Direction<'_>],
        samples: Range<usize>,
    ) {
        let fill = |lanes: &mut [f64], binding: Binding<'_>| match binding {
            Binding::Number(x) => lanes.fill(x),
            Binding::Samples(all) => {
                let part = &all[samples.clone()];
                lanes[..part.len()].copy_from_slice(part);
                lanes[part.len()..].fill(part[part.len() - 1]);
            }
        };
        for (slot, leaf) in section.leaves.iter().enumerate() {
            match *leaf {
                Leaf::Constant(x) => block.value_mut(slot).fill(x),
                Leaf::Input(position) => fill(block.value_mut(slot), self.bindings[position as usize]),
                Leaf::Uniform(from) => {
                    let uniform = uniform.expect("only the varying section has such leaves");
                    block.value_mut(slot).fill(uniform.values[from as usize]);
                    for d in 0..directions.len() {
                        block.tangent_mut(slot, d).fill(uniform.tangent(from as usize, d)[0]);
                    }
                }
            }
        }
        for (d, direction) in directions.iter().enumerate() {
            for &(input, tangent) in direction {
                if let Some(slot) = self.slot_in(section, self.tape.inputs[input]) {
                    fill(block.tangent_mut(slot, d), tangent);
                }
            }
        }
    }

    /// The slot of a place, if it lies in `section`.
    fn slot_in(&self, section: &Section, place: Option<Place>) -> Option<usize> {
        let is_varying = std::ptr::eq(section, &raw const self.tape.varying);
        match place? {
            Place::Uniform(slot) if !is_varying => Some(slot as usize),
            Place::Varying(slot) if is_varying => Some(slot as usize),
            _ => None,
        }
    }

    /// The slots of the varying outputs, and those of the wanted varying inputs if gradients are asked for.
    fn varying_slots(&self) -> (Vec<usize>, Vec<usize>) {
        let varying = |place: Option<Place>| self.slot_in(&self.tape.varying, place);
        let outputs = self.tape.outputs.iter().filter_map(|&place| varying(Some(place))).collect();
        let inputs = self.wanted_inputs().filter_map(|input| varying(self.tape.inputs[input]));
        (outputs, if self.seed.is_some() { inputs.collect() } else { Vec::new() })
    }

    fn wanted_inputs(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tape.inputs.len()).filter(|&input| self.tape.roles[input].wanted)
    }

    fn run_chunk(
        &self,
        block: &mut Tangents,
        uniform: &Tangents,
        directions: &[Direction<'_>],
        samples: Range<usize>,
    ) -> Result<Rows, Interrupted> {
        let section = &self.tape.varying;
        let crossing = section.uniform_leaves();
        let (outputs, inputs) = self.varying_slots();
        let (size, count) = (samples.len(), directions.len());
        let mut rows = vec![0.0; count * (outputs.len() + inputs.len()) * size];
        if self.seed.is_some() {
            block.clear_adjoints(0);
        }
        for start in (0..size).step_by(block.samples) {
            self.interrupt.check()?;
            let lanes = block.samples.min(size - start);
            let first = samples.start + start;
            self.load(section, block, Some(uniform), directions, first..first + lanes);
            block.forward(section, self.level, self.interrupt)?;
            if let Some(seed) = self.seed {
                // Uniform leaves gather over the blocks of a chunk.
                block.clear_adjoints(crossing);
                for &slot in &outputs {
                    let seeded = &mut block.adjoints[slot * block.samples..][..lanes];
                    seeded.iter_mut().for_each(|adjoint| *adjoint += seed);
                }
                block.reverse(section, self.level, self.interrupt)?;
            }
            for d in 0..count {
                let tangents = outputs.iter().map(|&slot| block.tangent(slot, d));
                let of_gradients = inputs.iter().map(|&slot| block.adjoint_tangent(slot, d));
                let into = &mut rows[d * (outputs.len() + inputs.len()) * size..];
                for (row, lanes_of) in into.chunks_mut(size).zip(tangents.chain(of_gradients)) {
                    row[start..start + lanes].copy_from_slice(&lanes_of[..lanes]);
                }
            }
        }
        let mut sums = Vec::new();
        if self.seed.is_some() {
            let adjoints = block.adjoints[..crossing * block.samples].chunks_mut(block.samples);
            sums.extend(adjoints.map(tree_sum));
            for d in 0..count {
                let tangent = |slot: usize| tree_sum(&mut block.adjoint_tangent(slot, d).to_vec());
                sums.extend((0..crossing).map(tangent));
            }
        }
        Ok(Rows { samples, rows, sums })
    }

    fn reverse_uniform(&self, uniform: &mut Tangents, seed: f64, chunks: &[Rows]) -> Result<(), Interrupted> {
        let tape = self.tape;
        uniform.clear_adjoints(0);
        for place in &tape.outputs {
            if let Place::Uniform(slot) = *place {
                uniform.adjoints[slot as usize] += seed * self.samples as f64;
            }
        }
        let total =
            |index: usize| tree_sum(&mut chunks.iter().map(|chunk| chunk.sums[index]).collect::<Vec<_>>());
        let crossing = tape.varying.uniform_leaves();
        for (leaf, from) in tape.varying.leaves[..crossing].iter().enumerate() {
            let Leaf::Uniform(slot) = *from else { unreachable!("they are the first leaves") };
            uniform.adjoints[slot as usize] += total(leaf);
            let directions = uniform.directions;
            let tangents = &mut uniform.adjoint_tangents[slot as usize * directions..][..directions];
            for (d, tangent) in tangents.iter_mut().enumerate() {
                *tangent += total((d + 1) * crossing + leaf);
            }
        }
        uniform.reverse(&tape.uniform, self.level, self.interrupt)
    }

    /// What direction `d` of a block of `count` does.
    fn collect(&self, uniform: &Tangents, chunks: &[Rows], d: usize, count: usize) -> Moved {
        let tape = self.tape;
        let (outputs, inputs) = self.varying_slots();
        let each = outputs.len() + inputs.len();
        let mut rows = 0;
        let mut next_row = || {
            let mut column = Vec::with_capacity(self.samples);
            for chunk in chunks {
                let size = chunk.samples.len();
                debug_assert_eq!(chunk.rows.len(), count * each * size);
                column.extend_from_slice(&chunk.rows[(d * each + rows) * size..][..size]);
            }
            rows += 1;
            Column::Samples(column)
        };
        let outputs = tape.outputs.iter().map(|place| match *place {
            Place::Uniform(slot) => Column::Number(uniform.tangent(slot as usize, d)[0]),
            Place::Varying(_) => next_row(),
        });
        let outputs = outputs.collect();
        let mut gradient = |input: usize| match tape.inputs[input] {
            Some(Place::Uniform(slot)) => Column::Number(uniform.adjoint_tangent(slot as usize, d)[0]),
            Some(Place::Varying(_)) => next_row(),
            None if tape.roles[input].sampled => Column::Samples(vec![0.0; self.samples]),
            None => Column::Number(0.0),
        };
        let inputs = if self.seed.is_some() { self.wanted_inputs().collect() } else { Vec::new() };
        Moved { outputs, gradients: inputs.into_iter().map(&mut gradient).collect() }
    }

    /// Refuses results that are not finite.
    fn check(&self, directions: &[Direction<'_>], moved: &[Moved]) -> Result<(), SweepError> {
        let bad = |column: &Column| match column {
            Column::Number(x) => (!x.is_finite()).then_some(None),
            Column::Samples(all) => all.iter().position(|x| !x.is_finite()).map(Some),
        };
        let found = moved.iter().enumerate().find_map(|(d, moved)| {
            moved.outputs.iter().chain(&moved.gradients).find_map(bad).map(|sample| (d, sample))
        });
        let Some((d, sample)) = found else { return Ok(()) };
        Err(SweepError::NonFinite(Box::new(self.explain(&directions[d], sample)?)))
    }

    /// The node where a number that is not finite came up in a direction, at a sample: the sweep once more, for that alone.
    fn explain(&self, direction: &Direction<'_>, sample: Option<usize>) -> Result<NonFinite, SweepError> {
        let at = |binding: Binding<'_>| match binding {
            Binding::Samples(all) => Binding::Number(all[sample.unwrap_or(0)]),
            Binding::Number(x) => Binding::Number(x),
        };
        // A number counts for a leaf with samples as well.
        let bindings: Vec<Binding<'_>> = self.bindings.iter().map(|&binding| at(binding)).collect();
        let direction: Direction<'_> =
            direction.iter().map(|&(input, tangent)| (input, at(tangent))).collect();
        let alone = Directional { bindings: &bindings, samples: 1, ..*self };
        let (_, uniform, varying) = alone.run_block(&[direction], Shape { samples: 1, directions: 1 })?;
        let (tape, varying) = (self.tape, varying.as_ref());
        let in_varying = || varying.map(|block| (&tape.varying, block));
        let in_uniform = (&tape.uniform, &uniform);
        let of_sample = |found: NonFinite| NonFinite { sample, ..found };
        let forward = find_tangent(in_uniform.0, in_uniform.1).or_else(|| {
            in_varying().and_then(|(section, block)| find_tangent(section, block)).map(of_sample)
        });
        let back = || {
            in_varying()
                .and_then(|(section, block)| find_adjoint_tangent(section, block))
                .map(of_sample)
                .or_else(|| find_adjoint_tangent(in_uniform.0, in_uniform.1))
        };
        let found = if self.seed.is_some() { back().or(forward) } else { forward };
        // A sum over samples overflowed, or the inputs are not finite themselves.
        Ok(found.unwrap_or_else(|| {
            let node = tape.outputs.first().map(|place| match *place {
                Place::Uniform(slot) => tape.uniform.origin[slot as usize],
                Place::Varying(slot) => tape.varying.origin[slot as usize],
            });
            let node = node.expect("a tape has an output");
            NonFinite {
                node,
                op: None,
                operands: Vec::new(),
                value: f64::NAN,
                origin: Origin::Tangent,
                sample,
            }
        }))
    }
}

/// The first slot whose tangent is not finite, though its operands' are.
fn find_tangent(section: &Section, block: &Tangents) -> Option<NonFinite> {
    let (value, tangent) = (|slot: usize| block.values[slot], |slot: usize| block.tangents[slot]);
    let made = |&slot: &usize| {
        !tangent(slot).is_finite() && section.operands_of(slot).all(|operand| tangent(operand).is_finite())
    };
    let slot = (section.leaves.len()..section.slots()).find(made)?;
    let partials = section.partials_at(slot, value);
    Some(match partials.iter().position(|partial| !partial.is_finite()) {
        Some(k) => section.describe(slot, partials[k], Origin::Partial(k), &value),
        None => section.describe(slot, tangent(slot), Origin::Tangent, &value),
    })
}

/// The first slot on the way back that passes on a tangent of its adjoint which is not finite, though its own is.
fn find_adjoint_tangent(section: &Section, block: &Tangents) -> Option<NonFinite> {
    let value = |slot: usize| block.values[slot];
    for slot in (section.leaves.len()..section.slots()).rev() {
        let (adjoint, moved) = (block.adjoints[slot], block.adjoint_tangents[slot]);
        if !section.active[slot] || (adjoint == 0.0 && moved == 0.0) {
            continue;
        }
        if !moved.is_finite() {
            return Some(section.describe(slot, moved, Origin::Tangent, &value));
        }
        let partials = section.partials_at(slot, value);
        let seconds = section.seconds_at(slot, value);
        let active = section.operands_of(slot).map(|operand| section.active[operand]);
        for (k, _) in active.enumerate().filter(|(_, active)| *active) {
            if moved != 0.0 && !(moved * partials[k]).is_finite() {
                return Some(section.describe(slot, partials[k], Origin::Partial(k), &value));
            }
            for (j, other) in section.operands_of(slot).enumerate() {
                let passed = product(adjoint, product(seconds[k][j], block.tangents[other]));
                if !passed.is_finite() {
                    return Some(section.describe(slot, seconds[k][j], Origin::Second(k, j), &value));
                }
            }
        }
    }
    None
}
