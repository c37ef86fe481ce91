//! Logs: to standard error, as text or JSON, panics with their backtrace among them.

use std::backtrace::Backtrace;
use std::io::{self, IsTerminal};
use std::panic;

use tracing::error;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{fmt, registry};

use super::Settings;
use super::settings::LogFormat;

/// Sets up logging for the whole process; to be called once, at its start.
pub fn init(settings: &Settings) {
    // The settings are valid, so the filter is; the fallback keeps this function free of panics.
    let filter = quiet(settings.log_level.parse().unwrap_or_default());
    let lines = fmt::layer().with_writer(io::stderr);
    match settings.log_format {
        LogFormat::Text => registry().with(filter).with(lines.with_ansi(io::stderr().is_terminal())).init(),
        LogFormat::Json => registry().with(filter).with(lines.json().flatten_event(true)).init(),
    }
    // Runs on the thread that panics, inside the span of its request, so the line carries the request's id.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        error!(place, backtrace = %Backtrace::force_capture(), "panic: {message}");
    }));
}

/// The SDK of the Model Context Protocol takes every message for news, and what clients do wrong for its own trouble. Each has a
/// line here already, as an HTTP request.
fn quiet(filter: Targets) -> Targets {
    const SDK: &str = "rmcp";
    if filter.iter().any(|(target, _)| target.starts_with(SDK)) {
        return filter;
    }
    let usual = filter.default_level().unwrap_or(LevelFilter::OFF);
    filter.with_target(SDK, usual.min(LevelFilter::ERROR))
}
