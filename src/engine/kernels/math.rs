//! stand-ins
#![allow(missing_docs)]
pub use libm::{exp, expm1 as exp_m1, log as ln, log1p as ln_1p, log2, log10, sin, cos, tan, tanh, erf, erfc, asin, acos, atan, atan2, sinh, cosh, asinh, acosh, atanh, cbrt, hypot};
pub fn sigmoid(x: f64) -> f64 { if x >= 0.0 { 1.0 / (1.0 + exp(-x)) } else { let e = exp(x); e / (1.0 + e) } }
pub fn softplus(x: f64) -> f64 { x.max(0.0) + ln_1p(exp(-x.abs())) }
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 2.0 { x * x } else if y == -1.0 { 1.0 / x } else if y == 1.0 { x } else if y == 3.0 { x * x * x } else { libm::pow(x, y) }
}
