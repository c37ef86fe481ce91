//! Adam and `AdamW`, as `torch.optim.Adam` and `torch.optim.AdamW` do it.

use super::optimizer::{Rule, Settings, decayed, first_or_empty, kept};
use super::setting::{SettingError, below_one, not_negative, positive};
use crate::engine::kernels::{Kernel, Level, Real};

/// Settings of Adam (Kingma and Ba 2015) and `AdamW` (Loshchilov and Hutter 2019); names, defaults and formulas of
/// `torch.optim`.
///
/// With parameters p, gradient g, first and second moments m and v, and betas (b1, b2), step number t is
///
/// ```text
/// p = p (1 - learning_rate weight_decay)               if decoupled
/// g = g + weight_decay p                               if not
/// m = m + (1 - b1) (g - m)
/// v = b2 v + (1 - b2) g²
/// w = the largest v so far if amsgrad, else v
/// p = p - learning_rate / (1 - b1^t)  m / (√w / √(1 - b2^t) + eps)
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Length of a step.
    pub learning_rate: f64,
    /// How much of the first and second moments remains, each in [0, 1).
    pub betas: [f64; 2],
    /// Added to the divisor, above 0.
    pub eps: f64,
    /// Pull of the parameters towards 0.
    pub weight_decay: f64,
    /// Whether steps are divided by the largest second moment so far (Reddi, Kale and Kumar 2018).
    pub amsgrad: bool,
    /// Whether the weight decay acts on the parameters themselves, not through the gradient: `AdamW`.
    pub decoupled: bool,
}

impl Adam {
    /// PyTorch's defaults of `Adam`.
    pub const ADAM: Self = Self {
        learning_rate: 1e-3,
        betas: [0.9, 0.999],
        eps: 1e-8,
        weight_decay: 0.0,
        amsgrad: false,
        decoupled: false,
    };
    /// PyTorch's defaults of `AdamW`.
    pub const ADAMW: Self = Self { weight_decay: 0.01, decoupled: true, ..Self::ADAM };
}

impl Settings for Adam {
    fn name(&self) -> &'static str {
        if self.decoupled { "adamw" } else { "adam" }
    }

    fn check(&self) -> Result<(), SettingError> {
        positive("learning_rate", self.learning_rate)?;
        below_one("betas/0", self.betas[0])?;
        below_one("betas/1", self.betas[1])?;
        positive("eps", self.eps)?;
        not_negative("weight_decay", self.weight_decay)
    }

    fn learning_rate(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.betas[0])
    }

    fn names(&self) -> &'static [&'static str] {
        let all = &["exp_avg", "exp_avg_sq", "max_exp_avg_sq"];
        if self.amsgrad { all } else { &all[..2] }
    }
}

impl Rule for Adam {
    fn step<T: Real>(
        &self,
        step: u64,
        _: bool,
        buffers: &mut [Vec<T>],
        parameters: &mut [T],
        gradient: &[T],
    ) {
        let (moments, largest) = buffers.split_at_mut(2);
        let [first, second] = moments else { unreachable!("two moments") };
        let largest = first_or_empty(largest);
        Level::best().run(Step { adam: self, step, first, second, largest, parameters, gradient });
    }
}

struct Step<'a, T> {
    adam: &'a Adam,
    step: u64,
    first: &'a mut [T],
    second: &'a mut [T],
    /// Empty without amsgrad.
    largest: &'a mut [T],
    parameters: &'a mut [T],
    gradient: &'a [T],
}

impl<T: Real> Kernel for Step<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Adam { learning_rate, betas: [beta1, beta2], eps, weight_decay, amsgrad, decoupled } = *self.adam;
        let correction = |beta: f64| 1.0 - libm::pow(beta, self.step as f64);
        let step = T::from_f64(-(learning_rate / correction(beta1)));
        let correction = T::from_f64(correction(beta2).sqrt());
        let keep = T::from_f64(1.0 - learning_rate * weight_decay);
        let (weight, eps) = (T::from_f64(1.0 - beta1), T::from_f64(eps));
        let (beta2, fresh) = (T::from_f64(beta2), T::from_f64(1.0 - beta2));
        let moments = self.first.iter_mut().zip(self.second);
        for (i, ((p, &g), (m, v))) in self.parameters.iter_mut().zip(self.gradient).zip(moments).enumerate() {
            let g = if decoupled { g } else { decayed(*p, g, weight_decay) };
            // As there: 0 times an infinite parameter is not 0.
            if decoupled && weight_decay != 0.0 {
                *p *= keep;
            }
            *m = kept(lerp(*m, g, weight));
            *v = (g * fresh).mul_add(g, *v * beta2);
            let mut w = *v;
            if amsgrad {
                w = self.largest[i].max(w);
                self.largest[i] = w;
            }
            *p += *m * step / (w.sqrt() / correction + eps);
        }
    }
}

/// `start + weight (end - start)`, from the nearer end, as `torch.lerp`.
#[inline(always)]
pub(super) fn lerp<T: Real>(start: T, end: T, weight: T) -> T {
    if weight < T::from_f64(0.5) {
        weight.mul_add(end - start, start)
    } else {
        (weight - T::ONE).mul_add(end - start, end)
    }
}
