//! Version 1 of the API: wire types, validation into domain types, problems.

mod count;
mod faults;
mod object;
mod pointer;
mod suggest;

pub mod context;
pub mod decode;
pub mod graph;
pub mod inputs;
pub mod matrix;
pub mod number;
pub mod problem;
pub mod text;
pub mod value;

pub use context::{Context, Limits, Operation, Reply};
pub use problem::{Fault, Kind, Problem};
