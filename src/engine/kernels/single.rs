//! The single-precision versions: the schemes of [`exp`](super::exp), [`log`](super::log),
//! [`hyperbolic`](super::hyperbolic) and [`special`](super::special) with shorter polynomials, so that eight or sixteen
//! lanes fit where four or eight did. Why each step is as it is stands there. Sine and cosine go through double precision.

use super::poly::poly;
use super::trig;

/// 1.5 · 2²³ plus the exponent bias.
const ROUND: f32 = 12_582_912.0 + 127.0;
/// The leading 9 bits of ln 2, and the rest.
const LN2_HI: f32 = 0.693_359_4;
const LN2_LO: f32 = -2.121_944_4e-4;
const SIGN: u32 = 1 << 31;
/// Below this |x|, x itself is the value of an odd function with slope 1 at 0.
const TINY: f32 = f32::EPSILON / 4.0;

/// x = k ln 2 + r + lo.
struct Reduced {
    biased: f32,
    k: f32,
    r: f32,
    lo: f32,
}

#[inline(always)]
fn reduce(x: f32) -> Reduced {
    let biased = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let k = biased - ROUND;
    let a = (-k).mul_add(LN2_HI, x);
    let r = (-k).mul_add(LN2_LO, a);
    let lo = (-k).mul_add(LN2_LO, a - r);
    Reduced { biased, k, r, lo }
}

impl Reduced {
    /// e^(r + lo) - 1
    #[inline(always)]
    fn exp_m1(&self) -> f32 {
        let (r, r2) = (self.r, self.r * self.r);
        let q = poly!(r;
            0.5,
            0.166_665_12,
            0.041_666_187,
            0.008_369_598,
            0.001_395_171_3,
        );
        r + r2.mul_add(q, self.lo)
    }

    /// y 2ᵏ
    #[inline(always)]
    fn scaled(&self, y: f32) -> f32 {
        let half = self.k.mul_add(0.5, ROUND);
        let rest = self.biased - (half - ROUND);
        y * f32::from_bits(half.to_bits() << 23) * f32::from_bits(rest.to_bits() << 23)
    }
}

/// eˣ. 0 below -103.97, infinite above 88.73.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let x = if x > 90.0 { 90.0 } else { x };
    let x = if x < -106.0 { -106.0 } else { x };
    let reduced = reduce(x);
    reduced.scaled(1.0 + reduced.exp_m1())
}

/// eˣ - 1, without cancellation near 0.
#[inline(always)]
pub fn exp_m1(x: f32) -> f32 {
    let clamped = if x > 88.8 { 88.8 } else { x };
    let clamped = if clamped < -20.0 { -20.0 } else { clamped };
    let reduced = reduce(clamped);
    let half = f32::from_bits((reduced.biased - 1.0).to_bits() << 23);
    let y = 2.0 * half.mul_add(reduced.exp_m1(), half - 0.5);
    if x.abs() < TINY { x } else { y }
}

/// A positive normal number as 2ᵏ (1 + f), and k + 127.
#[inline(always)]
fn split(x: f32) -> (f32, f32, u32) {
    const ONE: u32 = 0x3f80_0000;
    const SQRT_HALF: u32 = 0x3f35_04f3;
    let shifted = x.to_bits().wrapping_add(ONE - SQRT_HALF);
    let biased = shifted >> 23;
    let k = (biased as i32 - 127) as f32;
    (k, f32::from_bits((shifted & 0x007f_ffff) + SQRT_HALF) - 1.0, biased)
}

/// `(s, f²/2, f²/2 + R(s²))`
#[inline(always)]
fn series(f: f32) -> (f32, f32, f32) {
    let s = f / (2.0 + f);
    let z = s * s;
    let r = poly!(z;
        0.666_667_76,
        0.399_775_27,
        0.298_721_67,
    );
    let half = 0.5 * f * f;
    (s, half, z.mul_add(r, half))
}

/// k ln 2 + ln(1 + f) + c for a small c.
#[inline(always)]
fn assemble(k: f32, f: f32, c: f32) -> f32 {
    let (s, half, rest) = series(f);
    let hi = f - half;
    let whole = k * LN2_HI;
    let sum = whole + hi;
    let lo = ((f - hi) - half) + (hi - (sum - whole)) + k.mul_add(LN2_LO, c);
    sum + s.mul_add(rest, lo)
}

/// 0 inside the domain of the logarithms; at its ends and outside, what they give there.
#[inline(always)]
fn special(x: f32) -> f32 {
    // An infinity or a NaN is handed on.
    let inside = if x < f32::INFINITY { 0.0 } else { x };
    let outside = if x < 0.0 { f32::NAN } else { f32::NEG_INFINITY };
    if x <= 0.0 { outside } else { inside }
}

/// The natural logarithm; -∞ at ±0, NaN below.
#[inline(always)]
pub fn ln(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let (k, f, _) = split(if subnormal { x * 33_554_432.0 } else { x });
    let k = k + if subnormal { -25.0 } else { 0.0 };
    assemble(k, f, special(x))
}

/// ln(1 + x), without loss near 0; -∞ at -1, NaN below.
#[inline(always)]
pub fn ln_1p(x: f32) -> f32 {
    let (large, small) = if x > 1.0 { (x, 1.0) } else { (1.0, x) };
    // Where x is special, so is the sum, whose rounding error is then not a number: it is replaced.
    let y = ln_sum::<true>(large, small);
    // The sign of zero.
    f32::from_bits(y.to_bits() | (x.to_bits() & SIGN))
}

/// ln(large + small), the sum not rounded, for |small| <= large; a sum that is not positive and finite needs `ENDS`.
#[inline(always)]
fn ln_sum<const ENDS: bool>(large: f32, small: f32) -> f32 {
    let u = large + small;
    let c = small - (u - large);
    let (k, f, biased) = split(u);
    let half_inverse = f32::from_bits((255_u32.wrapping_sub(biased)) << 23);
    let reciprocal = f.mul_add(f.mul_add(0.5, -0.5), 0.5);
    let c = c * (half_inverse * reciprocal);
    let c = if ENDS && !(u > 0.0 && u < f32::INFINITY) { special(u) } else { c };
    assemble(k, f, c)
}

/// The hyperbolic tangent.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let y = -2.0 * x.abs();
    let y = if y < -20.0 { -20.0 } else { y };
    let reduced = reduce(y);
    let p = reduced.exp_m1();
    let scale = f32::from_bits(reduced.biased.to_bits() << 23);
    let quotient = scale.mul_add(p, scale - 1.0) / scale.mul_add(p, scale + 1.0);
    f32::from_bits((quotient.to_bits() & !SIGN) | (x.to_bits() & SIGN))
}

/// The logistic function 1 / (1 + e⁻ˣ).
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let numerator = if x < 0.0 { e } else { 1.0 };
    numerator / (1.0 + e)
}

/// ln(1 + eˣ)
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    let tail = ln_sum::<false>(1.0, exp(-x.abs()));
    let positive = if x > 0.0 { x } else { 0.0 };
    positive + tail
}

/// The sine, for any x; NaN at the infinities.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    trig::sin(f64::from(x)) as f32
}

/// The cosine, for any x; NaN at the infinities.
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    trig::cos(f64::from(x)) as f32
}

/// 1/√2 and what its rounding left.
const SQRT_HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
const SQRT_HALF_LO: f32 = 1.210_161_7e-8;
/// 1/√(2π)
const DENSITY_AT_ZERO: (f32, f32) = (0.398_942_3, -1.133_517e-8);
/// erfc vanishes before this.
const ERFC_END: f32 = 10.2;
/// The normal distribution function vanishes at minus this.
const NORMAL_END: f32 = 14.4;

/// erf(x) / x - 1 for |x| <= 0.75.
#[inline(always)]
fn erf_near(x: f32) -> f32 {
    let z = x * x;
    poly!(z;
        0.128_379_17,
        -0.376_126_2,
        0.112_833_93,
        -0.026_835_434,
        0.005_115_981_7,
        -0.000_676_109_2,
    )
}

/// e^(x²) erfc(x + lo) as an unevaluated sum, for 0.5 <= x <= 10.3.
#[inline(always)]
fn erfcx(x: f32, lo: f32) -> (f32, f32) {
    let d = 2.0f32.mul_add(x, 1.0);
    let d_lo = 2.0f32.mul_add(lo, 1.0 - 2.0f32.mul_add(-x, d));
    let m = x + 3.0;
    let inverse = 1.0 / (d * m);
    let t = (x - 3.0) * (d * inverse);
    let p = 1.25
        + poly!(t;
            0.003_008_058_5,
            -0.135_621_04,
            -0.047_562_312,
            0.129_642_59,
            -0.119_273_81,
            0.068_338_215,
            -0.023_762_556,
            0.002_390_982_1,
            0.001_833_544_5,
            -0.000_530_008_05,
        );
    let y = m * inverse;
    let q = p * y;
    (q, (-q).mul_add(d_lo, (-q).mul_add(d, p)) * y)
}

/// e^(-(square + lo)) as an unevaluated sum near 1 and the scaling that it still needs.
#[inline(always)]
fn exp_minus(square: f32, lo: f32) -> (Reduced, (f32, f32)) {
    let mut reduced = reduce(-square);
    let lo = reduced.lo - lo;
    let r = reduced.r + lo;
    reduced.lo = (reduced.r - r) + lo;
    reduced.r = r;
    let p = reduced.exp_m1();
    let y = 1.0 + p;
    (reduced, (y, (1.0 - y) + p))
}

/// The product of two unevaluated sums, rounded about once.
#[inline(always)]
fn product((a, a_lo): (f32, f32), (b, b_lo): (f32, f32)) -> f32 {
    a.mul_add(b, a.mul_add(b_lo, a_lo * b))
}

/// The error function.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let near = x.mul_add(erf_near(x), x);
    let a = x.abs();
    let b = if a > ERFC_END { ERFC_END } else { a };
    let square = b * b;
    let (reduced, y) = exp_minus(square, b.mul_add(b, -square));
    let far = (1.0 - reduced.scaled(product(y, erfcx(b, 0.0)))).copysign(x);
    if a < 0.75 { near } else { far }
}

/// The density of the standard normal distribution, e^(-x²/2) / √(2π).
#[inline(always)]
pub fn normal_pdf(x: f32) -> f32 {
    let x = x.abs();
    let x = if x > NORMAL_END { NORMAL_END } else { x };
    let half = 0.5 * x;
    let square = half * x;
    let (reduced, y) = exp_minus(square, half.mul_add(x, -square));
    reduced.scaled(product(y, DENSITY_AT_ZERO))
}

/// Φ(-x) of the normal distribution for x >= 1/√2, as a number near 1 and the scaling that it still needs.
#[inline(always)]
fn normal_tail(x: f32) -> (Reduced, f32) {
    let half = 0.5 * x;
    let square = half * x;
    let (reduced, y) = exp_minus(square, half.mul_add(x, -square));
    let z = x * SQRT_HALF;
    let z_lo = x.mul_add(SQRT_HALF_LO, x.mul_add(SQRT_HALF, -z));
    (reduced, 0.5 * product(y, erfcx(z, z_lo)))
}

/// Φ(x) for |x| < 1/√2.
#[inline(always)]
fn normal_near(x: f32) -> f32 {
    let z = x * SQRT_HALF;
    0.5f32.mul_add(z.mul_add(erf_near(z), z), 0.5)
}

/// The distribution function of the standard normal distribution.
#[inline(always)]
pub fn normal_cdf(x: f32) -> f32 {
    let a = x.abs();
    let (reduced, y) = normal_tail(if a > NORMAL_END { NORMAL_END } else { a });
    let tail = reduced.scaled(y);
    let far = if x < 0.0 { tail } else { 1.0 - tail };
    if a < SQRT_HALF { normal_near(x) } else { far }
}

/// x Φ(x); -0 at -∞.
#[inline(always)]
pub fn gelu(x: f32) -> f32 {
    let a = x.abs();
    let a = if a > NORMAL_END { NORMAL_END } else { a };
    let (reduced, y) = normal_tail(a);
    let left = reduced.scaled(-a * y);
    let right = x * (1.0 - reduced.scaled(y));
    let far = if x < 0.0 { left } else { right };
    if a < SQRT_HALF { x * normal_near(x) } else { far }
}
