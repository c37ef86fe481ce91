//! `POST /v1/gradient`: outputs and gradients of a model, and on request one optimizer step and a trace.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::{engine, nn};

use super::check::Check;
use super::choice::{self, Choice};
use super::columns::Columns;
use super::context::{Context, Reply};
use super::data::RowData;
use super::explain::ExplainedNode;
use super::graph::Graph;
use super::interchange::file::{self, File, FileFormat};
use super::matrix::Matrix;
use super::mlp::{LayerParameters, Mlp};
use super::model::{Forms, Model, refuse};
use super::non_finite::NonFinite;
use super::number::Number;
use super::problem::Problem;
use super::sgd::SgdStep;
use super::tensors::Tensors;
use super::text::Text;
use super::trace::TraceNode;
use super::values::Values;
use super::{mlp_gradient, object, real, scalar_gradient};

/// What to differentiate: exactly one of `expression`, `graph`, `mlp` and `model`, and its values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GradientRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// A multi-layer perceptron; the gradients are those of its loss with respect to weights and biases.
    #[serde(default, deserialize_with = "object::optional")]
    pub mlp: Option<Mlp>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// A value for each input of the expression or graph.
    #[serde(borrow, default)]
    pub inputs: Option<Values<'a>>,
    /// Rows and targets for the MLP.
    #[serde(borrow, default)]
    #[schema(value_type = Option<RowData>)]
    pub data: Option<Columns<'a>>,
    /// Names of assigned values or ids of nodes to differentiate instead of the last statement or the node that no other
    /// uses. The objective is the sum of all outputs.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// Names of the inputs whose gradients are wanted; all unless given. Only these are updated.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub wrt: Option<Vec<Text<'a>>>,
    /// How the samples make one objective: `sum` unless given, for an MLP `mean`.
    #[serde(default)]
    #[schema(value_type = Option<Reduction>)]
    pub reduction: Option<Reduction>,
    /// Asks for `updated` values: those after one step of gradient descent.
    #[serde(borrow, default, deserialize_with = "object::optional")]
    #[schema(value_type = Option<SgdStep<'_>>)]
    pub sgd: Option<SgdStep<'a>>,
    /// Asks for the data and grad of every node that the outputs depend on.
    #[serde(default)]
    #[schema(default = false)]
    pub trace: bool,
    /// Asks for a comparison of the gradient of an expression or graph with central finite differences.
    #[serde(default)]
    #[schema(default = false)]
    pub check: bool,
    /// Asks for every node's local derivatives and for the chain rule in words and LaTeX, with the numbers put in. Inputs are
    /// numbers then, not arrays.
    #[serde(default)]
    #[schema(default = false)]
    pub explain: bool,
    /// What happens when an output or a gradient is infinite or NaN; `error` unless given.
    #[serde(default)]
    #[schema(value_type = Option<NonFinite>)]
    pub non_finite: Option<NonFinite>,
    /// Asks for the updated MLP as a `file` as well; goes with `sgd`.
    #[serde(default)]
    #[schema(value_type = Option<FileFormat>)]
    pub format: Option<FileFormat>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// How the samples of a batch make one objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
}

impl Choice for Reduction {
    type Value = Self;
    const ALL: &'static [(&'static str, Self)] = &[("sum", Self::Sum), ("mean", Self::Mean)];
    fn of(value: Self) -> Self {
        value
    }
}

impl<'de> Deserialize<'de> for Reduction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer)
    }
}

impl From<Reduction> for engine::Reduction {
    fn from(reduction: Reduction) -> Self {
        match reduction {
            Reduction::Sum => engine::Reduction::Sum,
            Reduction::Mean => engine::Reduction::Mean,
        }
    }
}

impl From<Reduction> for nn::Reduction {
    fn from(reduction: Reduction) -> Self {
        match reduction {
            Reduction::Sum => nn::Reduction::Sum,
            Reduction::Mean => nn::Reduction::Mean,
        }
    }
}

/// Outputs and gradients.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum GradientResponse<'a> {
    /// Of an expression or a graph.
    #[schema(title = "Scalar")]
    Scalar(ScalarGradient<'a>),
    /// Of an MLP.
    #[schema(title = "Mlp")]
    Mlp(MlpGradient),
}

/// Outputs and gradients of an expression or a graph.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScalarGradient<'a> {
    /// By name; an expression's last statement without a name is called `output`.
    pub outputs: Values<'a>,
    /// The derivative of the objective with respect to each input: per sample for an array, summed for a number.
    pub gradients: Values<'a>,
    /// With `sgd`: the inputs after the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Values<'_>>)]
    pub updated: Option<Tensors<'a>>,
    /// With a momentum: what to send as `sgd.velocity` with the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Values<'_>>)]
    pub velocity: Option<Tensors<'a>>,
    /// With `check`: how the gradient compares with finite differences.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// With `trace`: the nodes, operands before those that use them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<Vec<TraceNode>>,
    /// With `explain`: the nodes in the order of the backward pass, those that use others before them. The objective is
    /// called by its output, or `L` where that is the sum of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<Vec<ExplainedNode>>,
}

/// Outputs, loss and gradients of an MLP.
#[derive(Debug, Serialize, ToSchema)]
pub struct MlpGradient {
    /// One row per row of `data.x`.
    pub outputs: Matrix,
    /// The loss over all rows.
    pub loss: Number,
    /// The derivative of the loss with respect to each weight and bias, by layer.
    pub gradients: Vec<LayerParameters>,
    /// With `sgd`: weights and biases after the step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<Vec<LayerParameters>>,
    /// With a momentum: what to send as `sgd.velocity` with the next step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub velocity: Option<Vec<LayerParameters>>,
    /// With `format`: the MLP with `updated` parameters as a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: GradientRequest<'_> = context.decode_for_file(body)?;
    let context = &context.within(request.timeout)?;
    if let Some(sgd) = &request.sgd {
        sgd.check()?;
    }
    let forms = Forms {
        expression: request.expression.take(),
        graph: request.graph.take(),
        mlp: request.mlp.take(),
        model: request.model.take(),
    };
    let model = Model::one_of(forms, context)?;
    let response = match model {
        Model::Scalar(scalar) => {
            file::refuse(context, request.format)?;
            let detail = "`data` is for an MLP; give the values of an expression or graph in `inputs`.";
            refuse(&[("/data", request.data.is_some(), detail)])?;
            GradientResponse::Scalar(scalar_gradient::gradient(scalar, request, context)?)
        }
        Model::Mlp(mlp) => {
            refuse(&[
                ("/inputs", request.inputs.is_some(), "An MLP takes its values from `data`."),
                ("/outputs", request.outputs.is_some(), "The objective of an MLP is its loss."),
                (
                    "/wrt",
                    request.wrt.is_some(),
                    "The gradients of an MLP are those of all weights and biases.",
                ),
                ("/trace", request.trace, "An MLP has no named nodes to trace."),
                (
                    "/check",
                    request.check,
                    "The gradients of an expression or graph are checked, not those of an MLP.",
                ),
                (
                    "/explain",
                    request.explain,
                    "An MLP has no named nodes to explain; write a neuron as an expression.",
                ),
            ])?;
            let mut gradient = mlp_gradient::gradient(&mlp, request, context)?;
            if let Some(reply) = File::alone(&mut gradient.file, context) {
                return Ok(reply);
            }
            GradientResponse::Mlp(gradient)
        }
    };
    context.reply(&response)
}
