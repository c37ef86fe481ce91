//! How long a run is and which rows each of its steps sees.

use std::ops::Range;

use crate::nn::random::{Domain, Stream};

/// How long a run is, counted from its very first step: a run that is continued ends where it would have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Times that every row is seen.
    Epochs(u64),
    /// Optimizer steps.
    Steps(u64),
}

/// Why a plan was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No rows to train on.
    #[error("there are no rows to train on")]
    NoRows,
    /// More rows than an index can name.
    #[error("there are {0} rows, more than {max}", max = u32::MAX)]
    TooManyRows(usize),
    /// A run of no steps.
    #[error("the run has no steps: at least 1 is needed")]
    NoSteps,
    /// A batch of no rows.
    #[error("batch_size is 0: at least 1 row is needed")]
    NoBatch,
    /// A batch of more rows than there are. PyTorch would take all rows; the number was meant for other data.
    #[error(
        "batch_size is {batch_size}, but there are {rows} rows to train on: lower it, or leave it out to see all rows in each step"
    )]
    BatchTooLarge {
        /// Rows of a batch.
        batch_size: usize,
        /// Rows of the data.
        rows: usize,
    },
    /// More steps than can be counted.
    #[error("the run has more than 2^64 steps")]
    TooManySteps,
}

/// The order of a run: its length, and the batch of each step.
///
/// Rows that follow those to train on can be held back for validation.
///
/// An epoch is cut into batches of `batch_size` rows, the last one shorter where they do not divide (PyTorch's
/// `drop_last=False`). Without `batch_size` each step sees all rows. Without `shuffle` rows come in order; with it, each
/// epoch (from 0) has a fresh permutation that follows from the seed and the epoch alone, so that a run can be continued
/// at any step: starting from 0, 1, 2, …, for i from `rows - 1` down to 1, swap i with the stream's integer below `i + 1`
/// (Fisher and Yates; Durstenfeld 1964). The stream is `(seed, Shuffle, epoch)` of [`random`](crate::nn::random).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    rows: usize,
    validation: usize,
    length: Length,
    batch_size: usize,
    shuffle: Option<u64>,
    steps: u64,
}

impl Plan {
    /// A plan over `rows` rows. `shuffle` holds the seed; it has no effect while each step sees all rows, since those
    /// are then taken in order.
    pub fn new(
        rows: usize,
        length: Length,
        batch_size: Option<usize>,
        shuffle: Option<u64>,
    ) -> Result<Self, PlanError> {
        if rows == 0 {
            return Err(PlanError::NoRows);
        }
        if rows > u32::MAX as usize {
            return Err(PlanError::TooManyRows(rows));
        }
        if batch_size == Some(0) {
            return Err(PlanError::NoBatch);
        }
        let batch_size = batch_size.unwrap_or(rows);
        if batch_size > rows {
            return Err(PlanError::BatchTooLarge { batch_size, rows });
        }
        let per_epoch = rows.div_ceil(batch_size) as u64;
        let steps = match length {
            Length::Epochs(epochs) => epochs.checked_mul(per_epoch).ok_or(PlanError::TooManySteps)?,
            Length::Steps(steps) => steps,
        };
        if steps == 0 {
            return Err(PlanError::NoSteps);
        }
        let shuffle = shuffle.filter(|_| per_epoch > 1);
        Ok(Self { rows, validation: 0, length, batch_size, shuffle, steps })
    }

    /// The same plan, with `rows` rows of the data after those to train on held back for validation.
    #[must_use]
    pub fn hold_back(self, rows: usize) -> Self {
        Self { validation: rows, ..self }
    }

    /// The rows that are held back; none if there are none.
    pub fn validation(&self) -> Option<Range<usize>> {
        (self.validation > 0).then(|| self.rows..self.rows + self.validation)
    }

    /// How the length was given.
    pub fn length(&self) -> Length {
        self.length
    }

    /// Rows to train on.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Steps of the whole run.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Rows of one step; the last step of an epoch may have fewer.
    pub fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The seed of the orders, where rows are shuffled.
    pub fn shuffle(&self) -> Option<u64> {
        self.shuffle
    }

    /// Steps of one epoch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.rows.div_ceil(self.batch_size) as u64
    }

    /// Whether rows are shuffled.
    pub(super) fn shuffles(&self) -> bool {
        self.shuffle.is_some()
    }

    /// The epoch of the step after `done` steps, and that step's positions within the epoch's order.
    pub(super) fn batch(&self, done: u64) -> (u64, Range<usize>) {
        let per_epoch = self.steps_per_epoch();
        let start = (done % per_epoch) as usize * self.batch_size;
        (done / per_epoch, start..(start + self.batch_size).min(self.rows))
    }

    /// Writes the order of `epoch` to `order`.
    pub(super) fn permute(&self, epoch: u64, order: &mut Vec<u32>) {
        order.clear();
        order.extend(0..self.rows as u32);
        if let Some(seed) = self.shuffle {
            Stream::new(seed, Domain::Shuffle, epoch).shuffle(order);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_batch_may_be_short() {
        let plan = Plan::new(10, Length::Epochs(3), Some(4), None).unwrap();
        assert_eq!((plan.steps(), plan.steps_per_epoch()), (9, 3));
        assert_eq!(plan.batch(0), (0, 0..4));
        assert_eq!(plan.batch(2), (0, 8..10));
        assert_eq!(plan.batch(4), (1, 4..8));
    }

    #[test]
    fn an_epoch_is_a_permutation_of_its_own() {
        let plan = Plan::new(100, Length::Epochs(2), Some(7), Some(5)).unwrap();
        let (mut first, mut second, mut again) = (Vec::new(), Vec::new(), Vec::new());
        plan.permute(0, &mut first);
        plan.permute(1, &mut second);
        plan.permute(0, &mut again);
        assert_eq!(first, again);
        assert_ne!(first, second);
        second.sort_unstable();
        assert!(second.iter().copied().eq(0..100));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let new = |rows, length, batch| Plan::new(rows, length, batch, None).unwrap_err();
        assert_eq!(new(0, Length::Steps(1), None), PlanError::NoRows);
        assert_eq!(new(5, Length::Steps(0), None), PlanError::NoSteps);
        assert_eq!(new(5, Length::Epochs(1), Some(0)), PlanError::NoBatch);
        let error = PlanError::BatchTooLarge { batch_size: 6, rows: 5 };
        assert_eq!(new(5, Length::Epochs(1), Some(6)), error);
        assert_eq!(new(5, Length::Epochs(u64::MAX), Some(1)), PlanError::TooManySteps);
    }
}
