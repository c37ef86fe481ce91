//! What a request finds out about itself on its way, for its span.

use std::sync::{Arc, OnceLock};

use axum::http::Extensions;

use crate::api::{Kind, Meter};

/// Among the extensions of a request that is recorded; of others nobody will look at it.
#[derive(Debug, Default)]
pub struct Account {
    /// What was computed, and when which stage was passed.
    pub meter: Arc<Meter>,
    problem: OnceLock<Kind>,
}

impl Account {
    /// That of the request with these extensions.
    pub fn of(extensions: &Extensions) -> Arc<Self> {
        extensions.get().map(Arc::clone).unwrap_or_default()
    }

    /// One that keeps the times of stages.
    pub fn with_timeline() -> Self {
        Self { meter: Arc::new(Meter::with_timeline()), ..Self::default() }
    }

    /// The client is told this problem.
    pub fn problem(&self, kind: Kind) {
        // There is one answer, so there is one problem.
        let _ = self.problem.set(kind);
    }

    /// The problem that the client was told, if there was one.
    pub fn told(&self) -> Option<Kind> {
        self.problem.get().copied()
    }
}
