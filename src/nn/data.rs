//! Inputs and targets that fit a model, or an error that names the row and column that do not.

use super::loss::Loss;
use super::rows::Rows;
use super::spec::Mlp;
use crate::engine::kernels::Real;

/// Why data were refused. Rows and columns count from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DataError {
    /// The number of values is not rows times columns.
    #[error("{actual} values do not make {rows} rows of {columns}")]
    Length {
        /// Rows asked for.
        rows: usize,
        /// Values per row asked for.
        columns: usize,
        /// Values given.
        actual: usize,
    },
    /// No rows.
    #[error("the data have no rows: at least 1 is needed")]
    Empty,
    /// More rows than a selection can name.
    #[error("the data have {actual} rows, more than {limit}")]
    TooManyRows {
        /// The most rows there can be.
        limit: usize,
        /// Rows given.
        actual: usize,
    },
    /// A row of inputs is not as wide as the model's input.
    #[error("each row of x has {actual} values, but the model has {expected} inputs")]
    Inputs {
        /// The model's inputs.
        expected: usize,
        /// Values per row.
        actual: usize,
    },
    /// The number of target values is not rows times outputs.
    #[error("y has {actual} values, but {rows} rows of {outputs} outputs need {}", rows * outputs)]
    Targets {
        /// Rows of x.
        rows: usize,
        /// The model's outputs.
        outputs: usize,
        /// Target values given.
        actual: usize,
    },
    /// The number of classes is not the number of rows.
    #[error("y has {actual} classes, but x has {rows} rows")]
    Classes {
        /// Rows of x.
        rows: usize,
        /// Classes given.
        actual: usize,
    },
    /// Classes for a loss that compares numbers.
    #[error("integer classes are for cross_entropy; this loss takes {outputs} numbers per row")]
    ClassesNeedCrossEntropy {
        /// The model's outputs.
        outputs: usize,
    },
    /// A class that the model has no output for.
    #[error("row {row} of y is class {class}, but the model has {classes} outputs: classes are 0 to {}", classes - 1)]
    ClassOutOfRange {
        /// The row.
        row: usize,
        /// Its class.
        class: u32,
        /// The model's outputs.
        classes: usize,
    },
    /// A target that is not a probability, for `bce_with_logits` and `cross_entropy`.
    #[error("row {row}, column {column} of y is {value}: targets of this loss lie in [0, 1]")]
    NotProbability {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The target.
        value: f64,
    },
    /// A row of probabilities that does not sum to 1 within 0.001, for `cross_entropy`.
    #[error("row {row} of y sums to {sum}: a one-hot or probability row sums to 1")]
    NotDistribution {
        /// The row.
        row: usize,
        /// Its sum.
        sum: f64,
    },
    /// Weights for a loss that has none.
    #[error("weights are for cross_entropy and bce_with_logits")]
    NoWeights,
    /// There is not one weight per output.
    #[error("there are {actual} weights, but the model has {outputs} outputs")]
    Weights {
        /// The model's outputs.
        outputs: usize,
        /// Weights given.
        actual: usize,
    },
    /// A weight that cannot be meant.
    #[error("weight {index} is {value}: weights are finite and above 0")]
    Weight {
        /// Its position.
        index: usize,
        /// The weight.
        value: f64,
    },
    /// A target that is neither -1 nor 1, for `hinge`.
    #[error("row {row}, column {column} of y is {value}: targets of hinge are -1 or 1")]
    NotSign {
        /// The row.
        row: usize,
        /// The column.
        column: usize,
        /// The target.
        value: f64,
    },
}

/// How far from 1 a row of probabilities may sum: wide enough for probabilities rounded to three decimals.
const SUM_TOLERANCE: f64 = 1e-3;

/// A row-major `[rows, columns]` view of at least one row.
#[derive(Clone, Copy, Debug)]
pub struct Matrix<'a, T> {
    values: &'a [T],
    rows: usize,
    columns: usize,
}

impl<'a, T: Real> Matrix<'a, T> {
    /// Views `values` as `rows` rows of `columns` values.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Result<Self, DataError> {
        if rows == 0 {
            return Err(DataError::Empty);
        }
        if rows > u32::MAX as usize {
            return Err(DataError::TooManyRows { limit: u32::MAX as usize, actual: rows });
        }
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(DataError::Length { rows, columns, actual: values.len() });
        }
        Ok(Self { values, rows, columns })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Values per row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// One row.
    #[inline]
    pub fn row(&self, index: usize) -> &'a [T] {
        &self.values[index * self.columns..][..self.columns]
    }

    /// Writes the rows at `positions` of `selection` to `out`, transposed: `[columns][stride]`, the last row repeated
    /// in the padding, so that a padded lane never holds a number that no row has.
    pub(super) fn gather(
        &self,
        selection: &Rows<'_>,
        positions: std::ops::Range<usize>,
        out: &mut [T],
        stride: usize,
    ) {
        let last = positions.end - 1;
        for lane in (0..stride).step_by(ROWS_AT_ONCE) {
            let rows: [&[T]; ROWS_AT_ONCE] = std::array::from_fn(|offset| {
                self.row(selection.get((positions.start + lane + offset).min(last)))
            });
            for (column, out) in out.chunks_exact_mut(stride).enumerate() {
                for (out, row) in out[lane..lane + ROWS_AT_ONCE].iter_mut().zip(rows) {
                    *out = row[column];
                }
            }
        }
    }
}

/// Rows that are transposed together; divides every stride.
const ROWS_AT_ONCE: usize = 4;

/// What the outputs are compared with.
#[derive(Clone, Copy, Debug)]
pub enum Targets<'a, T> {
    /// `[rows, outputs]` row-major.
    Values(&'a [T]),
    /// One class per row, for `cross_entropy`.
    Classes(&'a [u32]),
}

/// Inputs with targets that fit the model and its loss.
#[derive(Clone, Copy, Debug)]
pub struct Examples<'a, T> {
    pub(super) x: Matrix<'a, T>,
    pub(super) targets: Targets<'a, T>,
    pub(super) outputs: usize,
    pub(super) loss: Loss,
    pub(super) weights: Option<&'a [T]>,
}

impl<'a, T: Real> Examples<'a, T> {
    /// Checks `x` and `targets` against `mlp`: shapes, classes within the outputs, probabilities in [0, 1] for
    /// `bce_with_logits`, rows that sum to 1 (within 0.001) for `cross_entropy`, -1 or 1 for `hinge`.
    ///
    /// Numbers elsewhere may be anything, infinite and NaN included.
    pub fn new(mlp: &Mlp, x: Matrix<'a, T>, targets: Targets<'a, T>) -> Result<Self, DataError> {
        if x.columns() != mlp.inputs() {
            return Err(DataError::Inputs { expected: mlp.inputs(), actual: x.columns() });
        }
        let (rows, outputs) = (x.rows(), mlp.outputs());
        match targets {
            Targets::Values(values) => {
                if rows.checked_mul(outputs) != Some(values.len()) {
                    return Err(DataError::Targets { rows, outputs, actual: values.len() });
                }
                check_values(mlp.loss(), values, outputs)?;
            }
            Targets::Classes(classes) => check_classes(mlp, classes, rows)?,
        }
        Ok(Self { x, targets, outputs, loss: mlp.loss(), weights: None })
    }

    /// The same with one weight per output: PyTorch's `weight` of `CrossEntropyLoss`, whose mean over rows of known classes is
    /// divided by the sum of their weights, or the `pos_weight` of `BCEWithLogitsLoss`. Weights are finite and above 0, so
    /// that no batch weighs nothing.
    pub fn weighted(self, weights: &'a [T]) -> Result<Self, DataError> {
        if !matches!(self.loss, Loss::CrossEntropy | Loss::BceWithLogits) {
            return Err(DataError::NoWeights);
        }
        if weights.len() != self.outputs {
            return Err(DataError::Weights { outputs: self.outputs, actual: weights.len() });
        }
        match weights.iter().position(|weight| !(*weight > T::ZERO && weight.is_finite())) {
            Some(index) => Err(DataError::Weight { index, value: weights[index].to_f64() }),
            None => Ok(Self { weights: Some(weights), ..self }),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.x.rows()
    }

    /// The inputs.
    pub fn x(&self) -> Matrix<'a, T> {
        self.x
    }

    /// The targets.
    pub fn targets(&self) -> Targets<'a, T> {
        self.targets
    }
}

fn check_classes(mlp: &Mlp, classes: &[u32], rows: usize) -> Result<(), DataError> {
    let outputs = mlp.outputs();
    if mlp.loss() != Loss::CrossEntropy {
        return Err(DataError::ClassesNeedCrossEntropy { outputs });
    }
    if classes.len() != rows {
        return Err(DataError::Classes { rows, actual: classes.len() });
    }
    match classes.iter().position(|&class| class as usize >= outputs) {
        Some(row) => Err(DataError::ClassOutOfRange { row, class: classes[row], classes: outputs }),
        None => Ok(()),
    }
}

fn check_values<T: Real>(loss: Loss, values: &[T], outputs: usize) -> Result<(), DataError> {
    let place = |index: usize| (index / outputs, index % outputs, values[index].to_f64());
    let probability = |x: &T| (T::ZERO..=T::ONE).contains(x);
    match loss {
        Loss::Mse | Loss::Mae | Loss::Huber => Ok(()),
        Loss::BceWithLogits | Loss::CrossEntropy => {
            if let Some(index) = values.iter().position(|x| !probability(x)) {
                let (row, column, value) = place(index);
                return Err(DataError::NotProbability { row, column, value });
            }
            if loss == Loss::BceWithLogits {
                return Ok(());
            }
            for (row, values) in values.chunks_exact(outputs).enumerate() {
                let sum: f64 = values.iter().map(|x| x.to_f64()).sum();
                if (sum - 1.0).abs() > SUM_TOLERANCE {
                    return Err(DataError::NotDistribution { row, sum });
                }
            }
            Ok(())
        }
        Loss::Hinge => match values.iter().position(|x| x.abs() != T::ONE) {
            Some(index) => {
                let (row, column, value) = place(index);
                Err(DataError::NotSign { row, column, value })
            }
            None => Ok(()),
        },
    }
}
