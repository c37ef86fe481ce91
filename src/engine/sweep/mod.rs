//! Forward and reverse sweeps over a [`Tape`](super::Tape).
//!
//! - [`point`] runs a section for one point; it stores the local partials on the way forward.
//! - [`lanes`] runs a section for a block of samples at a time, so that each instruction's cost of dispatch is shared and
//!   its loop is vectorised.
//! - [`evaluate`] puts the two together: the uniform section once, the varying section block by block, on all cores;
//!   [`chunk`] is a run of blocks, [`collect`] makes its result, [`repeat`] is its short form for one point again and again.
//! - [`tangents`] runs a section for a block of samples and directions, forward with tangents and back with the tangents of
//!   adjoints; [`directional`] puts that together for both sections.
//! - [`check`] looks for results that are not finite, [`finite`] finds the node that made one so.

#![forbid(unsafe_code)]

mod check;
mod chunk;
mod collect;
mod directional;
mod evaluate;
mod finite;
mod lanes;
mod point;
mod repeat;
mod result;
mod tangents;

pub(crate) use directional::{Direction, Directional};
pub use finite::{NonFinite, Origin};
pub use repeat::Repeated;
pub use result::{
    Binding, Column, Gradient, GradientOptions, NonFinitePolicy, Reduction, SweepError, SweepTimes, Traced,
};
