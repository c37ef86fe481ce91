//! Sine, cosine and tangent.
//!
//! Up to [`BOUND`] the argument is reduced by multiples of π in three parts, after Cody and Waite, with fused
//! multiply-adds that make the first two steps exact. Beyond it the crate `libm` reduces by Payne and Hanek's method; that
//! path would keep a loop from vectorising, so the `*_reduced` functions leave it out, and [`map`] looks at
//! the arguments before it picks one. The polynomials come from `tests/fixtures/kernels/coefficients.py`.

use super::poly::poly;

/// The largest |x| that the fast reduction takes.
pub const BOUND: f64 = 1e6;

/// 1.5 · 2⁵²: adding it rounds a small number to the nearest integer and leaves that in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
const SIGN: u64 = 1 << 63;

/// π/2 to 53 bits.
const HALF_PI_1: f64 = std::f64::consts::FRAC_PI_2;
/// The next 33 bits of π/2: its product with |j| < 2²⁰ is exact.
const HALF_PI_2: f64 = 6.123_233_995_384_61e-17;
/// The next 53 bits.
const HALF_PI_3: f64 = 3.521_559_865_183_2e-27;

/// x - j π/2 as r + lo, given r1 = x - j `HALF_PI_1` exactly.
#[inline(always)]
fn reduce(j: f64, r1: f64) -> (f64, f64) {
    let r = (-j).mul_add(HALF_PI_2, r1);
    let lo = (-j).mul_add(HALF_PI_2, r1 - r);
    (r, (-j).mul_add(HALF_PI_3, lo))
}

/// sin(r + lo) for |r| <= π/2.
#[inline(always)]
fn sin_poly(r: f64, lo: f64) -> f64 {
    let z = r * r;
    let z2 = z * z;
    let p = z * poly!(z, z2;
        -0.166_666_666_666_666_66,
        0.008_333_333_333_333_212,
        -0.000_198_412_698_412_153_2,
        2.755_731_921_213_794_3e-6,
        -2.505_210_696_074_594_5e-8,
        1.605_894_395_910_217_4e-10,
        -7.643_098_203_301_766e-13,
        2.722_260_295_809_654_2e-15,
    );
    // The derivative, cos r, to the few digits that `lo` deserves: 1 - r²/(π/2)² is within 0.06 of it.
    let slope = z.mul_add(-0.405_284_734_569_351_1, 1.0);
    r + r.mul_add(p, lo * slope)
}

/// sin x for |x| <= [`BOUND`] or NaN; beyond, wrong.
#[inline(always)]
pub fn sin_reduced(x: f64) -> f64 {
    let rounded = x.mul_add(std::f64::consts::FRAC_1_PI, ROUND);
    let j = 2.0 * (rounded - ROUND);
    let (r, lo) = reduce(j, (-j).mul_add(HALF_PI_1, x));
    // The sign of r is or-ed in for the sake of sin(-0) = -0.
    let y = sin_poly(r, lo).to_bits() | (r.to_bits() & SIGN);
    f64::from_bits(y ^ (rounded.to_bits() << 63))
}

/// cos x for |x| <= [`BOUND`] or NaN; beyond, wrong.
#[inline(always)]
pub fn cos_reduced(x: f64) -> f64 {
    let x = x.abs();
    let rounded = x.mul_add(std::f64::consts::FRAC_1_PI, -0.5) + ROUND;
    let j = 2.0f64.mul_add(rounded - ROUND, 1.0);
    let r1 = (-j).mul_add(HALF_PI_1, x);
    // Zero but for |x| < 1, where r1 is rounded.
    let lo1 = x - j.mul_add(HALF_PI_1, r1);
    let (r, lo) = reduce(j, r1);
    // cos x = (-1)ᵏ⁺¹ sin(x - (k + ½)π)
    let y = sin_poly(r, lo + lo1).to_bits();
    f64::from_bits(y ^ SIGN ^ (rounded.to_bits() << 63))
}

/// tan x for |x| <= [`BOUND`] or NaN; beyond, wrong.
#[inline(always)]
pub fn tan_reduced(x: f64) -> f64 {
    let rounded = x.mul_add(std::f64::consts::FRAC_2_PI, ROUND);
    let j = rounded - ROUND;
    let (r, lo) = reduce(j, (-j).mul_add(HALF_PI_1, x));
    let z = r * r;
    let z2 = z * z;
    // The sine and the cosine of r + lo, each as an unevaluated sum, so that only the last step rounds.
    let p = z * poly!(z, z2;
        -0.166_666_666_666_666_32,
        0.008_333_333_333_322_42,
        -0.000_198_412_698_298_127_33,
        2.755_731_369_367_041_7e-6,
        -2.505_075_839_595_854_4e-8,
        1.589_681_227_700_477_7e-10,
    );
    let half = 0.5 * z;
    let c = 1.0 - half;
    let a = r.mul_add(p, lo * c);
    let sin = r + a;
    let sin_lo = (r - sin) + a;
    let q = poly!(z, z2;
        0.041_666_666_666_666_6,
        -0.001_388_888_888_887_413_1,
        2.480_158_728_948_746_3e-5,
        -2.755_731_435_389_751e-7,
        2.087_572_349_134_402_6e-9,
        -1.135_965_937_901_761_4e-11,
    );
    let b = ((1.0 - c) - half) + (-r).mul_add(lo, z2 * q);
    let cos = c + b;
    let cos_lo = (c - cos) + b;
    // tan(r + π/2) = -cos r / sin r
    let odd = (rounded.to_bits() & 1) != 0;
    let (n, n_lo) = if odd { (cos, cos_lo) } else { (sin, sin_lo) };
    let (d, d_lo) = if odd { (sin, sin_lo) } else { (cos, cos_lo) };
    let inverse = 1.0 / d;
    let quotient = n * inverse;
    let remainder = (-quotient).mul_add(d, n) + (-quotient).mul_add(d_lo, n_lo);
    let y = remainder.mul_add(inverse, quotient).to_bits();
    let negative = (r.to_bits() ^ (rounded.to_bits() << 63)) & SIGN;
    f64::from_bits((y & !SIGN) | negative)
}

/// y = f(x) element by element, by `reduced` where every |x| of a chunk is within [`BOUND`], and by `full` elsewhere: so
/// that a loop over one of the functions above vectorises and stays right for huge arguments. Both must agree within the
/// bound, as [`sin_reduced`] and [`sin`] do; then a result does not depend on its neighbours.
///
/// Of slices of unequal length the longer one's end is left alone.
#[inline(always)]
pub fn map(x: &[f64], y: &mut [f64], reduced: impl Fn(f64) -> f64, full: impl Fn(f64) -> f64) {
    const CHUNK: usize = 64;
    for (x, y) in x.chunks(CHUNK).zip(y.chunks_mut(CHUNK)) {
        if x.iter().fold(false, |huge, x| huge | (x.abs() > BOUND)) {
            y.iter_mut().zip(x).for_each(|(y, x)| *y = full(*x));
        } else {
            y.iter_mut().zip(x).for_each(|(y, x)| *y = reduced(*x));
        }
    }
}

/// The sine, for any x; NaN at the infinities.
#[inline(always)]
pub fn sin(x: f64) -> f64 {
    if x.abs() > BOUND { libm::sin(x) } else { sin_reduced(x) }
}

/// The cosine, for any x; NaN at the infinities.
#[inline(always)]
pub fn cos(x: f64) -> f64 {
    if x.abs() > BOUND { libm::cos(x) } else { cos_reduced(x) }
}

/// The tangent, for any x; NaN at the infinities.
#[inline(always)]
pub fn tan(x: f64) -> f64 {
    if x.abs() > BOUND { libm::tan(x) } else { tan_reduced(x) }
}
