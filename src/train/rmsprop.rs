//! `RMSprop`, as `torch.optim.RMSprop` does it.

use super::adam::lerp;
use super::optimizer::{Rule, Settings, decayed, first_or_empty, kept};
use super::setting::{SettingError, below_one, not_negative, positive};
use crate::engine::kernels::{Kernel, Level, Real};

/// Settings of `RMSprop` (Tieleman and Hinton 2012); names, defaults and formulas of `torch.optim.RMSprop`.
///
/// With parameters p, gradient g, mean square v, mean gradient a and momentum buffer b, a step is
///
/// ```text
/// g = g + weight_decay p                               if weight_decay is not 0
/// v = alpha v + (1 - alpha) g²
/// a = a + (1 - alpha) (g - a)                          if centered
/// d = √(v - a²) + eps  if centered, else √v + eps
/// b = momentum b + g / d,  p = p - learning_rate b     if momentum is not 0
/// p = p - learning_rate g / d                          if it is
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Length of a step.
    pub learning_rate: f64,
    /// How much of the mean square remains, in [0, 1).
    pub alpha: f64,
    /// Added to the divisor, above 0.
    pub eps: f64,
    /// Pull of the parameters towards 0.
    pub weight_decay: f64,
    /// How much of the last step remains.
    pub momentum: f64,
    /// Whether steps are divided by the deviation of the gradient, not by its root mean square.
    pub centered: bool,
}

impl Default for RmsProp {
    fn default() -> Self {
        Self {
            learning_rate: 1e-2,
            alpha: 0.99,
            eps: 1e-8,
            weight_decay: 0.0,
            momentum: 0.0,
            centered: false,
        }
    }
}

impl Settings for RmsProp {
    fn name(&self) -> &'static str {
        "rmsprop"
    }

    fn check(&self) -> Result<(), SettingError> {
        positive("learning_rate", self.learning_rate)?;
        below_one("alpha", self.alpha)?;
        positive("eps", self.eps)?;
        not_negative("weight_decay", self.weight_decay)?;
        not_negative("momentum", self.momentum)
    }

    fn learning_rate(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn names(&self) -> &'static [&'static str] {
        match (self.momentum != 0.0, self.centered) {
            (false, false) => &["square_avg"],
            (false, true) => &["square_avg", "grad_avg"],
            (true, false) => &["square_avg", "momentum_buffer"],
            (true, true) => &["square_avg", "grad_avg", "momentum_buffer"],
        }
    }
}

impl Rule for RmsProp {
    fn step<T: Real>(&self, _: u64, _: bool, buffers: &mut [Vec<T>], parameters: &mut [T], gradient: &[T]) {
        let (square, rest) = buffers.split_first_mut().expect("the mean square is always kept");
        let (mean, velocity) = rest.split_at_mut(usize::from(self.centered));
        let (mean, velocity) = (first_or_empty(mean), first_or_empty(velocity));
        Level::best().run(Step { rule: self, square, mean, velocity, parameters, gradient });
    }
}

struct Step<'a, T> {
    rule: &'a RmsProp,
    square: &'a mut [T],
    /// Empty unless centered.
    mean: &'a mut [T],
    /// Empty without momentum.
    velocity: &'a mut [T],
    parameters: &'a mut [T],
    gradient: &'a [T],
}

impl<T: Real> Kernel for Step<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let RmsProp { learning_rate, alpha, eps, weight_decay, momentum, centered } = *self.rule;
        let (rate, remains) = (T::from_f64(-learning_rate), T::from_f64(momentum));
        let eps = T::from_f64(eps);
        let (alpha, fresh) = (T::from_f64(alpha), T::from_f64(1.0 - alpha));
        for (i, ((p, &g), v)) in self.parameters.iter_mut().zip(self.gradient).zip(self.square).enumerate() {
            let g = decayed(*p, g, weight_decay);
            *v = (g * fresh).mul_add(g, *v * alpha);
            let mut square = *v;
            if centered {
                let a = lerp(self.mean[i], g, fresh);
                self.mean[i] = a;
                square = (-a).mul_add(a, square);
            }
            let divisor = square.sqrt() + eps;
            if momentum == 0.0 {
                *p += g * rate / divisor;
            } else {
                let b = kept(self.velocity[i] * remains + g / divisor);
                self.velocity[i] = b;
                *p = b.mul_add(rate, *p);
            }
        }
    }
}
