//! Version 1 of the API: wire types, validation into domain types, problems.

mod bind;
mod build;
mod computation;
mod count;
mod decode;
mod expression;
mod faults;
mod mlp_checks;
mod mlp_gradient;
mod model;
mod names;
mod object;
mod pointer;
mod resolve;
mod scalar_gradient;
mod suggest;
mod train_mlp;
mod train_scalar;
mod training;

pub mod choice;
pub mod columns;
pub mod context;
pub mod data;
pub mod evaluate;
pub mod format;
pub mod gradient;
pub mod graph;
pub mod matrix;
pub mod mlp;
pub mod non_finite;
pub mod number;
pub mod openapi;
pub mod ops;
pub mod problem;
pub mod sgd;
pub mod tensors;
pub mod text;
pub mod trace;
pub mod train;
pub mod value;
pub mod values;

pub use context::{Context, Limits, Operation, Reply};
pub use problem::{Fault, Kind, Problem};
