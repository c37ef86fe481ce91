//! `POST /v1/jvp`: the Jacobian times a tangent.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::CompileOptions;

use super::context::{Context, Reply};
use super::cost::Cost;
use super::graph::Graph;
use super::meter::Stage;
use super::model::Scalar;
use super::non_finite::{NonFinite, sweep_problem};
use super::problem::Problem;
use super::real;
use super::text::Text;
use super::value::Value;
use super::values::Values;
use super::vectors::Owners;

/// What to differentiate in which direction: exactly one of `expression`, `graph` and `model`, its values and their tangents.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JvpRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// Refused with a reason.
    #[serde(default)]
    #[schema(ignore)]
    pub mlp: Option<IgnoredAny>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// A value for each input of the expression or graph.
    #[serde(borrow, default)]
    pub inputs: Option<Values<'a>>,
    /// Names of assigned values or ids of nodes to differentiate instead of the last statement or the node that no other
    /// uses.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// The direction: for each input how fast it moves, a number or one per sample. Inputs that are not named stand still.
    #[serde(borrow)]
    pub tangents: Values<'a>,
    /// What happens when an output or a derivative is infinite or NaN; `error` unless given.
    #[serde(default)]
    #[schema(value_type = Option<NonFinite>)]
    pub non_finite: Option<NonFinite>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// Outputs and how fast they move.
#[derive(Debug, Serialize, ToSchema)]
pub struct JvpResponse<'a> {
    /// By name; an expression's last statement without a name is called `output`.
    pub outputs: Values<'a>,
    /// The tangent of each output: its derivative in the direction of the inputs' tangents, per sample where it is an array.
    pub tangents: Values<'a>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: JvpRequest<'_> = context.decode(body)?;
    let context = &context.within(request.timeout)?;
    let (expression, graph) = (request.expression.take(), request.graph.take());
    let (mlp, model) = (request.mlp.take(), request.model.take());
    let scalar = Scalar::differentiable(expression, graph, mlp, model, context)?;
    context.reply(&jvp(scalar, request, context)?)
}

/// What `request` asks for of the model `scalar`.
pub(super) fn jvp<'a>(
    scalar: Scalar<'a>,
    request: JvpRequest<'a>,
    context: &Context,
) -> Result<JvpResponse<'a>, Problem> {
    let (computation, bound) = scalar.bind_inputs(request.inputs, request.outputs.as_deref(), context)?;
    let tangents = Owners::inputs(&computation, &bound).resolve(request.tangents)?;
    let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
    let answered = Cost::of_answered(computation.outputs.len().saturating_mul(2 * samples));
    context.admit(Cost::of_values(graph, samples) + Cost::of_tangents(graph, samples, 1) + answered)?;
    let roles = bound.roles(|input| tangents[input] != Value::Number(0.0));
    let tape = computation.compile(&roles, CompileOptions::default(), context)?;
    let directions: Vec<_> = tangents.iter().map(Value::binding).collect();
    let non_finite = request.non_finite.unwrap_or_default().into();
    let moved = context
        .stage(Stage::Forward, || tape.jvp(&bound.bindings(), &directions, non_finite, &context.interrupt))
        .map_err(|error| sweep_problem(&computation, error))?;
    let (outputs, tangents) = (moved.outputs, moved.tangents);
    Ok(JvpResponse {
        outputs: computation.name_outputs(outputs),
        tangents: computation.name_outputs(tangents),
    })
}
