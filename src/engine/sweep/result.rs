//! What goes into a sweep and what comes out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::finite::NonFinite;
use crate::engine::Interrupted;
use crate::engine::graph::NodeId;

/// What is bound to an input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Binding<'a> {
    /// The same number for every sample.
    Number(f64),
    /// A number per sample.
    Samples(&'a [f64]),
}

/// A result: one number, or one per sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// The same for every sample, or summed over them.
    Number(f64),
    /// One per sample.
    Samples(Vec<f64>),
}

/// How the objective combines the samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their sum.
    #[default]
    Sum,
    /// Their sum divided by their number.
    Mean,
}

/// What happens when a result is infinite or NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinitePolicy {
    /// The sweep fails and names the node.
    #[default]
    Refuse,
    /// It travels on.
    Allow,
}

/// How a gradient is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GradientOptions {
    /// How samples combine.
    pub reduction: Reduction,
    /// What happens to infinities and NaN.
    pub non_finite: NonFinitePolicy,
}

/// How the time of a gradient was shared by its two sweeps, which take turns block by block and thread by thread.
#[derive(Debug, Default)]
pub struct SweepTimes {
    /// Nanoseconds of all threads.
    forward: AtomicU64,
    reverse: AtomicU64,
}

impl SweepTimes {
    /// Adds to the times of both.
    pub(super) fn add(&self, forward: Duration, reverse: Duration) {
        self.forward.fetch_add(forward.as_nanos() as u64, Ordering::Relaxed);
        self.reverse.fetch_add(reverse.as_nanos() as u64, Ordering::Relaxed);
    }

    /// The part of the time that the reverse sweep took, from 0 to 1.
    pub fn reverse_share(&self) -> f64 {
        let reverse = self.reverse.load(Ordering::Relaxed) as f64;
        reverse / (self.forward.load(Ordering::Relaxed) as f64 + reverse).max(1.0)
    }
}

/// Outputs and gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Gradient {
    /// One per output.
    pub outputs: Vec<Column>,
    /// The derivative of the objective with respect to each input; `None` where it was not wanted.
    pub gradients: Vec<Option<Column>>,
    /// Every node's value and adjoint in the order of the graph, if the tape was compiled for tracing; else empty.
    pub trace: Vec<Traced>,
}

/// A node's value and adjoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Traced {
    /// The node.
    pub node: NodeId,
    /// Its value.
    pub data: Column,
    /// The derivative of the objective with respect to it: per sample where its value is, else summed.
    pub grad: Column,
}

/// Why a sweep gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SweepError {
    /// A binding does not fit the role its input was compiled for.
    #[error("input {input} was compiled for {}", if *sampled { "samples" } else { "a number" })]
    Role {
        /// The input's position.
        input: usize,
        /// What it was compiled for.
        sampled: bool,
    },
    /// Two arrays differ in length, or one is empty.
    #[error("input {input} has {actual} samples where {expected} are expected")]
    Length {
        /// The input's position.
        input: usize,
        /// The length of the arrays before it; at least 1.
        expected: usize,
        /// Its own length.
        actual: usize,
    },
    /// A result is infinite or NaN.
    #[error("a result is not finite: {} at node {}", .0.value, .0.node.index())]
    NonFinite(Box<NonFinite>),
    /// The work was told to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}
