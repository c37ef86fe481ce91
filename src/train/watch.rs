//! What a run looks at when an epoch ends: whether the loss still falls, and whether it is low enough.

use super::optimizer::StateError;
use super::plateau::PlateauState;
use super::recipe::Recipe;
use super::schedule::Schedule;
use super::setting::{SettingError, at_least_one, not_negative};
use super::trainer::cast;
use crate::engine::kernels::Real;

/// Ending a run when the loss of its epochs no longer falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EarlyStopping {
    /// So many epochs in a row without improvement end the run.
    pub patience: u64,
    /// By more than this an epoch's loss must be below the best one to be an improvement.
    pub min_delta: f64,
    /// Whether the result has the parameters of the best epoch instead of the last.
    pub restore_best: bool,
}

impl EarlyStopping {
    /// Whether the settings can be meant.
    pub fn check(&self) -> Result<(), SettingError> {
        at_least_one("patience", self.patience)?;
        not_negative("min_delta", self.min_delta)
    }
}

/// What a run remembers of its epochs. The loss of an epoch is the one after it, over the validation rows or without those
/// over all rows to train on. A plateau alone, without validation rows, is seen by the mean of the losses of the steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watch<T> {
    /// The losses of the steps of an epoch that is not judged yet: their sum.
    pub sum: f64,
    /// Their number; 0 once the epoch is judged, and where nothing is watched.
    pub steps: u64,
    /// The loss of the last epoch that was judged.
    pub last: Option<f64>,
    /// Of a schedule that waits for a plateau.
    pub plateau: Option<PlateauState>,
    /// Of early stopping, after the first epoch.
    pub best: Option<Best<T>>,
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Best<T> {
    /// Its loss.
    pub loss: f64,
    /// The step that ended it.
    pub step: u64,
    /// Epochs without improvement since.
    pub bad_epochs: u64,
    /// The parameters after it; empty unless they are to be restored.
    pub parameters: Vec<T>,
}

impl<T: Real> Watch<T> {
    pub(super) fn cast<U: Real>(&self) -> Watch<U> {
        let best = self.best.as_ref().map(|best| Best {
            loss: best.loss,
            step: best.step,
            bad_epochs: best.bad_epochs,
            parameters: cast(&best.parameters),
        });
        Watch { sum: self.sum, steps: self.steps, last: self.last, plateau: self.plateau, best }
    }

    /// Whether this can be what a run by `recipe` over so many parameters left.
    pub(super) fn check(&self, recipe: &Recipe, parameters: usize) -> Result<(), StateError> {
        let part = |part, given, needed| {
            if given == needed { Ok(()) } else { Err(StateError::Part { part, given }) }
        };
        part("plateau", self.plateau.is_some(), matches!(recipe.schedule, Schedule::ReduceOnPlateau(_)))?;
        let Some(best) = &self.best else { return Ok(()) };
        part("best", true, recipe.early_stopping.is_some())?;
        let expected =
            if recipe.early_stopping.is_some_and(|stopping| stopping.restore_best) { parameters } else { 0 };
        match best.parameters.len() {
            actual if actual != expected => {
                Err(StateError::Length { buffer: "best/parameters".into(), expected, actual })
            }
            _ => Ok(()),
        }
    }

    /// Before the first step.
    pub(super) fn start(recipe: &Recipe) -> Self {
        let plateau = match recipe.schedule {
            Schedule::ReduceOnPlateau(_) => Some(PlateauState::new(recipe.optimizer.learning_rate())),
            _ => None,
        };
        Self { sum: 0.0, steps: 0, last: None, plateau, best: None }
    }

    /// Takes the loss of a step.
    pub(super) fn add(&mut self, loss: f64) {
        self.sum += loss;
        self.steps += 1;
    }

    /// The mean loss of the epoch's steps.
    pub(super) fn mean(&self) -> f64 {
        self.sum / self.steps as f64
    }

    /// Judges an epoch by its loss, for a plateau by `course`; `step` ended it and left `parameters`.
    pub(super) fn judge(&mut self, recipe: &Recipe, loss: f64, course: f64, step: u64, parameters: &[T]) {
        (self.sum, self.steps, self.last) = (0.0, 0, Some(loss));
        if let (Schedule::ReduceOnPlateau(rule), Some(state)) = (&recipe.schedule, &mut self.plateau) {
            rule.note(state, course);
        }
        let Some(stopping) = recipe.early_stopping else { return };
        // A NaN is no improvement, and anything is one over it.
        let better = |best: &Best<T>| best.loss.is_nan() || loss < best.loss - stopping.min_delta;
        let mut kept = match &mut self.best {
            Some(best) if !better(best) => {
                best.bad_epochs += 1;
                return;
            }
            best => best.take().map_or_else(Vec::new, |best| best.parameters),
        };
        kept.clear();
        if stopping.restore_best {
            kept.extend_from_slice(parameters);
        }
        self.best = Some(Best { loss, step, bad_epochs: 0, parameters: kept });
    }
}
