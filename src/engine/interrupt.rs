//! How long-running work is told to stop: a flag and a deadline, polled by every sweep and step.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Why work was stopped before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Interrupted {
    /// Nobody waits for the answer any more, or the server shuts down.
    #[error("the computation was cancelled")]
    Cancelled,
    /// The deadline has passed.
    #[error("the computation passed its deadline")]
    DeadlineExceeded,
}

/// A cheap, shared handle that work polls and its owner raises.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    cancelled: Arc<AtomicBool>,
    deadline: Option<Instant>,
}

impl Interrupt {
    /// Never fires unless [`cancel`](Self::cancel) is called.
    pub fn never() -> Self {
        Self::default()
    }

    /// Fires once `deadline` has passed.
    pub fn at(deadline: Instant) -> Self {
        Self { cancelled: Arc::default(), deadline: Some(deadline) }
    }

    /// A handle that fires with this one, and by so much before its deadline.
    #[must_use]
    pub fn earlier(&self, by: Duration) -> Self {
        let deadline = self.deadline.map(|deadline| deadline.checked_sub(by).unwrap_or(deadline));
        Self { cancelled: Arc::clone(&self.cancelled), deadline }
    }

    /// Stops all work that polls this handle or a clone of it.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// To be called at least every few milliseconds of work.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Interrupted::Cancelled);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Interrupted::DeadlineExceeded),
            _ => Ok(()),
        }
    }
}

/// Looks at an interrupt now and then, where a look at every turn would cost more than the work.
pub(crate) struct Poll<'a> {
    interrupt: &'a Interrupt,
    left: usize,
}

impl<'a> Poll<'a> {
    /// Instructions or nodes between two looks: a few milliseconds at most.
    const EVERY: usize = 1 << 16;

    pub fn new(interrupt: &'a Interrupt) -> Self {
        Self { interrupt, left: Self::EVERY }
    }

    /// To be called after so many of them.
    pub fn after(&mut self, done: usize) -> Result<(), Interrupted> {
        if self.left < done {
            self.interrupt.check()?;
            self.left = Self::EVERY;
        }
        self.left = self.left.saturating_sub(done);
        Ok(())
    }
}
