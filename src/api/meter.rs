//! What a request has done and where its time went: operations report it here, the server reads it when they are done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::debug;

/// What a request spends its time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for a compute slot.
    Queue,
    /// From the bytes of the body to wire types.
    Decode,
    /// From text or a JSON graph to the engine's graph with its values.
    Parse,
    /// From the graph to a tape.
    Compile,
    /// Values.
    Forward,
    /// Adjoints.
    Reverse,
    /// Steps of a training run, or the evaluations of a fit.
    Steps,
    /// From the answer to its bytes.
    Encode,
}

impl Stage {
    /// All of them, in the order in which a request passes them.
    pub const ALL: [Stage; 8] = [
        Stage::Queue,
        Stage::Decode,
        Stage::Parse,
        Stage::Compile,
        Stage::Forward,
        Stage::Reverse,
        Stage::Steps,
        Stage::Encode,
    ];

    /// Its name in metrics, traces and headers.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Queue => "queue",
            Stage::Decode => "decode",
            Stage::Parse => "parse",
            Stage::Compile => "compile",
            Stage::Forward => "forward",
            Stage::Reverse => "reverse",
            Stage::Steps => "steps",
            Stage::Encode => "encode",
        }
    }
}

/// What is counted of the work itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nodes of graphs.
    Nodes,
    /// Samples of batches, rows of data sets.
    Samples,
    /// Optimizer steps, evaluations of fits.
    Steps,
}

impl Unit {
    /// All of them.
    pub const ALL: [Unit; 3] = [Unit::Nodes, Unit::Samples, Unit::Steps];
}

/// Times by stage and counts by unit, of one request or of many.
#[derive(Debug, Default)]
pub struct Meter {
    nanoseconds: [AtomicU64; Stage::ALL.len()],
    counts: [AtomicU64; Unit::ALL.len()],
}

impl Meter {
    /// Everything until the guard is dropped is a part of `stage`.
    pub fn enter(&self, stage: Stage) -> Timed<'_> {
        Timed { meter: self, stage, begun: Instant::now() }
    }

    /// Runs `work`, both sweeps of a gradient, which also tells what part of its time, from 0 to 1, was the reverse one.
    pub fn time_sweeps<T>(&self, work: impl FnOnce() -> (T, f64)) -> T {
        let begun = Instant::now();
        let (done, share) = work();
        let time = begun.elapsed();
        let reverse = time.mul_f64(share.clamp(0.0, 1.0));
        self.add_time(Stage::Forward, time.saturating_sub(reverse));
        self.add_time(Stage::Reverse, reverse);
        done
    }

    /// Adds to the time of `stage`, and tells the log, which puts it beside the id of the request.
    pub fn add_time(&self, stage: Stage, time: Duration) {
        debug!(target: "gradd::stage", stage = stage.name(), milliseconds = time.as_secs_f64() * 1e3, "done");
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds[stage as usize].fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Adds so many.
    pub fn count(&self, unit: Unit, number: usize) {
        self.counts[unit as usize].fetch_add(number as u64, Ordering::Relaxed);
    }

    /// Adds all that `other` has.
    pub fn absorb(&self, other: &Meter) {
        let pairs =
            self.nanoseconds.iter().zip(&other.nanoseconds).chain(self.counts.iter().zip(&other.counts));
        for (sum, term) in pairs {
            match term.load(Ordering::Relaxed) {
                0 => {}
                term => drop(sum.fetch_add(term, Ordering::Relaxed)),
            }
        }
    }

    /// The time spent in `stage`.
    pub fn time_in(&self, stage: Stage) -> Duration {
        Duration::from_nanos(self.nanoseconds[stage as usize].load(Ordering::Relaxed))
    }

    /// How many there were.
    pub fn count_of(&self, unit: Unit) -> u64 {
        self.counts[unit as usize].load(Ordering::Relaxed)
    }
}

/// A part of a stage that has begun.
#[derive(Debug)]
pub struct Timed<'m> {
    meter: &'m Meter,
    stage: Stage,
    begun: Instant,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        self.meter.add_time(self.stage, self.begun.elapsed());
    }
}
