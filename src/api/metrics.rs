//! Metrics on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::train;

use super::number::Number;

/// Figures beside the loss. For `cross_entropy`, `bce_with_logits` and `hinge` accuracy and confusion matrix, for the other
/// losses r2 and mean absolute error.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Metrics {
    /// The part of the predictions that are right: of rows for `cross_entropy`, of single outputs for the other two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Number>,
    /// Rows of each class by the class that they were taken for: one row per true class, one column per predicted one. With
    /// one output, class 0 is a target of 0 or -1. Left out for several outputs of `bce_with_logits` or `hinge`, and for
    /// more than 100 classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confusion_matrix: Option<Vec<Vec<u64>>>,
    /// Coefficient of determination, meant over the outputs. Left out where all targets of an output are the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<Number>,
    /// Mean absolute error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mae: Option<Number>,
}

impl From<train::Metrics> for Metrics {
    fn from(metrics: train::Metrics) -> Self {
        match metrics {
            train::Metrics::Classification { accuracy, confusion } => {
                Self { accuracy: Some(Number(accuracy)), confusion_matrix: confusion, ..Self::default() }
            }
            train::Metrics::Regression { r2, mae } => {
                Self { r2: r2.map(Number), mae: Some(Number(mae)), ..Self::default() }
            }
        }
    }
}
