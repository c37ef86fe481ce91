//! `POST /v1/evaluate`: outputs of a model.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::CompileOptions;

use super::columns::Columns;
use super::context::{Context, Reply};
use super::cost::Cost;
use super::data::RowData;
use super::graph::Graph;
use super::matrix::Matrix;
use super::meter::Stage;
use super::mlp::Mlp;
use super::model::{Forms, Model, Scalar, refuse};
use super::non_finite::{NonFinite, sweep_problem};
use super::number::Number;
use super::problem::Problem;
use super::text::Text;
use super::values::Values;
use super::{mlp_outputs, object, real};

/// What to evaluate: exactly one of `expression`, `graph`, `mlp` and `model`, and its values.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// A multi-layer perceptron.
    #[serde(default, deserialize_with = "object::optional")]
    pub mlp: Option<Mlp>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// A value for each input of the expression or graph.
    #[serde(borrow, default)]
    pub inputs: Option<Values<'a>>,
    /// Rows for the MLP; with `y` the answer has the loss too.
    #[serde(borrow, default)]
    #[schema(value_type = Option<RowData>)]
    pub data: Option<Columns<'a>>,
    /// Names of assigned values or ids of nodes to answer instead of the last statement or the node that no other uses.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// What happens when an output is infinite or NaN; `error` unless given.
    #[serde(default)]
    #[schema(value_type = Option<NonFinite>)]
    pub non_finite: Option<NonFinite>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// The outputs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EvaluateResponse<'a> {
    // Generated clients name types by these titles; `Mlp` is the type of a request's model.
    /// Of an expression or a graph.
    #[schema(title = "ScalarOutputs")]
    Scalar {
        /// By name; an expression's last statement without a name is called `output`.
        outputs: Values<'a>,
    },
    /// Of an MLP.
    #[schema(title = "MlpOutputs")]
    Mlp {
        /// One row per row of `data.x`.
        outputs: Matrix,
        /// The mean loss, if there are targets.
        #[serde(skip_serializing_if = "Option::is_none")]
        loss: Option<Number>,
    },
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let request: EvaluateRequest<'_> = context.decode(body)?;
    let EvaluateRequest { expression, graph, mlp, model, inputs, data, outputs, non_finite, timeout } =
        request;
    let context = &context.within(timeout)?;
    let non_finite = non_finite.unwrap_or_default();
    match Model::one_of(Forms { expression, graph, mlp, model }, context)? {
        Model::Scalar(scalar) => {
            refuse(&[(
                "/data",
                data.is_some(),
                "`data` is for an MLP; give the values of an expression or graph in `inputs`.",
            )])?;
            let outputs = scalar_outputs(scalar, inputs, outputs.as_deref(), non_finite, context)?;
            context.reply(&EvaluateResponse::Scalar { outputs })
        }
        Model::Mlp(mlp) => {
            refuse(&[
                ("/inputs", inputs.is_some(), "An MLP takes its values from `data.x`."),
                ("/outputs", outputs.is_some(), "An MLP answers all its outputs; they have no names."),
            ])?;
            let (outputs, loss) = mlp_outputs::outputs(&mlp, data, non_finite, context)?;
            context.reply(&EvaluateResponse::Mlp { outputs, loss: loss.map(Number) })
        }
    }
}

/// The outputs of an expression or a graph.
pub(super) fn scalar_outputs<'a>(
    scalar: Scalar<'a>,
    inputs: Option<Values<'a>>,
    outputs: Option<&[Text<'a>]>,
    non_finite: NonFinite,
    context: &Context,
) -> Result<Values<'a>, Problem> {
    let (computation, bound) = scalar.bind_inputs(inputs, outputs, context)?;
    let samples = bound.samples.unwrap_or(1);
    let answered = Cost::of_answered(computation.outputs.len().saturating_mul(samples));
    context.admit(Cost::of_values(&computation.graph, samples) + answered)?;
    let roles = bound.roles(|_| false);
    let tape = computation.compile(&roles, CompileOptions::default(), context)?;
    let columns = context
        .stage(Stage::Forward, || tape.evaluate(&bound.bindings(), non_finite.into(), &context.interrupt))
        .map_err(|error| sweep_problem(&computation, error))?;
    Ok(computation.name_outputs(columns))
}
