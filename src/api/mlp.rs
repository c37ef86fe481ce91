//! A multi-layer perceptron on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::nn::{self, SpecError};

use super::choice::{ActivationName, InitName, LossName};
use super::context::Limits;
use super::dtype::Dtype;
use super::faults::Faults;
use super::matrix::{Matrix, Vector};
use super::parameters::Parameters;
use super::problem::Problem;
use super::standardize::{Preparation, Standardize};
use super::{count, object, weights};

/// A multi-layer perceptron: dense layers, each `activation(weight x + bias)`.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Width of a row of `data.x`.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub inputs: usize,
    /// First to last; the last one's units are the model's outputs.
    #[serde(deserialize_with = "object::list")]
    #[schema(min_items = 1)]
    pub layers: Vec<Layer>,
    /// Compares the outputs with `data.y`; `mse` unless given.
    #[serde(default)]
    pub loss: Option<LossName>,
    /// What it computes in; `f64` unless given. Numbers of the request are rounded to it.
    #[serde(default)]
    pub dtype: Option<Dtype>,
    /// Weights and biases, one per layer or as a file. Without them they are drawn by `init` from `seed`.
    #[serde(default)]
    pub parameters: Option<Parameters>,
    /// How missing parameters are drawn; `linear` unless given.
    #[serde(default)]
    pub init: Option<InitName>,
    /// From which missing parameters are drawn, the same on every machine; 0 unless given.
    #[serde(default, deserialize_with = "count::optional")]
    pub seed: Option<u64>,
    /// How much each class counts in `cross_entropy`, one number above 0 per output: PyTorch's `weight`, whose mean over a
    /// batch is divided by the sum of its weights.
    #[serde(default)]
    pub class_weights: Option<Vector>,
    /// How much a target of 1 counts in `bce_with_logits`, one number above 0 per output, as in PyTorch.
    #[serde(default)]
    pub pos_weight: Option<Vector>,
    /// How inputs are transformed before the first layer, as training answers it; not at all unless given.
    #[serde(default, deserialize_with = "object::optional")]
    pub standardize: Option<Standardize>,
    /// Names of the classes in the order of the outputs, as training answers them. A CSV's target holds these names.
    #[serde(default)]
    pub classes: Option<Vec<String>>,
}

/// One dense layer.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Width of the layer's output.
    #[serde(deserialize_with = "count::required")]
    #[schema(minimum = 1)]
    pub units: usize,
    /// Applied to each unit; `linear` unless given.
    #[serde(default)]
    pub activation: Option<ActivationName>,
}

/// Weight and bias of one layer, or what belongs to them: a gradient, a velocity.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LayerParameters {
    /// One row per unit, one column per input of the layer, as in PyTorch.
    pub weight: Matrix,
    /// One number per unit.
    pub bias: Vector,
}

impl Mlp {
    /// What becomes of its data before the first layer; `mlp` is the model that this [resolves](Self::resolve) to.
    pub(super) fn preparation(&self, mlp: &nn::Mlp) -> Result<Preparation, Problem> {
        let weights = weights::resolve(self.class_weights.clone(), self.pos_weight.clone(), mlp)?;
        Preparation::new(self.classes.clone(), self.standardize.clone(), weights, mlp)
    }

    /// The model without its parameters.
    pub(super) fn spec(&self, limits: &Limits) -> Result<nn::Mlp, Problem> {
        let layers: Vec<nn::Layer> = self
            .layers
            .iter()
            .map(|layer| nn::Layer { units: layer.units, activation: layer.activation.unwrap_or_default().0 })
            .collect();
        let loss = self.loss.unwrap_or_default().0;
        nn::Mlp::new(self.inputs, &layers, loss, limits.max_parameters).map_err(spec_problem)
    }

    /// The model and its parameters, flat; drawn if the request has none.
    pub(super) fn resolve(&self, limits: &Limits) -> Result<(nn::Mlp, Vec<f64>), Problem> {
        let mlp = self.spec(limits)?;
        let parameters = match &self.parameters {
            Some(given) => given.flatten(&mlp, "/mlp/parameters")?,
            None => self.init.unwrap_or_default().0.draw(&mlp, self.seed.unwrap_or(0)),
        };
        Ok((mlp, parameters))
    }
}

fn spec_problem(error: SpecError) -> Problem {
    let detail = capitalised(&error.to_string());
    match error {
        SpecError::NoInputs => Problem::at("/mlp/inputs", detail),
        SpecError::NoLayers => Problem::at("/mlp/layers", detail),
        SpecError::NoUnits { layer } => Problem::at(format!("/mlp/layers/{layer}/units"), detail),
        SpecError::OneClass => Problem::at("/mlp/loss", detail),
        SpecError::TooManyParameters { limit, actual } => {
            let actual = u64::try_from(actual).unwrap_or(u64::MAX);
            Problem::limit("max_parameters", limit as u64, actual, detail)
        }
    }
}

/// An error of the library as a sentence.
pub(super) fn capitalised(error: &str) -> String {
    let mut letters = error.chars();
    let first = letters.next().map(char::to_uppercase);
    format!("{}{}.", first.map(String::from_iter).unwrap_or_default(), letters.as_str())
}

/// `layers` as one flat vector for `mlp`, or every shape that does not match.
pub(super) fn flatten(mlp: &nn::Mlp, layers: &[LayerParameters], place: &str) -> Result<Vec<f64>, Problem> {
    let spans = mlp.spans();
    if layers.len() != spans.len() {
        return Err(Problem::at(
            place,
            format!(
                "There is a weight and a bias for {} layers, but the model has {}.",
                layers.len(),
                spans.len()
            ),
        ));
    }
    let mut faults = Faults::default();
    let mut flat = Vec::with_capacity(mlp.parameters());
    for (i, (span, layer)) in spans.iter().zip(layers).enumerate() {
        let LayerParameters { weight, bias: Vector(bias) } = layer;
        if (weight.rows, weight.columns) != (span.units, span.inputs) {
            faults.add(
                || format!("{place}/{i}/weight"),
                || {
                    format!(
                        "The weight of layer {i} has {} rows of {} numbers, but the layer needs {} rows (its units) of {} \
                         (its inputs).",
                        weight.rows, weight.columns, span.units, span.inputs
                    )
                },
            );
        }
        if bias.len() != span.units {
            faults.add(
                || format!("{place}/{i}/bias"),
                || {
                    format!(
                        "The bias of layer {i} has {} numbers, but the layer has {} units.",
                        bias.len(),
                        span.units
                    )
                },
            );
        }
        flat.extend_from_slice(&weight.data);
        flat.extend_from_slice(bias);
    }
    faults.into_result()?;
    Ok(flat)
}

/// A flat vector as the layers of `mlp`.
pub(super) fn unflatten(mlp: &nn::Mlp, flat: &[f64]) -> Vec<LayerParameters> {
    let layer = |span: &nn::Span| LayerParameters {
        weight: Matrix::new(span.inputs, flat[span.weight.clone()].to_vec()),
        bias: Vector(flat[span.bias.clone()].to_vec()),
    };
    mlp.spans().iter().map(layer).collect()
}
