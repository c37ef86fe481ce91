//! `POST /v1/vjp`: a cotangent times the Jacobian.

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
use super::wanted::{named, wanted};

/// What to differentiate with which weights: exactly one of `expression`, `graph` and `model`, its values and the outputs' cotangents.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VjpRequest<'a> {
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
    /// Names of the inputs whose gradients are wanted; all unless given.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub wrt: Option<Vec<Text<'a>>>,
    /// For each output the weight of its derivatives: a number, which counts for every sample, or one per sample where the
    /// output is an array. Outputs that are not named count nothing.
    #[serde(borrow)]
    pub cotangents: Values<'a>,
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

/// Outputs and weighted gradients.
#[derive(Debug, Serialize, ToSchema)]
pub struct VjpResponse<'a> {
    /// By name; an expression's last statement without a name is called `output`.
    pub outputs: Values<'a>,
    /// The derivative of the sum of the outputs, each times its cotangent, with respect to each input: per sample for an array,
    /// summed for a number.
    pub gradients: Values<'a>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: VjpRequest<'_> = context.decode(body)?;
    let context = &context.within(request.timeout)?;
    let (expression, graph) = (request.expression.take(), request.graph.take());
    let (mlp, model) = (request.mlp.take(), request.model.take());
    let scalar = Scalar::differentiable(expression, graph, mlp, model, context)?;
    context.reply(&vjp(scalar, request, context)?)
}

/// What `request` asks for of the model `scalar`.
pub(super) fn vjp<'a>(
    scalar: Scalar<'a>,
    request: VjpRequest<'a>,
    context: &Context,
) -> Result<VjpResponse<'a>, Problem> {
    let (computation, bound) = scalar.bind_inputs(request.inputs, request.outputs.as_deref(), context)?;
    let wanted = wanted(&computation, &bound, request.wrt.as_deref())?;
    let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
    let gradients = bound.numbers_of(&wanted);
    let answered = computation.outputs.len().saturating_mul(samples).saturating_add(gradients);
    context.admit(Cost::of_gradients(graph, samples, 1.0) + Cost::of_answered(answered))?;
    let roles = bound.roles_for(&wanted);
    let tape = computation.compile(&roles, CompileOptions::default(), context)?;
    let cotangents = Owners::outputs(&computation, &tape, samples).resolve(request.cotangents)?;
    let weights: Vec<_> = cotangents.iter().map(Value::binding).collect();
    let non_finite = request.non_finite.unwrap_or_default().into();
    let swept = context
        .stage(Stage::Reverse, || tape.vjp(&bound.bindings(), &weights, non_finite, &context.interrupt))
        .map_err(|error| sweep_problem(&computation, error))?;
    let gradients = named(&computation, &wanted, swept.gradients);
    Ok(VjpResponse { outputs: computation.name_outputs(swept.outputs), gradients })
}
