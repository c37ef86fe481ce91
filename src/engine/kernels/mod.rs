//! The numeric kernels: branch-free elementary functions and the choice of instruction set.
//!
//! Everything here is written as plain scalar code that the compiler vectorises inside functions compiled for AVX-512,
//! AVX2 or the baseline; [`dispatch`] picks one at run time. All paths use fused multiply-adds and the same order of
//! operations, so they give the same bits. The crate's only unsafe code lives in this module.

pub mod dispatch;
pub mod math;
pub mod real;

pub use dispatch::{Kernel, Level};
pub use real::Real;
