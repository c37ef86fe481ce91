//! Derivatives beyond the gradient, over [tapes](super::Tape).
//!
//! - [`products`]: Jacobian and Hessian times vectors, without the matrices.
//! - [`pattern`]: which entries of a matrix can be other than zero, and which columns can share a sweep; [`reach`] finds it.
//! - [`jacobian`], [`hessian`]: the matrices, in as few sweeps as the pattern allows; [`spread`] is how numbers beside arrays
//!   of samples get a derivative for each sample.
//! - [`differences`]: finite differences, to hold a gradient against.
//!
//! Every entry is a derivative of one sample's output. Where an input is a number beside arrays of samples there is one for
//! each sample, and not their sum.
//!
//! ```
//! use gradd::engine::{Binding, Column, Interrupt, ParseLimits, derivatives, parse};
//!
//! let program = parse("(1 - x)^2 + 100*(y - x^2)^2", [], ParseLimits { max_nodes: 100, max_nesting: 10 })?;
//! let at = [Binding::Number(-1.2), Binding::Number(1.0)];
//! let hessian = derivatives::hessian(&program.graph, program.output.1, &at, &[0, 1], &Interrupt::never())?;
//! assert_eq!(hessian.entry(0, 0), Column::Number(1330.0));
//! assert_eq!(hessian.entry(0, 1), Column::Number(480.0));
//! assert_eq!(hessian.entry(1, 1), Column::Number(200.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

pub mod differences;
mod hessian;
mod jacobian;
mod pattern;
mod products;
mod reach;
mod spread;

pub use hessian::{Hessian, HessianPlan, hessian};
pub use jacobian::{Jacobian, JacobianPlan, jacobian};
pub use pattern::Pattern;
pub use products::{Hvp, Jvp};
