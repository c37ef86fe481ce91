//! The training loop.

use super::error::{Divergence, Error};
use super::fit::Bounds;
use super::history::History;
use super::model::{Model, Rows};
use super::optimizer::{Optimizer, OptimizerState, StateError};
use super::plan::{Length, Plan};
use super::recipe::Recipe;
use super::setting::SettingError;
use super::watch::Watch;
use crate::engine::Interrupt;
use crate::engine::kernels::{Kernel, Level, Real};

/// What a run needs beside its parameters to be continued bit for bit. The order of rows follows from the step.
#[derive(Clone, Debug, PartialEq)]
pub struct State<T> {
    /// Steps done.
    pub step: u64,
    /// The optimizer's buffers.
    pub optimizer: OptimizerState<T>,
    /// What early stopping and a schedule that waits for a plateau remember.
    pub watch: Watch<T>,
}

impl<T: Real> State<T> {
    /// The same state with its numbers in another type: rounded to f32, exact in f64.
    pub fn cast<U: Real>(&self) -> State<U> {
        State {
            step: self.step,
            optimizer: OptimizerState { buffers: self.optimizer.buffers.iter().map(|b| cast(b)).collect() },
            watch: self.watch.cast(),
        }
    }
}

pub(super) fn cast<T: Real, U: Real>(numbers: &[T]) -> Vec<U> {
    numbers.iter().map(|x| U::from_f64(x.to_f64())).collect()
}

/// One step that was made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Its number, counted from 1.
    pub step: u64,
    /// The epoch it belongs to, counted from 1.
    pub epoch: u64,
    /// The loss over its batch, before its update.
    pub loss: f64,
    /// The learning rate of its update.
    pub learning_rate: f64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All epochs are done.
    Epochs,
    /// All steps are done.
    Steps,
    /// The loss of an epoch is as low as was asked.
    TargetLoss,
    /// The loss of the epochs no longer fell.
    EarlyStopping,
}

/// What a finished run gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<T> {
    /// The trained parameters: the last ones, or those of the best epoch where early stopping restores them.
    pub parameters: Vec<T>,
    /// The loss over all rows to train on with those parameters.
    pub loss: f64,
    /// The loss over the rows that are held back.
    pub validation_loss: Option<f64>,
    /// The losses of the steps that this trainer made.
    pub history: History,
    /// The losses over the rows that are held back, after each epoch that this trainer ended.
    pub validation_history: History,
    /// Steps done, those before a continuation included.
    pub steps: u64,
    /// Whole epochs done.
    pub epochs: u64,
    /// Why the run ended.
    pub stopped: Stopped,
    /// To continue with a longer plan, from [`last_parameters`](Self::last_parameters).
    pub state: State<T>,
    /// The parameters after the last step, where `parameters` are others.
    pub last_parameters: Option<Vec<T>>,
}

/// Steps from one copy of a run to the next. The copies are what is left where an update breaks the parameters; more of
/// them would cost as much as the updates themselves.
const STEPS_PER_COPY: u64 = 64;

/// A run under way.
#[derive(Debug)]
pub struct Trainer<'a, T, M> {
    model: &'a mut M,
    recipe: Recipe,
    plan: Plan,
    parameters: Vec<T>,
    state: State<T>,
    /// Parameters and state a few steps ago.
    copy: (Vec<T>, State<T>),
    /// Whether the last update left parameters that are not finite.
    broken: bool,
    history: History,
    validation_history: History,
    previous_loss: Option<f64>,
    gradient: Vec<T>,
    /// One range per parameter; empty where they are free.
    bounds: Vec<Bounds>,
    /// The rows of `epoch` in their order; empty if rows are not shuffled.
    order: Vec<u32>,
    epoch: Option<u64>,
}

impl<'a, T: Real, M: Model<T>> Trainer<'a, T, M> {
    /// A run of `plan` by `recipe`, which may be an optimizer alone, from its start or, with `state`, from where that
    /// left off.
    pub fn new(
        model: &'a mut M,
        recipe: impl Into<Recipe>,
        plan: Plan,
        parameters: Vec<T>,
        state: Option<State<T>>,
    ) -> Result<Self, Error> {
        let recipe = recipe.into();
        recipe.check()?;
        recipe.check_batches(&plan)?;
        let expected = model.parameters();
        if parameters.len() != expected {
            return Err(Error::Parameters { expected, actual: parameters.len() });
        }
        if let Some(index) = first_non_finite(&parameters) {
            return Err(Error::ParameterNotFinite { index, value: parameters[index].to_f64() });
        }
        let rows = plan.validation().map_or(plan.rows(), |rows| rows.end);
        if let Some(row) = Rows::Range(0..rows).out_of_range(model.rows()) {
            return Err(Error::Model(Box::new(crate::nn::Error::RowOutOfRange { row, rows: model.rows() })));
        }
        let first = recipe.first_optimizer();
        let state = state.unwrap_or_else(|| State {
            step: 0,
            optimizer: first.start(),
            watch: Watch::start(&recipe),
        });
        if state.step > plan.steps() {
            return Err(StateError::PastTheEnd { step: state.step, total: plan.steps() }.into());
        }
        first.check_state(&state.optimizer, state.step, expected)?;
        state.watch.check(&recipe, expected)?;
        Ok(Self {
            model,
            recipe,
            plan,
            gradient: vec![T::ZERO; expected],
            bounds: Vec::new(),
            copy: (parameters.clone(), state.clone()),
            broken: false,
            validation_history: History::default(),
            parameters,
            state,
            history: History::default(),
            previous_loss: None,
            order: Vec::new(),
            epoch: None,
        })
    }

    /// The same run with each parameter held within its bounds: what a step carries across one is put back on it. Fails where
    /// the run would start outside, or there is not one range per parameter.
    pub fn within(mut self, bounds: Vec<Bounds>) -> Result<Self, Error> {
        if bounds.len() != self.parameters.len() {
            let (expected, actual) = (self.parameters.len(), bounds.len());
            return Err(Error::Parameters { expected, actual });
        }
        if matches!(self.recipe.optimizer, Optimizer::Lbfgs(_)) {
            let needs =
                "an optimizer whose steps may be cut short; lbfgs learns from where its own steps end";
            return Err(SettingError::Needs { setting: "bounds", needs }.into());
        }
        let is_outside = |(x, bounds): (&T, &Bounds)| !(bounds.lower..=bounds.upper).contains(&x.to_f64());
        if let Some(index) = self.parameters.iter().zip(&bounds).position(is_outside) {
            return Err(Error::OutOfBounds { index, value: self.parameters[index].to_f64() });
        }
        self.bounds = bounds;
        Ok(self)
    }

    /// The parameters after the last step.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The state after the last step.
    pub fn state(&self) -> &State<T> {
        &self.state
    }

    /// The loss over the batch of the last step, if this trainer made it.
    pub fn last_loss(&self) -> Option<f64> {
        self.previous_loss
    }

    /// The loss over the rows that are held back, after the last epoch that was judged.
    pub fn validation_loss(&self) -> Option<f64> {
        self.plan.validation().and(self.state.watch.last)
    }

    /// The losses so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The last parameters and state that are all finite: those after the last step, unless its update broke them; then
    /// those of a few steps before.
    pub fn checkpoint(&self) -> (&[T], &State<T>) {
        if self.broken { (&self.copy.0, &self.copy.1) } else { (&self.parameters, &self.state) }
    }

    /// Why the run is over; none while there are steps to make.
    pub fn stopped(&self) -> Option<Stopped> {
        let watch = &self.state.watch;
        let reached = |target: f64| watch.last.is_some_and(|loss| loss <= target);
        if self.recipe.target_loss.is_some_and(reached) {
            return Some(Stopped::TargetLoss);
        }
        if self.state.step >= self.plan.steps() {
            return Some(self.end());
        }
        let patience = self.recipe.early_stopping.map(|stopping| stopping.patience);
        let bad_epochs = watch.best.as_ref().map(|best| best.bad_epochs);
        patience
            .zip(bad_epochs)
            .is_some_and(|(patience, bad)| bad >= patience)
            .then_some(Stopped::EarlyStopping)
    }

    fn end(&self) -> Stopped {
        match self.plan.length() {
            Length::Epochs(_) => Stopped::Epochs,
            Length::Steps(_) => Stopped::Steps,
        }
    }

    /// Looks at the epoch that the last step ended, unless that was done. It is no part of the step, so that a step that
    /// was made is not made again when this is interrupted.
    fn judge(&mut self, interrupt: &Interrupt) -> Result<(), Error> {
        let (step, per_epoch) = (self.state.step, self.plan.steps_per_epoch());
        if self.state.watch.steps == 0 || !step.is_multiple_of(per_epoch) {
            return Ok(());
        }
        let mean = self.state.watch.mean();
        let (loss, course) = match self.plan.validation() {
            Some(rows) => {
                let loss = self.model.loss(&self.parameters, Rows::Range(rows), interrupt)?;
                self.validation_history.note_every(per_epoch, step, loss, self.plan.steps());
                (loss, loss)
            }
            None if self.recipe.ends_by_loss() => {
                let rows = Rows::Range(0..self.plan.rows());
                (self.model.loss(&self.parameters, rows, interrupt)?, mean)
            }
            None => (mean, mean),
        };
        self.state.watch.judge(&self.recipe, loss, course, step, &self.parameters);
        Ok(())
    }

    fn keep_copy(&mut self) {
        self.copy.0.clone_from(&self.parameters);
        self.copy.1.step = self.state.step;
        self.copy.1.optimizer.buffers.clone_from(&self.state.optimizer.buffers);
        self.copy.1.watch.clone_from(&self.state.watch);
    }

    /// Makes the next step; `None` once the run is over. After an interrupt the trainer is as it was before the call.
    pub fn step(&mut self, interrupt: &Interrupt) -> Result<Option<Step>, Error> {
        self.judge(interrupt)?;
        if self.stopped().is_some() {
            return Ok(None);
        }
        interrupt.check()?;
        if self.state.step.is_multiple_of(STEPS_PER_COPY) {
            self.keep_copy();
        }
        let (epoch, batch) = self.plan.batch(self.state.step);
        if self.plan.shuffles() && self.epoch != Some(epoch) {
            self.plan.permute(epoch, &mut self.order);
            self.epoch = Some(epoch);
        }
        let rows = if self.plan.shuffles() { Rows::Indices(&self.order[batch]) } else { Rows::Range(batch) };
        let step = self.state.step + 1;
        let model = &mut *self.model;
        let mut objective = |parameters: &[T], gradient: &mut [T]| {
            model.loss_and_gradient(parameters, rows.clone(), gradient, interrupt)
        };
        let loss = objective(&self.parameters, &mut self.gradient)?;
        let previous_loss = self.previous_loss;
        let diverged = |parameter| Error::Diverged(Divergence { step, loss, previous_loss, parameter });
        if !loss.is_finite() {
            return Err(diverged(None));
        }
        if let Some(clip) = self.recipe.clip {
            clip.apply(&mut self.gradient);
        }
        let reduced = self.state.watch.plateau.map(|plateau| plateau.learning_rate);
        let optimizer = self.recipe.optimizer_at(step - 1, reduced);
        let here = (loss, &self.gradient[..]);
        optimizer.step(step, &mut self.state.optimizer, &mut self.parameters, here, &mut objective)?;
        for (x, bounds) in self.parameters.iter_mut().zip(&self.bounds) {
            // NaN passes, to be found below.
            if x.to_f64() < bounds.lower {
                *x = T::from_f64(bounds.lower);
            } else if x.to_f64() > bounds.upper {
                *x = T::from_f64(bounds.upper);
            }
        }
        self.state.step = step;
        if self.watches() {
            self.state.watch.add(loss);
        }
        self.previous_loss = Some(loss);
        self.history.note(step, loss, self.plan.steps());
        match first_non_finite(&self.parameters) {
            Some(index) => {
                self.broken = true;
                Err(diverged(Some(index)))
            }
            None => {
                let learning_rate = optimizer.learning_rate();
                Ok(Some(Step { step, epoch: epoch + 1, loss, learning_rate }))
            }
        }
    }

    /// Makes all steps that are left, and the report.
    pub fn run(mut self, interrupt: &Interrupt) -> Result<Report<T>, Error> {
        while self.step(interrupt)?.is_some() {}
        self.finish(interrupt)
    }

    /// The report of a run that is over, or of as many steps as were made. It takes what it reports out of the trainer,
    /// which is left as it was if there is an error.
    pub fn finish(&mut self, interrupt: &Interrupt) -> Result<Report<T>, Error> {
        self.judge(interrupt)?;
        let restore = self.recipe.early_stopping.is_some_and(|stopping| stopping.restore_best);
        let best = self.state.watch.best.as_ref().filter(|_| restore).map(|best| &best.parameters);
        let parameters = best.unwrap_or(&self.parameters);
        let loss = self.model.loss(parameters, Rows::Range(0..self.plan.rows()), interrupt)?;
        if !loss.is_finite() {
            let (step, previous_loss) = (self.state.step, self.previous_loss);
            return Err(Error::Diverged(Divergence { step, loss, previous_loss, parameter: None }));
        }
        let validation_loss = match self.plan.validation() {
            Some(rows) => Some(self.model.loss(parameters, Rows::Range(rows), interrupt)?),
            None => None,
        };
        if let Some(loss) = self.previous_loss {
            self.history.end(self.state.step, loss);
        }
        let (best, last) = (best.cloned(), std::mem::take(&mut self.parameters));
        let (parameters, last_parameters) = match best {
            Some(best) => (best, Some(last)),
            None => (last, None),
        };
        Ok(Report {
            parameters,
            loss,
            validation_loss,
            history: std::mem::take(&mut self.history),
            validation_history: std::mem::take(&mut self.validation_history),
            steps: self.state.step,
            epochs: self.state.step / self.plan.steps_per_epoch(),
            stopped: self.stopped().unwrap_or(self.end()),
            state: self.state.clone(),
            last_parameters,
        })
    }

    /// Whether epochs are judged.
    fn watches(&self) -> bool {
        self.plan.validation().is_some() || self.recipe.watches()
    }
}

fn first_non_finite<T: Real>(values: &[T]) -> Option<usize> {
    if Level::best().run(AllFinite(values)) {
        return None;
    }
    values.iter().position(|value| !value.is_finite())
}

struct AllFinite<'a, T>(&'a [T]);

impl<T: Real> Kernel for AllFinite<'_, T> {
    type Output = bool;
    /// Every finite number times 0 is a zero, every other is NaN; the sum of lanes stays a zero or becomes NaN.
    #[inline(always)]
    fn run(self) -> bool {
        let mut zeros = [T::ZERO; 16];
        let (chunks, rest) = self.0.as_chunks::<16>();
        for chunk in chunks {
            for (zero, &value) in zeros.iter_mut().zip(chunk) {
                *zero += value * T::ZERO;
            }
        }
        for (zero, &value) in zeros.iter_mut().zip(rest) {
            *zero += value * T::ZERO;
        }
        zeros.iter().all(|&zero| zero == T::ZERO)
    }
}
