//! Stochastic gradient descent on the wire.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::nn::Scalar;
use crate::train::{self, OptimizerState};

use super::optimizer::setting_problem;
use super::problem::Problem;
use super::tensors::{Shape, Tensors};
use super::{dtype, real};

/// Settings of stochastic gradient descent, with the names, defaults and formulas of PyTorch's `SGD`: with parameters p,
/// gradient g and velocity v, a step is g = g + `weight_decay` p; v = g at the first step, else momentum v + (1 -
/// dampening) g; g = g + momentum v if nesterov, else v; p = p - `learning_rate` g. Without momentum, g itself is the step.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sgd {
    /// Length of a step along the gradient.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub learning_rate: f64,
    /// How much of the velocity remains.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub momentum: f64,
    /// How much of the gradient does not enter the velocity.
    #[serde(default)]
    #[schema(default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub dampening: f64,
    /// Pull of the parameters towards 0.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub weight_decay: f64,
    /// Whether the step looks ahead along the velocity. Needs a momentum above 0 and no dampening.
    #[serde(default)]
    #[schema(default = false)]
    pub nesterov: bool,
}

/// One step of stochastic gradient descent, with PyTorch's formulas. A client that makes several steps with momentum sends
/// the `velocity` of each answer with its next request.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SgdStep<'a> {
    /// Length of a step along the gradient.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub learning_rate: f64,
    /// How much of the velocity remains.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub momentum: f64,
    /// How much of the gradient does not enter the velocity.
    #[serde(default)]
    #[schema(default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub dampening: f64,
    /// Pull of the parameters towards 0.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub weight_decay: f64,
    /// Whether the step looks ahead along the velocity. Needs a momentum above 0 and no dampening.
    #[serde(default)]
    #[schema(default = false)]
    pub nesterov: bool,
    /// The velocity that the step before answered; absent at the first step.
    #[serde(borrow, default)]
    pub velocity: Option<Tensors<'a>>,
}

impl SgdStep<'_> {
    fn settings(&self) -> Sgd {
        Sgd {
            learning_rate: self.learning_rate,
            momentum: self.momentum,
            dampening: self.dampening,
            weight_decay: self.weight_decay,
            nesterov: self.nesterov,
        }
    }

    /// Moves `parameters` along `gradient`; gives the new velocity, if there is a momentum.
    pub(super) fn step<T: Scalar>(
        self,
        shape: &Shape<'_>,
        parameters: &mut [T],
        gradient: &[T],
    ) -> Result<Option<Vec<T>>, Problem> {
        const VELOCITY: &str = "/sgd/velocity";
        let sgd = self.settings().resolve("/sgd")?;
        let velocity = match self.velocity {
            None => None,
            Some(given) => Some(dtype::round::<T>(&shape.flatten(given, VELOCITY)?, VELOCITY)?.into_owned()),
        };
        let mut state = OptimizerState { buffers: velocity.into_iter().collect() };
        sgd.step_once(&mut state, parameters, gradient);
        Ok(state.buffers.pop())
    }

    /// Refuses settings that cannot be meant, before any work is done.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.settings().resolve("/sgd")?;
        if self.momentum == 0.0 && self.velocity.is_some() {
            return Err(Problem::at(
                "/sgd/velocity",
                "A velocity has no effect while `momentum` is 0; leave it out or set it.",
            ));
        }
        Ok(())
    }
}

impl Sgd {
    /// The settings of the library; `place` is the pointer to these.
    pub(super) fn resolve(self, place: &str) -> Result<train::Sgd, Problem> {
        let Sgd { learning_rate, momentum, dampening, weight_decay, nesterov } = self;
        train::Sgd::with(learning_rate, momentum, dampening, weight_decay, nesterov)
            .map_err(|error| setting_problem(place, &error))
    }
}
