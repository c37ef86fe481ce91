//! The functions that stay scalar, from the crate `libm` (a port of musl's, itself of FreeBSD's msun): its bits are the
//! same on every machine, where std's come from the C library at hand. A loop over them does not vectorise.

pub use libm::{acos, asin, asinh, atan, atan2, atanh, cbrt, cosh, hypot, sinh};

/// The inverse hyperbolic cosine; NaN below 1, where `libm`'s is undefined.
#[inline]
pub fn acosh(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

/// xʸ. The powers that are one product or quotient, y = 1, 2, 3, -1, are computed as such, and the choice is made by value,
/// so that it does not matter whether the exponent was known beforehand.
#[inline]
pub fn pow(x: f64, y: f64) -> f64 {
    if y == 2.0 {
        x * x
    } else if y == -1.0 {
        1.0 / x
    } else if y == 1.0 {
        x
    } else if y == 3.0 {
        x * x * x
    } else {
        libm::pow(x, y)
    }
}
