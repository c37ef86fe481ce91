//! Version 1 of the API: wire types, validation into domain types, problems.

pub mod context;
pub mod problem;

pub use context::{Context, Limits, Operation, Reply};
pub use problem::{Fault, Kind, Problem};
