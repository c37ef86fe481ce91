//! From the request of a fit to the library's fit, and back to an answer or a problem.

use crate::engine::SweepError;
use crate::train::expression::Source as Input;
use crate::train::fit::{
    self, Curve, Fit, FitError, Options, Reason as Ended, Summary, Undetermined, summarise,
};

use super::bind::{Bound, Source, bind};
use super::computation::Computation;
use super::context::{Context, Limits};
use super::cost::Cost;
use super::faults::{Faults, list, quote};
use super::fit::{FitRequest, FitResponse, NotConverged, Reason};
use super::matrix::Matrix;
use super::measured::Measured;
use super::meter::{Stage, Unit};
use super::model::Scalar;
use super::non_finite::{self, show};
use super::number::Number;
use super::problem::{Fault, Kind, Problem};
use super::train_scalar::{source_problem, trained};
use super::value::Value;
use super::values::Values;
use super::{bounds, pointer};

/// Fits the parameters that the request names.
pub(super) fn fit(
    scalar: Scalar<'_>,
    request: FitRequest<'_>,
    context: &Context,
) -> Result<FitResponse<'static>, Problem> {
    let options = options(&request, &context.limits)?;
    let FitRequest { target, data, parameters, sigma, outputs, .. } = request;
    check_parameters(&parameters)?;
    if let Some([_, _, ..]) = outputs.as_deref() {
        return Err(Problem::at("/outputs/1", "A fit compares one output with the target; name one."));
    }
    let (mut data, origin) = data.into_values()?;
    let measured = Measured::of(&data, &origin, &target, sigma.as_ref())?;
    let names = parameters.names().chain(data.names().filter(|name| **name != *target));
    let mut computation = scalar.resolve(names, outputs.as_deref(), context)?;
    measured.remove_from(&mut data, &computation)?;
    let sources = vec![
        // The order that `trained` expects.
        Source { pointer: "/parameters", values: parameters },
        Source { pointer: origin.place, values: data },
    ];
    let bound = bind(&mut computation, sources, &context.limits)?;
    context.count(Unit::Samples, bound.samples.unwrap_or(1));
    let fitted = trained(&computation, &bound)?;
    measured.check(&origin, bound.samples, fitted.len(), &context.limits)?;
    let names: Vec<&str> = fitted.iter().map(|&input| &*computation.graph.inputs()[input].0).collect();
    let start: Vec<f64> = fitted.iter().map(|&input| bound.values[input].numbers()[0]).collect();
    let bounds = bounds::resolve(request.bounds.unwrap_or_default(), &names, &start)?;

    context.admit(cost(&computation, bound.samples.unwrap_or(1), fitted.len(), options.max_evaluations))?;

    let (_, output) = computation.outputs[0];
    let (graph, sources, target) = (&computation.graph, inputs(&bound, &fitted), &measured.target);
    let mut curve = context
        .stage(Stage::Compile, || {
            Curve::new(graph, output, sources, target, measured.sigma(), &context.interrupt)
        })
        .map_err(source_problem)?;
    let fit = context
        .stage(Stage::Steps, || fit::fit(&mut curve, start, &bounds, options, &context.interrupt))
        .map_err(|error| fit_problem(error, &computation))?;
    context.count(Unit::Steps, fit.evaluations as usize);
    if !fit.reason.is_convergence() && request.not_converged.unwrap_or_default() == NotConverged::Error {
        return Err(not_converged(&fit, &names));
    }
    let summary = summarise(&curve, &fit, request.absolute_sigma, &context.interrupt)
        .map_err(|error| undetermined(error, &names))?;
    Ok(respond(&fit, summary, &names))
}

/// What so many evaluations take, each of the Jacobian and its factorisation.
fn cost(computation: &Computation<'_>, rows: usize, parameters: usize, evaluations: u64) -> Cost {
    let once = Cost::of_gradients(&computation.graph, rows, 1.0);
    let factorised = 2.0 * rows as f64 * (parameters * parameters) as f64;
    let jacobians = Cost::of_kept(rows.saturating_mul(parameters).saturating_mul(3));
    Cost { work: (once.work + factorised) * evaluations as f64, ..once } + jacobians
}

fn options(request: &FitRequest<'_>, limits: &Limits) -> Result<Options, Problem> {
    let mut options = Options::default();
    let limit = limits.max_steps as u64;
    let mut faults = Faults::default();
    if let Some(tolerance) = request.tolerance {
        if !(0.0..1.0).contains(&tolerance) {
            let detail = format!("The tolerance is {}; it is at least 0 and below 1.", show(tolerance));
            faults.add(|| "/tolerance".to_owned(), || detail);
        }
        options.tolerance = tolerance;
    }
    if request.max_evaluations == Some(0) {
        let detail = "There is at least 1 evaluation, that of the start.";
        faults.add(|| "/max_evaluations".to_owned(), || detail.to_owned());
    }
    if request.absolute_sigma && request.sigma.is_none() {
        let detail = "`absolute_sigma` says that `sigma` is known; give it, or leave both out.";
        faults.add(|| "/absolute_sigma".to_owned(), || detail.to_owned());
    }
    faults.into_result()?;
    options.max_evaluations = match request.max_evaluations {
        Some(asked) if asked > limit => {
            let detail = format!("The fit may take {asked} evaluations; at most {limit} are made.");
            return Err(Problem::limit("max_steps", limit, asked, detail));
        }
        Some(asked) => asked,
        None => options.max_evaluations.min(limit),
    };
    Ok(options)
}

fn check_parameters(parameters: &Values<'_>) -> Result<(), Problem> {
    if parameters.0.is_empty() {
        let detail = "There is nothing to fit: name in `parameters` the inputs to fit, with the numbers to start from.";
        return Err(Problem::at("/parameters", detail));
    }
    let mut faults = Faults::default();
    for (name, value) in &parameters.0 {
        if let Value::Number(x) = value
            && !x.is_finite()
        {
            faults.add(
                || pointer::join("/parameters", &**name),
                || format!("{} is {}; a fit starts from finite numbers.", quote(name), show(*x)),
            );
        }
    }
    faults.into_result()
}

fn inputs<'b>(bound: &'b Bound, fitted: &[usize]) -> Vec<Input<'b>> {
    let input = |value: &'b Value| match value {
        Value::Number(x) => Input::Number(*x),
        Value::Samples(samples) => Input::Column(samples),
    };
    let mut inputs: Vec<Input<'_>> = bound.values.iter().map(input).collect();
    fitted.iter().enumerate().for_each(|(position, &input)| inputs[input] = Input::Parameter(position));
    inputs
}

/// Why there is no fit.
fn fit_problem(error: FitError, computation: &Computation<'_>) -> Problem {
    const REMEDY: &str = "Start from other parameters, or change the data.";
    match error {
        FitError::Interrupted(interrupted) => interrupted.into(),
        FitError::Start(SweepError::NonFinite(found)) => {
            let (detail, fault) = non_finite::explain(computation, &found);
            Problem { errors: vec![fault], ..Problem::new(Kind::NON_FINITE, format!("{detail} {REMEDY}")) }
        }
        FitError::Start(error) => Problem::new(Kind::INTERNAL, error.to_string()),
        FitError::Overflow => Problem::new(
            Kind::NON_FINITE,
            format!("The sum of squares or a derivative overflows at the parameters to start from. {REMEDY}"),
        ),
    }
}

/// What a fit that did not converge came to.
fn not_converged(fit: &Fit, names: &[&str]) -> Problem {
    const SHOWN: usize = 10;
    let values = names.iter().zip(&fit.parameters).take(SHOWN);
    let mut at: Vec<String> = values.map(|(name, x)| format!("{} = {}", quote(name), show(*x))).collect();
    if names.len() > SHOWN {
        at.push("…".to_owned());
    }
    let residuals = &fit.linearised.residuals;
    let state = format!(
        "it came to {} with a residual sum of squares of {} and a relative offset of {:.1e}",
        at.join(", "),
        show(residuals.iter().map(|r| r * r).sum()),
        fit.relative_offset
    );
    let allow = "send \"not_converged\": \"allow\" to receive the fit as it is";
    let detail = if fit.reason == Ended::Stalled {
        format!(
            "The fit stalled after {} evaluations: {state}, but no step leads further down. There the model has a kink or a jump, its domain ends, or it hardly depends on a parameter. Start elsewhere, keep parameters away from there with `bounds`, or {allow}.",
            fit.evaluations
        )
    } else {
        format!(
            "The fit did not converge within {} evaluations: {state}. Start nearer to the solution, raise `max_evaluations`, or {allow}.",
            fit.evaluations
        )
    };
    Problem::new(Kind::NOT_CONVERGED, detail)
}

/// Why a fit has no standard errors.
fn undetermined(error: Undetermined, names: &[&str]) -> Problem {
    let (positions, detail) = match error {
        Undetermined::Interrupted(interrupted) => return interrupted.into(),
        Undetermined::NoEffect(positions) => {
            let shown = list(positions.iter().map(|&j| names[j]));
            let detail = format!(
                "The model does not depend on {shown} at the parameters of the fit, so that any value fits as well. Hold such a parameter fixed as a number in `data`, leave it out, or start elsewhere."
            );
            (positions, detail)
        }
        Undetermined::Together(positions) => {
            let shown = list(positions.iter().map(|&j| names[j]));
            let detail = format!(
                "The parameters {shown} can change together without a change of the fit, so that none has a best value. Hold one of them fixed as a number in `data`, write the model with fewer parameters, or start elsewhere."
            );
            (positions, detail)
        }
    };
    let fault = |&j: &usize| Fault {
        detail: format!("The data do not determine {}.", quote(names[j])),
        pointer: Some(pointer::join("/parameters", names[j])),
        ..Fault::default()
    };
    let errors = positions.iter().take(super::faults::MOST).map(fault).collect();
    Problem { errors, ..Problem::new(Kind::NOT_IDENTIFIABLE, detail) }
}

fn respond(fit: &Fit, summary: Summary, names: &[&str]) -> FitResponse<'static> {
    let named = |numbers: &[f64]| {
        let mut values = Values::default();
        names.iter().zip(numbers).for_each(|(name, x)| values.push((*name).to_owned(), Value::Number(*x)));
        values
    };
    let held = names.iter().zip(&fit.at_bound).filter(|(_, held)| **held);
    FitResponse {
        parameters: named(&fit.parameters),
        standard_errors: summary.standard_errors.as_deref().map(named),
        covariance: summary.covariance.map(|rows| Matrix::new(names.len(), rows.concat())),
        residual_standard_deviation: summary.residual_standard_deviation.map(Number),
        r_squared: summary.r_squared.map(Number),
        residual_sum_of_squares: Number(summary.residual_sum_of_squares),
        degrees_of_freedom: summary.degrees_of_freedom,
        at_bounds: held.map(|(name, _)| (*name).to_owned()).collect(),
        iterations: fit.iterations,
        evaluations: fit.evaluations,
        converged: fit.reason.is_convergence(),
        reason: match fit.reason {
            Ended::RelativeOffset => Reason::RelativeOffset,
            Ended::Rounding => Reason::Rounding,
            Ended::MaxEvaluations => Reason::MaxEvaluations,
            Ended::Stalled => Reason::Stalled,
        },
    }
}
