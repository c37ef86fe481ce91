//! Optimizers on the wire.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::train::{self, SettingError};

use super::choice::LineSearchName;
use super::mlp::capitalised;
use super::one_of::one_of;
use super::problem::Problem;
use super::sgd::Sgd;
use super::{count, object, real};

/// An optimizer by its name, with its settings: exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 1)]
pub struct Optimizer {
    /// Stochastic gradient descent.
    #[serde(default, deserialize_with = "object::optional")]
    pub sgd: Option<Sgd>,
    /// Adam.
    #[serde(default, deserialize_with = "object::optional")]
    pub adam: Option<Adam>,
    /// Adam with a weight decay of its own, 0.01 unless given, that acts on the parameters instead of the gradient.
    #[serde(default, deserialize_with = "object::optional")]
    pub adamw: Option<Adam>,
    /// `RMSprop`.
    #[serde(default, deserialize_with = "object::optional")]
    pub rmsprop: Option<RmsProp>,
    /// Adagrad.
    #[serde(default, deserialize_with = "object::optional")]
    pub adagrad: Option<Adagrad>,
    /// L-BFGS. Each step sees all rows, and computes their loss several times.
    #[serde(default, deserialize_with = "object::optional")]
    pub lbfgs: Option<Lbfgs>,
}

/// Settings of Adam, with the names, defaults and formulas of PyTorch's `Adam` and `AdamW`: with parameters p, gradient g
/// and moments m and v, step t is m = m + (1 - b1) (g - m); v = b2 v + (1 - b2) g²; p = p - `learning_rate` / (1 - b1^t) m /
/// (√v / √(1 - b2^t) + eps). Before that g = g + `weight_decay` p, or for `adamw` p = p (1 - `learning_rate` `weight_decay`).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Length of a step.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub learning_rate: f64,
    /// How much of the first and second moments remains, each at least 0 and below 1.
    #[schema(min_items = 2, max_items = 2)]
    #[serde(deserialize_with = "real::pair")]
    pub betas: [f64; 2],
    /// Added to the divisor.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub eps: f64,
    /// Pull of the parameters towards 0; 0 unless given, for `adamw` 0.01.
    #[schema(minimum = 0)]
    #[serde(default, deserialize_with = "real::optional")]
    pub weight_decay: Option<f64>,
    /// Whether steps are divided by the largest second moment so far.
    pub amsgrad: bool,
}

/// Settings of `RMSprop`, with the names, defaults and formulas of PyTorch's `RMSprop`: with parameters p, gradient g and
/// mean square v, a step is g = g + `weight_decay` p; v = alpha v + (1 - alpha) g²; p = p - `learning_rate` g / (√v + eps).
/// With a momentum, g / (√v + eps) first enters a buffer b = momentum b + g / (√v + eps), which is then the step.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RmsProp {
    /// Length of a step.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub learning_rate: f64,
    /// How much of the mean square remains, at least 0 and below 1.
    #[schema(minimum = 0, exclusive_maximum = 1)]
    #[serde(deserialize_with = "real::required")]
    pub alpha: f64,
    /// Added to the divisor.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub eps: f64,
    /// Pull of the parameters towards 0.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub weight_decay: f64,
    /// How much of the last step remains.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub momentum: f64,
    /// Whether steps are divided by the deviation of the gradient, √(v - mean²), instead of its root mean square.
    pub centered: bool,
}

/// Settings of Adagrad, with the names, defaults and formulas of PyTorch's `Adagrad`: with parameters p, gradient g and sum
/// of squares s, step t is g = g + `weight_decay` p; s = s + g²; p = p - `learning_rate` / (1 + (t - 1) `lr_decay`) g / (√s +
/// eps).
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adagrad {
    /// Length of a step.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub learning_rate: f64,
    /// How fast the learning rate falls with the number of steps.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub lr_decay: f64,
    /// Pull of the parameters towards 0.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub weight_decay: f64,
    /// What the sums of squares start from.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub initial_accumulator_value: f64,
    /// Added to the divisor.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub eps: f64,
}

/// Settings of L-BFGS, with the names, defaults and algorithm of PyTorch's `LBFGS`. One step makes up to `max_iter`
/// iterations and ends early when the gradient or the progress is within the tolerances.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lbfgs {
    /// Length of a move along the direction, or the first that the line search tries.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub learning_rate: f64,
    /// Iterations of one step.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub max_iter: u64,
    /// Losses computed in one step; `max_iter` 5 / 4 unless given.
    #[serde(deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub max_eval: Option<u64>,
    /// A step ends when no derivative is larger than this.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub tolerance_grad: f64,
    /// A step ends when neither the loss nor any parameter changes by more than this.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub tolerance_change: f64,
    /// Iterations that the approximate Hessian remembers.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub history_size: u64,
    /// How far to go along a direction.
    pub line_search_fn: LineSearchName,
}

impl Default for Lbfgs {
    fn default() -> Self {
        let defaults = train::Lbfgs::default();
        Self {
            learning_rate: defaults.learning_rate,
            max_iter: defaults.max_iter,
            max_eval: defaults.max_eval,
            tolerance_grad: defaults.tolerance_grad,
            tolerance_change: defaults.tolerance_change,
            history_size: defaults.history_size,
            line_search_fn: LineSearchName(defaults.line_search),
        }
    }
}

impl From<Lbfgs> for train::Optimizer {
    fn from(settings: Lbfgs) -> Self {
        let LineSearchName(line_search) = settings.line_search_fn;
        Self::Lbfgs(train::Lbfgs {
            learning_rate: settings.learning_rate,
            max_iter: settings.max_iter,
            max_eval: settings.max_eval,
            tolerance_grad: settings.tolerance_grad,
            tolerance_change: settings.tolerance_change,
            history_size: settings.history_size,
            line_search,
        })
    }
}

impl Default for Adam {
    fn default() -> Self {
        let train::Adam { learning_rate, betas, eps, amsgrad, .. } = train::Adam::ADAM;
        Self { learning_rate, betas, eps, weight_decay: None, amsgrad }
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        let train::RmsProp { learning_rate, alpha, eps, weight_decay, momentum, centered } =
            train::RmsProp::default();
        Self { learning_rate, alpha, eps, weight_decay, momentum, centered }
    }
}

impl Default for Adagrad {
    fn default() -> Self {
        let train::Adagrad { learning_rate, lr_decay, weight_decay, initial_accumulator_value, eps } =
            train::Adagrad::default();
        Self { learning_rate, lr_decay, weight_decay, initial_accumulator_value, eps }
    }
}

impl Adam {
    /// The settings of the library, with `defaults` for what depends on the kind.
    fn settings(self, defaults: train::Adam) -> train::Optimizer {
        let Self { learning_rate, betas, eps, weight_decay, amsgrad } = self;
        let weight_decay = weight_decay.unwrap_or(defaults.weight_decay);
        train::Optimizer::Adam(train::Adam { learning_rate, betas, eps, weight_decay, amsgrad, ..defaults })
    }
}

impl From<RmsProp> for train::Optimizer {
    fn from(settings: RmsProp) -> Self {
        let RmsProp { learning_rate, alpha, eps, weight_decay, momentum, centered } = settings;
        Self::RmsProp(train::RmsProp { learning_rate, alpha, eps, weight_decay, momentum, centered })
    }
}

impl From<Adagrad> for train::Optimizer {
    fn from(settings: Adagrad) -> Self {
        let Adagrad { learning_rate, lr_decay, weight_decay, initial_accumulator_value, eps } = settings;
        Self::Adagrad(train::Adagrad {
            learning_rate,
            lr_decay,
            weight_decay,
            initial_accumulator_value,
            eps,
        })
    }
}

impl Optimizer {
    /// The optimizer, with settings that can be meant.
    pub(super) fn resolve(self) -> Result<train::Optimizer, Problem> {
        const PLACE: &str = "/optimizer";
        let (name, optimizer) = one_of(
            PLACE,
            "optimizers",
            vec![
                ("sgd", self.sgd.map(|sgd| sgd.resolve("/optimizer/sgd").map(train::Optimizer::Sgd))),
                ("adam", self.adam.map(|adam| Ok(adam.settings(train::Adam::ADAM)))),
                ("adamw", self.adamw.map(|adam| Ok(adam.settings(train::Adam::ADAMW)))),
                ("rmsprop", self.rmsprop.map(|rmsprop| Ok(rmsprop.into()))),
                ("adagrad", self.adagrad.map(|adagrad| Ok(adagrad.into()))),
                ("lbfgs", self.lbfgs.map(|lbfgs| Ok(lbfgs.into()))),
            ],
        )?;
        let optimizer: train::Optimizer = optimizer?;
        optimizer.check().map_err(|error| setting_problem(&format!("{PLACE}/{name}"), &error))?;
        Ok(optimizer)
    }
}

/// A setting of the object at `place` that cannot be meant.
pub(super) fn setting_problem(place: &str, error: &SettingError) -> Problem {
    Problem::at(format!("{place}/{}", error.setting()), capitalised(&error.to_string()))
}
