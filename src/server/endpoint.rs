//! An operation at its path, and what is particular about the way to it.

use axum::http::request::Parts;

use crate::api::{Operation, Problem};

use super::negotiate::{self, Formats};
use super::tesseract;

/// Finds out what a request takes and gives.
pub type Negotiation = fn(&Parts) -> Result<Formats, Problem>;

/// Where an operation may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a worker.
    Worker,
    /// On a worker, or where the request is when it is small.
    Nearest,
}

/// An operation that is posted to.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Where.
    pub path: &'static str,
    /// What is done.
    pub operation: Operation,
    /// What is taken and given.
    pub negotiation: Negotiation,
    /// Where it is done.
    pub place: Place,
    /// Whether it can tell events on the way.
    pub has_events: bool,
}

impl Endpoint {
    /// An operation that a worker does, in the formats of the API.
    pub const fn new(path: &'static str, operation: Operation) -> Self {
        Self { path, operation, negotiation: negotiate::formats, place: Place::Worker, has_events: false }
    }

    /// The same, done where the request is when it is small.
    #[must_use]
    pub const fn nearest(self) -> Self {
        Self { place: Place::Nearest, ..self }
    }

    /// The same, which tells events on the way to who wants them.
    #[must_use]
    pub const fn with_events(self) -> Self {
        Self { has_events: true, ..self }
    }

    /// The same, which answers with a picture.
    #[must_use]
    pub const fn with_pictures(self) -> Self {
        Self { negotiation: negotiate::formats_of_pictures, ..self }
    }

    /// The same, which takes JSON and answers with arrays.
    #[must_use]
    pub const fn with_arrays(self) -> Self {
        Self { negotiation: tesseract::formats, ..self }
    }

    /// The same, which takes and gives JSON whatever the headers say.
    #[must_use]
    pub const fn with_json_alone(self) -> Self {
        Self { negotiation: negotiate::json_alone, ..self }
    }
}
