//! What the types of single settings cannot say.

use axum::http::HeaderValue;
use tracing_subscriber::filter::Targets;

use super::Settings;
use crate::api::cost::READING;

/// Far above any machine, far below what the semaphores can count.
const MOST_SLOTS: usize = 4096;
/// Above one request in a nanosecond the buckets lose count.
const HIGHEST_RATE: usize = 1_000_000_000;
const MOST_CONNECTIONS: usize = 1_000_000;
const LONGEST_QUEUE: usize = 1 << 24;

impl Settings {
    /// The first setting that is out of range, and why.
    pub(super) fn validate(&self) -> Result<(), (&'static str, String)> {
        let require = |holds: bool, key: &'static str, message: &str| {
            if holds { Ok(()) } else { Err((key, message.to_owned())) }
        };
        require(
            self.tls_certificate.as_os_str().is_empty() == self.tls_key.as_os_str().is_empty(),
            "tls_key",
            "expected with tls_certificate, and not without",
        )?;
        require(
            self.max_connections.get() <= MOST_CONNECTIONS,
            "max_connections",
            "expected at most 1000000",
        )?;
        require(!self.idle_timeout.is_zero(), "idle_timeout", "expected more than 0 seconds")?;
        require(self.compute_slots <= MOST_SLOTS, "compute_slots", "expected at most 4096")?;
        require(self.queue <= LONGEST_QUEUE, "queue", "expected at most 16777216")?;
        require(
            self.max_held_bytes >= self.max_body_bytes,
            "max_held_bytes",
            "expected at least max_body_bytes, or no body of that size could ever be taken",
        )?;
        require(
            self.max_memory.get() / READING >= self.max_body_bytes.get(),
            "max_memory",
            "expected at least 24 times max_body_bytes, or no body of that size could ever be read",
        )?;
        require(!self.timeout.is_zero(), "timeout", "expected more than 0 seconds")?;
        require(self.rate_limit <= HIGHEST_RATE, "rate_limit", "expected at most 1000000000")?;
        require(self.rate_window.as_secs() >= 1, "rate_window", "expected at least 1 second")?;
        require(
            cfg!(feature = "mcp") || !self.mcp,
            "mcp",
            "expected false: this program was built without the feature `mcp`",
        )?;
        require(!self.otlp_service_name.is_empty(), "otlp_service_name", "expected a name")?;
        for path in &self.open_paths {
            require(path.starts_with('/'), "open_paths", "expected paths such as /healthz")?;
        }
        for origin in &self.cors_origins {
            require(
                is_origin(origin),
                "cors_origins",
                "expected \"*\" or origins such as https://example.org",
            )?;
        }
        let any = self.cors_origins.iter().any(|origin| origin == "*");
        require(!any || self.cors_origins.len() == 1, "cors_origins", "\"*\" already allows every origin")?;
        self.log_level
            .parse::<Targets>()
            .map(drop)
            .map_err(|error| ("log_level", format!("not a log filter: {error}")))
    }
}

/// A scheme and an authority without path, as browsers send in `Origin`.
fn is_origin(text: &str) -> bool {
    text == "*"
        || text.split_once("://").is_some_and(|(scheme, authority)| {
            !scheme.is_empty() && !authority.is_empty() && !authority.contains('/')
        }) && HeaderValue::from_str(text).is_ok()
}
