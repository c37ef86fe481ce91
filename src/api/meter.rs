//! What a request has done and where its time went: operations report it here, the server reads it when they are done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tracing::debug;

use super::timeline::{Stint, Timeline};

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
    /// `None` where sums are enough.
    timeline: Option<Timeline>,
}

impl Meter {
    /// One that also keeps when each stage began and ended.
    pub fn with_timeline() -> Self {
        Self { timeline: Some(Timeline::default()), ..Self::default() }
    }

    /// An empty one that keeps as much as this one.
    #[must_use]
    pub fn sibling(&self) -> Self {
        if self.timeline.is_some() { Self::with_timeline() } else { Self::default() }
    }

    /// Everything until the guard is dropped is a part of `stage`.
    pub fn enter(&self, stage: Stage) -> Timed<'_> {
        let begun = Instant::now();
        Timed { meter: self, stage, begun, stint: self.begin(stage, begun) }
    }

    /// Runs `work`, both sweeps of a gradient, which also tells what part of its time, from 0 to 1, was the reverse one.
    /// They take turns block by block; the timeline has them as if one had followed the other.
    pub fn time_sweeps<T>(&self, work: impl FnOnce() -> (T, f64)) -> T {
        let begun = Instant::now();
        let forward = self.begin(Stage::Forward, begun);
        let (done, share) = work();
        let ended = Instant::now();
        let time = ended - begun;
        let reverse = time.mul_f64(share.clamp(0.0, 1.0));
        let forward_time = time.saturating_sub(reverse);
        let turned = begun + forward_time;
        self.add_time(Stage::Forward, forward_time);
        self.end(forward, turned);
        self.add_time(Stage::Reverse, reverse);
        self.end(self.begin(Stage::Reverse, turned), ended);
        done
    }

    fn begin(&self, stage: Stage, begun: Instant) -> Option<usize> {
        self.timeline.as_ref().and_then(|timeline| timeline.begin(stage, begun))
    }

    fn end(&self, stint: Option<usize>, ended: Instant) {
        if let (Some(timeline), Some(stint)) = (&self.timeline, stint) {
            timeline.end(stint, ended);
        }
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
        if let (Some(own), Some(others)) = (&self.timeline, &other.timeline) {
            own.append(others);
        }
    }

    /// When the request was in which stage, in the order of their beginnings; nothing without a timeline.
    pub fn stints(&self) -> Vec<Stint> {
        self.timeline.as_ref().map(Timeline::stints).unwrap_or_default()
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
    stint: Option<usize>,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let ended = Instant::now();
        self.meter.add_time(self.stage, ended - self.begun);
        self.meter.end(self.stint, ended);
    }
}
