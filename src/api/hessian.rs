//! `POST /v1/hessian`: the second derivatives of one output.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::derivatives::HessianPlan;

use super::computation::Computation;
use super::context::{Context, Reply};
use super::cost::Cost;
use super::faults;
use super::matrices::{Entries, Matrix, MatrixRequest, Structure, growing};
use super::meter::Stage;
use super::model::Scalar;
use super::non_finite::sweep_problem;
use super::problem::Problem;
use super::values::Values;
use super::wanted::{names, wanted};

/// An output with its first and second derivatives.
#[derive(Debug, Serialize, ToSchema)]
pub struct HessianResponse<'a> {
    /// The output by name; an expression's last statement without a name is called `output`.
    pub outputs: Values<'a>,
    /// Its derivative with respect to each input. Where the output is an array, one per sample: also of an input that is a
    /// number.
    pub gradients: Values<'a>,
    /// Its second derivatives: rows and columns are the inputs, and entries are of the form of the gradients. Symmetric to the
    /// bit.
    pub hessian: Entries,
    /// With `structure`: which entries there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub structure: Option<Structure>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let request: MatrixRequest<'_> = context.decode(body)?;
    let context = &context.within(request.timeout)?;
    context.reply(&hessian(request, context)?)
}

fn hessian<'a>(request: MatrixRequest<'a>, context: &Context) -> Result<HessianResponse<'a>, Problem> {
    let (expression, graph) = (request.expression, request.graph);
    let scalar = Scalar::differentiable(expression, graph, request.mlp, request.model, context)?;
    let (computation, bound) = scalar.bind_inputs(request.inputs, request.outputs.as_deref(), context)?;
    check_one_output(&computation)?;
    let wanted = wanted(&computation, &bound, request.wrt.as_deref())?;
    let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
    let columns = names(&computation, &wanted);
    let entries = |count: usize| Cost::of_entries(count, samples, &columns, request.structure);

    // Numbers beside arrays are repeated, and so are gradients.
    let spread = Cost::of_kept(wanted.len().saturating_mul(2 * samples));
    let dense = if request.sparse { 0 } else { wanted.len().saturating_mul(wanted.len()) };
    context.admit(
        Cost::of_gradients(graph, samples, 1.0)
            + Cost::of_pattern(graph, wanted.len())
            + spread
            + entries(dense),
    )?;
    let grow = growing(context, entries, request.sparse);
    let (output, bindings) = (computation.outputs[0].1, bound.bindings());
    let plan = context.stage(Stage::Compile, || {
        HessianPlan::new(graph, output, &bindings, &wanted, grow, &context.interrupt)
    })?;
    let moved = plan.directions().saturating_mul(wanted.len()).saturating_mul(2 * samples);
    context.admit(Cost::of_second(graph, samples, plan.directions()) + Cost::of_kept(moved))?;
    let non_finite = request.non_finite.unwrap_or_default().into();
    let mut hessian = context
        .stage(Stage::Reverse, || plan.run(&bindings, non_finite, &context.interrupt))
        .map_err(|error| sweep_problem(&computation, error))?;

    let mut gradients = Values::default();
    for (name, column) in columns.iter().zip(std::mem::take(&mut hessian.gradient)) {
        gradients.push(name.clone(), column.into());
    }
    let outputs = computation.name_outputs(vec![hessian.output.clone()]);
    let rows = columns.clone();
    let hessian = Entries { matrix: Matrix::Hessian(hessian), rows, columns, sparse: request.sparse };
    let structure = request.structure.then(|| hessian.structure());
    Ok(HessianResponse { outputs, gradients, hessian, structure })
}

fn check_one_output(computation: &Computation<'_>) -> Result<(), Problem> {
    if computation.outputs.len() == 1 {
        return Ok(());
    }
    let detail = format!(
        "A Hessian is that of one output; choose one of the {} in `outputs`: {}.",
        computation.outputs.len(),
        faults::list(computation.outputs.iter().map(|(name, _)| &**name))
    );
    Err(Problem::at("/outputs", detail))
}
