//! Ending well: new computations are refused, those under way finish, and what outlives the grace period is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::api::{Kind, Problem};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Phase {
    Serving,
    Draining,
    /// The grace period is over.
    Ended,
}

/// The phase of the server and the number of computations under way.
#[derive(Debug)]
pub struct Drain {
    phase: watch::Sender<Phase>,
    under_way: AtomicUsize,
    /// Told when the last one has ended.
    idle: Notify,
}

impl Default for Drain {
    fn default() -> Self {
        let phase = watch::Sender::new(Phase::Serving);
        Self { phase, under_way: AtomicUsize::new(0), idle: Notify::new() }
    }
}

impl Drain {
    /// Counts a computation until the guard is dropped.
    ///
    /// # Errors
    /// 503 when the server is draining.
    pub fn enter(self: &Arc<Self>) -> Result<UnderWay, Problem> {
        // Counted before the look at the phase: a drain that begins in between waits for this one.
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let guard = UnderWay(Arc::clone(self));
        self.check().map(|()| guard)
    }

    /// 503 when the server is draining.
    pub fn check(&self) -> Result<(), Problem> {
        if *self.phase.borrow() == Phase::Serving { Ok(()) } else { Err(draining()) }
    }

    /// Refuses new computations from now on and waits until those under way are done, at most for `grace`. What is
    /// left then is stopped. Gives how many those were.
    pub async fn finish(&self, grace: Duration) -> usize {
        self.phase.send_replace(Phase::Draining);
        let done = async {
            // Whoever ends in between leaves a permit, with which the next wait is over at once.
            while self.under_way.load(Ordering::SeqCst) > 0 {
                self.idle.notified().await;
            }
        };
        let is_done = tokio::time::timeout(grace, done).await.is_ok();
        let left = if is_done { 0 } else { self.under_way.load(Ordering::SeqCst) };
        self.phase.send_replace(Phase::Ended);
        left
    }

    /// Resolves, to the 503 for those cut off, when the grace period is over.
    pub async fn ended(&self) -> Problem {
        // An error would mean that the sender is gone; `self` holds it.
        let _ = self.phase.subscribe().wait_for(|phase| *phase == Phase::Ended).await;
        Problem::new(
            Kind::DRAINING,
            "The server is shutting down and the grace period ended before this computation did. Ask another replica.",
        )
    }
}

fn draining() -> Problem {
    let mut problem = Problem::new(
        Kind::DRAINING,
        "The server is shutting down and takes no new computations. Ask another replica, or try again once it is back.",
    );
    problem.retry_after = Some(1);
    problem
}

/// One computation under way.
#[derive(Debug)]
pub struct UnderWay(Arc<Drain>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1 && *self.0.phase.borrow() != Phase::Serving {
            self.0.idle.notify_one();
        }
    }
}
