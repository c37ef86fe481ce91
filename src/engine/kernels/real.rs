//! The float types that kernels are generic over.

#[cfg(target_arch = "x86_64")]
use super::registers::{Avx2, Avx512};
use super::registers::{Lanes, Plain};
use super::{exp, hyperbolic, log, single, special, trig};
use std::fmt::{Debug, Display};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// What numbers are held by beside [`Plain`] registers.
#[cfg(target_arch = "x86_64")]
pub trait X86Lanes: Lanes<Avx2> + Lanes<Avx512> {}
#[cfg(target_arch = "x86_64")]
impl<T: Lanes<Avx2> + Lanes<Avx512>> X86Lanes for T {}

/// Nothing on this target.
#[cfg(not(target_arch = "x86_64"))]
pub trait X86Lanes {}
#[cfg(not(target_arch = "x86_64"))]
impl<T> X86Lanes for T {}

/// `f64` or `f32` with the elementary functions that sweeps and layers need.
///
/// Every function is branch-free where it can be, so that a loop over it vectorises, and gives the same bits at every
/// [`Level`](super::Level).
pub trait Real:
    Copy
    + Debug
    + Default
    + Display
    + PartialOrd
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + Sum
    + Lanes<Plain>
    + X86Lanes
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The smallest normal number above 0.
    const TINY: Self;
    /// Rounds to this type.
    fn from_f64(x: f64) -> Self;
    /// Exact for both types.
    fn to_f64(self) -> f64;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
    /// |x|
    fn abs(self) -> Self;
    /// The larger of two numbers.
    fn max(self, other: Self) -> Self;
    /// The smaller of two numbers.
    fn min(self, other: Self) -> Self;
    /// Neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// √x, correctly rounded.
    fn sqrt(self) -> Self;
    /// eˣ
    fn exp(self) -> Self;
    /// eˣ - 1
    fn exp_m1(self) -> Self;
    /// The natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + x)
    fn ln_1p(self) -> Self;
    /// The hyperbolic tangent.
    fn tanh(self) -> Self;
    /// 1 / (1 + e⁻ˣ)
    fn sigmoid(self) -> Self;
    /// ln(1 + eˣ)
    fn softplus(self) -> Self;
    /// The sine. Its branch for huge arguments keeps loops from vectorising.
    fn sin(self) -> Self;
    /// The cosine. Its branch for huge arguments keeps loops from vectorising.
    fn cos(self) -> Self;
    /// The error function.
    fn erf(self) -> Self;
    /// The distribution function Φ of the standard normal distribution.
    fn normal_cdf(self) -> Self;
    /// The density of the standard normal distribution, the derivative of Φ.
    fn normal_pdf(self) -> Self;
    /// x Φ(x)
    fn gelu(self) -> Self;
}

macro_rules! impl_real {
    ($t:ty, $(($name:ident, $function:path)),+) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const TINY: Self = <$t>::MIN_POSITIVE;
            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as Self
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn mul_add(self, a: Self, b: Self) -> Self {
                <$t>::mul_add(self, a, b)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                <$t>::abs(self)
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                if self > other { self } else { other }
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                if self < other { self } else { other }
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                <$t>::is_finite(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            $(
                #[inline(always)]
                fn $name(self) -> Self {
                    $function(self)
                }
            )+
        }
    };
}

impl_real!(
    f64,
    (exp, exp::exp),
    (exp_m1, exp::exp_m1),
    (ln, log::ln),
    (ln_1p, log::ln_1p),
    (tanh, hyperbolic::tanh),
    (sigmoid, hyperbolic::sigmoid),
    (softplus, hyperbolic::softplus),
    (sin, trig::sin),
    (cos, trig::cos),
    (erf, special::erf),
    (normal_cdf, special::normal_cdf),
    (normal_pdf, special::normal_pdf),
    (gelu, special::gelu)
);
impl_real!(
    f32,
    (exp, single::exp),
    (exp_m1, single::exp_m1),
    (ln, single::ln),
    (ln_1p, single::ln_1p),
    (tanh, single::tanh),
    (sigmoid, single::sigmoid),
    (softplus, single::softplus),
    (sin, single::sin),
    (cos, single::cos),
    (erf, single::erf),
    (normal_cdf, single::normal_cdf),
    (normal_pdf, single::normal_pdf),
    (gelu, single::gelu)
);
