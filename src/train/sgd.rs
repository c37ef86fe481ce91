//! Stochastic gradient descent, as `torch.optim.SGD` does it.

use super::optimizer::{OptimizerState, Rule, Settings, decayed, kept, step_by};
use super::setting::{SettingError, finite, not_negative, positive};
use crate::engine::kernels::{Kernel, Level, Real};

/// Settings of stochastic gradient descent; names, defaults and formulas of `torch.optim.SGD`.
///
/// With parameters p, gradient g and momentum buffer b, a step is
///
/// ```text
/// g = g + weight_decay p                               if weight_decay is not 0
/// b = g at the first step, else momentum b + (1 - dampening) g
/// g = g + momentum b  if nesterov, else b              these two if momentum is not 0
/// p = p - learning_rate g
/// ```
///
/// where each `x + c y` is one fused multiply-add, as in PyTorch's vectorised CPU kernels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    learning_rate: f64,
    momentum: f64,
    dampening: f64,
    weight_decay: f64,
    nesterov: bool,
}

impl Sgd {
    /// Plain descent: no momentum, no weight decay.
    pub fn new(learning_rate: f64) -> Result<Self, SettingError> {
        Self::with(learning_rate, 0.0, 0.0, 0.0, false)
    }

    /// All settings, in the order of `torch.optim.SGD`.
    pub fn with(
        learning_rate: f64,
        momentum: f64,
        dampening: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> Result<Self, SettingError> {
        let sgd = Self { learning_rate, momentum, dampening, weight_decay, nesterov };
        sgd.check()?;
        Ok(sgd)
    }

    /// One step by itself, as a run makes it. `state` is what the step before left.
    pub fn step_once<T: Real>(&self, state: &mut OptimizerState<T>, parameters: &mut [T], gradient: &[T]) {
        // The formulas do not depend on the number of the step.
        step_by(self, 1, state, parameters, gradient);
    }
}

impl Settings for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn check(&self) -> Result<(), SettingError> {
        positive("learning_rate", self.learning_rate)?;
        not_negative("momentum", self.momentum)?;
        finite("dampening", self.dampening)?;
        not_negative("weight_decay", self.weight_decay)?;
        if self.nesterov && (self.momentum == 0.0 || self.dampening != 0.0) {
            let needs = "a momentum above 0 and no dampening";
            return Err(SettingError::Needs { setting: "nesterov", needs });
        }
        Ok(())
    }

    fn learning_rate(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    fn momentum(&mut self) -> Option<&mut f64> {
        Some(&mut self.momentum)
    }

    fn names(&self) -> &'static [&'static str] {
        if self.momentum == 0.0 { &[] } else { &["velocity"] }
    }
}

impl Rule for Sgd {
    fn step<T: Real>(
        &self,
        _: u64,
        fresh: bool,
        buffers: &mut [Vec<T>],
        parameters: &mut [T],
        gradient: &[T],
    ) {
        match buffers {
            [] => Level::best().run(Plain { sgd: self, parameters, gradient }),
            [buffer, ..] => {
                Level::best().run(Momentum { sgd: self, first: fresh, buffer, parameters, gradient });
            }
        }
    }
}

struct Plain<'a, T> {
    sgd: &'a Sgd,
    parameters: &'a mut [T],
    gradient: &'a [T],
}

impl<T: Real> Kernel for Plain<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let sgd = *self.sgd;
        let rate = T::from_f64(-sgd.learning_rate);
        for (p, &g) in self.parameters.iter_mut().zip(self.gradient) {
            *p = decayed(*p, g, sgd.weight_decay).mul_add(rate, *p);
        }
    }
}

struct Momentum<'a, T> {
    sgd: &'a Sgd,
    first: bool,
    buffer: &'a mut [T],
    parameters: &'a mut [T],
    gradient: &'a [T],
}

impl<T: Real> Kernel for Momentum<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let sgd = *self.sgd;
        let rate = T::from_f64(-sgd.learning_rate);
        let momentum = T::from_f64(sgd.momentum);
        let fresh = T::from_f64(1.0 - sgd.dampening);
        for ((p, &g), b) in self.parameters.iter_mut().zip(self.gradient).zip(self.buffer) {
            let g = decayed(*p, g, sgd.weight_decay);
            *b = kept(if self.first { g } else { g.mul_add(fresh, *b * momentum) });
            let direction = if sgd.nesterov { b.mul_add(momentum, g) } else { *b };
            *p = direction.mul_add(rate, *p);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The setting that was refused.
    fn refused(result: Result<Sgd, SettingError>) -> &'static str {
        result.unwrap_err().setting()
    }

    #[test]
    fn settings_are_checked_as_pytorch_does() {
        assert_eq!(refused(Sgd::new(0.0)), "learning_rate");
        assert_eq!(refused(Sgd::new(f64::NAN)), "learning_rate");
        assert_eq!(refused(Sgd::with(0.1, -1.0, 0.0, 0.0, false)), "momentum");
        assert_eq!(refused(Sgd::with(0.1, 0.9, f64::INFINITY, 0.0, false)), "dampening");
        assert_eq!(refused(Sgd::with(0.1, 0.9, 0.0, -0.1, false)), "weight_decay");
        assert_eq!(refused(Sgd::with(0.1, 0.0, 0.0, 0.0, true)), "nesterov");
        assert_eq!(refused(Sgd::with(0.1, 0.9, 0.5, 0.0, true)), "nesterov");
        assert!(Sgd::with(0.1, 0.9, 0.0, 0.1, true).is_ok());
        assert!(Sgd::with(0.1, 0.9, -2.0, 0.1, false).is_ok());
    }

    #[test]
    fn a_velocity_without_gradients_comes_to_rest() {
        let sgd = Sgd::with(0.5, 0.9, 0.0, 0.0, false).unwrap();
        let (mut buffers, mut p) = ([vec![-3e-308, 3e-308]], [1.0, 1.0]);
        let after: Vec<f64> = (2..5)
            .map(|step| {
                sgd.step(step, false, &mut buffers, &mut p, &[0.0; 2]);
                buffers[0][1]
            })
            .collect();
        // The next would be 2.187e-308, below the smallest normal number.
        assert_eq!(after, [3e-308 * 0.9, 3e-308 * 0.9 * 0.9, 0.0]);
        assert_eq!(buffers[0], [0.0, 0.0]);
    }

    #[test]
    fn steps_follow_the_formulas() {
        let sgd = Sgd::with(0.5, 0.5, 0.25, 0.5, false).unwrap();
        let (mut buffers, mut p) = ([vec![0.0]], [2.0]);
        sgd.step(1, true, &mut buffers, &mut p, &[1.0]);
        // g = 1 + 0.5 * 2 = 2 fills the buffer undampened; p = 2 - 0.5 * 2
        assert_eq!((buffers[0][0], p[0]), (2.0, 1.0));
        sgd.step(2, false, &mut buffers, &mut p, &[1.0]);
        // g = 1.5; b = 0.5 * 2 + 0.75 * 1.5 = 2.125; p = 1 - 1.0625
        assert_eq!((buffers[0][0], p[0]), (2.125, -0.0625));

        let sgd = Sgd::with(0.5, 0.5, 0.0, 0.0, true).unwrap();
        let (mut buffers, mut p) = ([vec![0.0]], [2.0]);
        sgd.step(1, true, &mut buffers, &mut p, &[1.0]);
        // direction = 1 + 0.5 * 1
        assert_eq!((buffers[0][0], p[0]), (1.0, 1.25));
    }
}
