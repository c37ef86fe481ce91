//! A training run of any model: plan, start, steps, and what can go wrong.

use crate::engine::SweepError;
use crate::train::{
    self, Error, Length, Model, OptimizerState, Plan, PlanError, Report, State, StateError, Trainer,
};

use super::context::Context;
use super::matrix::Vector;
use super::mlp::capitalised;
use super::non_finite::show;
use super::number::Number;
use super::problem::{Fault, Kind, Problem};
use super::tensors::Shape;
use super::train::{History, Stopped, TrainRequest, TrainResponse, TrainState, TrainedOptimizer, TrainedSgd};

/// What to do about a run that diverges.
const REMEDY: &str =
    "Lower `learning_rate`, start from smaller parameters, or bring the data to a scale near 1.";

/// What the run is of, beside the model that computes it.
pub(super) struct Subject<'s> {
    pub shape: Shape<'s>,
    /// To start from, flat.
    pub parameters: Vec<f64>,
    /// Pointer to them.
    pub place: &'static str,
    pub rows: usize,
    /// Says where a loss that is not finite began.
    pub explain: &'s dyn Fn(&SweepError) -> Option<(String, Fault)>,
}

/// Trains `model` as the request says.
pub(super) fn run<M: Model<f64>>(
    model: &mut M,
    subject: Subject<'_>,
    request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let optimizer = request.optimizer.sgd.resolve("/optimizer/sgd")?;
    let plan = plan(&request, subject.rows)?;
    let Subject { shape, mut parameters, mut place, explain, .. } = subject;
    let state = match request.state {
        None => None,
        Some(state) => {
            place = "/state/parameters";
            parameters = shape.flatten(state.parameters, place)?;
            let momentum_buffer = match state.optimizer.sgd.velocity {
                Some(velocity) => shape.flatten(velocity, "/state/optimizer/sgd/velocity")?,
                None => Vec::new(),
            };
            Some(State { step: state.step, optimizer: OptimizerState::Sgd { momentum_buffer } })
        }
    };
    check_steps(&plan, state.as_ref().map_or(0, |state| state.step), context)?;

    let start = |error| start_problem(&error, &shape, place);
    let mut trainer = Trainer::new(model, optimizer, plan, parameters, state).map_err(start)?;
    loop {
        match trainer.step(&context.interrupt) {
            Ok(Some(_)) => {}
            Ok(None) => break,
            Err(error) => return Err(step_problem(error, trainer.state().step + 1, &shape, explain)),
        }
    }
    let last = trainer.state().step;
    let report =
        trainer.finish(&context.interrupt).map_err(|error| step_problem(error, last, &shape, explain))?;
    Ok(respond(report, &shape))
}

fn plan(request: &TrainRequest<'_>, rows: usize) -> Result<Plan, Problem> {
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
    Plan::new(rows, length, request.batch_size, seed).map_err(|error| {
        let place = match error {
            PlanError::NoRows | PlanError::TooManyRows(_) => "/data",
            PlanError::NoSteps | PlanError::TooManySteps => member,
            PlanError::NoBatch => "/batch_size",
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
        Error::State(StateError::PastTheEnd { step, total }) => Problem::at(
            "/state/step",
            format!("The state is at step {step}, but the run ends at step {total}; ask for more to go on."),
        ),
        Error::State(StateError::Presence { given: false, .. }) => Problem::at(
            "/state/optimizer/sgd",
            "The `velocity` is missing, which these settings need after the first step.",
        ),
        Error::State(StateError::Presence { given: true, .. }) => Problem::at(
            "/state/optimizer/sgd/velocity",
            "There is a velocity, but without momentum or before the first step there is none.",
        ),
        Error::State(error) => Problem::at("/state/optimizer/sgd/velocity", capitalised(&error.to_string())),
        other => Problem::new(Kind::INTERNAL, other.to_string()),
    }
}

/// Why `step` failed.
fn step_problem(
    error: Error,
    step: u64,
    shape: &Shape<'_>,
    explain: &dyn Fn(&SweepError) -> Option<(String, Fault)>,
) -> Problem {
    match error {
        Error::Interrupted(interrupted) => interrupted.into(),
        Error::Diverged(divergence) => {
            let what = match divergence.parameter {
                Some(index) => format!("{} stopped being finite", shape.describe(index)),
                None => format!("the loss became {}", show(divergence.loss)),
            };
            let before = divergence.previous_loss.map_or_else(String::new, |loss| {
                format!(" after a loss of {} in the step before", show(loss))
            });
            Problem::new(
                Kind::DIVERGED,
                format!("The run diverged at step {}: {what}{before}. {REMEDY}", divergence.step),
            )
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
                ..Problem::new(Kind::DIVERGED, format!("The run diverged at step {step}. {detail} {REMEDY}"))
            },
            None => Problem::new(Kind::INTERNAL, cause.to_string()),
        },
        other => Problem::new(Kind::INTERNAL, other.to_string()),
    }
}

fn respond(report: Report<f64>, shape: &Shape<'_>) -> TrainResponse<'static> {
    let OptimizerState::Sgd { momentum_buffer } = report.state.optimizer;
    let velocity = (!momentum_buffer.is_empty()).then(|| shape.restore(&momentum_buffer));
    let parameters = shape.restore(&report.parameters);
    TrainResponse {
        state: TrainState {
            step: report.state.step,
            parameters: parameters.clone(),
            optimizer: TrainedOptimizer { sgd: TrainedSgd { velocity } },
        },
        parameters,
        loss: Number(report.loss),
        history: History { step: report.history.step, loss: Vector(report.history.loss) },
        steps: report.steps,
        epochs: report.epochs,
        stopped: match report.stopped {
            train::Stopped::Epochs => Stopped::Epochs,
            train::Stopped::Steps => Stopped::Steps,
        },
    }
}
