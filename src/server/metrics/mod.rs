//! Metrics: what the server has done and how busy it is, for Prometheus.
//!
//! [`requests`] counts and measures requests by route and status in a middleware, lanes and workers keep their own numbers
//! ([`Histogram`], [`api::Meter`](crate::api::Meter)), and [`process`] asks the system. [`exposition`] gathers them when
//! `/metrics` is asked for, and names them; nothing is gathered between.

pub mod exposition;
mod histogram;
mod process;
pub mod requests;

pub use histogram::Histogram;
pub use requests::{Cancellation, Requests};
