//! Forward and reverse sweeps over a [`Tape`](super::Tape).
//!
//! - [`point`] runs a section for one point; it stores the local partials on the way forward.
//! - [`lanes`] runs a section for a block of samples at a time, so that each instruction's cost of dispatch is shared and
//!   its loop is vectorised.
//! - [`evaluate`] puts the two together: the uniform section once, the varying section block by block, on all cores.
//! - [`finite`] finds, when a result is not finite, the node that made it so.

mod evaluate;
mod finite;
mod lanes;
mod point;
mod repeat;

pub use evaluate::{Binding, Column, Gradient, GradientOptions, NonFinitePolicy, Reduction, SweepError, Traced};
pub use finite::{NonFinite, Origin};
pub use repeat::Repeated;
