//! Requests by route and status: how many, how long, how many now; and how they went wrong.
//!
//! Routes are the patterns of the router, and statuses come from a fixed range, so that no client can make a new series
//! by what it sends. Every number is an atomic that is found by position: nothing here waits or looks up text but the one
//! pattern.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use rustc_hash::FxHashMap;

use crate::api::Kind;
use crate::server::problems::Told;
use crate::server::watched::{Watcher, watch};

use super::histogram::Histogram;

/// The route of requests that no pattern matches.
const UNMATCHED: &str = "unmatched";
/// The status of requests whose client was gone before there was an answer, as nginx has it.
pub const CLIENT_GONE: u16 = 499;
const STATUSES: std::ops::Range<u16> = 100..600;

/// Why a computation was stopped before it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancellation {
    /// Its time was over.
    Deadline,
    /// Nobody waited for it any more.
    HangUp,
    /// The grace period of the server was over.
    Shutdown,
}

impl Cancellation {
    pub(super) const ALL: [(Self, &str); 3] =
        [(Self::Deadline, "deadline"), (Self::HangUp, "hang_up"), (Self::Shutdown, "shutdown")];
}

/// The numbers of all requests so far.
#[derive(Debug)]
pub struct Requests {
    routes: Vec<Route>,
    by_pattern: FxHashMap<String, usize>,
    in_flight: AtomicU64,
    problems: Vec<AtomicU64>,
    cancellations: [AtomicU64; Cancellation::ALL.len()],
}

#[derive(Debug)]
struct Route {
    pattern: String,
    /// By status, from 100; made when the first answer has it.
    statuses: Vec<OnceLock<Box<Histogram>>>,
}

impl Requests {
    /// No requests yet, of routes with these patterns.
    pub fn new(patterns: &[&str]) -> Self {
        // The first one is for those that match none.
        let routes: Vec<Route> =
            std::iter::once(&UNMATCHED).chain(patterns).map(|pattern| Route::new(pattern)).collect();
        let by_pattern = routes.iter().enumerate().map(|(i, route)| (route.pattern.clone(), i)).collect();
        Self {
            routes,
            by_pattern,
            in_flight: AtomicU64::new(0),
            problems: Kind::ALL.iter().map(|_| AtomicU64::new(0)).collect(),
            cancellations: Default::default(),
        }
    }

    /// Counts a problem that a client is told.
    pub fn problem(&self, kind: Kind) {
        if let Some(position) = Kind::ALL.iter().position(|other| *other == kind) {
            self.problems[position].fetch_add(1, Ordering::Relaxed);
        }
        if kind == Kind::DEADLINE_EXCEEDED {
            self.cancelled(Cancellation::Deadline, 1);
        }
    }

    /// Counts computations that were stopped.
    pub fn cancelled(&self, why: Cancellation, number: usize) {
        self.cancellations[why as usize].fetch_add(number as u64, Ordering::Relaxed);
    }

    /// Requests that have come and are not answered in full.
    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Route, status and durations, where there were any.
    pub(super) fn durations(&self) -> impl Iterator<Item = (&str, u16, &Histogram)> {
        self.routes.iter().flat_map(|route| {
            let statuses = STATUSES.zip(&route.statuses);
            statuses.filter_map(|(status, durations)| Some((&*route.pattern, status, &**durations.get()?)))
        })
    }

    /// Slugs of problems, and how often each was told.
    pub(super) fn problems(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Kind::ALL.iter().zip(&self.problems).map(|(kind, count)| (kind.slug, count.load(Ordering::Relaxed)))
    }

    /// Reasons, and how many computations were stopped for each.
    pub(super) fn cancellations(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = Cancellation::ALL.into_iter().zip(&self.cancellations);
        counts.map(|((_, name), count)| (name, count.load(Ordering::Relaxed)))
    }

    /// Counts `request` and begins to measure it, at its head.
    pub fn begin(self: &Arc<Self>, request: &Request) -> Observation {
        let pattern = request.extensions().get().map(MatchedPath::as_str);
        let route = pattern.and_then(|pattern| self.by_pattern.get(pattern)).copied().unwrap_or(0);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Observation {
            requests: Arc::clone(self),
            route,
            begun: Instant::now(),
            status: None,
            has_ended: false,
        }
    }
}

impl Route {
    fn new(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), statuses: STATUSES.map(|_| OnceLock::new()).collect() }
    }

    fn of_status(&self, status: u16) -> &Histogram {
        let status = if STATUSES.contains(&status) { status } else { 500 };
        self.statuses[usize::from(status - STATUSES.start)].get_or_init(Box::default)
    }
}

/// One request, from its head to the end of its answer.
#[derive(Debug)]
pub struct Observation {
    requests: Arc<Requests>,
    route: usize,
    begun: Instant,
    /// `None` before there is an answer.
    status: Option<u16>,
    /// Whether the whole answer was taken.
    has_ended: bool,
}

impl Observation {
    /// The answer, which is measured until it has been taken.
    pub fn watch(mut self, mut response: Response) -> Response {
        self.status = Some(response.status().as_u16());
        if let Some(Told(kind)) = response.extensions_mut().remove() {
            self.requests.problem(kind);
        }
        watch(response, self)
    }
}

impl Watcher for Observation {
    fn complete(&mut self) {
        self.has_ended = true;
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let status = self.status.unwrap_or(CLIENT_GONE);
        self.requests.routes[self.route].of_status(status).record(self.begun.elapsed());
        self.requests.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.has_ended {
            self.requests.cancelled(Cancellation::HangUp, 1);
        }
    }
}
