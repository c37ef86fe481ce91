//! What an MLP does to its data before they reach its first layer, on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::nn::{self, StandardizeError};

use super::faults::quote;
use super::labels;
use super::matrix::{Matrix, Vector};
use super::mlp::capitalised;
use super::problem::Problem;

/// What the columns of inputs are shifted and divided by before they reach the first layer: (x - mean) / scale.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Standardize {
    /// One number per input.
    pub mean: Vector,
    /// One number per input, above 0.
    pub scale: Vector,
}

impl From<&nn::Standardize> for Standardize {
    fn from(transform: &nn::Standardize) -> Self {
        Self { mean: Vector(transform.mean().to_vec()), scale: Vector(transform.scale().to_vec()) }
    }
}

/// How a model takes its data.
#[derive(Debug, Default)]
pub(super) struct Preparation {
    /// Names of its classes.
    pub classes: Option<Vec<String>>,
    pub standardize: Option<nn::Standardize>,
    /// How much each output counts in the loss.
    pub weights: Option<Vec<f64>>,
}

impl Preparation {
    /// What a request says, checked against its model.
    pub(super) fn new(
        classes: Option<Vec<String>>,
        standardize: Option<Standardize>,
        weights: Option<Vec<f64>>,
        mlp: &nn::Mlp,
    ) -> Result<Self, Problem> {
        if let Some(names) = &classes {
            labels::check_names(names, mlp)?;
        }
        let standardize = standardize.map(|given| resolve(given, mlp)).transpose()?;
        Ok(Self { classes, standardize, weights })
    }

    /// Brings inputs to the form that the first layer takes.
    pub(super) fn apply(&self, x: &mut Matrix) {
        if let Some(standardize) = &self.standardize {
            standardize.apply(&mut x.data);
        }
    }
}

fn resolve(given: Standardize, mlp: &nn::Mlp) -> Result<nn::Standardize, Problem> {
    const PLACE: &str = "/mlp/standardize";
    let Standardize { mean: Vector(mean), scale: Vector(scale) } = given;
    for (name, numbers) in [("mean", &mean), ("scale", &scale)] {
        if numbers.len() != mlp.inputs() {
            let detail =
                format!("`{name}` has {} numbers, but the model has {} inputs.", numbers.len(), mlp.inputs());
            return Err(Problem::at(format!("{PLACE}/{name}"), detail));
        }
    }
    nn::Standardize::from_parts(mean, scale).map_err(|error| match error {
        StandardizeError::NotFinite(i) => {
            Problem::at(format!("{PLACE}/mean/{i}"), "A mean is a finite number.")
        }
        StandardizeError::Scale(i) => {
            Problem::at(format!("{PLACE}/scale/{i}"), "A scale is a finite number above 0.")
        }
        other => Problem::at(PLACE, capitalised(&other.to_string())),
    })
}

/// Why columns cannot be standardized, by their names.
pub(super) fn not_standardized(error: &StandardizeError, name: impl Fn(usize) -> String) -> String {
    match error {
        StandardizeError::Constant(columns) => {
            const SHOWN: usize = 10;
            let mut named: Vec<String> = columns.iter().take(SHOWN).map(|&column| name(column)).collect();
            if columns.len() > SHOWN {
                named.push(format!("{} more", columns.len() - SHOWN));
            }
            let (subject, remedy) = match named.as_slice() {
                [_] => (
                    "The column",
                    "is the same in every row to train on, so that nothing can be learnt from it",
                ),
                _ => (
                    "The columns",
                    "are each the same in every row to train on, so that nothing can be learnt from them",
                ),
            };
            format!(
                "{subject} {} {remedy}; leave out what is constant, or give {} with scales of your own.",
                named.join(", "),
                quote("mlp.standardize")
            )
        }
        StandardizeError::NotFinite(column) => {
            format!(
                "The column {} has no finite mean and standard deviation; send finite numbers of a smaller scale.",
                name(*column)
            )
        }
        other => capitalised(&other.to_string()),
    }
}
