//! The hyperbolic tangent, the logistic function and softplus, in forms that neither overflow nor cancel.

use super::exp::{exp_below, reduce};
use super::log::ln_1p;

const SIGN: u64 = 1 << 63;

/// The hyperbolic tangent: -(t / (t + 2)) with t = e^(-2|x|) - 1, under the sign of x.
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let y = -2.0 * x.abs();
    // tanh rounds to 1 well before.
    let y = if y < -44.0 { -44.0 } else { y };
    let reduced = reduce(y);
    let p = reduced.exp_m1::<false>();
    let scale = reduced.scale();
    let quotient = scale.mul_add(p, scale - 1.0) / scale.mul_add(p, scale + 1.0);
    f64::from_bits((quotient.to_bits() & !SIGN) | (x.to_bits() & SIGN))
}

/// The logistic function 1 / (1 + e⁻ˣ), as eˣ / (1 + eˣ) on the left, so that it keeps its digits down to the smallest
/// number.
#[inline(always)]
pub fn sigmoid(x: f64) -> f64 {
    let e = exp_below(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// ln(1 + eˣ), as max(x, 0) + ln(1 + e^-|x|).
#[inline(always)]
pub fn softplus(x: f64) -> f64 {
    let tail = ln_1p(exp_below(-x.abs()));
    // A NaN comes through `tail`.
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + tail
}
