//! Ending well: new computations are refused, those under way finish, and what outlives the grace period is stopped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

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
    under_way: watch::Sender<usize>,
}

impl Default for Drain {
    fn default() -> Self {
        Self { phase: watch::Sender::new(Phase::Serving), under_way: watch::Sender::new(0) }
    }
}

impl Drain {
    /// Counts a computation until the guard is dropped.
    ///
    /// # Errors
    /// 503 when the server is draining.
    pub fn enter(self: &Arc<Self>) -> Result<UnderWay, Problem> {
        // Counted before the look at the phase: a drain that begins in between waits for this one.
        self.under_way.send_modify(|count| *count += 1);
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
        let mut under_way = self.under_way.subscribe();
        let done = tokio::time::timeout(grace, under_way.wait_for(|count| *count == 0)).await;
        let left = if done.is_ok() { 0 } else { *self.under_way.borrow() };
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
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}
