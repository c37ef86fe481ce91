//! What the trainer knows of a model.

use std::ops::Range;

pub use crate::nn::Rows;

use super::error::Error;
use super::metrics::Metrics;
use crate::engine::Interrupt;
use crate::engine::kernels::Real;

/// An objective: a loss over rows of data, differentiable by a flat parameter vector.
///
/// The same arguments give the same bits. Implementations poll `interrupt` at least every few milliseconds, and report
/// faults of their own as [`Error::Model`].
pub trait Model<T: Real> {
    /// Length of the parameter vector.
    fn parameters(&self) -> usize;

    /// Rows of the data, at least 1. A model without data has one row.
    fn rows(&self) -> usize;

    /// The loss over `rows`, which are within [`rows`](Self::rows).
    fn loss(&mut self, parameters: &[T], rows: Rows<'_>, interrupt: &Interrupt) -> Result<f64, Error>;

    /// The loss over `rows`; its derivative by each parameter replaces the content of `gradient`.
    fn loss_and_gradient(
        &mut self,
        parameters: &[T],
        rows: Rows<'_>,
        gradient: &mut [T],
        interrupt: &Interrupt,
    ) -> Result<f64, Error>;

    /// Figures beside the loss, over `rows`; none where a model predicts nothing that could be compared.
    fn metrics(
        &mut self,
        parameters: &[T],
        rows: Range<usize>,
        interrupt: &Interrupt,
    ) -> Result<Option<Metrics>, Error> {
        let _ = (parameters, rows, interrupt);
        Ok(None)
    }
}
