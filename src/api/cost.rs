//! What a request will take, told before it is taken.
//!
//! Estimates, from sizes alone: floating-point operations within a factor of a few, and bytes rather too many than too few.
//! The bytes that are counted were measured, see `docs/reliability.md`.

use std::fmt;
use std::ops::Add;

use crate::engine::{Graph, Interrupt};
use crate::nn::Mlp;

use super::context::Limits;
use super::problem::Problem;

/// Bytes that reading a body may take for each of its bytes, the model that it describes included.
pub const READING: usize = 24;
/// Bytes of an instruction in the compiled tape and the sweeps' buffers. A node of n operands has n and more of them.
const STEP: usize = 160;
/// Bytes of a number in the answer: itself, and its text.
const ANSWERED: usize = 8 + 25;
/// Floating-point operations of one instruction, taken over all ops.
const OPERATION: f64 = 2.0;
/// How much more a gradient takes than its function: forward and back.
const GRADIENT: f64 = 3.0;

/// Floating-point operations of an instruction for each direction of a tangent, and of a tangent of a gradient.
const TANGENT: f64 = 4.0;
const SECOND: f64 = 14.0;
/// Bytes of an instruction, for each thread, in the buffers of tangents: at most 8 lanes of values and tangents. A gradient that moves
/// takes them twice.
const TANGENT_LANES: usize = 16 * 8;
/// Bytes of a matrix's entry beside its numbers and its name: where it is kept, and the marks of its text.
const ENTRY: usize = 40;

/// What a computation will take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Floating-point operations.
    pub work: f64,
    /// Bytes, beside the body and what reading it took.
    pub memory: usize,
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { work: self.work + other.work, memory: self.memory.saturating_add(other.memory) }
    }
}

/// Lets computations in that have told their cost. Called from the worker, which it may keep waiting.
pub trait Admission: fmt::Debug + Send + Sync {
    /// Takes what `cost` says, on top of what was taken before, until the computation has ended.
    fn admit(&self, cost: Cost, interrupt: &Interrupt) -> Result<(), Problem>;
}

/// What a network of `vectors` parameter vectors takes over so many rows, which may be kept in another type as well.
pub(super) fn mlp_memory(mlp: &Mlp, rows: usize, vectors: usize) -> Cost {
    let row = mlp.inputs() + mlp.outputs();
    Cost::of_kept(mlp.parameters().saturating_mul(vectors).saturating_add(rows.saturating_mul(row)))
}

/// How many threads may work on one request.
fn threads() -> usize {
    rayon::current_num_threads()
}

impl Cost {
    /// Of the values of a graph at so many samples.
    pub(super) fn of_values(graph: &Graph, samples: usize) -> Self {
        let (steps, _) = graph.steps();
        Self { work: steps as f64 * samples as f64 * OPERATION, memory: steps.saturating_mul(STEP) }
    }

    /// Of its values and gradient, so many times.
    pub(super) fn of_gradients(graph: &Graph, samples: usize, times: f64) -> Self {
        let once = Self::of_values(graph, samples);
        Self { work: once.work * GRADIENT * times, ..once }
    }

    /// Of its values with tangents in so many directions.
    pub(super) fn of_tangents(graph: &Graph, samples: usize, directions: usize) -> Self {
        Self::of_directions(graph.steps().0, samples, directions, TANGENT, TANGENT_LANES)
    }

    /// Of its gradient with tangents in so many directions.
    pub(super) fn of_second(graph: &Graph, samples: usize, directions: usize) -> Self {
        Self::of_directions(graph.steps().1, samples, directions, SECOND, 2 * TANGENT_LANES)
    }

    /// Of a sweep in directions, each of which takes so many operations of an instruction.
    fn of_directions(steps: usize, samples: usize, directions: usize, each: f64, bytes: usize) -> Self {
        let once = steps as f64 * samples as f64;
        Self {
            work: once * (OPERATION * GRADIENT + directions as f64 * each),
            memory: steps.saturating_mul(bytes * threads()),
        }
    }

    /// Of finding out what depends on so many inputs, 64 of them at a time.
    pub(super) fn of_pattern(graph: &Graph, inputs: usize) -> Self {
        let sweeps = inputs.div_ceil(64) as f64;
        let (_, steps) = graph.steps();
        Self { work: steps as f64 * sweeps * SECOND, memory: steps.saturating_mul(STEP) }
    }

    /// Of so many entries of a matrix that are kept and answered with the names of their columns, and listed if asked for.
    pub(super) fn of_entries(count: usize, samples: usize, columns: &[String], listed: bool) -> Self {
        let name = columns.iter().map(String::len).sum::<usize>() / columns.len().max(1) + 1;
        let names = name * if listed { 3 } else { 1 };
        let each = samples.saturating_mul(ANSWERED).saturating_add(ENTRY + names);
        Self { work: 0.0, memory: count.saturating_mul(each) }
    }

    /// Of the outputs of a network for so many rows.
    pub(super) fn of_outputs(mlp: &Mlp, rows: f64) -> Self {
        Self { work: 2.0 * mlp.parameters() as f64 * rows, memory: 0 }
    }

    /// Of the gradient of its loss over so many rows.
    pub(super) fn of_loss_gradient(mlp: &Mlp, rows: f64) -> Self {
        Self { work: Self::of_outputs(mlp, rows).work * GRADIENT, memory: 0 }
    }

    /// Of so many numbers that are kept.
    pub(super) fn of_kept(numbers: usize) -> Self {
        Self { work: 0.0, memory: numbers.saturating_mul(8) }
    }

    /// Of so many numbers that are kept and answered.
    pub(super) fn of_answered(numbers: usize) -> Self {
        Self { work: 0.0, memory: numbers.saturating_mul(ANSWERED) }
    }

    /// Refuses what is over a bound.
    pub(super) fn check(self, limits: &Limits) -> Result<(), Problem> {
        if self.work > limits.max_work as f64 {
            let detail = format!(
                "The request takes about {:.1e} floating-point operations; at most {:.1e} are made. Ask for fewer samples, \
                 rows, steps or nodes, or go on from the `state` of a shorter run.",
                self.work, limits.max_work as f64
            );
            return Err(Problem::limit("max_work", limits.max_work as u64, self.work as u64, detail));
        }
        if self.memory > limits.max_memory {
            let detail = format!(
                "The request takes about {} MiB of memory; all computations together get {}. Ask for fewer samples, rows, \
                 parameters or nodes.",
                self.memory.div_ceil(1 << 20),
                limits.max_memory >> 20
            );
            return Err(Problem::limit("max_memory", limits.max_memory as u64, self.memory as u64, detail));
        }
        Ok(())
    }
}
