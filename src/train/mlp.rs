//! A multi-layer perceptron with its examples, as a model to train.

use std::ops::Range;

use super::error::Error;
use super::metrics::{Counter, Metrics};
use super::model::{Model, Rows};
use crate::engine::Interrupt;
use crate::nn::{self, Examples, Mlp, Pass, Reduction, Scalar, Workspace};

/// Rows whose outputs are held at once for metrics.
const ROWS_AT_ONCE: usize = 4096;

/// The loss of an [`Mlp`] over its [`Examples`].
#[derive(Debug)]
pub struct MlpObjective<'a, T> {
    mlp: &'a Mlp,
    examples: Examples<'a, T>,
    reduction: Reduction,
    workspace: Workspace<T>,
}

impl<'a, T: Scalar> MlpObjective<'a, T> {
    /// An objective over examples that were made for `mlp`.
    pub fn new(mlp: &'a Mlp, examples: Examples<'a, T>, reduction: Reduction) -> Self {
        Self { mlp, examples, reduction, workspace: Workspace::new() }
    }
}

impl<T: Scalar> Model<T> for MlpObjective<'_, T> {
    fn parameters(&self) -> usize {
        self.mlp.parameters()
    }

    fn rows(&self) -> usize {
        self.examples.rows()
    }

    fn loss(&mut self, parameters: &[T], rows: Rows<'_>, interrupt: &Interrupt) -> Result<f64, Error> {
        let pass = Pass { mlp: self.mlp, parameters, rows, workspace: &mut self.workspace, interrupt };
        Ok(pass.loss(&self.examples, self.reduction)?)
    }

    fn loss_and_gradient(
        &mut self,
        parameters: &[T],
        rows: Rows<'_>,
        gradient: &mut [T],
        interrupt: &Interrupt,
    ) -> Result<f64, Error> {
        let pass = Pass { mlp: self.mlp, parameters, rows, workspace: &mut self.workspace, interrupt };
        Ok(pass.loss_and_gradient(&self.examples, self.reduction, gradient, None)?)
    }

    fn metrics(
        &mut self,
        parameters: &[T],
        rows: Range<usize>,
        interrupt: &Interrupt,
    ) -> Result<Option<Metrics>, Error> {
        let width = self.mlp.outputs();
        let mut counter = Counter::new(self.mlp.loss(), width, self.examples.targets(), rows.clone());
        let mut outputs = Vec::new();
        for start in rows.clone().step_by(ROWS_AT_ONCE) {
            let part = start..(start + ROWS_AT_ONCE).min(rows.end);
            let selected = Rows::Range(part.clone());
            let workspace = &mut self.workspace;
            let pass = Pass { mlp: self.mlp, parameters, rows: selected, workspace, interrupt };
            pass.outputs(self.examples.x(), &mut outputs)?;
            part.zip(outputs.chunks_exact(width)).for_each(|(row, outputs)| counter.add(row, outputs));
        }
        Ok(Some(counter.finish()))
    }
}

impl From<nn::Error> for Error {
    fn from(error: nn::Error) -> Self {
        match error {
            nn::Error::Interrupted(interrupted) => Error::Interrupted(interrupted),
            other => Error::Model(Box::new(other)),
        }
    }
}
