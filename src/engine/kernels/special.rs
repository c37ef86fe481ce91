//! The error function, its complement, and the normal distribution.
//!
//! Near 0, erf x = x + x P(x²). Further out, erfc x = e^(-x²) erfcx x, with the square carried to twice the precision and
//! erfcx x = (5/4 + P(t)) / (1 + 2x) for t = (x - 3) / (x + 3): the transformation of Shepherd and Laframboise,
//! *Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < ∞*, Math. Comp. 36 (1981). The polynomials come from
//! `tests/fixtures/kernels/coefficients.py`. Both branches are computed and one is selected.

use super::exp::{Reduced, reduce};
use super::poly::poly;

/// 1/√2 and what its rounding left.
const SQRT_HALF: f64 = std::f64::consts::FRAC_1_SQRT_2;
const SQRT_HALF_LO: f64 = -4.833_646_656_726_457e-17;
/// 1/√(2π)
const DENSITY_AT_ZERO: f64 = 0.398_942_280_401_432_7;
/// Where both forms of erf hold; below it erfc is 1 - erf.
const SPLIT: f64 = 0.5;
/// Where erf changes over: there 1 - erfc has stopped to cancel.
const ERF_SPLIT: f64 = 0.75;
/// erfc vanishes before this.
const ERFC_END: f64 = 28.0;
/// The normal distribution function vanishes at minus this.
const NORMAL_END: f64 = 39.0;

/// erf(x) / x - 1 for |x| <= `ERF_SPLIT`.
#[inline(always)]
fn erf_near(x: f64) -> f64 {
    let z = x * x;
    poly!(z, z * z;
        0.128_379_167_095_512_6,
        -0.376_126_389_031_837_54,
        0.112_837_916_709_550_87,
        -0.026_866_170_645_118_592,
        0.005_223_977_625_224_301,
        -0.000_854_832_700_131_074,
        0.000_120_553_315_543_272_69,
        -1.492_558_968_362_634_6e-5,
        1.646_038_960_197_275_7e-6,
        -1.633_331_397_042_383_6e-7,
        1.441_451_245_707_858_8e-8,
        -9.504_886_629_909_254e-10,
    )
}

/// e^(x²) erfc(x + lo), for 0.5 <= x <= 28.
#[inline(always)]
fn erfcx(x: f64, lo: f64) -> f64 {
    let d = 2.0f64.mul_add(x, 1.0);
    let d_lo = 2.0f64.mul_add(lo, 1.0 - 2.0f64.mul_add(-x, d));
    // One division serves t and the quotient.
    let m = x + 3.0;
    let inverse = 1.0 / (d * m);
    let t = (x - 3.0) * (d * inverse);
    let p = 1.25
        + poly!(t, t * t;
            0.003_008_058_269_729_652,
            -0.135_621_106_124_581_2,
            -0.047_562_294_353_450_71,
            0.129_645_158_702_763_6,
            -0.119_273_663_415_311_04,
            0.068_308_027_343_880_29,
            -0.023_770_514_918_545_56,
            0.002_529_391_817_526_019_7,
            0.001_888_690_356_323_391_7,
            -0.000_779_832_283_698_603_3,
            -0.000_105_159_757_396_505_39,
            0.000_125_099_403_021_070_2,
            4.949_145_158_485_726e-6,
            -2.010_066_919_501_224_7e-5,
            -7.299_208_607_437_001e-7,
            3.472_337_874_643_320_4e-6,
            3.522_938_195_486_368_7e-7,
            -6.157_259_222_085_803e-7,
            -1.336_260_576_334_779e-7,
            9.970_116_385_587_881e-8,
            3.357_095_237_305_668e-8,
            -1.099_783_596_208_117e-8,
            -4.060_972_969_773_226e-9,
        );
    let y = m * inverse;
    let q = p * y;
    let remainder = (-q).mul_add(d_lo, (-q).mul_add(d, p));
    remainder.mul_add(y, q)
}

/// e^(-(square + lo)) as a number near 1 and the scaling that it still needs.
#[inline(always)]
fn exp_minus(square: f64, lo: f64) -> (Reduced, f64) {
    let mut reduced = reduce(-square);
    // lo eʳ: unlike the reduction's own rounding error, `lo` is large enough for the factor to matter.
    reduced.lo -= lo * (0.5 * reduced.r).mul_add(reduced.r, 1.0 + reduced.r);
    let y = 1.0 + reduced.exp_m1::<true>();
    (reduced, y)
}

/// erfc x for 0.5 <= x; wrong below.
#[inline(always)]
fn erfc_far(x: f64) -> f64 {
    let x = if x > ERFC_END { ERFC_END } else { x };
    let square = x * x;
    let (reduced, y) = exp_minus(square, x.mul_add(x, -square));
    reduced.scaled(y * erfcx(x, 0.0))
}

/// The error function.
#[inline(always)]
pub fn erf(x: f64) -> f64 {
    let near = x.mul_add(erf_near(x), x);
    let far = (1.0 - erfc_far(x.abs())).copysign(x);
    if x.abs() < ERF_SPLIT { near } else { far }
}

/// 1 - erf x, without cancellation; 0 from 27.3 on.
#[inline(always)]
pub fn erfc(x: f64) -> f64 {
    let near = (-x).mul_add(erf_near(x), 1.0 - x);
    let far = erfc_far(x.abs());
    let far = if x < 0.0 { 2.0 - far } else { far };
    if x.abs() < SPLIT { near } else { far }
}

/// The density of the standard normal distribution, e^(-x²/2) / √(2π).
#[inline(always)]
pub fn normal_pdf(x: f64) -> f64 {
    let x = x.abs();
    let x = if x > NORMAL_END { NORMAL_END } else { x };
    let half = 0.5 * x;
    let square = half * x;
    let (reduced, y) = exp_minus(square, half.mul_add(x, -square));
    reduced.scaled(y * DENSITY_AT_ZERO)
}

/// Φ(-x) of the normal distribution for x >= 1/√2, as a number near 1 and the scaling that it still needs.
#[inline(always)]
fn normal_tail(x: f64) -> (Reduced, f64) {
    let half = 0.5 * x;
    let square = half * x;
    let (reduced, y) = exp_minus(square, half.mul_add(x, -square));
    let z = x * SQRT_HALF;
    let z_lo = x.mul_add(SQRT_HALF_LO, x.mul_add(SQRT_HALF, -z));
    (reduced, 0.5 * y * erfcx(z, z_lo))
}

/// Φ(x) for |x| < 1/√2.
#[inline(always)]
fn normal_near(x: f64) -> f64 {
    let z = x * SQRT_HALF;
    0.5f64.mul_add(z.mul_add(erf_near(z), z), 0.5)
}

/// The distribution function of the standard normal distribution, Φ(x) = erfc(-x/√2) / 2.
#[inline(always)]
pub fn normal_cdf(x: f64) -> f64 {
    let a = x.abs();
    let (reduced, y) = normal_tail(if a > NORMAL_END { NORMAL_END } else { a });
    let tail = reduced.scaled(y);
    let far = if x < 0.0 { tail } else { 1.0 - tail };
    if a < SQRT_HALF { normal_near(x) } else { far }
}

/// x Φ(x), the exact form of GELU (Hendrycks and Gimpel, 2016); -0 at -∞.
#[inline(always)]
pub fn gelu(x: f64) -> f64 {
    let a = x.abs();
    let a = if a > NORMAL_END { NORMAL_END } else { a };
    let (reduced, y) = normal_tail(a);
    // Where Φ alone would be subnormal, the product keeps its digits.
    let left = reduced.scaled(-a * y);
    let right = x * (1.0 - reduced.scaled(y));
    let far = if x < 0.0 { left } else { right };
    if a < SQRT_HALF { x * normal_near(x) } else { far }
}
