//! The compute slots and the bounded queue before them.
//!
//! An operation runs on a blocking thread, which owns its slot from its first to its last instruction. The request's
//! future only waits: when it goes away (the client hung up, the deadline passed) the work is told to stop, but the
//! slot comes back no earlier than the work has really ended, so no computation ever runs uncounted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};
use tracing::Span;

use crate::api::events::Events;
use crate::api::{Context, Kind, Limits, Operation, Problem, Reply};
use crate::engine::Interrupt;

use super::Settings;
use super::body::Held;
use super::negotiate::Formats;

/// How long a computation whose events are heard may take to stop after its deadline or the end of a grace period.
pub const LAST_WORDS: Duration = Duration::from_secs(1);
/// Longest `Retry-After` that is ever given, in seconds.
const LONGEST_RETRY: f64 = 600.0;

/// Runs operations, at most so many at a time.
#[derive(Debug)]
pub struct Workers {
    limits: Limits,
    /// Running computations.
    slots: Arc<Semaphore>,
    slot_count: usize,
    /// Running and waiting requests.
    places: Arc<Semaphore>,
    place_count: usize,
    service_time: Arc<ServiceTime>,
}

/// How full the workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// Compute slots there are.
    pub total: usize,
    /// Slots in which a computation runs.
    pub running: usize,
    /// Requests that wait for a slot.
    pub waiting: usize,
}

impl Workers {
    /// Workers as `settings` asks.
    pub fn new(settings: &Settings) -> Self {
        let slot_count = settings.slots();
        let place_count = slot_count + settings.queue;
        Self {
            limits: settings.limits(),
            slots: Arc::new(Semaphore::new(slot_count)),
            slot_count,
            places: Arc::new(Semaphore::new(place_count)),
            place_count,
            service_time: Arc::default(),
        }
    }

    /// How full the workers are now.
    pub fn load(&self) -> Load {
        let running = self.slot_count - self.slots.available_permits();
        let admitted = self.place_count - self.places.available_permits();
        Load { total: self.slot_count, running, waiting: admitted.saturating_sub(running) }
    }

    /// A 429 when a request that came now would find no place. Lets a request be refused before its body is read.
    pub fn check_room(&self) -> Result<(), Problem> {
        if self.places.available_permits() == 0 { Err(self.busy()) } else { Ok(()) }
    }

    /// Waits for a slot and runs `operation` on `body` in it, until the deadline; the interrupt, which has the same, stops it
    /// when it passes, and when nobody waits for this any more.
    ///
    /// # Errors
    /// 429 when the queue is full, 504 when `deadline` passes first, 500 when the operation panics, and whatever the
    /// operation itself finds wrong.
    pub async fn run(
        &self,
        operation: Operation,
        formats: Formats,
        events: Option<Events>,
        body: Held,
        (deadline, interrupt): (Instant, Interrupt),
    ) -> Result<Reply, Problem> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.busy())?;
        let _stop_when_unwanted = CancelOnDrop(interrupt.clone());
        // Who hears events is owed the last checkpoint.
        let patience = if events.is_some() { LAST_WORDS } else { Duration::ZERO };
        let work = async {
            let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
                return Err(Problem::new(Kind::DRAINING, "The workers have been closed."));
            };
            let Formats { body: body_format, answer, file } = formats;
            let context =
                Context { limits: self.limits.clone(), interrupt, body: body_format, answer, file, events };
            let occupied = Occupied::new(slot, place, Arc::clone(&self.service_time));
            let span = Span::current();
            let job = tokio::task::spawn_blocking(move || {
                let _occupied = occupied;
                span.in_scope(|| operation(&body, &context))
            });
            job.await.unwrap_or_else(|_| Err(panicked()))
        };
        timeout_at(deadline + patience, work).await.unwrap_or_else(|_| Err(deadline_exceeded()))
    }

    fn busy(&self) -> Problem {
        let Load { total, running, waiting } = self.load();
        let turns = (waiting + 1) as f64 / total as f64;
        let seconds =
            (turns * self.service_time.mean().as_secs_f64()).ceil().clamp(1.0, LONGEST_RETRY) as u64;
        let mut problem = Problem::new(
            Kind::BUSY,
            format!(
                "{running} of {total} compute slots are taken and {waiting} requests wait, which is all the queue \
                 holds. Try again in {seconds} s, or ask another replica."
            ),
        );
        problem.retry_after = Some(seconds);
        problem
    }
}

fn deadline_exceeded() -> Problem {
    Problem::new(
        Kind::DEADLINE_EXCEEDED,
        "The answer was not ready in time, so the computation was stopped. Ask for less in one request, or raise the \
         setting `timeout`.",
    )
}

fn panicked() -> Problem {
    Problem::new(
        Kind::INTERNAL,
        "The computation failed for a reason that is no fault of the request. Please report it with the request id.",
    )
}

/// Tells the work to stop once nobody waits for it. After the work has ended this does nothing.
struct CancelOnDrop(Interrupt);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// What a running computation holds. Dropped when it ends, by returning or by unwinding.
struct Occupied {
    _slot: OwnedSemaphorePermit,
    _place: OwnedSemaphorePermit,
    since: Instant,
    service_time: Arc<ServiceTime>,
}

impl Occupied {
    fn new(slot: OwnedSemaphorePermit, place: OwnedSemaphorePermit, service_time: Arc<ServiceTime>) -> Self {
        Self { _slot: slot, _place: place, since: Instant::now(), service_time }
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.service_time.record(self.since.elapsed());
    }
}

/// An exponentially weighted mean of how long a slot stays taken. The weight lets it follow a change of traffic
/// within some ten requests.
#[derive(Debug, Default)]
struct ServiceTime {
    /// Nanoseconds; 0 before the first record.
    mean: AtomicU64,
}

impl ServiceTime {
    const WEIGHT: u64 = 8;

    fn record(&self, taken: Duration) {
        let taken = u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX).max(1);
        let blend = |mean: u64| match mean {
            0 => taken,
            _ => mean - mean / Self::WEIGHT + taken / Self::WEIGHT,
        };
        // The closure always gives a value, so the update cannot fail.
        let _ = self.mean.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |mean| Some(blend(mean)));
    }

    fn mean(&self) -> Duration {
        Duration::from_nanos(self.mean.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_what_it_records() {
        let time = ServiceTime::default();
        time.record(Duration::from_secs(8));
        assert_eq!(time.mean(), Duration::from_secs(8));
        time.record(Duration::from_secs(16));
        assert_eq!(time.mean(), Duration::from_secs(9));
        for _ in 0..200 {
            time.record(Duration::from_secs(1));
        }
        assert!(time.mean() < Duration::from_millis(1001), "{:?}", time.mean());
    }
}
