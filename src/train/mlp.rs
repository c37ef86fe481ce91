//! A multi-layer perceptron with its examples, as a model to train.

use super::error::Error;
use super::model::{Model, Rows};
use crate::engine::Interrupt;
use crate::nn::{self, Examples, Mlp, Pass, Reduction, Scalar, Workspace};

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
}

impl From<nn::Error> for Error {
    fn from(error: nn::Error) -> Self {
        match error {
            nn::Error::Interrupted(interrupted) => Error::Interrupted(interrupted),
            other => Error::Model(Box::new(other)),
        }
    }
}
