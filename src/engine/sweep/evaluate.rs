//! A tape at given inputs: outputs, and gradients of the objective.
//!
//! The objective is the sum over samples and outputs, or its mean over samples. Samples are cut into blocks and blocks
//! into chunks of fixed sizes; chunks run on all cores, and their sums are added in a fixed tree order. So the bits of
//! the result do not depend on the number of threads.

use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::chunk::{Chunk, ChunkSums};
use super::lanes::{Block, block_lanes, tree_sum};
use super::point::Point;
use super::result::{
    Binding, Column, Gradient, GradientOptions, NonFinitePolicy, Reduction, SweepError, SweepTimes,
};
use crate::engine::kernels::Level;
use crate::engine::tape::{Leaf, Place, Tape};
use crate::engine::{Interrupt, Interrupted};

/// Blocks per chunk: enough work to be worth a thread's attention, few enough that a chunk takes well under the 100 ms in
/// which an interrupt must be noticed.
const CHUNK_BLOCKS: usize = 64;

impl Tape {
    /// The outputs, one column each.
    pub fn evaluate(
        &self,
        bindings: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Vec<Column>, SweepError> {
        let options = GradientOptions { non_finite, ..GradientOptions::default() };
        Ok(Sweep::new(self, bindings, options, Outputs::PerSample, false, interrupt)?.run()?.outputs)
    }

    /// The outputs and the gradient of the objective.
    pub fn gradient(
        &self,
        bindings: &[Binding<'_>],
        options: GradientOptions,
        interrupt: &Interrupt,
    ) -> Result<Gradient, SweepError> {
        Sweep::new(self, bindings, options, Outputs::PerSample, true, interrupt)?.run()
    }

    /// As [`gradient`](Tape::gradient), and tells how the two sweeps shared the time.
    pub fn gradient_timed(
        &self,
        bindings: &[Binding<'_>],
        options: GradientOptions,
        interrupt: &Interrupt,
        times: &SweepTimes,
    ) -> Result<Gradient, SweepError> {
        let mut sweep = Sweep::new(self, bindings, options, Outputs::PerSample, true, interrupt)?;
        sweep.times = Some(times);
        sweep.run()
    }

    /// The outputs, and the gradient of their sum weighted by `cotangents`, one for each output: the vector-Jacobian
    /// product. A number counts for every sample of an output that has samples; samples of one that has none are added up.
    ///
    /// # Panics
    /// If there are not as many cotangents as outputs.
    pub fn vjp(
        &self,
        bindings: &[Binding<'_>],
        cotangents: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Gradient, SweepError> {
        assert_eq!(cotangents.len(), self.outputs.len(), "one cotangent per output");
        let options = GradientOptions { non_finite, ..GradientOptions::default() };
        let mut sweep = Sweep::new(self, bindings, options, Outputs::PerSample, true, interrupt)?;
        for (output, cotangent) in cotangents.iter().enumerate() {
            match cotangent {
                Binding::Samples(samples) if samples.len() != sweep.samples => {
                    let (expected, actual) = (sweep.samples, samples.len());
                    return Err(SweepError::Length { input: output, expected, actual });
                }
                _ => {}
            }
        }
        sweep.seed_outputs(cotangents);
        sweep.run()
    }

    /// The objective alone. If it is not finite, it is refused.
    pub fn objective(
        &self,
        bindings: &[Binding<'_>],
        reduction: Reduction,
        interrupt: &Interrupt,
    ) -> Result<f64, SweepError> {
        let options = GradientOptions { reduction, ..GradientOptions::default() };
        let result = Sweep::new(self, bindings, options, Outputs::Reduced, false, interrupt)?.run()?;
        Ok(sum(&result.outputs))
    }

    /// The objective and its gradient, as [`gradient`](Tape::gradient) has it. Nothing is stored per sample that is not
    /// asked for: the quickest way over many samples. Results that are not finite are refused.
    pub fn objective_and_gradient(
        &self,
        bindings: &[Binding<'_>],
        reduction: Reduction,
        interrupt: &Interrupt,
    ) -> Result<(f64, Vec<Option<Column>>), SweepError> {
        let options = GradientOptions { reduction, ..GradientOptions::default() };
        let result = Sweep::new(self, bindings, options, Outputs::Reduced, true, interrupt)?.run()?;
        Ok((sum(&result.outputs), result.gradients))
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

/// What is told of the outputs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Outputs {
    /// A number for every sample, where an output depends on samples.
    PerSample,
    /// One number each, reduced over the samples.
    Reduced,
}

pub(super) struct Sweep<'a> {
    pub(super) tape: &'a Tape,
    pub(super) bindings: &'a [Binding<'a>],
    pub(super) refuse: bool,
    pub(super) reduction: Reduction,
    pub(super) outputs: Outputs,
    pub(super) with_gradient: bool,
    pub(super) samples: usize,
    /// The adjoint of the outputs of the uniform section, each a slot.
    uniform_seeds: Vec<(u32, f64)>,
    pub(super) level: Level,
    pub(super) interrupt: &'a Interrupt,
    /// Takes the times, where somebody wants to know them.
    pub(super) times: Option<&'a SweepTimes>,
    pub(super) point: Point,
    pub(super) uniform_is_finite: bool,
    /// Slots of the varying section whose values, or adjoints, are wanted for every sample.
    pub(super) wanted_values: Vec<u32>,
    pub(super) wanted_adjoints: Vec<u32>,
    /// Slots of the varying section that are outputs, if those are to be reduced over the samples, in their order.
    pub(super) reduced: Vec<u32>,
    /// The adjoints of the outputs of the varying section, by slot. A node that is an output twice has two.
    pub(super) seeds: Vec<(u32, Binding<'a>)>,
}

impl<'a> Sweep<'a> {
    fn new(
        tape: &'a Tape,
        bindings: &'a [Binding<'a>],
        options: GradientOptions,
        outputs: Outputs,
        with_gradient: bool,
        interrupt: &'a Interrupt,
    ) -> Result<Self, SweepError> {
        let samples = tape.samples(bindings)?.unwrap_or(1);
        let mut sweep = Sweep {
            tape,
            bindings,
            refuse: options.non_finite == NonFinitePolicy::Refuse,
            reduction: options.reduction,
            outputs,
            with_gradient,
            samples,
            uniform_seeds: Vec::new(),
            level: Level::best(),
            interrupt,
            times: None,
            point: Point::default(),
            uniform_is_finite: true,
            wanted_values: Vec::new(),
            wanted_adjoints: Vec::new(),
            reduced: Vec::new(),
            seeds: Vec::new(),
        };
        sweep.choose_columns();
        if with_gradient {
            sweep.seed_objective();
        }
        Ok(sweep)
    }

    /// The objective is the sum of the outputs over samples, or its mean.
    fn seed_objective(&mut self) {
        let seed = match self.reduction {
            Reduction::Sum => 1.0,
            Reduction::Mean => 1.0 / self.samples as f64,
        };
        let of_output = |place: &Place| match place {
            Place::Uniform(_) => Binding::Number(seed * self.samples as f64),
            Place::Varying(_) => Binding::Number(seed),
        };
        let cotangents: Vec<Binding<'a>> = self.tape.outputs.iter().map(of_output).collect();
        self.seed_outputs(&cotangents);
    }

    /// Gives each output its adjoint.
    fn seed_outputs(&mut self, cotangents: &[Binding<'a>]) {
        self.uniform_seeds.clear();
        self.seeds.clear();
        for (place, &cotangent) in self.tape.outputs.iter().zip(cotangents) {
            match (*place, cotangent) {
                (Place::Varying(slot), cotangent) => self.seeds.push((slot, cotangent)),
                (Place::Uniform(slot), Binding::Number(seed)) => self.uniform_seeds.push((slot, seed)),
                (Place::Uniform(slot), Binding::Samples(seeds)) => {
                    self.uniform_seeds.push((slot, tree_sum(&mut seeds.to_vec())));
                }
            }
        }
        self.seeds.sort_by_key(|(slot, _)| *slot);
    }

    fn run(mut self) -> Result<Gradient, SweepError> {
        let tape = self.tape;
        let clock = self.clock();
        self.forward_uniform()?;
        self.add_times(clock, None);
        let column = |_: &u32| vec![0.0; self.samples];
        let mut values: Vec<Vec<f64>> = self.wanted_values.iter().map(column).collect();
        let mut adjoints: Vec<Vec<f64>> = self.wanted_adjoints.iter().map(column).collect();
        let sums = if tape.varying.slots() > 0 {
            self.run_chunks(&mut values, &mut adjoints)?
        } else {
            ChunkSums::default()
        };
        self.check_uniform_values(&sums)?;
        if self.with_gradient {
            let clock = self.clock();
            self.reverse_uniform(&sums)?;
            self.add_times(clock, clock);
        }
        Ok(self.collect(values, adjoints, &sums.outputs))
    }

    /// Now, if times are wanted.
    pub(super) fn clock(&self) -> Option<Instant> {
        self.times.map(|_| Instant::now())
    }

    /// Adds to the times: what began at `begun`, from `turned` on in reverse.
    pub(super) fn add_times(&self, begun: Option<Instant>, turned: Option<Instant>) {
        if let (Some(times), Some(begun)) = (self.times, begun) {
            let reverse = turned.map_or(Duration::ZERO, |turned| turned.elapsed());
            times.add(begun.elapsed().saturating_sub(reverse), reverse);
        }
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
        let in_trace: Vec<u32> =
            tape.places().filter(|_| tape.traced).filter_map(|(_, place)| varying(Some(place))).collect();
        let inputs = tape.inputs.iter().zip(&tape.roles).filter(|(_, role)| role.wanted);
        let input_slots = inputs.filter_map(|(&place, _)| varying(place));
        let in_order = |mut slots: Vec<u32>| {
            slots.sort_unstable();
            slots.dedup();
            slots
        };
        match self.outputs {
            Outputs::PerSample => {
                let outputs = self.varying_outputs().map(|slot| slot as u32);
                self.wanted_values = in_order(outputs.chain(in_trace.iter().copied()).collect());
            }
            Outputs::Reduced => {
                self.wanted_values = in_order(in_trace.clone());
                self.reduced = self.varying_outputs().map(|slot| slot as u32).collect();
            }
        }
        if self.with_gradient {
            self.wanted_adjoints = in_order(input_slots.chain(in_trace).collect());
        }
    }

    fn run_chunks(
        &self,
        values: &mut [Vec<f64>],
        adjoints: &mut [Vec<f64>],
    ) -> Result<ChunkSums, SweepError> {
        let section = &self.tape.varying;
        let size = block_lanes(section) * CHUNK_BLOCKS;
        let mut chunks: Vec<Chunk<'_>> = (0..self.samples)
            .step_by(size)
            .map(|first| Chunk {
                samples: first..self.samples.min(first + size),
                values: Vec::new(),
                adjoints: Vec::new(),
            })
            .collect();
        for column in values {
            chunks.iter_mut().zip(column.chunks_mut(size)).for_each(|(chunk, part)| chunk.values.push(part));
        }
        for column in adjoints {
            chunks
                .iter_mut()
                .zip(column.chunks_mut(size))
                .for_each(|(chunk, part)| chunk.adjoints.push(part));
        }
        let results: Vec<Result<ChunkSums, SweepError>> = if let [chunk] = &mut chunks[..] {
            vec![self.run_chunk(&mut self.new_block(), chunk)]
        } else {
            let run = |block: &mut Block<'_>, mut chunk: Chunk<'_>| self.run_chunk(block, &mut chunk);
            chunks.into_par_iter().map_init(|| self.new_block(), run).collect()
        };
        let chunks: Vec<ChunkSums> = results.into_iter().collect::<Result<_, _>>()?;
        let total =
            |term: &dyn Fn(&ChunkSums) -> f64| tree_sum(&mut chunks.iter().map(term).collect::<Vec<_>>());
        let crossing = section.uniform_leaves();
        Ok(ChunkSums {
            adjoints: (0..chunks[0].adjoints.len()).map(|i| total(&|chunk| chunk.adjoints[i])).collect(),
            outputs: (0..self.reduced.len()).map(|i| total(&|chunk| chunk.outputs[i])).collect(),
            used: (0..crossing).map(|i| chunks.iter().any(|c| c.used[i])).collect(),
            inherited: chunks.into_iter().find_map(|c| c.inherited),
        })
    }

    fn reverse_uniform(&mut self, sums: &ChunkSums) -> Result<(), SweepError> {
        let section = &self.tape.uniform;
        for &(slot, seed) in &self.uniform_seeds {
            self.point.adjoints[slot as usize] += seed;
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

/// The sum of outputs that are reduced.
fn sum(outputs: &[Column]) -> f64 {
    let number = |column: &Column| match column {
        Column::Number(number) => *number,
        Column::Samples(_) => unreachable!("the outputs are reduced"),
    };
    outputs.iter().map(number).sum()
}

fn number(binding: Binding<'_>) -> f64 {
    match binding {
        Binding::Number(number) => number,
        Binding::Samples(_) => unreachable!("roles have been checked"),
    }
}
