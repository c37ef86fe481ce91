//! The buffers of a pass.

use super::data::{Examples, Matrix, Targets};
use super::loss::BlockTargets;
use super::product::{LANES, Scalar, Shape};
use super::rows::Rows;
use super::spec::Mlp;
use crate::engine::kernels::Aligned;
use std::ops::Range;
use std::time::Duration;

/// Bytes of activations that a block of rows should not pass, so that it stays in the second-level cache.
const BLOCK_BYTES: usize = 256 * 1024;
/// Blocks are no smaller than this many rows, so that large products stay efficient.
const MIN_BLOCK_ROWS: usize = 128;
/// Blocks are no larger than this many rows.
const MAX_BLOCK_ROWS: usize = 2048;
/// Multiply-adds in one product of a block, about 50 ms of one core: how long an interrupt may have to wait.
const MAX_BLOCK_WORK: usize = 1 << 29;

/// Buffers that a pass fills and keeps, so that the next pass over as many rows allocates nothing.
#[derive(Debug, Default)]
pub struct Workspace<T> {
    /// The block's inputs, then each layer's activations, `[width][stride]` each.
    pub(super) activations: Vec<Aligned<T>>,
    /// The slopes of those activations that cannot be told from their values, else empty; by layer.
    pub(super) slopes: Vec<Aligned<T>>,
    /// Adjoints of the current layer, `[widest][stride]`.
    pub(super) adjoints: Aligned<T>,
    /// Adjoints of the layer before it.
    pub(super) next_adjoints: Aligned<T>,
    targets: Aligned<T>,
    classes: Aligned<u32>,
    pub(super) scratch: Aligned<T>,
    /// What products pack.
    pub(super) panels: Aligned<T>,
    /// The time that passes have spent on adjoints; taken only where it is made `Some` before.
    pub reverse: Option<Duration>,
}

/// Rows of a block, from the specification alone, so that sums over rows are split alike on every machine.
pub(super) fn block_rows<T: Scalar>(mlp: &Mlp) -> usize {
    let width = mlp.inputs() + mlp.spans().iter().map(|span| span.units).sum::<usize>();
    let largest = mlp.spans().iter().map(|span| span.weight.len()).max().unwrap_or(1);
    let fitting = BLOCK_BYTES / (width * size_of::<T>());
    let quick = (MAX_BLOCK_WORK / largest).max(LANES);
    let rows = fitting.clamp(MIN_BLOCK_ROWS, MAX_BLOCK_ROWS).min(quick);
    rows / LANES * LANES
}

impl<T: Scalar> Workspace<T> {
    /// An empty workspace; the first pass sizes it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes every buffer large enough for blocks of `stride` lanes; with `backward`, for gradients too.
    pub(super) fn prepare(&mut self, mlp: &Mlp, stride: usize, backward: bool) {
        let layers = mlp.spans().len();
        self.activations.resize_with(layers + 1, Aligned::default);
        self.slopes.resize_with(layers, Aligned::default);
        self.activations[0].grow(mlp.inputs() * stride);
        for (span, activations) in mlp.spans().iter().zip(&mut self.activations[1..]) {
            activations.grow(span.units * stride);
            let shape = Shape { units: span.units, inputs: span.inputs, stride };
            self.panels.grow(shape.scratch());
        }
        self.scratch.grow(4 * stride);
        if backward {
            for (span, slopes) in mlp.spans().iter().zip(&mut self.slopes) {
                if !span.activation.slope_from_value() {
                    slopes.grow(span.units * stride);
                }
            }
            let widest = mlp.spans().iter().map(|span| span.units).max().unwrap_or(0);
            self.adjoints.grow(widest * stride);
            self.next_adjoints.grow(widest * stride);
        }
    }

    /// Lays out the inputs of a block.
    pub(super) fn load_inputs(
        &mut self,
        x: &Matrix<'_, T>,
        rows: &Rows<'_>,
        block: Range<usize>,
        stride: usize,
    ) {
        let inputs = x.columns();
        x.gather(rows, block, &mut self.activations[0][..inputs * stride], stride);
    }

    /// Lays out the targets of a block.
    pub(super) fn load_targets(
        &mut self,
        examples: &Examples<'_, T>,
        rows: &Rows<'_>,
        block: Range<usize>,
        stride: usize,
    ) {
        match examples.targets {
            Targets::Values(values) => {
                let outputs = examples.outputs;
                self.targets.grow(outputs * stride);
                let targets = &mut self.targets[..outputs * stride];
                for (lane, position) in block.clone().enumerate() {
                    let row = &values[rows.get(position) * outputs..][..outputs];
                    for (target, &value) in targets[lane..].iter_mut().step_by(stride).zip(row) {
                        *target = value;
                    }
                }
                for targets in targets.chunks_exact_mut(stride) {
                    targets[block.len()..].fill(T::ZERO);
                }
            }
            Targets::Classes(classes) => {
                self.classes.grow(stride);
                for (class, position) in self.classes.iter_mut().zip(block) {
                    *class = classes[rows.get(position)];
                }
            }
        }
    }

    /// The adjoints and scratch of the loss, and the targets that [`load_targets`](Self::load_targets) laid out.
    pub(super) fn loss_buffers(
        &mut self,
        examples: &Examples<'_, T>,
        stride: usize,
    ) -> (BlockTargets<'_, T>, &mut [T]) {
        let targets = match examples.targets {
            Targets::Values(_) => BlockTargets::Values(&self.targets[..examples.outputs * stride]),
            Targets::Classes(_) => BlockTargets::Classes(&self.classes[..stride]),
        };
        (targets, &mut self.scratch[..4 * stride])
    }
}
