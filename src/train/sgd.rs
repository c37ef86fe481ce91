//! Stochastic gradient descent, as `torch.optim.SGD` does it.

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

/// Why settings were refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SgdError {
    /// Zero, negative, infinite or NaN.
    #[error("learning_rate is {0}: it must be finite and above 0")]
    LearningRate(f64),
    /// Negative, infinite or NaN.
    #[error("momentum is {0}: it must be finite and at least 0")]
    Momentum(f64),
    /// Infinite or NaN.
    #[error("dampening is {0}: it must be finite")]
    Dampening(f64),
    /// Negative, infinite or NaN.
    #[error("weight_decay is {0}: it must be finite and at least 0")]
    WeightDecay(f64),
    /// Nesterov momentum without momentum, or with dampening.
    #[error("nesterov needs a momentum above 0 and no dampening")]
    Nesterov,
}

impl Sgd {
    /// Plain descent: no momentum, no weight decay.
    pub fn new(learning_rate: f64) -> Result<Self, SgdError> {
        Self::with(learning_rate, 0.0, 0.0, 0.0, false)
    }

    /// All settings, in the order of `torch.optim.SGD`.
    pub fn with(
        learning_rate: f64,
        momentum: f64,
        dampening: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> Result<Self, SgdError> {
        if !(learning_rate.is_finite() && learning_rate > 0.0) {
            return Err(SgdError::LearningRate(learning_rate));
        }
        if !(momentum.is_finite() && momentum >= 0.0) {
            return Err(SgdError::Momentum(momentum));
        }
        if !dampening.is_finite() {
            return Err(SgdError::Dampening(dampening));
        }
        if !(weight_decay.is_finite() && weight_decay >= 0.0) {
            return Err(SgdError::WeightDecay(weight_decay));
        }
        if nesterov && (momentum == 0.0 || dampening != 0.0) {
            return Err(SgdError::Nesterov);
        }
        Ok(Self { learning_rate, momentum, dampening, weight_decay, nesterov })
    }

    /// Whether steps keep a momentum buffer.
    pub(super) fn has_momentum(&self) -> bool {
        self.momentum != 0.0
    }

    /// One step. `buffer` is the momentum buffer, empty before the first step and unused without momentum.
    pub(super) fn step<T: Real>(&self, buffer: &mut Vec<T>, parameters: &mut [T], gradient: &[T]) {
        if !self.has_momentum() {
            Level::best().run(Plain { sgd: self, parameters, gradient });
            return;
        }
        let first = buffer.is_empty();
        buffer.resize(parameters.len(), T::ZERO);
        Level::best().run(Momentum { sgd: self, first, buffer, parameters, gradient });
    }

    #[inline(always)]
    fn decayed<T: Real>(&self, parameter: T, gradient: T) -> T {
        // Not merely a shortcut: 0 times an infinite parameter is not 0.
        if self.weight_decay == 0.0 {
            gradient
        } else {
            parameter.mul_add(T::from_f64(self.weight_decay), gradient)
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
            *p = sgd.decayed(*p, g).mul_add(rate, *p);
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
            let g = sgd.decayed(*p, g);
            *b = if self.first { g } else { g.mul_add(fresh, *b * momentum) };
            let direction = if sgd.nesterov { b.mul_add(momentum, g) } else { *b };
            *p = direction.mul_add(rate, *p);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_checked_as_pytorch_does() {
        assert_eq!(Sgd::new(0.0), Err(SgdError::LearningRate(0.0)));
        assert!(matches!(Sgd::new(f64::NAN), Err(SgdError::LearningRate(_))));
        assert_eq!(Sgd::with(0.1, -1.0, 0.0, 0.0, false), Err(SgdError::Momentum(-1.0)));
        assert_eq!(Sgd::with(0.1, 0.9, f64::INFINITY, 0.0, false), Err(SgdError::Dampening(f64::INFINITY)));
        assert_eq!(Sgd::with(0.1, 0.9, 0.0, -0.1, false), Err(SgdError::WeightDecay(-0.1)));
        assert_eq!(Sgd::with(0.1, 0.0, 0.0, 0.0, true), Err(SgdError::Nesterov));
        assert_eq!(Sgd::with(0.1, 0.9, 0.5, 0.0, true), Err(SgdError::Nesterov));
        assert!(Sgd::with(0.1, 0.9, 0.0, 0.1, true).is_ok());
        assert!(Sgd::with(0.1, 0.9, -2.0, 0.1, false).is_ok());
    }

    #[test]
    fn steps_follow_the_formulas() {
        let sgd = Sgd::with(0.5, 0.5, 0.25, 0.5, false).unwrap();
        let (mut buffer, mut p) = (Vec::new(), [2.0]);
        sgd.step(&mut buffer, &mut p, &[1.0]);
        // g = 1 + 0.5 * 2 = 2 fills the buffer undampened; p = 2 - 0.5 * 2
        assert_eq!((buffer[0], p[0]), (2.0, 1.0));
        sgd.step(&mut buffer, &mut p, &[1.0]);
        // g = 1.5; b = 0.5 * 2 + 0.75 * 1.5 = 2.125; p = 1 - 1.0625
        assert_eq!((buffer[0], p[0]), (2.125, -0.0625));

        let sgd = Sgd::with(0.5, 0.5, 0.0, 0.0, true).unwrap();
        let (mut buffer, mut p) = (Vec::new(), [2.0]);
        sgd.step(&mut buffer, &mut p, &[1.0]);
        // direction = 1 + 0.5 * 1
        assert_eq!((buffer[0], p[0]), (1.0, 1.25));
    }
}
