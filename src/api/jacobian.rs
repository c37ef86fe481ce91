//! `POST /v1/jacobian`: every output differentiated for every input.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::derivatives::JacobianPlan;

use super::context::{Context, Reply};
use super::cost::Cost;
use super::matrices::{Entries, Matrix, MatrixRequest, Structure, growing};
use super::meter::Stage;
use super::model::Scalar;
use super::non_finite::sweep_problem;
use super::problem::Problem;
use super::values::Values;
use super::wanted::{names, wanted};

/// Outputs and their derivatives.
#[derive(Debug, Serialize, ToSchema)]
pub struct JacobianResponse<'a> {
    /// By name; an expression's last statement without a name is called `output`.
    pub outputs: Values<'a>,
    /// For each output its derivative with respect to each input. Where the output is an array, one per sample: also of an
    /// input that is a number.
    pub jacobian: Entries,
    /// With `structure`: which entries there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structure: Option<Structure>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: MatrixRequest<'_> = context.decode(body)?;
    let context = &context.within(request.timeout)?;
    let (expression, graph) = (request.expression.take(), request.graph.take());
    let (mlp, model) = (request.mlp.take(), request.model.take());
    let scalar = Scalar::differentiable(expression, graph, mlp, model, context)?;
    context.reply(&jacobian(scalar, request, context)?)
}

/// What `request` asks for of the model `scalar`.
pub(super) fn jacobian<'a>(
    scalar: Scalar<'a>,
    request: MatrixRequest<'a>,
    context: &Context,
) -> Result<JacobianResponse<'a>, Problem> {
    let (computation, bound) = scalar.bind_inputs(request.inputs, request.outputs.as_deref(), context)?;
    let wanted = wanted(&computation, &bound, request.wrt.as_deref())?;
    let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
    let columns = names(&computation, &wanted);
    let entries = |count: usize| Cost::of_entries(count, samples, &columns, request.structure);

    let spread = Cost::of_kept(wanted.len().saturating_mul(samples));
    let dense = if request.sparse { 0 } else { computation.outputs.len().saturating_mul(wanted.len()) };
    context.admit(
        Cost::of_gradients(graph, samples, 1.0)
            + Cost::of_pattern(graph, wanted.len())
            + spread
            + entries(dense),
    )?;
    let grow = growing(context, entries, request.sparse);
    let (nodes, bindings) = (computation.output_nodes(), bound.bindings());
    let plan = context.stage(Stage::Compile, || {
        JacobianPlan::new(graph, &nodes, &bindings, &wanted, grow, &context.interrupt)
    })?;
    context.admit(if plan.is_forward() {
        Cost::of_tangents(graph, samples, plan.sweeps())
            + Cost::of_kept(plan.sweeps().saturating_mul(nodes.len()).saturating_mul(2 * samples))
    } else {
        Cost::of_gradients(graph, samples, plan.sweeps() as f64)
    })?;
    let stage = if plan.is_forward() { Stage::Forward } else { Stage::Reverse };
    let non_finite = request.non_finite.unwrap_or_default().into();
    let jacobian = context
        .stage(stage, || plan.run(&bindings, non_finite, &context.interrupt))
        .map_err(|error| sweep_problem(&computation, error))?;

    let outputs = computation.name_outputs(jacobian.outputs.clone());
    let rows = outputs.names().map(str::to_owned).collect();
    let jacobian = Entries { matrix: Matrix::Jacobian(jacobian), rows, columns, sparse: request.sparse };
    let structure = request.structure.then(|| jacobian.structure());
    Ok(JacobianResponse { outputs, jacobian, structure })
}
