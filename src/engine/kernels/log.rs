//! Logarithms.
//!
//! x = 2ᵏ m with m between √½ and √2; with f = m - 1 and s = f / (2 + f), ln m = 2 artanh s = f - f²/2 + s (f²/2 + R(s²)).
//! This is the scheme of fdlibm's `e_log.c` (Sun Microsystems, 1993), which loses no digits near 1; R is a minimax
//! polynomial of our own, from `tests/fixtures/kernels/coefficients.py`.

use super::poly::poly;
use std::f64::consts::{LOG2_E, LOG10_E};

/// The leading 33 bits of ln 2: its product with an exponent is exact.
const LN2_HI: f64 = 6.931_471_803_691_238e-1;
/// ln 2 - `LN2_HI`.
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;
/// The bits of √½, rounded down to the high word.
const SQRT_HALF: u64 = 0x3fe6_a09e_0000_0000;
const ONE: u64 = 0x3ff0_0000_0000_0000;
const MANTISSA: u64 = 0x000f_ffff_ffff_ffff;
/// 2⁵², whose low bits hold an integer.
const TWO_52: u64 = 0x4330_0000_0000_0000;

/// A positive normal number as 2ᵏ (1 + f).
struct Split {
    k: f64,
    f: f64,
    /// k + 1023.
    biased: u64,
}

#[inline(always)]
fn split(x: f64) -> Split {
    let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
    let biased = shifted >> 52;
    // The integer turned into a float through the low bits of 2⁵²: AVX2 has no conversion from 64-bit integers.
    let k = f64::from_bits(biased | TWO_52) - (4_503_599_627_370_496.0 + 1023.0);
    let f = f64::from_bits((shifted & MANTISSA) + SQRT_HALF) - 1.0;
    Split { k, f, biased }
}

/// `(s, f²/2, R(s²))` of the formula above.
#[inline(always)]
fn series(f: f64) -> (f64, f64, f64) {
    let s = f / (2.0 + f);
    let z = s * s;
    let z2 = z * z;
    let r = z * poly!(z, z2;
        0.666_666_666_666_673_5,
        0.399_999_999_994_134_77,
        0.285_714_287_426_754_75,
        0.222_221_985_415_373_9,
        0.181_835_660_772_441_5,
        0.153_140_031_138_148_14,
        0.147_964_499_191_153_45,
    );
    (s, 0.5 * f * f, r)
}

/// Lifts a subnormal number into the normal range: `(x 2⁵⁴, -54)`, or `(x, 0)`.
#[inline(always)]
fn normalize(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    (if subnormal { x * 18_014_398_509_481_984.0 } else { x }, if subnormal { -54.0 } else { 0.0 })
}

/// What every logarithm gives at and outside the ends of its domain; else y. `x` is the number whose logarithm is taken.
#[inline(always)]
fn ends(x: f64, y: f64) -> f64 {
    // Also hands a NaN on.
    let y = if x < f64::INFINITY { y } else { x };
    let outside = if x == 0.0 { f64::NEG_INFINITY } else { f64::NAN };
    if x <= 0.0 { outside } else { y }
}

/// The natural logarithm; -∞ at ±0, NaN below.
#[inline(always)]
pub fn ln(x: f64) -> f64 {
    let (scaled, shift) = normalize(x);
    let Split { k, f, .. } = split(scaled);
    let k = k + shift;
    let (s, half, r) = series(f);
    let y = k.mul_add(LN2_HI, f - (half - s.mul_add(half + r, k * LN2_LO)));
    ends(x, y)
}

/// ln(1 + x), without loss near 0; -∞ at -1, NaN below.
#[inline(always)]
pub fn ln_1p(x: f64) -> f64 {
    // u + c = 1 + x exactly (Dekker's fast two-sum, the larger operand first).
    let (large, small) = if x > 1.0 { (x, 1.0) } else { (1.0, x) };
    let u = large + small;
    let c = small - (u - large);
    let Split { k, f, biased } = split(u);
    let (s, half, r) = series(f);
    // c / u to first order. c is below half a unit of u, so that a few digits do: 2¹⁻ᵏ (1 - s)² / 2 is 1/u but for s².
    let inverse = f64::from_bits((2047_u64.wrapping_sub(biased)) << 52);
    let c = c * (inverse * (0.5 * (1.0 - s) * (1.0 - s)));
    let y = k.mul_add(LN2_HI, f - (half - s.mul_add(half + r, k.mul_add(LN2_LO, c))));
    let y = ends(1.0 + x, y);
    // Keeps the sign of zero and the bits of subnormals.
    if x.abs() < f64::EPSILON / 4.0 { x } else { y }
}

/// ln(1 + f) as hi + lo, to some 70 bits.
#[inline(always)]
fn ln_pair(f: f64) -> (f64, f64) {
    let (s, half, r) = series(f);
    let hi = f - half;
    (hi, s.mul_add(half + r, (f - hi) - half))
}

/// The binary logarithm, exact at powers of two; -∞ at ±0, NaN below.
#[inline(always)]
pub fn log2(x: f64) -> f64 {
    const INV_LN2_LO: f64 = 2.035_527_374_093_103_3e-17;
    let (scaled, shift) = normalize(x);
    let Split { k, f, .. } = split(scaled);
    let k = k + shift;
    let (hi, lo) = ln_pair(f);
    let p = hi * LOG2_E;
    let p_lo = lo.mul_add(LOG2_E, hi.mul_add(INV_LN2_LO, hi.mul_add(LOG2_E, -p)));
    // |k| >= |p|, or k is zero.
    let sum = k + p;
    ends(x, sum + ((p - (sum - k)) + p_lo))
}

/// The decimal logarithm, exact at powers of ten; -∞ at ±0, NaN below.
#[inline(always)]
pub fn log10(x: f64) -> f64 {
    const INV_LN10_LO: f64 = 1.098_319_650_216_765e-17;
    /// The leading 41 bits of log10 2, and the rest.
    const LOG10_2_HI: f64 = 0.301_029_995_663_611_77;
    const LOG10_2_LO: f64 = 3.694_239_077_158_931e-13;
    let (scaled, shift) = normalize(x);
    let Split { k, f, .. } = split(scaled);
    let k = k + shift;
    let (hi, lo) = ln_pair(f);
    let p = hi * LOG10_E;
    let p_lo = lo.mul_add(LOG10_E, hi.mul_add(INV_LN10_LO, hi.mul_add(LOG10_E, -p)));
    let whole = k * LOG10_2_HI;
    let sum = whole + p;
    ends(x, sum + (k.mul_add(LOG10_2_LO, p_lo) + (p - (sum - whole))))
}
