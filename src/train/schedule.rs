//! Learning-rate schedules, as `torch.optim.lr_scheduler` has them.

use super::one_cycle::OneCycle;
use super::optimizer::Optimizer;
use super::plateau::Plateau;
use super::setting::{SettingError, at_least_one, check, not_negative, positive};

/// How the learning rate changes from step to step; names, defaults and formulas of PyTorch.
///
/// Schedules count optimizer steps, from 0 for the first: PyTorch's `last_epoch` where `scheduler.step()` follows each
/// `optimizer.step()`. All but [`Plateau`] are closed forms of that number, so that a run that is continued needs nothing
/// but its step. With r the optimizer's learning rate, step k has
///
/// ```text
/// constant      r
/// step          r gamma^⌊k / step_size⌋
/// exponential   r gamma^k
/// cosine        eta_min + (r - eta_min) (1 + cos(π k / t_max)) / 2
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Schedule {
    /// The optimizer's own rate at each step.
    #[default]
    Constant,
    /// `StepLR`: times `gamma` after every `step_size` steps.
    Step {
        /// Steps of one rate.
        step_size: u64,
        /// What the rate is multiplied by.
        gamma: f64,
    },
    /// `ExponentialLR`: times `gamma` after every step.
    Exponential {
        /// What the rate is multiplied by.
        gamma: f64,
    },
    /// `CosineAnnealingLR`: half a cosine wave from the optimizer's rate down in `t_max` steps, then back up, and so on.
    Cosine {
        /// Steps of half a wave.
        t_max: u64,
        /// The lowest rate.
        eta_min: f64,
    },
    /// `OneCycleLR`: up to a peak, then down to almost nothing.
    OneCycle(OneCycle),
    /// `ReduceLROnPlateau`: down when an epoch's loss no longer improves.
    ReduceOnPlateau(Plateau),
}

/// A linear rise before the schedule begins, as `LinearLR` in front of it in a `SequentialLR`: the schedule's first rate
/// times `start_factor + (1 - start_factor) k / steps` at steps k below `steps`; the schedule's own step 0 comes after.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmUp {
    /// Steps of the rise.
    pub steps: u64,
    /// Which part of the rate the first step has, above 0 and at most 1.
    pub start_factor: f64,
}

impl WarmUp {
    /// Whether the settings can be meant.
    pub fn check(&self) -> Result<(), SettingError> {
        at_least_one("steps", self.steps)?;
        let factor = self.start_factor;
        check("start_factor", factor, "above 0 and at most 1", factor > 0.0 && factor <= 1.0)
    }

    /// The factor at step `k`, and the step of the schedule.
    fn at(warm_up: Option<Self>, k: u64) -> (f64, u64) {
        match warm_up {
            Some(Self { steps, start_factor }) if k < steps => {
                (start_factor + (1.0 - start_factor) * k as f64 / steps as f64, 0)
            }
            Some(Self { steps, .. }) => (1.0, k - steps),
            None => (1.0, k),
        }
    }
}

impl Schedule {
    /// Whether the settings can be meant.
    pub fn check(&self) -> Result<(), SettingError> {
        match *self {
            Schedule::Constant => Ok(()),
            Schedule::Step { step_size, gamma } => {
                at_least_one("step_size", step_size)?;
                positive("gamma", gamma)
            }
            Schedule::Exponential { gamma } => positive("gamma", gamma),
            Schedule::Cosine { t_max, eta_min } => {
                at_least_one("t_max", t_max)?;
                not_negative("eta_min", eta_min)
            }
            Schedule::OneCycle(cycle) => cycle.check(),
            Schedule::ReduceOnPlateau(plateau) => plateau.check(),
        }
    }

    /// `optimizer` with its settings at step `k` from 0. `reduced` is the rate that a plateau has come down to.
    pub(super) fn at(
        &self,
        optimizer: &Optimizer,
        warm_up: Option<WarmUp>,
        k: u64,
        reduced: Option<f64>,
    ) -> Optimizer {
        let (factor, k) = WarmUp::at(warm_up, k);
        let base = optimizer.learning_rate();
        let (rate, momentum) = match *self {
            Schedule::Constant => (base, None),
            Schedule::Step { step_size, gamma } => (base * libm::pow(gamma, (k / step_size) as f64), None),
            Schedule::Exponential { gamma } => (base * libm::pow(gamma, k as f64), None),
            Schedule::Cosine { t_max, eta_min } => {
                let angle = std::f64::consts::PI * k as f64 / t_max as f64;
                (eta_min + (base - eta_min) * (1.0 + libm::cos(angle)) / 2.0, None)
            }
            Schedule::OneCycle(cycle) => cycle.at(k),
            Schedule::ReduceOnPlateau(_) => (reduced.unwrap_or(base), None),
        };
        optimizer.with(rate * factor, momentum)
    }
}
