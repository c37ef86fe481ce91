//! Reverse-mode automatic differentiation of scalar graphs, vectorised over samples.
//!
//! A computation passes through the modules in this order: [`text`] (or a caller) builds a [`Graph`] of [`Op`]s;
//! [`tape`] compiles it into runs of instructions; [`sweep`] runs these forward for the values and backward for the
//! derivatives; [`derivatives`] are those beyond the gradient. [`op`] is the one table of what each op computes, [`kernels`]
//! holds the elementary functions, [`notation`] writes the table's derivatives out, and [`value`] offers micrograd's handles on
//! top of it all.

pub mod derivatives;
pub mod graph;
pub mod interrupt;
pub mod kernels;
pub mod notation;
pub mod op;
pub mod suggest;
pub mod sweep;
pub mod tape;
pub mod text;
pub mod value;

pub use graph::{ArityError, Graph, Node, NodeId};
pub use interrupt::{Interrupt, Interrupted};
pub use op::{Arity, Op, OpInfo};
pub use sweep::{
    Binding, Column, Gradient, GradientOptions, NonFinite, NonFinitePolicy, Reduction, Repeated, SweepError,
    SweepTimes,
};
pub use tape::{CompileOptions, Role, Tape};
pub use text::{ParseError, ParseErrorKind, ParseLimits, Program, parse};
pub use value::{Scope, Value};
