//! Spans: what a collector of traces is told of requests, over OTLP. Off unless the settings name a collector.
//!
//! [`recording`] is the middleware that follows a request from its head to the end of its answer, [`Account`] what it
//! finds out on the way, and a [`record`](record::Record) what is left of it then. [`tree`] makes a span of it with one child
//! for each stage, [`export`] collects and sends them by OpenTelemetry's exporter, and [`client`] is the HTTP below that, to a
//! [`Collector`]. A request waits for none of this: its record goes into a bounded queue, and is dropped and counted where
//! that is full.

mod account;
mod client;
mod collector;
mod export;
mod record;
mod recording;
mod tree;

pub use account::Account;
pub use collector::Collector;
pub use export::{Counts, Spans};
pub use recording::Recorder;
