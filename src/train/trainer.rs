//! The training loop.

use super::error::{Divergence, Error};
use super::history::History;
use super::model::{Model, Rows};
use super::optimizer::{Optimizer, OptimizerState, StateError};
use super::plan::{Length, Plan};
use crate::engine::Interrupt;
use crate::engine::kernels::{Kernel, Level, Real};

/// What a run needs beside its parameters to be continued bit for bit. The order of rows follows from the step.
#[derive(Clone, Debug, PartialEq)]
pub struct State<T> {
    /// Steps done.
    pub step: u64,
    /// The optimizer's buffers.
    pub optimizer: OptimizerState<T>,
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
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// All epochs are done.
    Epochs,
    /// All steps are done.
    Steps,
}

/// What a finished run gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Report<T> {
    /// The trained parameters.
    pub parameters: Vec<T>,
    /// The loss over all rows with those parameters.
    pub loss: f64,
    /// The losses of the steps that this trainer made.
    pub history: History,
    /// Steps done, those before a continuation included.
    pub steps: u64,
    /// Whole epochs done.
    pub epochs: u64,
    /// Why the run ended.
    pub stopped: Stopped,
    /// To continue with a longer plan.
    pub state: State<T>,
}

/// A run under way.
#[derive(Debug)]
pub struct Trainer<'a, T, M> {
    model: &'a mut M,
    optimizer: Optimizer,
    plan: Plan,
    parameters: Vec<T>,
    state: State<T>,
    history: History,
    previous_loss: Option<f64>,
    gradient: Vec<T>,
    /// The rows of `epoch` in their order; empty if rows are not shuffled.
    order: Vec<u32>,
    epoch: Option<u64>,
}

impl<'a, T: Real, M: Model<T>> Trainer<'a, T, M> {
    /// A run of `plan`, from its start or, with `state`, from where that left off.
    pub fn new(
        model: &'a mut M,
        optimizer: Optimizer,
        plan: Plan,
        parameters: Vec<T>,
        state: Option<State<T>>,
    ) -> Result<Self, Error> {
        let expected = model.parameters();
        if parameters.len() != expected {
            return Err(Error::Parameters { expected, actual: parameters.len() });
        }
        if let Some(index) = first_non_finite(&parameters) {
            return Err(Error::ParameterNotFinite { index, value: parameters[index].to_f64() });
        }
        if let Some(row) = Rows::Range(0..plan.rows()).out_of_range(model.rows()) {
            return Err(Error::Model(Box::new(crate::nn::Error::RowOutOfRange { row, rows: model.rows() })));
        }
        let state = state.unwrap_or_else(|| State { step: 0, optimizer: optimizer.start() });
        if state.step > plan.steps() {
            return Err(StateError::PastTheEnd { step: state.step, total: plan.steps() }.into());
        }
        optimizer.check(&state.optimizer, state.step, expected)?;
        Ok(Self {
            model,
            optimizer,
            plan,
            gradient: vec![T::ZERO; expected],
            parameters,
            state,
            history: History::default(),
            previous_loss: None,
            order: Vec::new(),
            epoch: None,
        })
    }

    /// The parameters after the last step.
    pub fn parameters(&self) -> &[T] {
        &self.parameters
    }

    /// The state after the last step.
    pub fn state(&self) -> &State<T> {
        &self.state
    }

    /// The losses so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.state.step >= self.plan.steps()
    }

    /// Makes the next step; `None` once all are done. After an interrupt the trainer is as it was before the call.
    pub fn step(&mut self, interrupt: &Interrupt) -> Result<Option<Step>, Error> {
        if self.is_done() {
            return Ok(None);
        }
        interrupt.check()?;
        let (epoch, batch) = self.plan.batch(self.state.step);
        if self.plan.shuffles() && self.epoch != Some(epoch) {
            self.plan.permute(epoch, &mut self.order);
            self.epoch = Some(epoch);
        }
        let rows = if self.plan.shuffles() { Rows::Indices(&self.order[batch]) } else { Rows::Range(batch) };
        let step = self.state.step + 1;
        let loss = self.model.loss_and_gradient(&self.parameters, rows, &mut self.gradient, interrupt)?;
        let previous_loss = self.previous_loss;
        let diverged = |parameter| Error::Diverged(Divergence { step, loss, previous_loss, parameter });
        if !loss.is_finite() {
            return Err(diverged(None));
        }
        self.optimizer.step(&mut self.state.optimizer, &mut self.parameters, &self.gradient);
        self.state.step = step;
        self.previous_loss = Some(loss);
        self.history.note(step, loss, self.plan.steps());
        match first_non_finite(&self.parameters) {
            Some(index) => Err(diverged(Some(index))),
            None => Ok(Some(Step { step, epoch: epoch + 1, loss })),
        }
    }

    /// Makes all steps that are left, and the report.
    pub fn run(mut self, interrupt: &Interrupt) -> Result<Report<T>, Error> {
        while self.step(interrupt)?.is_some() {}
        self.finish(interrupt)
    }

    /// The report of a run whose steps are all done, or of as many as were made.
    pub fn finish(self, interrupt: &Interrupt) -> Result<Report<T>, Error> {
        let rows = Rows::Range(0..self.plan.rows());
        let loss = self.model.loss(&self.parameters, rows, interrupt)?;
        if !loss.is_finite() {
            let (step, previous_loss) = (self.state.step, self.previous_loss);
            return Err(Error::Diverged(Divergence { step, loss, previous_loss, parameter: None }));
        }
        let stopped = match self.plan.length() {
            Length::Epochs(_) => Stopped::Epochs,
            Length::Steps(_) => Stopped::Steps,
        };
        Ok(Report {
            parameters: self.parameters,
            loss,
            history: self.history,
            steps: self.state.step,
            epochs: self.state.step / self.plan.steps_per_epoch(),
            stopped,
            state: self.state,
        })
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
