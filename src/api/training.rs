//! A training run of any model: plan, start, steps, and what can go wrong.

use std::ops::Range;
use std::time::Instant;

use crate::engine::SweepError;
use crate::nn::Scalar;
use crate::train::fit::Bounds;
use crate::train::{Error, Length, Model, Plan, PlanError, Recipe, Report, StateError, Trainer};

use super::context::Context;
use super::cost::Cost;
use super::fingerprint::{self, Fingerprint, Print};
use super::meter::{Stage, Unit};
use super::metrics::Metrics;
use super::mlp::capitalised;
use super::non_finite::show;
use super::number::Number;
use super::optimizer::setting_problem;
use super::problem::{Fault, Kind, Problem};
use super::progress::Reporter;
use super::tensors::Shape;
use super::train::{Timing, TrainRequest, TrainResponse};
use super::train_state::TrainState;
use super::validation::Validated;
use super::{dtype, recipe};

/// What to do about a run that diverges.
const REMEDY: &str = "Lower `learning_rate`, `clip` the gradient, start from smaller parameters, or bring the data to a scale near 1.";

/// What the run is of, beside the model that computes it.
pub(super) struct Subject<'s> {
    pub shape: Shape<'s>,
    /// Fingerprint of the model.
    pub model: Print,
    /// Fingerprint of the data.
    pub data: Print,
    /// What a gradient over one row takes, and what the model keeps besides.
    pub row: Cost,
    /// To start from, flat.
    pub parameters: Vec<f64>,
    /// Pointer to them.
    pub place: &'static str,
    /// Rows to train on.
    pub rows: usize,
    /// Rows held back, which follow those.
    pub validation: usize,
    /// One range per parameter; empty where they are free.
    pub bounds: Vec<Bounds>,
    /// Says where a loss that is not finite began.
    pub explain: &'s dyn Fn(&SweepError) -> Option<(String, Fault)>,
}

/// What the run takes from the step after `done` on.
fn cost(subject: &Subject<'_>, recipe: &Recipe, plan: &Plan, done: u64) -> Cost {
    let steps = plan.steps().saturating_sub(done) as f64;
    let judged = steps / plan.steps_per_epoch() as f64 * (plan.rows() + subject.validation) as f64 / 3.0;
    let rows = steps * plan.batch_size() as f64 * recipe.optimizer.most_evaluations() + judged;
    let buffers = recipe.optimizer.most_buffers(plan.steps());
    let parameters = subject.parameters.len();
    // The parameters, the gradient, their copies, the best ones; the state is answered beside the parameters, and may at the
    // same time be told as a checkpoint.
    let kept = Cost::of_kept(parameters.saturating_mul(5 + 2 * buffers));
    let answered = Cost::of_answered(parameters.saturating_mul(2 * (3 + buffers)));
    Cost { work: subject.row.work * rows, memory: subject.row.memory } + kept + answered
}

/// Trains the model that `prepare` makes, once its cost is admitted, as the request says.
pub(super) fn run<T: Scalar, M: Model<T>>(
    prepare: impl FnOnce() -> Result<M, Problem>,
    subject: Subject<'_>,
    request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let recipe = recipe::resolve(&request)?;
    let plan = plan(&request, &subject)?;
    recipe::check_plan(&recipe, &plan)?;
    recipe::check_memory(&recipe, subject.parameters.len(), &context.limits)?;
    let done = request.state.as_ref().map_or(0, |state| state.step);
    check_steps(&plan, done, context)?;
    context.admit(cost(&subject, &recipe, &plan, done))?;
    let mut model = context.stage(Stage::Compile, prepare)?;
    let Subject { shape, model: model_print, data, mut parameters, mut place, explain, bounds, .. } = subject;
    let fingerprint = Fingerprint {
        model: Some(model_print),
        data: Some(data),
        batches: Some(fingerprint::of_batches(&plan, request.reduction)),
        optimizer: Some(fingerprint::of_recipe(&recipe, &bounds)),
    };
    let (mut state, mut given_print) = (None, None);
    if let Some(given) = request.state {
        place = "/state/parameters";
        given_print = Some(given.fingerprint);
        let (last, given) = given.restore(&recipe, &shape)?;
        (parameters, state) = (last, Some(given));
    }
    let due = request.checkpoint.unwrap_or_default().resolve()?;

    let start = |error| start_problem(&error, &shape, place);
    let _timed = context.meter.enter(Stage::Steps);
    let clock = Instant::now();
    let (rows, validation) = (0..plan.rows(), plan.validation());
    let mut reporter = context.events.as_ref().map(|events| Reporter::new(events, due, plan.steps(), done));
    let parameters = dtype::round(&parameters, place)?.into_owned();
    let state = state.map(|state| state.cast());
    let mut trainer = Trainer::new(&mut model, recipe, plan, parameters, state).map_err(start)?;
    if !bounds.is_empty() {
        trainer = trainer.within(bounds).map_err(start)?;
    }
    // Last, because what does not fit at all says more of itself.
    given_print.map_or(Ok(()), |given| fingerprint.check(&given))?;
    let state_of = |trainer: &Trainer<'_, T, M>| {
        let (parameters, state) = trainer.checkpoint();
        let parameters = shape.restore(&T::widen(parameters.to_vec()));
        TrainState::new(fingerprint, parameters, &state.cast(), &recipe, &shape)
    };
    let stop = |error, step, trainer: &Trainer<'_, T, M>| {
        let state = state_of(trainer);
        let after = trainer
            .last_loss()
            .map_or_else(String::new, |loss| format!(" after a loss of {} in the step before", show(loss)));
        step_problem(error, (step, &after), state, &shape, explain)
    };
    loop {
        match trainer.step(&context.interrupt) {
            Ok(Some(step)) => {
                context.count(Unit::Steps, 1);
                if let Some(reporter) = &mut reporter {
                    reporter.after(&step, &trainer, || state_of(&trainer));
                }
            }
            Ok(None) => break,
            Err(error) => {
                if let Some(reporter) = &mut reporter {
                    reporter.checkpoint(state_of(&trainer));
                }
                return Err(stop(error, trainer.state().step + 1, &trainer));
            }
        }
    }
    let report = match trainer.finish(&context.interrupt) {
        Ok(report) => report,
        Err(error) => {
            if let Some(reporter) = &mut reporter {
                reporter.checkpoint(state_of(&trainer));
            }
            return Err(stop(error, trainer.state().step, &trainer));
        }
    };
    let last = report.last_parameters.as_ref().unwrap_or(&report.parameters);
    let last = shape.restore(&T::widen(last.clone()));
    let state = TrainState::new(fingerprint, last, &report.state.cast(), &recipe, &shape);
    let mut metrics = |rows: Range<usize>| match model.metrics(&report.parameters, rows, &context.interrupt) {
        Ok(metrics) => Ok(metrics.map(Metrics::from)),
        Err(Error::Interrupted(interrupted)) => Err(interrupted.into()),
        Err(other) => Err(Problem::new(Kind::INTERNAL, other.to_string())),
    };
    let training = metrics(rows);
    let figures =
        training.and_then(|training| Ok([training, validation.map(metrics).transpose()?.flatten()]));
    let figures = match figures {
        Ok(figures) => figures,
        Err(problem) => {
            if let Some(reporter) = &mut reporter {
                reporter.checkpoint(state);
            }
            return Err(problem);
        }
    };
    let seconds = clock.elapsed().as_secs_f64();
    let timing = Timing { seconds, steps_per_second: (report.steps - done) as f64 / seconds.max(1e-9) };
    Ok(respond(report, state, &shape, figures, timing))
}

fn plan(request: &TrainRequest<'_>, subject: &Subject<'_>) -> Result<Plan, Problem> {
    let (length, member) = match (request.epochs, request.steps) {
        (Some(epochs), None) => (Length::Epochs(epochs), "/epochs"),
        (None, Some(steps)) => (Length::Steps(steps), "/steps"),
        (None, None) => {
            return Err(Problem::at("", "The length of the run is missing; give `epochs` or `steps`."));
        }
        (Some(_), Some(_)) => {
            return Err(Problem::at("/epochs", "The run has both `epochs` and `steps`; give one of them."));
        }
    };
    let seed = request.shuffle.then_some(request.seed.unwrap_or(0));
    let plan = Plan::new(subject.rows, length, request.batch_size, seed);
    plan.map(|plan| plan.hold_back(subject.validation)).map_err(|error| {
        let place = match error {
            PlanError::NoRows | PlanError::TooManyRows(_) => "/data",
            PlanError::NoSteps | PlanError::TooManySteps => member,
            PlanError::NoBatch | PlanError::BatchTooLarge { .. } => "/batch_size",
        };
        Problem::at(place, capitalised(&error.to_string()))
    })
}

fn check_steps(plan: &Plan, done: u64, context: &Context) -> Result<(), Problem> {
    let (left, limit) = (plan.steps().saturating_sub(done), context.limits.max_steps as u64);
    if left <= limit {
        return Ok(());
    }
    let detail = format!(
        "The run has {left} steps; at most {limit} are made in one request. Send fewer, and the `state` of the answer to go on."
    );
    Err(Problem::limit("max_steps", limit, left, detail))
}

/// Why a run could not start.
fn start_problem(error: &Error, shape: &Shape<'_>, place: &str) -> Problem {
    match error {
        Error::ParameterNotFinite { index, value } => {
            let what = shape.describe(*index);
            Problem::at(place, format!("{what} is {}; training starts from finite numbers.", show(*value)))
        }
        Error::OutOfBounds { index, value } => {
            let what = shape.describe(*index);
            Problem::at(
                place,
                format!(
                    "{what} starts from {}, outside its bounds; start within, or widen them.",
                    show(*value)
                ),
            )
        }
        Error::Setting(error) => setting_problem("", error),
        Error::State(StateError::PastTheEnd { step, total }) => Problem::at(
            "/state/step",
            format!("The state is at step {step}, but the run ends at step {total}; ask for more to go on."),
        ),
        Error::State(error @ StateError::Part { part, given: true }) => {
            Problem::at(format!("/state/watch/{part}"), capitalised(&error.to_string()))
        }
        Error::State(error @ StateError::Part { .. }) => {
            Problem::at("/state/watch", capitalised(&error.to_string()))
        }
        Error::State(error @ StateError::Length { buffer, .. }) => {
            Problem::at(format!("/state/watch/{buffer}"), capitalised(&error.to_string()))
        }
        Error::State(error) => Problem::at("/state/optimizer", capitalised(&error.to_string())),
        other => Problem::new(Kind::INTERNAL, other.to_string()),
    }
}

/// Why a step failed, given with what came before it. `state` is what is left of the run.
fn step_problem(
    error: Error,
    (step, after): (u64, &str),
    state: TrainState<'static>,
    shape: &Shape<'_>,
    explain: &dyn Fn(&SweepError) -> Option<(String, Fault)>,
) -> Problem {
    match error {
        Error::Interrupted(interrupted) => interrupted.into(),
        Error::Diverged(divergence) => {
            let what = match divergence.parameter {
                Some(index) => {
                    format!(
                        "{} stopped being finite at a loss of {}",
                        shape.describe(index),
                        show(divergence.loss)
                    )
                }
                None => format!("the loss became {}", show(divergence.loss)),
            };
            let before = divergence.previous_loss.map_or_else(String::new, |loss| {
                format!(" after a loss of {} in the step before", show(loss))
            });
            let detail = format!("The run diverged at step {}: {what}{before}.", divergence.step);
            diverged(&detail, state)
        }
        Error::Model(cause) => match cause.downcast_ref::<SweepError>().and_then(explain) {
            // Before any step it is the request's own values that make it so.
            Some((detail, fault)) if step <= 1 => Problem {
                errors: vec![fault],
                ..Problem::new(
                    Kind::NON_FINITE,
                    format!("{detail} Start from other parameters, or change the data."),
                )
            },
            Some((detail, fault)) => Problem {
                errors: vec![fault],
                ..diverged(&format!("The run diverged at step {step}{after}. {detail}"), state)
            },
            None => Problem::new(Kind::INTERNAL, cause.to_string()),
        },
        other => Problem::new(Kind::INTERNAL, other.to_string()),
    }
}

/// A run that diverged, with what is left of it, which has to go on otherwise.
fn diverged(detail: &str, mut state: TrainState<'static>) -> Problem {
    state.fingerprint.optimizer = None;
    let left = format!("`state` holds the run after step {}, to go on from.", state.step);
    Problem {
        state: Some(Box::new(state)),
        ..Problem::new(Kind::DIVERGED, format!("{detail} {REMEDY} {left}"))
    }
}

fn respond<T: Scalar>(
    report: Report<T>,
    state: TrainState<'static>,
    shape: &Shape<'_>,
    metrics: [Option<Metrics>; 2],
    timing: Timing,
) -> TrainResponse<'static> {
    let [training, held_back] = metrics;
    TrainResponse {
        state,
        parameters: shape.restore(&T::widen(report.parameters)),
        standardize: None,
        classes: None,
        loss: Number(report.loss),
        metrics: training,
        validation: report.validation_loss.map(|loss| Validated {
            loss: Number(loss),
            history: report.validation_history.into(),
            metrics: held_back,
        }),
        history: report.history.into(),
        steps: report.steps,
        epochs: report.epochs,
        stopped: report.stopped.into(),
        timing,
        file: None,
    }
}
