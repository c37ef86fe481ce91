//! Adagrad, as `torch.optim.Adagrad` does it.

use super::optimizer::{Rule, Settings, decayed};
use super::setting::{SettingError, not_negative, positive};
use crate::engine::kernels::{Kernel, Level, Real};

/// Settings of Adagrad (Duchi, Hazan and Singer 2011); names, defaults and formulas of `torch.optim.Adagrad`.
///
/// With parameters p, gradient g and the sum of squares s, step number t is
///
/// ```text
/// g = g + weight_decay p                               if weight_decay is not 0
/// s = s + g²
/// p = p - learning_rate / (1 + (t - 1) lr_decay)  g / (√s + eps)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// Length of a step.
    pub learning_rate: f64,
    /// How fast the learning rate falls with the number of steps.
    pub lr_decay: f64,
    /// Pull of the parameters towards 0.
    pub weight_decay: f64,
    /// What the sums of squares start from.
    pub initial_accumulator_value: f64,
    /// Added to the divisor, above 0.
    pub eps: f64,
}

impl Default for Adagrad {
    fn default() -> Self {
        Self {
            learning_rate: 1e-2,
            lr_decay: 0.0,
            weight_decay: 0.0,
            initial_accumulator_value: 0.0,
            eps: 1e-10,
        }
    }
}

impl Settings for Adagrad {
    fn name(&self) -> &'static str {
        "adagrad"
    }

    fn check(&self) -> Result<(), SettingError> {
        positive("learning_rate", self.learning_rate)?;
        not_negative("lr_decay", self.lr_decay)?;
        not_negative("weight_decay", self.weight_decay)?;
        not_negative("initial_accumulator_value", self.initial_accumulator_value)?;
        positive("eps", self.eps)
    }

    fn learning_rate(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn names(&self) -> &'static [&'static str] {
        &["sum"]
    }
}

impl Rule for Adagrad {
    fn initial(&self) -> f64 {
        self.initial_accumulator_value
    }

    fn step<T: Real>(
        &self,
        step: u64,
        _: bool,
        buffers: &mut [Vec<T>],
        parameters: &mut [T],
        gradient: &[T],
    ) {
        let sums = &mut buffers[0];
        Level::best().run(Step { rule: self, step, sums, parameters, gradient });
    }
}

struct Step<'a, T> {
    rule: &'a Adagrad,
    step: u64,
    sums: &'a mut [T],
    parameters: &'a mut [T],
    gradient: &'a [T],
}

impl<T: Real> Kernel for Step<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Adagrad { learning_rate, lr_decay, weight_decay, eps, .. } = *self.rule;
        let rate = T::from_f64(-(learning_rate / (1.0 + (self.step - 1) as f64 * lr_decay)));
        let eps = T::from_f64(eps);
        for ((p, &g), s) in self.parameters.iter_mut().zip(self.gradient).zip(self.sums) {
            let g = decayed(*p, g, weight_decay);
            *s = g.mul_add(g, *s);
            *p += g * rate / (s.sqrt() + eps);
        }
    }
}
