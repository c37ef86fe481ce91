//! The gradient of an expression or a graph.

use crate::engine::{CompileOptions, Gradient, GradientOptions, NonFinitePolicy, Reduction, SweepTimes};

use super::bind::Bound;
use super::computation::Computation;
use super::context::Context;
use super::cost::Cost;
use super::gradient::{GradientRequest, ScalarGradient};
use super::model::Scalar;
use super::non_finite::{NonFinite, sweep_problem};
use super::problem::{Kind, Problem};
use super::sgd::SgdStep;
use super::tensors::{Shape, Tensors};
use super::value::Value;
use super::values::Values;
use super::wanted::{name, named, wanted};
use super::{check, explain, non_finite, trace};

/// Outputs, gradients, and what else `request` asks for.
pub(super) fn gradient<'a>(
    scalar: Scalar<'a>,
    mut request: GradientRequest<'a>,
    context: &Context,
) -> Result<ScalarGradient<'a>, Problem> {
    let (computation, bound) =
        scalar.bind_inputs(request.inputs.take(), request.outputs.as_deref(), context)?;
    let wanted = Wanted {
        gradients: wanted(&computation, &bound, request.wrt.as_deref())?,
        trace: request.trace || request.explain,
        reduction: request.reduction.map_or_else(Default::default, Into::into),
        non_finite: request.non_finite.unwrap_or_default().into(),
    };
    let mut cost = wanted.cost(&computation, &bound);
    if request.check {
        cost = cost + check::cost(&computation, &bound, &wanted.gradients);
    }
    if request.explain {
        explain::check(&computation, &bound)?;
        cost = cost + explain::cost(&computation.graph);
    }
    context.admit(cost)?;
    let result = sweep(&computation, &bound, &wanted, context)?;
    let check = if request.check {
        let (inputs, reduction) = (&wanted.gradients, wanted.reduction);
        Some(check::check(&computation, &bound, inputs, &result.gradients, reduction, context)?)
    } else {
        None
    };
    let explanation = request.explain.then(|| explain::nodes(&computation, &result.trace));
    let trace = request.trace.then(|| trace::nodes(&computation, result.trace));
    let wanted = wanted.gradients;
    let gradients = named(&computation, &wanted, result.gradients);
    let (mut updated, mut velocity) = (None, None);
    if let Some(sgd) = request.sgd {
        let is_strict = request.non_finite.unwrap_or_default() == NonFinite::Error;
        let step = step(sgd, &computation, &bound, &wanted, &gradients, is_strict)?;
        (updated, velocity) = (Some(step.0), step.1);
    }
    Ok(ScalarGradient {
        outputs: computation.name_outputs(result.outputs),
        gradients,
        updated,
        velocity,
        check,
        trace,
        explanation,
    })
}

/// What is wanted of a sweep.
pub(super) struct Wanted {
    /// Positions of the inputs whose gradients are.
    pub gradients: Vec<usize>,
    /// Whether data and grad of every node are.
    pub trace: bool,
    /// How samples combine.
    pub reduction: Reduction,
    /// What happens to infinities and NaN.
    pub non_finite: NonFinitePolicy,
}

impl Wanted {
    /// What the sweep and its answer take.
    pub(super) fn cost(&self, computation: &Computation<'_>, bound: &Bound) -> Cost {
        let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
        let gradients = bound.numbers_of(&self.gradients);
        // Of every node its data and grad, and the names of its operands.
        let traced = if self.trace { 2 * graph.len() + graph.operand_count() } else { 0 };
        let answered =
            (computation.outputs.len() + traced).saturating_mul(samples).saturating_add(2 * gradients);
        Cost::of_gradients(graph, samples, 1.0) + Cost::of_answered(answered)
    }
}

/// Outputs and what is `wanted`.
pub(super) fn sweep(
    computation: &Computation<'_>,
    bound: &Bound,
    wanted: &Wanted,
    context: &Context,
) -> Result<Gradient, Problem> {
    let roles = bound.roles_for(&wanted.gradients);
    let compile = if wanted.trace { CompileOptions::TRACE } else { CompileOptions::default() };
    let tape = computation.compile(&roles, compile, context)?;
    if wanted.trace {
        trace::check_size(tape.nodes().len(), bound.samples, &context.limits)?;
    }
    let options = GradientOptions { reduction: wanted.reduction, non_finite: wanted.non_finite };
    let gradient = context.meter.time_sweeps(|| {
        let times = SweepTimes::default();
        let gradient = tape.gradient_timed(&bound.bindings(), options, &context.interrupt, &times);
        (gradient, times.reverse_share())
    });
    gradient.map_err(|error| sweep_problem(computation, error))
}

/// The wanted inputs after one step, and the velocity if there is a momentum.
fn step(
    sgd: SgdStep<'_>,
    computation: &Computation<'_>,
    bound: &Bound,
    wanted: &[usize],
    gradients: &Values<'_>,
    is_strict: bool,
) -> Result<(Tensors<'static>, Option<Tensors<'static>>), Problem> {
    let values = || wanted.iter().map(|&input| &bound.values[input]);
    let names = wanted.iter().map(|&input| name(computation, input).into_owned());
    let shape = Shape::Named(names.zip(values().map(Value::samples)).collect());
    let mut parameters: Vec<f64> = values().flat_map(Value::numbers).copied().collect();
    let gradient: Vec<f64> = gradients.0.iter().flat_map(|(_, value)| value.numbers()).copied().collect();
    let velocity = sgd.step(&shape, &mut parameters, &gradient)?;
    if is_strict {
        check_updated(&shape, &parameters)?;
    }
    Ok((shape.restore(&parameters), velocity.map(|velocity| shape.restore(&velocity))))
}

/// Refuses a step that leaves the finite numbers.
fn check_updated(shape: &Shape<'_>, updated: &[f64]) -> Result<(), Problem> {
    let Some(index) = updated.iter().position(|x| !x.is_finite()) else { return Ok(()) };
    let value = non_finite::show(updated[index]);
    let detail = format!("The updated value of {} is {value}. {}", shape.describe(index), non_finite::REMEDY);
    Err(Problem::new(Kind::NON_FINITE, detail))
}
