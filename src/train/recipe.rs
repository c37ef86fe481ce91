//! How to train: everything but the model, its data and the length of the run.

use super::clip::Clip;
use super::optimizer::Optimizer;
use super::plan::Plan;
use super::schedule::{Schedule, WarmUp};
use super::setting::{SettingError, finite};
use super::watch::EarlyStopping;

/// An optimizer with all that goes around it. An [`Optimizer`] alone is a recipe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// How a gradient becomes a step.
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    pub schedule: Schedule,
    /// A linear rise in front of the schedule.
    pub warm_up: Option<WarmUp>,
    /// A bound on gradients.
    pub clip: Option<Clip>,
    /// Ends the run when its loss no longer falls.
    pub early_stopping: Option<EarlyStopping>,
    /// Ends the run when the loss of an epoch is at most this.
    pub target_loss: Option<f64>,
}

impl From<Optimizer> for Recipe {
    fn from(optimizer: Optimizer) -> Self {
        Self {
            optimizer,
            schedule: Schedule::Constant,
            warm_up: None,
            clip: None,
            early_stopping: None,
            target_loss: None,
        }
    }
}

impl Recipe {
    /// Whether all settings can be meant, alone and together.
    pub fn check(&self) -> Result<(), SettingError> {
        self.optimizer.check()?;
        self.schedule.check()?;
        self.warm_up.map_or(Ok(()), |warm_up| warm_up.check())?;
        self.clip.map_or(Ok(()), Clip::check)?;
        self.early_stopping.map_or(Ok(()), |stopping| stopping.check())?;
        self.target_loss.map_or(Ok(()), |loss| finite("target_loss", loss))?;
        self.check_cycle()?;
        self.check_clip()
    }

    /// A line search needs the gradient as it is.
    pub fn check_clip(&self) -> Result<(), SettingError> {
        match (self.clip, self.optimizer) {
            (Some(_), Optimizer::Lbfgs(_)) => {
                let needs = "an optimizer that takes one gradient a step; with lbfgs, leave it out";
                Err(SettingError::Needs { setting: "clip", needs })
            }
            _ => Ok(()),
        }
    }

    /// L-BFGS compares gradients of different parameters, which must be of the same rows.
    pub fn check_batches(&self, plan: &Plan) -> Result<(), SettingError> {
        match self.optimizer {
            Optimizer::Lbfgs(_) if plan.steps_per_epoch() > 1 => {
                let needs =
                    "an optimizer that takes batches; with lbfgs, leave it out to see all rows in each step";
                Err(SettingError::Needs { setting: "batch_size", needs })
            }
            _ => Ok(()),
        }
    }

    /// A cycle of the momentum needs a momentum.
    pub fn check_cycle(&self) -> Result<(), SettingError> {
        match self.schedule {
            Schedule::OneCycle(cycle) if cycle.cycle_momentum && !self.optimizer.has_momentum() => {
                let needs = "an optimizer with a momentum or betas; with this one, set it to false";
                Err(SettingError::Needs { setting: "cycle_momentum", needs })
            }
            _ => Ok(()),
        }
    }

    /// The optimizer with its settings at step `k`, from 0.
    pub(super) fn optimizer_at(&self, k: u64, reduced: Option<f64>) -> Optimizer {
        self.schedule.at(&self.optimizer, self.warm_up, k, reduced)
    }

    /// The optimizer with its settings at the first step, which are of the same kind as those of all others: a cycle may
    /// bring in a momentum.
    pub fn first_optimizer(&self) -> Optimizer {
        self.optimizer_at(0, None)
    }

    /// Whether anything is decided when an epoch ends.
    pub(super) fn watches(&self) -> bool {
        matches!(self.schedule, Schedule::ReduceOnPlateau(_)) || self.ends_by_loss()
    }

    /// Whether the loss may end the run, and name its result.
    pub(super) fn ends_by_loss(&self) -> bool {
        self.early_stopping.is_some() || self.target_loss.is_some()
    }
}
