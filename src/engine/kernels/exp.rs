//! The exponential and its relatives.
//!
//! Argument reduction by Cody and Waite, *Software Manual for the Elementary Functions* (1980): x = k ln 2 + r with
//! |r| <= (ln 2)/2, then a minimax polynomial for eʳ and a scaling by 2ᵏ. No table and no branch, so that a loop over
//! these functions vectorises. The polynomial comes from `tests/fixtures/kernels/coefficients.py`.

use super::poly::poly;

/// 1.5 · 2⁵² plus the exponent bias: adding it to a small number rounds that to the nearest integer k and leaves
/// k + 1023 in the low bits, ready to be shifted into the exponent field.
const ROUND: f64 = 6_755_399_441_055_744.0 + 1023.0;
/// The leading 33 bits of ln 2: its product with any |k| < 2²⁰ is exact.
const LN2_HI: f64 = 6.931_471_803_691_238e-1;
/// ln 2 - `LN2_HI`.
const LN2_LO: f64 = 1.908_214_929_270_587_7e-10;

/// x = k ln 2 + r + lo.
pub(super) struct Reduced {
    /// k + `ROUND`.
    biased: f64,
    k: f64,
    /// |r| <= (ln 2)/2, rounded.
    pub(super) r: f64,
    /// The rounding error of `r`.
    pub(super) lo: f64,
}

/// Reduces |x| < 2¹⁹ ln 2; NaN comes through in `r`.
#[inline(always)]
pub(super) fn reduce(x: f64) -> Reduced {
    let biased = x.mul_add(std::f64::consts::LOG2_E, ROUND);
    let k = biased - ROUND;
    let a = (-k).mul_add(LN2_HI, x);
    let r = (-k).mul_add(LN2_LO, a);
    let lo = (-k).mul_add(LN2_LO, a - r);
    Reduced { biased, k, r, lo }
}

impl Reduced {
    /// eʳ - 1, with `lo` added if `EXACT`.
    #[inline(always)]
    pub(super) fn exp_m1<const EXACT: bool>(&self) -> f64 {
        let (r, r2) = (self.r, self.r * self.r);
        let q = poly!(r, r2;
            0.5,
            0.166_666_666_666_666_85,
            0.041_666_666_666_666_73,
            0.008_333_333_333_316_737,
            0.001_388_888_888_885_859_5,
            0.000_198_412_698_970_610_64,
            2.480_158_737_347_844_7e-5,
            2.755_723_423_476_75e-6,
            2.755_723_356_436_886e-7,
            2.511_224_051_267_744_5e-8,
            2.092_688_427_964_893e-9,
        );
        r + if EXACT { r2.mul_add(q, self.lo) } else { r2 * q }
    }

    /// 2ᵏ, for -1023 < k < 1024.
    #[inline(always)]
    pub(super) fn scale(&self) -> f64 {
        f64::from_bits(self.biased.to_bits() << 52)
    }

    /// y 2ᵏ, for y near 1 and any |k| < 2046, in two steps, so that neither factor leaves the range of exponents
    /// and a subnormal result is rounded once.
    #[inline(always)]
    pub(super) fn scaled(&self, y: f64) -> f64 {
        let half = self.k.mul_add(0.5, ROUND);
        let rest = self.biased - (half - ROUND);
        y * f64::from_bits(half.to_bits() << 52) * f64::from_bits(rest.to_bits() << 52)
    }
}

/// eˣ. 0 below -745.14, infinite above 709.79.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let x = if x > 720.0 { 720.0 } else { x };
    exp_below(x)
}

/// eˣ for x <= 720: spares a comparison where the argument is known to be negative.
#[inline(always)]
pub(super) fn exp_below(x: f64) -> f64 {
    let x = if x < -760.0 { -760.0 } else { x };
    let reduced = reduce(x);
    reduced.scaled(1.0 + reduced.exp_m1::<false>())
}

/// eˣ - 1, without cancellation near 0.
#[inline(always)]
pub fn exp_m1(x: f64) -> f64 {
    // Beyond these bounds the result is -1, or infinite; between them one factor of 2ᵏ⁻¹ and a doubling suffice.
    let clamped = if x > 709.9 { 709.9 } else { x };
    let clamped = if clamped < -60.0 { -60.0 } else { clamped };
    let reduced = reduce(clamped);
    let p = reduced.exp_m1::<true>();
    let half = f64::from_bits((reduced.biased - 1.0).to_bits() << 52);
    let y = 2.0 * half.mul_add(p, half - 0.5);
    // Keeps the sign of zero and the bits of subnormals.
    if x.abs() < f64::EPSILON / 4.0 { x } else { y }
}
