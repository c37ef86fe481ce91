//! What is left of a request when it is over, for its spans.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::http::{Method, StatusCode, Version};

use super::account::Account;
use crate::server::trace_context::Position;

/// A request that is over.
#[derive(Debug)]
pub struct Record {
    /// Its place in a trace.
    pub position: Position,
    /// Of the request.
    pub method: Method,
    /// The pattern of the router that it fits.
    pub route: Option<Arc<str>>,
    /// Its path, without the query.
    pub path: String,
    /// Of HTTP.
    pub version: Version,
    /// Its id, as the answer tells it.
    pub id: Option<String>,
    /// The address at the other end of its connection.
    pub peer: Option<IpAddr>,
    /// When its head had come, by the calendar.
    pub date: SystemTime,
    /// The same, by the clock that all other times are taken from.
    pub begun: Instant,
    /// When its answer had been taken, or its client was gone.
    pub ended: Instant,
    /// Of its answer, if there was one.
    pub status: Option<StatusCode>,
    /// Whether the whole answer was taken.
    pub has_ended: bool,
    /// What was found out on the way.
    pub account: Arc<Account>,
}
