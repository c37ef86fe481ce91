//! Passes of a model over rows: outputs, loss, gradient.

use std::ops::Range;
use std::time::Instant;

use super::activation::scale_by_slope;
use super::data::{Examples, Matrix, Targets};
use super::loss::{BlockLoss, Loss, Reduction};
use super::product::{LANES, Scalar, Shape, accumulate, backward, forward};
use super::rows::Rows;
use super::spec::{Mlp, Span};
use super::workspace::{Workspace, block_rows};
use crate::engine::{Interrupt, Interrupted};

/// Why a pass gave no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It was told to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The parameter or gradient vector is not of the model's length.
    #[error("the model has {expected} parameters, but the vector has {actual}")]
    Parameters {
        /// The model's parameters.
        expected: usize,
        /// The vector's length.
        actual: usize,
    },
    /// The data were made for another model.
    #[error("the data do not fit the model: they have {inputs} inputs and {outputs} outputs or another loss")]
    Data {
        /// Inputs of the data.
        inputs: usize,
        /// Outputs of the data.
        outputs: usize,
    },
    /// The selection is empty.
    #[error("no rows are selected")]
    NoRows,
    /// The selection names a row that the data do not have.
    #[error("row {row} is selected, but the data have {rows} rows")]
    RowOutOfRange {
        /// The row.
        row: usize,
        /// Rows of the data.
        rows: usize,
    },
}

/// A pass of a model with its parameters over a selection of rows.
///
/// The selection is worked through in blocks of rows, whose size depends on the model alone; the interrupt is polled for
/// each layer of each block. Once the workspace has seen a selection of this length, a pass does not allocate.
#[derive(Debug)]
pub struct Pass<'a, T> {
    /// The model.
    pub mlp: &'a Mlp,
    /// Its flat parameter vector.
    pub parameters: &'a [T],
    /// The rows of the data to use.
    pub rows: Rows<'a>,
    /// Buffers, kept from pass to pass.
    pub workspace: &'a mut Workspace<T>,
    /// Polled while working.
    pub interrupt: &'a Interrupt,
}

/// A block of the selection.
#[derive(Clone)]
struct Block {
    positions: Range<usize>,
    stride: usize,
}

impl<T: Scalar> Pass<'_, T> {
    /// The outputs of each selected row, appended to nothing: `outputs` is cleared and filled `[rows, outputs]`
    /// row-major.
    pub fn outputs(mut self, x: Matrix<'_, T>, outputs: &mut Vec<T>) -> Result<(), Error> {
        self.check(x.columns(), x.rows())?;
        outputs.clear();
        for block in self.blocks(x.rows(), false) {
            self.forward(&x, &block, false)?;
            self.append_outputs(&block, outputs);
        }
        Ok(())
    }

    /// The loss over the selected rows.
    pub fn loss(mut self, examples: &Examples<'_, T>, reduction: Reduction) -> Result<f64, Error> {
        self.check_examples(examples)?;
        let mut sum = 0.0;
        for block in self.blocks(examples.rows(), false) {
            self.forward(&examples.x, &block, false)?;
            sum += self.block_loss(examples, &block, 1.0, false);
        }
        Ok(sum * self.scale(examples, reduction))
    }

    /// The loss over the selected rows, and its derivative by each parameter, which replaces the content of `gradient`.
    /// Where `outputs` is given, it is cleared and filled `[rows, outputs]` row-major.
    pub fn loss_and_gradient(
        mut self,
        examples: &Examples<'_, T>,
        reduction: Reduction,
        gradient: &mut [T],
        mut outputs: Option<&mut Vec<T>>,
    ) -> Result<f64, Error> {
        self.check_examples(examples)?;
        if gradient.len() != self.mlp.parameters() {
            return Err(Error::Parameters { expected: self.mlp.parameters(), actual: gradient.len() });
        }
        if let Some(outputs) = outputs.as_deref_mut() {
            outputs.clear();
        }
        gradient.fill(T::ZERO);
        let scale = self.scale(examples, reduction);
        let mut sum = 0.0;
        for block in self.blocks(examples.rows(), true) {
            self.forward(&examples.x, &block, true)?;
            if let Some(outputs) = outputs.as_deref_mut() {
                self.append_outputs(&block, outputs);
            }
            sum += self.block_loss(examples, &block, scale, true);
            let begun = self.workspace.reverse.map(|_| Instant::now());
            self.backward(&block, gradient)?;
            if let (Some(reverse), Some(begun)) = (&mut self.workspace.reverse, begun) {
                *reverse += begun.elapsed();
            }
        }
        Ok(sum * scale)
    }

    fn check(&self, inputs: usize, rows: usize) -> Result<(), Error> {
        if self.parameters.len() != self.mlp.parameters() {
            let (expected, actual) = (self.mlp.parameters(), self.parameters.len());
            return Err(Error::Parameters { expected, actual });
        }
        if inputs != self.mlp.inputs() {
            return Err(Error::Data { inputs, outputs: self.mlp.outputs() });
        }
        if self.rows.is_empty(rows) {
            return Err(Error::NoRows);
        }
        match self.rows.out_of_range(rows) {
            Some(row) => Err(Error::RowOutOfRange { row, rows }),
            None => Ok(()),
        }
    }

    fn check_examples(&self, examples: &Examples<'_, T>) -> Result<(), Error> {
        if examples.outputs != self.mlp.outputs() || examples.loss != self.mlp.loss() {
            return Err(Error::Data { inputs: examples.x.columns(), outputs: examples.outputs });
        }
        self.check(examples.x.columns(), examples.rows())
    }

    fn scale(&self, examples: &Examples<'_, T>, reduction: Reduction) -> f64 {
        let selected = self.rows.len(examples.rows());
        match (self.mlp.loss(), examples.targets, examples.weights) {
            (Loss::CrossEntropy, Targets::Classes(classes), Some(weights)) => {
                let weight = |position| weights[classes[self.rows.get(position)] as usize].to_f64();
                reduction.over((0..selected).map(weight).sum())
            }
            _ => reduction.scale(self.mlp.loss(), selected, self.mlp.outputs()),
        }
    }

    /// The blocks of the selection; sizes the workspace for the largest.
    fn blocks(&mut self, rows: usize, backward: bool) -> impl Iterator<Item = Block> + use<T> {
        let selected = self.rows.len(rows);
        let size = block_rows::<T>(self.mlp);
        let pad = |rows: usize| rows.next_multiple_of(LANES);
        self.workspace.prepare(self.mlp, pad(size.min(selected)), backward);
        (0..selected).step_by(size).map(move |start| {
            let positions = start..(start + size).min(selected);
            Block { stride: pad(positions.len()), positions }
        })
    }

    /// Fills the workspace's activations of `block`; with `keep`, what the backward pass needs beside them.
    fn forward(&mut self, x: &Matrix<'_, T>, block: &Block, keep: bool) -> Result<(), Error> {
        let stride = block.stride;
        self.workspace.load_inputs(x, &self.rows, block.positions.clone(), stride);
        for (layer, span) in self.mlp.spans().iter().enumerate() {
            self.interrupt.check()?;
            let (before, after) = self.workspace.activations.split_at_mut(layer + 1);
            let a = &before[layer][..span.inputs * stride];
            let z = &mut after[0][..span.units * stride];
            let (weight, bias) = (&self.parameters[span.weight.clone()], &self.parameters[span.bias.clone()]);
            forward(shape(span, stride), weight, bias, a, z, &mut self.workspace.panels);
            if keep && !span.activation.slope_from_value() {
                span.activation
                    .apply_with_slopes(z, &mut self.workspace.slopes[layer][..span.units * stride]);
            } else {
                span.activation.apply(z);
            }
        }
        Ok(())
    }

    fn append_outputs(&self, block: &Block, outputs: &mut Vec<T>) {
        let last = &self.workspace.activations[self.mlp.spans().len()];
        for lane in 0..block.positions.len() {
            outputs.extend((0..self.mlp.outputs()).map(|unit| last[unit * block.stride + lane]));
        }
    }

    /// The sum of the block's losses; with `slopes`, leaves the adjoints of the outputs, times `scale`.
    fn block_loss(&mut self, examples: &Examples<'_, T>, block: &Block, scale: f64, slopes: bool) -> f64 {
        let stride = block.stride;
        self.workspace.load_targets(examples, &self.rows, block.positions.clone(), stride);
        let size = self.mlp.outputs() * stride;
        // The adjoints leave the workspace while the loss borrows its other buffers.
        let outputs = self.mlp.spans().len();
        let mut values = std::mem::take(&mut self.workspace.activations[outputs]);
        let mut adjoints = std::mem::take(&mut self.workspace.adjoints);
        let z = if slopes {
            adjoints[..size].copy_from_slice(&values[..size]);
            &mut adjoints[..size]
        } else {
            &mut values[..size]
        };
        let (targets, scratch) = self.workspace.loss_buffers(examples, stride);
        let rows = block.positions.len();
        let scale = T::from_f64(scale);
        let loss = BlockLoss { z, targets, weights: examples.weights, rows, stride, scale, slopes, scratch }
            .run(self.mlp.loss());
        self.workspace.activations[outputs] = values;
        self.workspace.adjoints = adjoints;
        loss
    }

    /// Adds the block's share to `gradient`, from the adjoints of the outputs that the loss left.
    fn backward(&mut self, block: &Block, gradient: &mut [T]) -> Result<(), Error> {
        let stride = block.stride;
        for (layer, span) in self.mlp.spans().iter().enumerate().rev() {
            self.interrupt.check()?;
            let Workspace { activations, slopes, adjoints, next_adjoints, panels, .. } = &mut *self.workspace;
            let size = span.units * stride;
            let dz = &mut adjoints[..size];
            if span.activation.slope_from_value() {
                span.activation.scale_by_value(&activations[layer + 1][..size], dz);
            } else {
                scale_by_slope(&slopes[layer][..size], dz);
            }
            let a = &activations[layer][..span.inputs * stride];
            let (dw, db) = gradient[span.weight.start..span.bias.end].split_at_mut(span.weight.len());
            accumulate(shape(span, stride), dz, a, dw, db, panels);
            if layer > 0 {
                let da = &mut next_adjoints[..span.inputs * stride];
                backward(shape(span, stride), &self.parameters[span.weight.clone()], dz, da, panels);
                std::mem::swap(adjoints, next_adjoints);
            }
        }
        Ok(())
    }
}

fn shape(span: &Span, stride: usize) -> Shape {
    Shape { units: span.units, inputs: span.inputs, stride }
}
