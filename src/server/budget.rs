//! Memory that is promised to requests. Without it many requests of allowed size could together take more than the machine
//! has.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::api::{Kind, Problem};

/// Bytes that are accounted for together: a semaphore counts in 32 bits, a budget may need more.
const UNIT: usize = 1024;

/// So many bytes for all.
#[derive(Debug)]
pub struct Budget {
    /// In units of [`UNIT`] bytes.
    free: Arc<Semaphore>,
    units: usize,
    /// What a request is told that comes when they are promised to others.
    refusal: &'static str,
}

impl Budget {
    /// Room for `bytes`.
    pub fn new(bytes: usize, refusal: &'static str) -> Self {
        let units = (bytes / UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(units)), units, refusal }
    }

    /// All bytes there are.
    pub fn total(&self) -> usize {
        self.units * UNIT
    }

    /// Those that are promised now.
    pub fn promised(&self) -> usize {
        (self.units - self.free.available_permits()) * UNIT
    }

    /// Makes `room` cover `bytes`, or gives a 429.
    pub fn cover(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Problem> {
        let held = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        self.take(room, bytes.div_ceil(UNIT).saturating_sub(held))
    }

    /// Makes `room` cover so many bytes more, or gives a 429.
    pub fn extend(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Problem> {
        self.take(room, bytes.div_ceil(UNIT))
    }

    /// Gives back what `room` has beyond `bytes`.
    pub fn shrink(room: Option<OwnedSemaphorePermit>, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let mut room = room?;
        Some(room.split(bytes.div_ceil(UNIT)).unwrap_or(room))
    }

    fn take(&self, room: &mut Option<OwnedSemaphorePermit>, units: usize) -> Result<(), Problem> {
        if units == 0 {
            return Ok(());
        }
        let units = u32::try_from(units).map_err(|_| self.refuse())?;
        let more = Arc::clone(&self.free).try_acquire_many_owned(units).map_err(|_| self.refuse())?;
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
        Ok(())
    }

    fn refuse(&self) -> Problem {
        let detail = format!("{} Try again in a second, or ask another replica.", self.refusal);
        let mut problem = Problem::new(Kind::BUSY, detail);
        problem.retry_after = Some(1);
        problem
    }
}
