//! The single-precision versions.

use super::{exp as exponential, hyperbolic, log, trig};

/// As [`exp::exp`](super::exp::exp), rounded once more.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    exponential::exp(f64::from(x)) as f32
}

/// As [`exp::exp_m1`](super::exp::exp_m1), rounded once more.
#[inline(always)]
pub fn exp_m1(x: f32) -> f32 {
    exponential::exp_m1(f64::from(x)) as f32
}

/// As [`log::ln`](super::log::ln), rounded once more.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    log::ln(f64::from(x)) as f32
}

/// As [`log::ln_1p`](super::log::ln_1p), rounded once more.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    log::ln_1p(f64::from(x)) as f32
}

/// As [`hyperbolic::tanh`](super::hyperbolic::tanh), rounded once more.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    hyperbolic::tanh(f64::from(x)) as f32
}

/// As [`hyperbolic::sigmoid`](super::hyperbolic::sigmoid), rounded once more.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    hyperbolic::sigmoid(f64::from(x)) as f32
}

/// As [`hyperbolic::softplus`](super::hyperbolic::softplus), rounded once more.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    hyperbolic::softplus(f64::from(x)) as f32
}

/// As [`trig::sin`](super::trig::sin), rounded once more.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    trig::sin(f64::from(x)) as f32
}

/// As [`trig::cos`](super::trig::cos), rounded once more.
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    trig::cos(f64::from(x)) as f32
}
