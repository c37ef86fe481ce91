//! Activations: value and slope of each, and the loops that apply them to a layer.

use crate::engine::kernels::{Kernel, Level, Real};

/// What a layer applies to each of its units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// z
    #[default]
    Linear,
    /// The hyperbolic tangent.
    Tanh,
    /// max(0, z); slope 0 at 0.
    Relu,
    /// 1 / (1 + e⁻ᶻ)
    Sigmoid,
    /// z above 0, else 0.01 z; slope 0.01 at 0.
    LeakyRelu,
    /// z above 0, else eᶻ - 1.
    Elu,
    /// z Φ(z) with the normal distribution function Φ, by the error function (not the tanh approximation).
    Gelu,
    /// z sigmoid(z)
    Silu,
    /// ln(1 + eᶻ) as max(z, 0) + ln(1 + e^-|z|), exact for every z; PyTorch returns z itself above 20, which differs by
    /// less than 2.1e-9.
    Softplus,
}

const LEAK: f64 = 0.01;

impl Activation {
    /// Every activation under its name.
    pub const ALL: [(&'static str, Activation); 9] = [
        ("linear", Activation::Linear),
        ("tanh", Activation::Tanh),
        ("relu", Activation::Relu),
        ("sigmoid", Activation::Sigmoid),
        ("leaky_relu", Activation::LeakyRelu),
        ("elu", Activation::Elu),
        ("gelu", Activation::Gelu),
        ("silu", Activation::Silu),
        ("softplus", Activation::Softplus),
    ];

    /// Whether the slope is recomputed from the activation itself; otherwise the forward pass has to keep it.
    pub(super) fn slope_from_value(self) -> bool {
        !matches!(self, Self::Elu | Self::Gelu | Self::Silu | Self::Softplus)
    }

    /// Replaces each z by its activation.
    pub fn apply<T: Real>(self, z: &mut [T]) {
        match self {
            Self::Linear => {}
            Self::Tanh => Level::best().run(Apply(z, T::tanh)),
            Self::Relu => Level::best().run(Apply(z, relu)),
            Self::Sigmoid => Level::best().run(Apply(z, T::sigmoid)),
            Self::LeakyRelu => Level::best().run(Apply(z, leaky_relu)),
            Self::Elu => Level::best().run(Apply(z, |z| elu(z).0)),
            Self::Gelu => Level::best().run(Apply(z, |z| gelu(z).0)),
            Self::Silu => Level::best().run(Apply(z, |z| silu(z).0)),
            Self::Softplus => Level::best().run(Apply(z, |z| softplus(z).0)),
        }
    }

    /// Replaces each z by its activation and writes the slopes there to `slopes`, of the same length.
    pub fn apply_with_slopes<T: Real>(self, z: &mut [T], slopes: &mut [T]) {
        match self {
            Self::Elu => Level::best().run(ApplyWithSlopes(z, slopes, elu)),
            Self::Gelu => Level::best().run(ApplyWithSlopes(z, slopes, gelu)),
            Self::Silu => Level::best().run(ApplyWithSlopes(z, slopes, silu)),
            Self::Softplus => Level::best().run(ApplyWithSlopes(z, slopes, softplus)),
            Self::Linear | Self::Tanh | Self::Relu | Self::Sigmoid | Self::LeakyRelu => {
                self.apply(z);
                slopes.fill(T::ONE);
                self.scale_by_value(z, slopes);
            }
        }
    }

    /// Multiplies each adjoint by the slope, given the activation's values; for those with
    /// [`slope_from_value`](Self::slope_from_value).
    pub(super) fn scale_by_value<T: Real>(self, values: &[T], adjoints: &mut [T]) {
        match self {
            Self::Tanh => Level::best().run(Scale(adjoints, values, |g, a| g * (T::ONE - a * a))),
            Self::Sigmoid => Level::best().run(Scale(adjoints, values, |g, a| g * (a * (T::ONE - a)))),
            Self::Relu => {
                Level::best().run(Scale(adjoints, values, |g, a| if a <= T::ZERO { T::ZERO } else { g }));
            }
            Self::LeakyRelu => Level::best()
                .run(Scale(adjoints, values, |g, a| if a > T::ZERO { g } else { g * T::from_f64(LEAK) })),
            Self::Linear | Self::Elu | Self::Gelu | Self::Silu | Self::Softplus => {}
        }
    }
}

/// Multiplies each adjoint by its slope.
pub(super) fn scale_by_slope<T: Real>(slopes: &[T], adjoints: &mut [T]) {
    Level::best().run(Scale(adjoints, slopes, |g, slope| g * slope));
}

/// A NaN stays one, as in PyTorch.
#[inline(always)]
fn relu<T: Real>(z: T) -> T {
    if z <= T::ZERO { T::ZERO } else { z }
}

#[inline(always)]
fn leaky_relu<T: Real>(z: T) -> T {
    if z > T::ZERO { z } else { z * T::from_f64(LEAK) }
}

#[inline(always)]
fn elu<T: Real>(z: T) -> (T, T) {
    let below = if z > T::ZERO { T::ZERO } else { z };
    if z > T::ZERO { (z, T::ONE) } else { (below.exp_m1(), below.exp()) }
}

#[inline(always)]
fn gelu<T: Real>(z: T) -> (T, T) {
    let half = T::from_f64(0.5);
    let distribution = half * (T::ONE + (z * T::from_f64(std::f64::consts::FRAC_1_SQRT_2)).erf());
    let inverse_sqrt_tau = T::from_f64(0.398_942_280_401_432_7);
    let density = inverse_sqrt_tau * (-(half * z * z)).exp();
    (z * distribution, distribution + z * density)
}

#[inline(always)]
fn silu<T: Real>(z: T) -> (T, T) {
    let s = z.sigmoid();
    (z * s, s * (T::ONE + z * (T::ONE - s)))
}

#[inline(always)]
fn softplus<T: Real>(z: T) -> (T, T) {
    let positive = if z < T::ZERO { T::ZERO } else { z };
    (positive + (-z.abs()).exp().ln_1p(), z.sigmoid())
}

struct Apply<'a, T, F>(&'a mut [T], F);

impl<T: Real, F: Fn(T) -> T> Kernel for Apply<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for z in self.0 {
            *z = (self.1)(*z);
        }
    }
}

struct ApplyWithSlopes<'a, T, F>(&'a mut [T], &'a mut [T], F);

impl<T: Real, F: Fn(T) -> (T, T)> Kernel for ApplyWithSlopes<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (z, slope) in self.0.iter_mut().zip(self.1) {
            (*z, *slope) = (self.2)(*z);
        }
    }
}

struct Scale<'a, T, F>(&'a mut [T], &'a [T], F);

impl<T: Real, F: Fn(T, T) -> T> Kernel for Scale<'_, T, F> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (adjoint, &value) in self.0.iter_mut().zip(self.1) {
            *adjoint = (self.2)(*adjoint, value);
        }
    }
}
