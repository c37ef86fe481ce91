//! The numeric kernels: branch-free elementary functions and the choice of instruction set.
//!
//! Everything here is written as plain scalar code that the compiler vectorises inside functions compiled for AVX-512,
//! AVX2 or the baseline, but for the inner loops of matrix products, which name their [`registers`]; [`dispatch`] picks a
//! level at run time. All paths use fused multiply-adds and the same order of
//! operations, so they give the same bits. The crate's only unsafe code lives in this module.

// Without inlining into the function that has the target features there is no vector code.
#![allow(clippy::inline_always)]
// Results of functions are not marked in this crate; neither are methods'.
#![allow(clippy::return_self_not_must_use)]

mod aligned;
pub mod dispatch;
mod dots;
pub mod exp;
pub mod hyperbolic;
pub mod log;
mod poly;
mod prefetch;
pub mod real;
mod registers;
pub mod scalar;
pub mod single;
pub mod slice;
pub mod special;
mod tile;
pub mod trig;

pub use aligned::Aligned;
pub use dispatch::{Kernel, Level};
pub use dots::{dots, row_sum};
pub use prefetch::prefetch;
pub use real::Real;
#[cfg(target_arch = "x86_64")]
pub use registers::{Avx2, Avx512};
pub use registers::{Lanes, Plain, Registers, SUM_LANES};
pub use tile::{Left, Right, Start, tile};

/// Every f64 function under one roof.
pub mod math {
    pub use super::exp::{exp, exp_m1};
    pub use super::hyperbolic::{sigmoid, softplus, tanh};
    pub use super::log::{ln, ln_1p, log2, log10};
    pub use super::scalar::{acos, acosh, asin, asinh, atan, atan2, atanh, cbrt, cosh, hypot, pow, sinh};
    pub use super::special::{erf, erfc, gelu, normal_cdf, normal_pdf};
    pub use super::trig::{cos, sin, tan};
}
