//! The workers: two lanes of compute slots, and what is taken of them.
//!
//! An operation runs on a blocking thread, which owns its slot from its first to its last instruction. The request's
//! future only waits: when it goes away (the client hung up, the deadline passed) the work is told to stop, but the
//! slot comes back no earlier than the work has really ended, so no computation ever runs uncounted.
//!
//! Every computation begins in the short lane, unless its body alone takes long to read. Once it knows its cost and that
//! is large, it gives up its slot there and waits for one in the long lane. Both lanes have as many slots as there are
//! cores; the operating system shares the cores between them, so that long computations never keep short ones waiting.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{self, Instant, timeout_at};
use tracing::Span;

use crate::api::cost::READING;
use crate::api::events::Events;
use crate::api::format::Format;
use crate::api::models::Models;
use crate::api::{Admission, Context, Cost, Kind, Limits, Meter, Operation, Problem, Stage, timeout};
use crate::engine::Interrupt;

use super::Settings;
use super::answer::Answer;
use super::at_once;
use super::body::Held;
use super::budget::Budget;
use super::lane::{Lane, Load, Place, Seat};
use super::negotiate::Formats;

/// How long a computation whose events are heard may take to stop after its deadline or the end of a grace period.
pub const LAST_WORDS: Duration = Duration::from_secs(1);
/// Floating-point operations that make a computation long: some 10 to 50 ms of one core.
const LONG_WORK: f64 = 1e7;
/// Bytes of a body that take as long to read.
const LONG_BODY: usize = 1 << 20;
/// Bytes of a body that are looked through so quickly that it may be done on an async thread.
const QUICKLY_READ: usize = 1 << 15;
/// Long computations that may wait, each in a thread, however long the queue is set to be.
const MOST_WAITING: usize = 1024;
/// Between two looks at the interrupt of a computation that waits in its thread.
const LOOK: Duration = Duration::from_millis(20);

/// Runs operations, at most so many at a time.
#[derive(Debug)]
pub struct Workers {
    limits: Limits,
    short: Lane,
    long: Arc<Lane>,
    memory: Arc<Budget>,
    models: Arc<Models>,
    /// What all computations together have done.
    done: Arc<Meter>,
}

/// How full the workers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Loads {
    /// Computations of up to some ten milliseconds, and those whose length is not known yet.
    pub short: Load,
    /// Longer ones.
    pub long: Load,
}

/// A computation to be run.
pub struct Job {
    /// What is computed.
    pub operation: Operation,
    /// What is read and written.
    pub formats: Formats,
    /// Who hears how far it is, if anybody does.
    pub events: Option<Events>,
    /// The body of the request.
    pub body: Held,
    /// When it is given up.
    pub deadline: Instant,
    /// Stops it at the deadline, and when nobody waits for it any more.
    pub interrupt: Interrupt,
    /// What it has done; empty before.
    pub meter: Arc<Meter>,
}

impl Workers {
    /// Workers as `settings` asks, for computations that may name these models.
    pub fn new(settings: &Settings, models: Arc<Models>) -> Self {
        let lane = |name, queue| Lane::new(name, settings.slots(), queue);
        let memory = Budget::new(
            settings.max_memory.get(),
            "Computations under way take all the memory that the setting `max_memory` allows.",
        );
        Self {
            limits: settings.limits(),
            short: lane("short computations", settings.queue),
            long: Arc::new(lane("long computations", settings.queue.min(MOST_WAITING))),
            memory: Arc::new(memory),
            models,
            done: Arc::default(),
        }
    }

    /// Both lanes by their names.
    pub fn lanes(&self) -> [(&'static str, &Lane); 2] {
        [("short", &self.short), ("long", &self.long)]
    }

    /// The memory that computations share.
    pub fn memory(&self) -> &Budget {
        &self.memory
    }

    /// What they have done so far.
    pub fn done(&self) -> &Meter {
        &self.done
    }

    /// Blocking threads that computations may take at the same time: for the slots of both lanes, and to wait for a long one.
    pub fn threads(settings: &Settings) -> usize {
        2 * settings.slots() + settings.queue.min(MOST_WAITING)
    }

    /// Runs `operation` on `body` here and now, if that takes next to no time, and then tells `meter`.
    pub fn at_once(
        &self,
        operation: Operation,
        formats: Formats,
        body: &[u8],
        interrupt: &Interrupt,
        meter: &Meter,
    ) -> Option<Answer> {
        let context = self.context(formats, interrupt.clone(), Arc::new(meter.sibling()));
        let (answer, attempt) = at_once::answer(operation, body, context)?;
        meter.absorb(&attempt);
        self.done.absorb(&attempt);
        Some(answer)
    }

    /// The surroundings of a computation before it is let in.
    fn context(&self, formats: Formats, interrupt: Interrupt, meter: Arc<Meter>) -> Context {
        let Formats { body, answer, file, picture, arrays } = formats;
        let (limits, models) = (self.limits.clone(), Arc::clone(&self.models));
        let (events, admission) = (None, None);
        Context { limits, interrupt, body, answer, events, admission, file, picture, arrays, models, meter }
    }

    /// How full the workers are now.
    pub fn load(&self) -> Loads {
        Loads { short: self.short.load(), long: self.long.load() }
    }

    /// A 429 when a request that came now would find no place. Lets a request be refused before its body is read.
    pub fn check_room(&self) -> Result<(), Problem> {
        self.short.check_room()
    }

    /// Waits for a slot and runs `job` in it, until its deadline; its interrupt, which has the same, stops it when it
    /// passes, and when nobody waits for this any more.
    ///
    /// # Errors
    /// 429 when a queue or the memory is full, 504 when the deadline passes first, 500 when the operation panics, and whatever
    /// the operation itself finds wrong.
    pub async fn run(&self, job: Job) -> Result<Answer, Problem> {
        let Job { operation, formats, events, body, deadline, interrupt, meter } = job;
        let lane = if body.len() > LONG_BODY { &*self.long } else { &self.short };
        let (place, body) = (lane.place()?, Arc::new(body));
        let _stop_when_unwanted = CancelOnDrop(interrupt.clone());
        // Who hears events is owed the last checkpoint.
        let patience = if events.is_some() { LAST_WORDS } else { Duration::ZERO };
        let meter = Metered { request: meter, all: Arc::clone(&self.done) };
        let work = async {
            let queued = meter.request.enter(Stage::Queue);
            let seat = match lane.seat_now(place) {
                Ok(seat) => seat,
                Err(place) => {
                    let until = self.own_deadline(&body, formats.body, deadline).await;
                    wait_for(lane, place, until).await?
                }
            };
            drop(queued);
            let taken = self.take(seat, &meter.request, &body)?;
            let admission = Some(Arc::clone(&taken) as Arc<dyn Admission>);
            let meter = meter;
            let context =
                Context { events, admission, ..self.context(formats, interrupt, Arc::clone(&meter.request)) };
            let span = Span::current();
            let job = tokio::task::spawn_blocking(move || {
                // What the computation has taken comes back when it ends, by returning or by unwinding.
                let (taken, meter) = (taken, meter);
                let reply = span.in_scope(|| operation(&body, &context))?;
                let room = taken.keep(reply.body.len());
                Ok(Answer::new(reply, room).timed(&meter.request))
            });
            job.await.unwrap_or_else(|_| Err(panicked()))
        };
        timeout_at(deadline + patience, work).await.unwrap_or_else(|_| Err(deadline_exceeded()))
    }

    /// When a request that has to wait gives up. Its body may set an earlier deadline than the server does, and is looked
    /// through for that beforehand.
    async fn own_deadline(&self, body: &Arc<Held>, format: Format, deadline: Instant) -> Instant {
        let timeout = if body.len() <= QUICKLY_READ {
            timeout::of(body, format)
        } else {
            let body = Arc::clone(body);
            tokio::task::spawn_blocking(move || timeout::of(&body, format)).await.unwrap_or_default()
        };
        timeout.map_or(deadline, |timeout| deadline - self.limits.timeout.saturating_sub(timeout))
    }

    /// What a computation takes to read its body in `seat`.
    fn take(&self, seat: Seat, meter: &Arc<Meter>, body: &[u8]) -> Result<Arc<Taken>, Problem> {
        let mut room = None;
        self.memory.cover(&mut room, body.len().saturating_mul(READING))?;
        let held = Mutex::new(Holding { seat: Some(seat), is_long: body.len() > LONG_BODY, room });
        let (long, memory, meter) = (Arc::clone(&self.long), Arc::clone(&self.memory), Arc::clone(meter));
        Ok(Arc::new(Taken { long, memory, meter, held }))
    }
}

/// What a running computation has taken.
#[derive(Debug)]
struct Taken {
    long: Arc<Lane>,
    memory: Arc<Budget>,
    meter: Arc<Meter>,
    held: Mutex<Holding>,
}

#[derive(Debug)]
struct Holding {
    /// `None` while it waits in its thread.
    seat: Option<Seat>,
    is_long: bool,
    room: Option<OwnedSemaphorePermit>,
}

impl Taken {
    /// The room for an answer of so many bytes; the rest is given back.
    fn keep(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        Budget::shrink(held.room.take(), bytes)
    }
}

impl Admission for Taken {
    fn admit(&self, cost: Cost, interrupt: &Interrupt) -> Result<(), Problem> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        self.memory.extend(&mut held.room, cost.memory)?;
        if held.is_long || cost.work <= LONG_WORK {
            return Ok(());
        }
        let place = self.long.place()?;
        let _queued = self.meter.enter(Stage::Queue);
        held.seat = None;
        held.is_long = true;
        let mut seat = std::pin::pin!(self.long.seat(place));
        loop {
            let turn = Handle::current().block_on(async { time::timeout(LOOK, seat.as_mut()).await });
            interrupt.check()?;
            if let Ok(seat) = turn {
                held.seat = Some(seat?);
                return Ok(());
            }
        }
    }
}

/// A seat in `lane`, unless `until` has passed before.
async fn wait_for(lane: &Lane, place: Place, until: Instant) -> Result<Seat, Problem> {
    match timeout_at(until, lane.seat(place)).await {
        Ok(seat) if Instant::now() < until => seat,
        _ => Err(never_begun()),
    }
}

fn never_begun() -> Problem {
    Problem::new(
        Kind::DEADLINE_EXCEEDED,
        "No compute slot came free in time, so the computation was never begun. Try again later, ask another replica, or \
         give the request more time by its `timeout` or the setting of that name.",
    )
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

/// What a request has done; told to all once it has ended, however it has.
struct Metered {
    request: Arc<Meter>,
    all: Arc<Meter>,
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.all.absorb(&self.request);
    }
}

/// Tells the work to stop once nobody waits for it. After the work has ended this does nothing.
struct CancelOnDrop(Interrupt);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
