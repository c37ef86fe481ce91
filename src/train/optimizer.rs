//! The optimizers, and the state that they carry from step to step.

use super::sgd::Sgd;
use crate::engine::kernels::Real;

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd(Sgd),
}

/// What an optimizer remembers between steps. It can be stored and given back to continue a run.
#[derive(Clone, Debug, PartialEq)]
pub enum OptimizerState<T> {
    /// Of [`Optimizer::Sgd`].
    Sgd {
        /// One number per parameter; empty without momentum and before the first step.
        momentum_buffer: Vec<T>,
    },
}

/// Why a state was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    /// A buffer is not as long as the parameter vector.
    #[error("{buffer} has {actual} values, but the model has {expected} parameters")]
    Length {
        /// The buffer's name.
        buffer: &'static str,
        /// The model's parameters.
        expected: usize,
        /// The buffer's length.
        actual: usize,
    },
    /// A buffer is there although the settings do not use it, or the other way round.
    #[error("{buffer} {}", if *.given { "was given, but these settings keep none" } else { "is missing" })]
    Presence {
        /// The buffer's name.
        buffer: &'static str,
        /// Whether it was given.
        given: bool,
    },
    /// A value is infinite or NaN.
    #[error("{buffer} is {value} at {index}: it must be finite")]
    NotFinite {
        /// The buffer's name.
        buffer: &'static str,
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

impl Optimizer {
    /// The state before the first step.
    pub fn start<T: Real>(&self) -> OptimizerState<T> {
        match self {
            Optimizer::Sgd(_) => OptimizerState::Sgd { momentum_buffer: Vec::new() },
        }
    }

    /// Moves `parameters` by one step.
    pub fn step<T: Real>(&self, state: &mut OptimizerState<T>, parameters: &mut [T], gradient: &[T]) {
        match (self, state) {
            (Optimizer::Sgd(sgd), OptimizerState::Sgd { momentum_buffer }) => {
                sgd.step(momentum_buffer, parameters, gradient);
            }
        }
    }

    /// Whether `state` can be what this optimizer left after `step` steps over `parameters` parameters.
    pub fn check<T: Real>(
        &self,
        state: &OptimizerState<T>,
        step: u64,
        parameters: usize,
    ) -> Result<(), StateError> {
        match (self, state) {
            (Optimizer::Sgd(sgd), OptimizerState::Sgd { momentum_buffer }) => {
                let needed = step > 0 && sgd.has_momentum();
                check_buffer("momentum_buffer", momentum_buffer, needed, parameters)
            }
        }
    }
}

fn check_buffer<T: Real>(
    buffer: &'static str,
    values: &[T],
    needed: bool,
    parameters: usize,
) -> Result<(), StateError> {
    let given = !values.is_empty();
    if given != needed {
        return Err(StateError::Presence { buffer, given });
    }
    if given && values.len() != parameters {
        return Err(StateError::Length { buffer, expected: parameters, actual: values.len() });
    }
    match values.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(StateError::NotFinite { buffer, index, value: values[index].to_f64() }),
        None => Ok(()),
    }
}
