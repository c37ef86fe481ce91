//! Why training stopped short.

use super::optimizer::StateError;
use super::plan::PlanError;
use super::setting::SettingError;
use crate::engine::Interrupted;

/// What a loss or a parameter that is no finite number means: the run cannot go on.
///
/// Steps count from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Divergence {
    /// The step that made the number.
    pub step: u64,
    /// The loss in that step, before its update.
    pub loss: f64,
    /// The loss in the step before, if this trainer made that step.
    pub previous_loss: Option<f64>,
    /// The first parameter that the update left infinite or NaN; none where the loss itself was not finite, in which
    /// case the parameters are those from before the step.
    pub parameter: Option<usize>,
}

/// Why a trainer could not start, step or finish.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It was told to stop; the trainer stays at the last full step and can go on.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The plan cannot be meant.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A setting cannot be meant.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The optimizer's state does not belong to this run.
    #[error(transparent)]
    State(#[from] StateError),
    /// The parameter vector is not of the model's length.
    #[error("the model has {expected} parameters, but {actual} were given")]
    Parameters {
        /// The model's parameters.
        expected: usize,
        /// The vector's length.
        actual: usize,
    },
    /// A parameter to start from is infinite or NaN.
    #[error("parameter {index} is {value}: training starts from finite numbers")]
    ParameterNotFinite {
        /// Where in the vector.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// A parameter to start from is not within its bounds.
    #[error("parameter {index} is {value}, outside its bounds")]
    OutOfBounds {
        /// Where in the vector.
        index: usize,
        /// What it is.
        value: f64,
    },
    /// The loss or a parameter stopped being a finite number.
    #[error("{}", describe(.0))]
    Diverged(Divergence),
    /// The model could not compute its loss.
    #[error(transparent)]
    Model(Box<dyn std::error::Error + Send + Sync>),
}

fn describe(divergence: &Divergence) -> String {
    let Divergence { step, loss, previous_loss, parameter } = divergence;
    let what = match parameter {
        Some(index) => format!("parameter {index} stopped being finite (loss {loss})"),
        None => format!("the loss became {loss}"),
    };
    match previous_loss {
        Some(previous) => format!("training diverged at step {step}: {what}; the loss before was {previous}"),
        None => format!("training diverged at step {step}: {what}"),
    }
}
