//! What an operation tells while it works, for clients that asked for a stream of events.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// One event: a name and JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it tells: `progress` or `checkpoint`, at the end `result` or `problem`.
    pub name: &'static str,
    /// A JSON object.
    pub data: String,
}

impl Event {
    /// An event that tells `data`.
    pub fn new<T: Serialize>(name: &'static str, data: &T) -> Self {
        // What answers are made of can always be written.
        Self { name, data: serde_json::to_string(data).expect("numbers, strings and lists") }
    }
}

/// Takes events, or does not, while the client is slow to read those before. It never waits.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) -> bool + Send + Sync>);

impl Events {
    /// Hands events to `take`, which says whether it took one.
    pub fn new(take: impl Fn(Event) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Tells an event; whether it was taken.
    pub fn tell(&self, event: Event) -> bool {
        (self.0)(event)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}
