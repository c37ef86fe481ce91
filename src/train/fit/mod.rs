//! Nonlinear least squares: the parameters that bring a model closest to measurements.
//!
//! [`Curve`] gives the residuals and their exact Jacobian, [`fit`] walks down from a start with Levenberg-Marquardt steps,
//! and [`Summary`] says how well the data determine what was found. Beneath them lie `step`, the subproblem within a trust
//! region and bounds, and `qr`, the one factorisation that everything rests on.

mod curve;
mod qr;
mod solver;
mod step;
mod summary;
#[cfg(test)]
mod tests;

pub use curve::{Curve, Linearised, Sigma};
pub use solver::{Bounds, Fit, FitError, Options, Reason, fit};
pub use summary::{Summary, Undetermined, summarise};
