//! The events of a training run: how far it is, and now and then all that is needed to go on from there.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::engine::kernels::Real;
use crate::train::{Model, Step, Trainer};

use super::events::{Event, Events};
use super::number::Number;
use super::problem::Problem;
use super::train_state::TrainState;
use super::{count, real};

/// Time from one `progress` to the next: as often as a person can follow.
const PROGRESS: Duration = Duration::from_millis(250);
/// Time from one `checkpoint` to the next, unless the request says otherwise.
const CHECKPOINT: Duration = Duration::from_secs(10);

/// When a stream of events holds the state: after so many seconds, so many steps, or whichever comes first.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Checkpoints {
    /// Seconds from one to the next; 10 where nothing is given.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub seconds: Option<f64>,
    /// Steps from one to the next, counted from the very first step.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub steps: Option<u64>,
}

impl Checkpoints {
    /// When checkpoints are due, if that can be meant.
    pub(super) fn resolve(self) -> Result<Due, Problem> {
        let interval = self.interval()?;
        match self.steps {
            Some(0) => Err(Problem::at("/checkpoint/steps", "The steps between checkpoints are 1 or more.")),
            steps => Ok(Due { interval, steps }),
        }
    }

    fn interval(self) -> Result<Option<Duration>, Problem> {
        match self.seconds {
            None if self.steps.is_some() => Ok(None),
            None => Ok(Some(CHECKPOINT)),
            Some(seconds) if seconds > 0.0 => {
                Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| interval_problem(seconds))
            }
            Some(seconds) => Err(interval_problem(seconds)),
        }
    }
}

/// When checkpoints are due: after so much time, after so many steps, or both.
#[derive(Clone, Copy)]
pub(super) struct Due {
    interval: Option<Duration>,
    steps: Option<u64>,
}

fn interval_problem(seconds: f64) -> Problem {
    let detail =
        format!("The seconds between checkpoints are more than 0 and not without end, not {seconds}.");
    Problem::at("/checkpoint/seconds", detail)
}

/// How far a run is.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Progress {
    /// The last step.
    pub step: u64,
    /// The step at which the run ends if nothing ends it earlier.
    pub steps: u64,
    /// The epoch of the last step, from 1.
    pub epoch: u64,
    /// The loss over the last step's batch.
    pub loss: Number,
    /// The loss over the rows that are held back, after the last epoch that was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation_loss: Option<Number>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Of this request.
    pub steps_per_second: f64,
    /// Seconds that the steps left will take at that pace.
    pub seconds_left: f64,
}

/// Tells the events of a run, where anybody listens.
pub(super) struct Reporter<'e> {
    events: &'e Events,
    steps: u64,
    first: u64,
    start: Instant,
    next_progress: Instant,
    next_checkpoint: Option<Instant>,
    due: Due,
    /// The step of the last checkpoint.
    kept: u64,
}

impl<'e> Reporter<'e> {
    /// For a run of `steps` steps of which `done` are done.
    pub(super) fn new(events: &'e Events, due: Due, steps: u64, done: u64) -> Self {
        let start = Instant::now();
        Self {
            events,
            steps,
            first: done,
            start,
            next_progress: start,
            next_checkpoint: due.interval.map(|interval| start + interval),
            due,
            kept: done,
        }
    }

    /// After `step`: tells what is due. `state` makes the state of the run as it is now.
    pub(super) fn after<T: Real, M: Model<T>>(
        &mut self,
        step: &Step,
        trainer: &Trainer<'_, T, M>,
        state: impl FnOnce() -> TrainState<'static>,
    ) {
        let now = Instant::now();
        if now >= self.next_progress && self.events.tell(self.progress(step, trainer, now)) {
            self.next_progress = now + PROGRESS;
        }
        let by_steps = self.due.steps.is_some_and(|steps| step.step.is_multiple_of(steps));
        if by_steps || self.next_checkpoint.is_some_and(|next| now >= next) {
            self.checkpoint(state());
        }
    }

    /// Tells the state, unless the last checkpoint had it.
    pub(super) fn checkpoint(&mut self, state: TrainState<'static>) {
        if state.step == self.kept {
            return;
        }
        let step = state.step;
        if self.events.tell(Event::new("checkpoint", &Checkpoint { state })) {
            self.kept = step;
            self.next_checkpoint = self.due.interval.map(|interval| Instant::now() + interval);
        }
    }

    fn progress<T: Real, M: Model<T>>(
        &self,
        step: &Step,
        trainer: &Trainer<'_, T, M>,
        now: Instant,
    ) -> Event {
        let seconds = (now - self.start).as_secs_f64().max(1e-9);
        let pace = (step.step - self.first) as f64 / seconds;
        Event::new(
            "progress",
            &Progress {
                step: step.step,
                steps: self.steps,
                epoch: step.epoch,
                loss: Number(step.loss),
                validation_loss: trainer.validation_loss().map(Number),
                learning_rate: step.learning_rate,
                steps_per_second: pace,
                seconds_left: (self.steps - step.step) as f64 / pace,
            },
        )
    }
}

/// The data of a `checkpoint` event.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checkpoint {
    /// To be sent with the same request to go on from there, to this server or another.
    pub state: TrainState<'static>,
}
