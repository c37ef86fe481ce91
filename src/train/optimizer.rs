//! The optimizers behind one trait, and the state that they carry from step to step.

use std::borrow::Cow;

use super::adagrad::Adagrad;
use super::adam::Adam;
use super::error::Error;
use super::lbfgs::Lbfgs;
use super::rmsprop::RmsProp;
use super::setting::SettingError;
use super::sgd::Sgd;
use crate::engine::kernels::Real;

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
    /// Adam, and `AdamW` where its weight decay is decoupled.
    Adam(Adam),
    /// `RMSprop`.
    RmsProp(RmsProp),
    /// Adagrad.
    Adagrad(Adagrad),
    /// L-BFGS.
    Lbfgs(Lbfgs),
}

/// A loss by its parameters, whose derivative replaces the content of the second vector.
pub type Objective<'o, T> = dyn FnMut(&[T], &mut [T]) -> Result<f64, Error> + 'o;

/// What distinguishes one optimizer from another. Checks, state, schedules and the wire follow from this.
pub(super) trait Settings: Copy {
    /// As PyTorch calls it, in lower case.
    fn name(&self) -> &'static str;

    /// Whether the settings can be meant.
    fn check(&self) -> Result<(), SettingError>;

    /// Length of a step.
    fn learning_rate(&mut self) -> &mut f64;

    /// What a schedule that cycles the momentum moves: the momentum, or the first of the betas.
    fn momentum(&mut self) -> Option<&mut f64> {
        None
    }

    /// Names of the buffers that these settings keep whatever the course of the run, one number per parameter each, in the
    /// order in which [`Rule::step`] gets them.
    fn names(&self) -> &'static [&'static str] {
        &[]
    }

    /// Names of all buffers that these settings keep, where `given` are there: their number may depend on the course of the
    /// run.
    fn buffers(&self, _given: usize) -> Vec<Cow<'static, str>> {
        self.names().iter().map(|name| Cow::Borrowed(*name)).collect()
    }
}

/// An optimizer that steps by one gradient, number by number.
pub(super) trait Rule: Settings {
    /// What buffers hold before the first step.
    fn initial(&self) -> f64 {
        0.0
    }

    /// Makes step number `step`, counted from 1. `fresh` says that the buffers hold what they hold before the first.
    fn step<T: Real>(
        &self,
        step: u64,
        fresh: bool,
        buffers: &mut [Vec<T>],
        parameters: &mut [T],
        gradient: &[T],
    );
}

/// Moves `parameters` by step number `step` of `rule`, counted from 1.
pub(super) fn step_by<R: Rule, T: Real>(
    rule: &R,
    step: u64,
    state: &mut OptimizerState<T>,
    parameters: &mut [T],
    gradient: &[T],
) {
    let fresh = state.buffers.is_empty();
    let initial = T::from_f64(rule.initial());
    state.buffers.resize_with(rule.names().len(), || vec![initial; parameters.len()]);
    rule.step(step, fresh, &mut state.buffers, parameters, gradient);
}

/// The gradient with the pull of a weight decay. Without one it is the gradient, which is not merely a shortcut: 0 times an
/// infinite parameter is not 0.
#[inline(always)]
pub(super) fn decayed<T: Real>(parameter: T, gradient: T, weight_decay: f64) -> T {
    if weight_decay == 0.0 { gradient } else { parameter.mul_add(T::from_f64(weight_decay), gradient) }
}

/// What a moment keeps of `x`: nothing below the smallest normal number. A moment whose gradient is 0 decays until it is there
/// and never gets any further, 0.9 of the smallest number being rounded to itself; and on many processors each operation on such
/// a number takes a hundred cycles.
#[inline(always)]
pub(super) fn kept<T: Real>(x: T) -> T {
    if x.abs() < T::TINY { T::ZERO } else { x }
}

/// A buffer that some settings do without.
pub(super) fn first_or_empty<T>(buffers: &mut [Vec<T>]) -> &mut [T] {
    buffers.first_mut().map_or(&mut [], Vec::as_mut_slice)
}

/// What an optimizer remembers between steps. It can be stored and given back to continue a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState<T> {
    /// As named by [`Optimizer::buffers`]; none before the first step.
    pub buffers: Vec<Vec<T>>,
}

/// Why a state was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    /// A buffer is not as long as the parameter vector.
    #[error("{buffer} has {actual} values, but the model has {expected} parameters")]
    Length {
        /// The buffer's name.
        buffer: Cow<'static, str>,
        /// The model's parameters.
        expected: usize,
        /// The buffer's length.
        actual: usize,
    },
    /// There are not as many buffers as these settings keep after so many steps.
    #[error(
        "the state has {actual} buffers, but {optimizer} with these settings keeps {expected} after step {step}"
    )]
    Buffers {
        /// The optimizer's name.
        optimizer: &'static str,
        /// Buffers that it keeps.
        expected: usize,
        /// Buffers given.
        actual: usize,
        /// Steps done.
        step: u64,
    },
    /// A part is there although the recipe has no use for it, or the other way round.
    #[error("{part} {}", if *.given { "was given, but this recipe does not use it" } else { "is missing, which this recipe needs" })]
    Part {
        /// The part's name.
        part: &'static str,
        /// Whether it was given.
        given: bool,
    },
    /// A value is infinite or NaN.
    #[error("{buffer} is {value} at {index}: it must be finite")]
    NotFinite {
        /// The buffer's name.
        buffer: Cow<'static, str>,
        /// Where in it.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// The step is past the plan's end.
    #[error("the state is at step {step}, but the run ends at step {total}")]
    PastTheEnd {
        /// Steps done.
        step: u64,
        /// Steps of the plan.
        total: u64,
    },
}

/// Calls a method of [`Settings`] on whichever optimizer it is.
macro_rules! each {
    ($optimizer:expr, $rule:ident => $body:expr) => {
        match $optimizer {
            Optimizer::Sgd($rule) => $body,
            Optimizer::Adam($rule) => $body,
            Optimizer::RmsProp($rule) => $body,
            Optimizer::Adagrad($rule) => $body,
            Optimizer::Lbfgs($rule) => $body,
        }
    };
}

impl Optimizer {
    /// As PyTorch calls it, in lower case.
    pub fn name(&self) -> &'static str {
        each!(self, rule => rule.name())
    }

    /// Whether the settings can be meant.
    pub fn check(&self) -> Result<(), SettingError> {
        each!(self, rule => rule.check())
    }

    /// Length of a step, before any schedule.
    pub fn learning_rate(mut self) -> f64 {
        *each!(&mut self, rule => rule.learning_rate())
    }

    /// Whether there is a momentum that a schedule can cycle.
    pub fn has_momentum(mut self) -> bool {
        each!(&mut self, rule => rule.momentum()).is_some()
    }

    /// The same optimizer with other settings for one step, as a schedule wants them.
    #[must_use]
    pub fn with(mut self, learning_rate: f64, momentum: Option<f64>) -> Self {
        each!(&mut self, rule => {
            *rule.learning_rate() = learning_rate;
            if let (Some(own), Some(momentum)) = (rule.momentum(), momentum) {
                *own = momentum;
            }
        });
        self
    }

    /// Names of the buffers that these settings keep after a step, where `given` are there: only for L-BFGS does their number
    /// depend on the course of the run.
    pub fn buffers(&self, given: usize) -> Vec<Cow<'static, str>> {
        each!(self, rule => rule.buffers(given))
    }

    /// Buffers that it may come to keep in so many steps, each as long as the parameters.
    pub fn most_buffers(&self, steps: u64) -> usize {
        match self {
            Optimizer::Lbfgs(lbfgs) => lbfgs.most_buffers(steps),
            other => other.buffers(0).len(),
        }
    }

    /// Losses with their gradients that one step may compute.
    pub fn most_evaluations(&self) -> f64 {
        match self {
            Optimizer::Lbfgs(lbfgs) => lbfgs.most_evaluations() as f64,
            _ => 1.0,
        }
    }

    /// The state before the first step.
    pub fn start<T: Real>(&self) -> OptimizerState<T> {
        OptimizerState { buffers: Vec::new() }
    }

    /// Moves `parameters` by step number `step`, counted from 1. There the `objective` is `loss` with the derivative
    /// `gradient`; L-BFGS alone asks it for others, and leaves everything as it was if it fails.
    pub fn step<T: Real>(
        &self,
        step: u64,
        state: &mut OptimizerState<T>,
        parameters: &mut [T],
        (loss, gradient): (f64, &[T]),
        objective: &mut Objective<'_, T>,
    ) -> Result<(), Error> {
        match self {
            Optimizer::Sgd(rule) => step_by(rule, step, state, parameters, gradient),
            Optimizer::Adam(rule) => step_by(rule, step, state, parameters, gradient),
            Optimizer::RmsProp(rule) => step_by(rule, step, state, parameters, gradient),
            Optimizer::Adagrad(rule) => step_by(rule, step, state, parameters, gradient),
            Optimizer::Lbfgs(lbfgs) => {
                return lbfgs.step(&mut state.buffers, parameters, (loss, gradient), objective);
            }
        }
        Ok(())
    }

    /// Whether `state` can be what this optimizer left after `step` steps over `parameters` parameters.
    pub fn check_state<T: Real>(
        &self,
        state: &OptimizerState<T>,
        step: u64,
        parameters: usize,
    ) -> Result<(), StateError> {
        let names = if step == 0 { Vec::new() } else { self.buffers(state.buffers.len()) };
        let (expected, actual) = (names.len(), state.buffers.len());
        if actual != expected {
            return Err(StateError::Buffers { optimizer: self.name(), expected, actual, step });
        }
        for (buffer, values) in names.into_iter().zip(&state.buffers) {
            if values.len() != parameters {
                return Err(StateError::Length { buffer, expected: parameters, actual: values.len() });
            }
            if let Some(index) = values.iter().position(|x| !x.is_finite()) {
                return Err(StateError::NotFinite { buffer, index, value: values[index].to_f64() });
            }
        }
        Ok(())
    }
}
