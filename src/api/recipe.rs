//! How to train, on the wire: what goes around the optimizer.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::train::{self, Plan, Recipe};

use super::context::Limits;
use super::one_of::one_of;
use super::optimizer::setting_problem;
use super::problem::Problem;
use super::train::TrainRequest;
use super::{count, object, real};

/// A bound on the gradient of each step, before the optimizer sees it: exactly one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(min_properties = 1, max_properties = 1)]
pub struct Clip {
    /// Longest Euclidean length of the gradient over all parameters; a longer one is scaled down (PyTorch's
    /// `clip_grad_norm_`).
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::optional")]
    pub norm: Option<f64>,
    /// Largest absolute value; each number of the gradient is clamped (PyTorch's `clip_grad_value_`).
    #[serde(default)]
    #[schema(exclusive_minimum = 0)]
    #[serde(deserialize_with = "real::optional")]
    pub value: Option<f64>,
}

/// Ends the run once `patience` epochs in a row have not brought the loss down. The loss of an epoch is the one after it,
/// over the validation rows or without those over all rows to train on.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs without improvement after which the run ends.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub patience: u64,
    /// By more than this a loss must be below the best one to be an improvement.
    #[serde(default)]
    #[schema(minimum = 0, default = 0)]
    #[serde(deserialize_with = "real::required")]
    pub min_delta: f64,
    /// Whether the answer has the parameters of the best epoch, also where the run ends otherwise. `state` always holds the
    /// last ones.
    #[serde(default = "object::yes")]
    #[schema(default = true)]
    pub restore_best: bool,
}

/// The recipe of a request, with settings that can be meant.
pub(super) fn resolve(request: &TrainRequest<'_>) -> Result<Recipe, Problem> {
    let optimizer = request.optimizer.resolve()?;
    let (schedule, warm_up) = match request.schedule {
        Some(schedule) => schedule.resolve(optimizer.learning_rate())?,
        None => (train::Schedule::Constant, None),
    };
    let recipe = Recipe {
        optimizer,
        schedule,
        warm_up,
        clip: request.clip.map(clip).transpose()?,
        early_stopping: request.early_stopping.map(early_stopping).transpose()?,
        target_loss: request.target_loss,
    };
    recipe.check_cycle().map_err(|error| setting_problem("/schedule/one_cycle", &error))?;
    recipe.check_clip().map_err(|error| setting_problem("", &error))?;
    Ok(recipe)
}

fn clip(clip: Clip) -> Result<train::Clip, Problem> {
    let members =
        vec![("norm", clip.norm.map(train::Clip::Norm)), ("value", clip.value.map(train::Clip::Value))];
    let (_, clip) = one_of("/clip", "bounds", members)?;
    clip.check().map_err(|error| setting_problem("/clip", &error))?;
    Ok(clip)
}

fn early_stopping(stopping: EarlyStopping) -> Result<train::EarlyStopping, Problem> {
    let EarlyStopping { patience, min_delta, restore_best } = stopping;
    let stopping = train::EarlyStopping { patience, min_delta, restore_best };
    stopping.check().map_err(|error| setting_problem("/early_stopping", &error))?;
    Ok(stopping)
}

/// Refuses an L-BFGS that would remember more than ten times the largest model, which it would answer as well.
pub(super) fn check_memory(recipe: &Recipe, parameters: usize, limits: &Limits) -> Result<(), Problem> {
    let train::Optimizer::Lbfgs(lbfgs) = recipe.optimizer else { return Ok(()) };
    let limit = 10 * limits.max_parameters as u64;
    let remembered = lbfgs.history_size.saturating_mul(2 * parameters as u64);
    if remembered <= limit {
        return Ok(());
    }
    let detail = format!(
        "With this `history_size`, L-BFGS remembers up to {remembered} numbers; at most {limit} are kept, ten for each of the \
         largest number of parameters. Lower `history_size`, or use another optimizer."
    );
    Err(Problem::at("/optimizer/lbfgs/history_size", detail).beyond("max_parameters", limit, remembered))
}

/// Refuses batches where the optimizer takes none, and a run that is longer than its cycle.
pub(super) fn check_plan(recipe: &Recipe, plan: &Plan) -> Result<(), Problem> {
    recipe.check_batches(plan).map_err(|error| setting_problem("", &error))?;
    let train::Schedule::OneCycle(cycle) = recipe.schedule else { return Ok(()) };
    let before = recipe.warm_up.map_or(0, |warm_up| warm_up.steps);
    let needed = plan.steps().saturating_sub(before);
    if needed <= cycle.total_steps {
        return Ok(());
    }
    let detail = format!(
        "The cycle has {} steps, but the run makes {needed} in it; make `total_steps` at least that, or the run shorter.",
        cycle.total_steps
    );
    Err(Problem::at("/schedule/one_cycle/total_steps", detail))
}
