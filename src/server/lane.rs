//! A lane: so many computations at a time, so many requests waiting for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::api::{Kind, Problem};

use super::metrics::Histogram;

/// Longest `Retry-After` that is ever given, in seconds.
const LONGEST_RETRY: f64 = 600.0;

/// Slots and the bounded queue before them.
#[derive(Debug)]
pub struct Lane {
    name: &'static str,
    /// Running computations.
    slots: Arc<Semaphore>,
    slot_count: usize,
    /// Running and waiting requests.
    places: Arc<Semaphore>,
    place_count: usize,
    waits: Histogram,
    occupancy: Arc<Occupancy>,
}

/// How long slots stay taken.
#[derive(Debug, Default)]
struct Occupancy {
    all: Histogram,
    lately: ServiceTime,
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    /// Compute slots there are.
    pub total: usize,
    /// Slots in which a computation runs.
    pub running: usize,
    /// Requests that wait for a slot.
    pub waiting: usize,
}

/// A place in a lane's queue.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
}

/// What a running computation holds of a lane, until it has really ended.
#[derive(Debug)]
pub struct Seat {
    _place: Place,
    _slot: OwnedSemaphorePermit,
    since: Instant,
    occupancy: Arc<Occupancy>,
}

impl Lane {
    /// An empty lane; `name` says what runs in it.
    pub fn new(name: &'static str, slot_count: usize, queue: usize) -> Self {
        let place_count = slot_count + queue;
        Self {
            name,
            slots: Arc::new(Semaphore::new(slot_count)),
            slot_count,
            places: Arc::new(Semaphore::new(place_count)),
            place_count,
            waits: Histogram::default(),
            occupancy: Arc::default(),
        }
    }

    /// Requests that may wait.
    pub fn queue(&self) -> usize {
        self.place_count - self.slot_count
    }

    /// How long requests waited for a slot.
    pub fn waits(&self) -> &Histogram {
        &self.waits
    }

    /// How long computations kept a slot.
    pub fn holds(&self) -> &Histogram {
        &self.occupancy.all
    }

    /// How full it is now.
    pub fn load(&self) -> Load {
        let running = self.slot_count - self.slots.available_permits();
        let admitted = self.place_count - self.places.available_permits();
        Load { total: self.slot_count, running, waiting: admitted.saturating_sub(running) }
    }

    /// A 429 when a request that came now would find no place.
    pub fn check_room(&self) -> Result<(), Problem> {
        if self.places.available_permits() == 0 { Err(self.busy()) } else { Ok(()) }
    }

    /// A place in the queue, or a 429.
    pub fn place(&self) -> Result<Place, Problem> {
        let permit = Arc::clone(&self.places).try_acquire_owned().map_err(|_| self.busy())?;
        Ok(Place { _permit: permit })
    }

    /// Waits until the turn of `place` has come.
    pub async fn seat(&self, place: Place) -> Result<Seat, Problem> {
        // Recorded for those as well that give up.
        let _waited = self.waits.time();
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return Err(Problem::new(Kind::DRAINING, "The workers have been closed."));
        };
        Ok(self.sit(place, slot))
    }

    /// The same without waiting; gives the place back where it would have to.
    pub fn seat_now(&self, place: Place) -> Result<Seat, Place> {
        match Arc::clone(&self.slots).try_acquire_owned() {
            Ok(slot) => {
                self.waits.record(Duration::ZERO);
                Ok(self.sit(place, slot))
            }
            Err(_) => Err(place),
        }
    }

    fn sit(&self, place: Place, slot: OwnedSemaphorePermit) -> Seat {
        Seat { _place: place, _slot: slot, since: Instant::now(), occupancy: Arc::clone(&self.occupancy) }
    }

    fn busy(&self) -> Problem {
        let Load { total, running, waiting } = self.load();
        let turns = (waiting + 1) as f64 / total as f64;
        let seconds =
            (turns * self.occupancy.lately.mean().as_secs_f64()).ceil().clamp(1.0, LONGEST_RETRY) as u64;
        let mut problem = Problem::new(
            Kind::BUSY,
            format!(
                "{running} of {total} compute slots for {} are taken and {waiting} requests wait, which is all the queue \
                 holds. Try again in {seconds} s, or ask another replica.",
                self.name
            ),
        );
        problem.retry_after = Some(seconds);
        problem
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let taken = self.since.elapsed();
        self.occupancy.all.record(taken);
        self.occupancy.lately.record(taken);
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
