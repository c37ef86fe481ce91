//! `POST /v1/hvp`: the Hessian times a tangent.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::{CompileOptions, GradientOptions};

use super::context::{Context, Reply};
use super::cost::Cost;
use super::gradient::Reduction;
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

/// What to differentiate twice, the second time in which direction: exactly one of `expression`, `graph` and `model`, its values and
/// their tangents.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HvpRequest<'a> {
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
    /// uses. The objective is the sum of all outputs.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// Names of the inputs whose gradients are wanted; all unless given.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub wrt: Option<Vec<Text<'a>>>,
    /// The direction: for each input how fast it moves, a number or one per sample. Inputs that are not named stand still.
    #[serde(borrow)]
    pub tangents: Values<'a>,
    /// How the samples make one objective: `sum` unless given.
    #[serde(default)]
    #[schema(value_type = Option<Reduction>)]
    pub reduction: Option<Reduction>,
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

/// Outputs, gradients and how fast the gradients move.
#[derive(Debug, Serialize, ToSchema)]
pub struct HvpResponse<'a> {
    /// By name; an expression's last statement without a name is called `output`.
    pub outputs: Values<'a>,
    /// The derivative of the objective with respect to each input: per sample for an array, summed for a number.
    pub gradients: Values<'a>,
    /// The tangent of each gradient: the Hessian of the objective times the inputs' tangents.
    pub hvp: Values<'a>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: HvpRequest<'_> = context.decode(body)?;
    let context = &context.within(request.timeout)?;
    let (expression, graph) = (request.expression.take(), request.graph.take());
    let (mlp, model) = (request.mlp.take(), request.model.take());
    let scalar = Scalar::differentiable(expression, graph, mlp, model, context)?;
    context.reply(&hvp(scalar, request, context)?)
}

/// What `request` asks for of the model `scalar`.
pub(super) fn hvp<'a>(
    scalar: Scalar<'a>,
    request: HvpRequest<'a>,
    context: &Context,
) -> Result<HvpResponse<'a>, Problem> {
    let (computation, bound) = scalar.bind_inputs(request.inputs, request.outputs.as_deref(), context)?;
    let wanted = wanted(&computation, &bound, request.wrt.as_deref())?;
    let tangents = Owners::inputs(&computation, &bound).resolve(request.tangents)?;
    let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
    let gradients = bound.numbers_of(&wanted);
    let answered = computation.outputs.len().saturating_mul(samples).saturating_add(2 * gradients);
    context.admit(
        Cost::of_gradients(graph, samples, 1.0)
            + Cost::of_second(graph, samples, 1)
            + Cost::of_answered(answered),
    )?;
    let mut is_wanted: Vec<bool> = tangents.iter().map(|tangent| *tangent != Value::Number(0.0)).collect();
    wanted.iter().for_each(|&input| is_wanted[input] = true);
    let roles = bound.roles(|input| is_wanted[input]);
    let tape = computation.compile(&roles, CompileOptions::SECOND, context)?;
    let directions: Vec<_> = tangents.iter().map(Value::binding).collect();
    let options = GradientOptions {
        reduction: request.reduction.map_or_else(Default::default, Into::into),
        non_finite: request.non_finite.unwrap_or_default().into(),
    };
    let swept = context
        .stage(Stage::Reverse, || tape.hvp(&bound.bindings(), &directions, options, &context.interrupt))
        .map_err(|error| sweep_problem(&computation, error))?;
    let gradients = named(&computation, &wanted, swept.gradients);
    let hvp = named(&computation, &wanted, swept.products);
    Ok(HvpResponse { outputs: computation.name_outputs(swept.outputs), gradients, hvp })
}
