//! Multi-layer perceptrons as a plain library: dense layers with activations, losses, seeded initialisation, outputs
//! and gradients.
//!
//! A model is a specification, [`Mlp`], beside one flat parameter vector that the caller owns; the vector is split as in
//! PyTorch's `state_dict`: layer by layer, weight `[out, in]` row-major, then bias `[out]`. Data come in through
//! [`Matrix`] and [`Examples`], which cannot hold shapes or targets that do not fit the model. A pass works in a
//! [`Workspace`] that it fills at the first call and reuses afterwards.
//!
//! Inside, activations lie `[units][rows]` with the rows of the batch innermost and padded to whole SIMD vectors, in
//! blocks of rows whose size follows from the specification alone. Sums over rows therefore have a fixed order, and the
//! same call gives the same bits, whatever else the machine does.

#![forbid(unsafe_code)]

pub mod activation;
mod blocks;
pub mod data;
pub mod init;
mod loops;
pub mod loss;
mod pass;
pub mod product;
pub mod random;
pub mod rows;
pub mod spec;
mod standardize;
mod tile;
mod workspace;

pub use activation::Activation;
pub use data::{DataError, Examples, Matrix, Targets};
pub use init::Init;
pub use loss::{Loss, Reduction};
pub use pass::{Error, Pass};
pub use product::Scalar;
pub use rows::Rows;
pub use spec::{Layer, Mlp, Span, SpecError};
pub use standardize::{Standardize, StandardizeError};
pub use workspace::Workspace;
