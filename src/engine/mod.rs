//! Reverse-mode automatic differentiation of scalar graphs, vectorised over samples.

pub mod interrupt;
pub mod kernels;

pub use interrupt::{Interrupt, Interrupted};
