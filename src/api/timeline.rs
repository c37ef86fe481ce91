//! When a request was in which stage: what a trace shows of it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::meter::Stage;

/// Stints that are kept. A request has some ten; only checkpoints and the like could make more.
const MOST: usize = 64;

/// One stay in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stint {
    /// Where.
    pub stage: Stage,
    /// Since when.
    pub begun: Instant,
    /// Until when; `None` while it lasts.
    pub ended: Option<Instant>,
}

/// The stints of a request, in the order of their beginnings.
#[derive(Debug, Default)]
pub struct Timeline(Mutex<Vec<Stint>>);

impl Timeline {
    /// Begins a stint; the answer is for [`end`](Self::end), and `None` where no more are kept.
    pub fn begin(&self, stage: Stage, begun: Instant) -> Option<usize> {
        let mut stints = self.lock();
        let position = stints.len();
        (position < MOST).then(|| {
            stints.push(Stint { stage, begun, ended: None });
            position
        })
    }

    /// Ends the stint at `position`.
    pub fn end(&self, position: usize, ended: Instant) {
        self.lock()[position].ended = Some(ended);
    }

    /// What there is so far.
    pub fn stints(&self) -> Vec<Stint> {
        self.lock().clone()
    }

    /// Appends those of `other`.
    pub fn append(&self, other: &Timeline) {
        let later = other.stints();
        let mut stints = self.lock();
        let room = MOST - stints.len();
        stints.extend(later.into_iter().take(room));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Stint>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
