//! Lowering the learning rate when the loss no longer falls, as `torch.optim.lr_scheduler.ReduceLROnPlateau` does it.

use super::setting::{SettingError, check, not_negative};

/// How an improvement is measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThresholdMode {
    /// A loss below `best (1 - threshold)`.
    #[default]
    Rel,
    /// A loss below `best - threshold`.
    Abs,
}

impl ThresholdMode {
    /// Both, under their names.
    pub const ALL: [(&'static str, ThresholdMode); 2] =
        [("rel", ThresholdMode::Rel), ("abs", ThresholdMode::Abs)];
}

/// Settings; names, defaults and rules of `ReduceLROnPlateau` with `mode="min"`, which is asked at the end of each epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plateau {
    /// What the rate is multiplied by, above 0 and below 1.
    pub factor: f64,
    /// Epochs without improvement that are let pass.
    pub patience: u64,
    /// How much smaller a loss must be to count as an improvement.
    pub threshold: f64,
    /// Whether `threshold` is a part of the best loss or a difference.
    pub threshold_mode: ThresholdMode,
    /// Epochs after a reduction in which nothing is counted.
    pub cooldown: u64,
    /// The lowest rate.
    pub min_lr: f64,
    /// A reduction by less than this is not made.
    pub eps: f64,
}

impl Default for Plateau {
    fn default() -> Self {
        Self {
            factor: 0.1,
            patience: 10,
            threshold: 1e-4,
            threshold_mode: ThresholdMode::Rel,
            cooldown: 0,
            min_lr: 0.0,
            eps: 1e-8,
        }
    }
}

/// What the rule remembers from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlateauState {
    /// The rate that it has come down to.
    pub learning_rate: f64,
    /// The lowest loss so far.
    pub best: Option<f64>,
    /// Epochs without improvement since.
    pub bad_epochs: u64,
    /// Epochs in which nothing is counted yet.
    pub cooldown: u64,
}

impl PlateauState {
    /// Before the first epoch.
    pub(super) fn new(learning_rate: f64) -> Self {
        Self { learning_rate, best: None, bad_epochs: 0, cooldown: 0 }
    }
}

impl Plateau {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        check("factor", self.factor, "above 0 and below 1", self.factor > 0.0 && self.factor < 1.0)?;
        not_negative("threshold", self.threshold)?;
        not_negative("min_lr", self.min_lr)?;
        not_negative("eps", self.eps)
    }

    /// Takes the loss of an epoch.
    pub(super) fn note(&self, state: &mut PlateauState, loss: f64) {
        let bar = state.best.map_or(f64::INFINITY, |best| match self.threshold_mode {
            ThresholdMode::Rel => best * (1.0 - self.threshold),
            ThresholdMode::Abs => best - self.threshold,
        });
        if loss < bar {
            state.best = Some(loss);
            state.bad_epochs = 0;
        } else {
            state.bad_epochs += 1;
        }
        if state.cooldown > 0 {
            state.cooldown -= 1;
            state.bad_epochs = 0;
        }
        if state.bad_epochs > self.patience {
            let lower = (state.learning_rate * self.factor).max(self.min_lr);
            if state.learning_rate - lower > self.eps {
                state.learning_rate = lower;
            }
            state.cooldown = self.cooldown;
            state.bad_epochs = 0;
        }
    }
}
