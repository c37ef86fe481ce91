//! Seeded initial parameters.

use std::f64::consts::SQRT_2;

use super::random::{Domain, Stream};
use super::spec::{Mlp, Span};
use crate::engine::kernels::Real;

/// How weights and biases are drawn. `in` and `out` are the widths of the layer.
///
/// Each layer has its own stream, `(seed, Parameters, layer)` of [`random`](super::random); it yields the weights in
/// row-major order and then the biases, in f64, rounded to the model's type at the end. Uniform on [-a, a) is
/// `a * (2 u - 1)`; a normal of standard deviation s is `s * n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Init {
    /// What PyTorch's `nn.Linear` does: weights and biases uniform on ±1/√in.
    #[default]
    Linear,
    /// Weights uniform on ±√(6 / (in + out)) (Glorot and Bengio 2010, gain 1), biases 0.
    XavierUniform,
    /// Weights normal with standard deviation √(2 / (in + out)), biases 0.
    XavierNormal,
    /// Weights uniform on ±√(6 / in) (He et al. 2015, fan-in, gain √2), biases 0.
    KaimingUniform,
    /// Weights normal with standard deviation √(2 / in), biases 0.
    KaimingNormal,
    /// All zero.
    Zeros,
}

impl Init {
    /// Every rule under its name.
    pub const ALL: [(&'static str, Init); 6] = [
        ("linear", Init::Linear),
        ("xavier_uniform", Init::XavierUniform),
        ("xavier_normal", Init::XavierNormal),
        ("kaiming_uniform", Init::KaimingUniform),
        ("kaiming_normal", Init::KaimingNormal),
        ("zeros", Init::Zeros),
    ];

    /// Parameters for `mlp`, `mlp.parameters()` of them, the same on every machine.
    pub fn draw<T: Real>(self, mlp: &Mlp, seed: u64) -> Vec<T> {
        let mut parameters = vec![T::ZERO; mlp.parameters()];
        for (index, span) in mlp.spans().iter().enumerate() {
            let mut stream = Stream::new(seed, Domain::Parameters, index as u64);
            let (weight, bias) = (span.weight.clone(), span.bias.clone());
            self.fill(span, &mut parameters[weight], &mut stream);
            if self == Init::Linear {
                self.fill(span, &mut parameters[bias], &mut stream);
            }
        }
        parameters
    }

    fn fill<T: Real>(self, span: &Span, values: &mut [T], stream: &mut Stream) {
        let (fan_in, fan_out) = (span.inputs as f64, span.units as f64);
        let mut fill = |scale: f64, next: &mut dyn FnMut(&mut Stream) -> f64| {
            for value in &mut *values {
                *value = T::from_f64(scale * next(stream));
            }
        };
        let mut uniform = |stream: &mut Stream| 2.0 * stream.uniform() - 1.0;
        let mut normal = Stream::normal;
        match self {
            Init::Linear => fill(1.0 / fan_in.sqrt(), &mut uniform),
            Init::XavierUniform => fill((6.0 / (fan_in + fan_out)).sqrt(), &mut uniform),
            Init::XavierNormal => fill((2.0 / (fan_in + fan_out)).sqrt(), &mut normal),
            Init::KaimingUniform => fill((6.0 / fan_in).sqrt(), &mut uniform),
            Init::KaimingNormal => fill(SQRT_2 / fan_in.sqrt(), &mut normal),
            Init::Zeros => {}
        }
    }
}
