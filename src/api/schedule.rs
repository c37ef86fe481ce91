//! Learning-rate schedules on the wire.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::train;

use super::choice::{AnnealName, ThresholdModeName};
use super::one_of::one_of;
use super::optimizer::setting_problem;
use super::problem::Problem;
use super::{count, object, real};

/// How the learning rate changes, with PyTorch's names, defaults and formulas: exactly one schedule, and before it a
/// warm-up if wanted. Schedules count optimizer steps from 0, never epochs: k is the number of the step. Lengths are given,
/// not taken from the length of the run, so that a run can be continued.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 2)]
pub struct Schedule {
    /// The optimizer's `learning_rate` at each step, as without a schedule.
    #[serde(default, deserialize_with = "object::optional")]
    pub constant: Option<ConstantSchedule>,
    /// `StepLR`.
    #[serde(default, deserialize_with = "object::optional")]
    pub step: Option<StepSchedule>,
    /// `ExponentialLR`.
    #[serde(default, deserialize_with = "object::optional")]
    pub exponential: Option<ExponentialSchedule>,
    /// `CosineAnnealingLR`.
    #[serde(default, deserialize_with = "object::optional")]
    pub cosine: Option<CosineSchedule>,
    /// `OneCycleLR`.
    #[serde(default, deserialize_with = "object::optional")]
    pub one_cycle: Option<OneCycleSchedule>,
    /// `ReduceLROnPlateau`.
    #[serde(default, deserialize_with = "object::optional")]
    pub reduce_on_plateau: Option<PlateauSchedule>,
    /// A linear rise before the schedule begins; alone, it rises to a constant rate.
    #[serde(default, deserialize_with = "object::optional")]
    pub warm_up: Option<WarmUp>,
}

/// No settings.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConstantSchedule {}

/// The rate is `learning_rate` gamma^⌊k / `step_size`⌋.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSchedule {
    /// Steps of one rate.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub step_size: u64,
    /// What the rate is multiplied by.
    #[serde(default = "tenth")]
    #[schema(exclusive_minimum = 0, default = 0.1)]
    #[serde(deserialize_with = "real::required")]
    pub gamma: f64,
}

/// The rate is `learning_rate` gamma^k.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExponentialSchedule {
    /// What the rate is multiplied by after each step.
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub gamma: f64,
}

/// The rate is `eta_min` + (`learning_rate` - `eta_min`) (1 + cos(π k / `t_max`)) / 2.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CosineSchedule {
    /// Steps from the highest rate to the lowest; after them the rate rises again.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub t_max: u64,
    /// The lowest rate.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub eta_min: f64,
}

/// From `max_lr` / `div_factor` up to `max_lr`, then down to the first rate / `final_div_factor`; the momentum, or the first
/// of the betas, goes from `max_momentum` to `base_momentum` and back.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OneCycleSchedule {
    /// The peak; the optimizer's `learning_rate` unless given.
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::optional")]
    pub max_lr: Option<f64>,
    /// Steps of the cycle, which the run may not pass.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub total_steps: u64,
    /// Which part of the steps rises; 0.3 unless given.
    #[serde(default)]
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1)]
    #[serde(deserialize_with = "real::optional")]
    pub pct_start: Option<f64>,
    /// The shape of rise and fall; `cos` unless given.
    #[serde(default)]
    pub anneal_strategy: Option<AnnealName>,
    /// Whether the momentum is cycled; true unless given.
    #[serde(default)]
    pub cycle_momentum: Option<bool>,
    /// The momentum at the peak; 0.85 unless given.
    #[serde(default)]
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1)]
    #[serde(deserialize_with = "real::optional")]
    pub base_momentum: Option<f64>,
    /// The momentum at both ends; 0.95 unless given.
    #[serde(default)]
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1)]
    #[serde(deserialize_with = "real::optional")]
    pub max_momentum: Option<f64>,
    /// The peak over the first rate; 25 unless given.
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::optional")]
    pub div_factor: Option<f64>,
    /// The first rate over the last; 10000 unless given.
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::optional")]
    pub final_div_factor: Option<f64>,
    /// Whether the fall takes two phases, the first as long as the rise.
    #[serde(default)]
    #[schema(default = false)]
    pub three_phase: bool,
}

/// The rate is multiplied by `factor` when more than `patience` epochs in a row bring no improvement. The loss of an epoch
/// is the one over the validation rows after it, or without those the mean of the losses of its steps.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PlateauSchedule {
    /// What the rate is multiplied by.
    #[schema(exclusive_minimum = 0, exclusive_maximum = 1)]
    #[serde(deserialize_with = "real::required")]
    pub factor: f64,
    /// Epochs without improvement that are let pass.
    #[serde(deserialize_with = "count::required")]
    pub patience: u64,
    /// How much smaller a loss must be to be an improvement.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub threshold: f64,
    /// Whether `threshold` is a part of the best loss or a difference.
    pub threshold_mode: ThresholdModeName,
    /// Epochs after a reduction in which nothing is counted.
    #[serde(deserialize_with = "count::required")]
    pub cooldown: u64,
    /// The lowest rate.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub min_lr: f64,
    /// A reduction by less than this is not made.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "real::required")]
    pub eps: f64,
}

/// At steps k below `steps` the rate is the schedule's first one times `start_factor` + (1 - `start_factor`) k / `steps`;
/// then the schedule begins with its own step 0. PyTorch's `LinearLR` in front of it in a `SequentialLR`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// Steps of the rise.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub steps: u64,
    /// Which part of the rate the first step has.
    #[serde(default = "third")]
    #[schema(exclusive_minimum = 0, maximum = 1, default = 0.3333333333333333)]
    #[serde(deserialize_with = "real::required")]
    pub start_factor: f64,
}

/// PyTorch's default `gamma`.
fn tenth() -> f64 {
    0.1
}

/// PyTorch's default `start_factor`.
fn third() -> f64 {
    1.0 / 3.0
}

impl Default for PlateauSchedule {
    fn default() -> Self {
        let train::Plateau { factor, patience, threshold, threshold_mode, cooldown, min_lr, eps } =
            train::Plateau::default();
        let threshold_mode = ThresholdModeName(threshold_mode);
        Self { factor, patience, threshold, threshold_mode, cooldown, min_lr, eps }
    }
}

impl OneCycleSchedule {
    fn settings(self, learning_rate: f64) -> train::OneCycle {
        let defaults = train::OneCycle::new(self.max_lr.unwrap_or(learning_rate), self.total_steps);
        train::OneCycle {
            pct_start: self.pct_start.unwrap_or(defaults.pct_start),
            anneal_strategy: self.anneal_strategy.unwrap_or_default().0,
            cycle_momentum: self.cycle_momentum.unwrap_or(defaults.cycle_momentum),
            base_momentum: self.base_momentum.unwrap_or(defaults.base_momentum),
            max_momentum: self.max_momentum.unwrap_or(defaults.max_momentum),
            div_factor: self.div_factor.unwrap_or(defaults.div_factor),
            final_div_factor: self.final_div_factor.unwrap_or(defaults.final_div_factor),
            three_phase: self.three_phase,
            ..defaults
        }
    }
}

impl PlateauSchedule {
    fn settings(self) -> train::Plateau {
        let Self { factor, patience, threshold, threshold_mode, cooldown, min_lr, eps } = self;
        let ThresholdModeName(threshold_mode) = threshold_mode;
        train::Plateau { factor, patience, threshold, threshold_mode, cooldown, min_lr, eps }
    }
}

impl Schedule {
    /// The schedule and its warm-up, with settings that can be meant, for an optimizer of this `learning_rate`.
    pub(super) fn resolve(
        self,
        learning_rate: f64,
    ) -> Result<(train::Schedule, Option<train::WarmUp>), Problem> {
        let warm_up =
            self.warm_up.map(|WarmUp { steps, start_factor }| train::WarmUp { steps, start_factor });
        if let Some(Err(error)) = warm_up.map(|warm_up| warm_up.check()) {
            return Err(setting_problem("/schedule/warm_up", &error));
        }
        let members = vec![
            ("constant", self.constant.map(|_| train::Schedule::Constant)),
            (
                "step",
                self.step.map(|StepSchedule { step_size, gamma }| train::Schedule::Step { step_size, gamma }),
            ),
            (
                "exponential",
                self.exponential.map(|ExponentialSchedule { gamma }| train::Schedule::Exponential { gamma }),
            ),
            (
                "cosine",
                self.cosine
                    .map(|CosineSchedule { t_max, eta_min }| train::Schedule::Cosine { t_max, eta_min }),
            ),
            (
                "one_cycle",
                self.one_cycle.map(|cycle| train::Schedule::OneCycle(cycle.settings(learning_rate))),
            ),
            (
                "reduce_on_plateau",
                self.reduce_on_plateau.map(|plateau| train::Schedule::ReduceOnPlateau(plateau.settings())),
            ),
        ];
        if warm_up.is_some() && members.iter().all(|(_, schedule)| schedule.is_none()) {
            return Ok((train::Schedule::Constant, warm_up));
        }
        let (name, schedule) = one_of("/schedule", "schedules", members)?;
        schedule.check().map_err(|error| setting_problem(&format!("/schedule/{name}"), &error))?;
        Ok((schedule, warm_up))
    }
}
