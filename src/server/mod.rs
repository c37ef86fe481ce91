//! HTTP: settings, routes, workers, shutdown.
//!
//! A request comes in through [`connections`], in the clear or over [`tls`], passes the middleware of [`layers`], of which
//! [`admission`] asks whose it is ([`access`]) and whether it is one too many ([`rates`]), is matched in [`routes`] and,
//! where it asks for a computation, takes the one path of [`compute`], on which [`endpoint`] says what is particular about it:
//! its headers are checked ([`negotiate`]), its body is collected ([`body`]; what nobody reads of it goes to [`leftover`]), and a
//! worker ([`workers`]) runs the operation on it in its [`lane`], within the [`budget`] of memory, unless it is so small that it
//! is done [`at_once`]. Whatever goes wrong on the way is an [`api::Problem`](crate::api::Problem), and [`problems`] writes it, or
//! the [`dialect`] of the path. [`application`] ties these together, [`drain`] ends them, [`metrics`] counts and measures all
//! of it, and [`spans`] tells a collector of traces. [`pages`] are for people with a browser, and `mcp`, where it is built in,
//! for assistants.

#![forbid(unsafe_code)]

pub mod access;
pub mod admission;
pub mod answer;
pub mod application;
pub mod around;
pub mod at_once;
pub mod body;
pub mod budget;
pub mod compute;
pub mod connections;
pub mod dialect;
pub mod drain;
pub mod endpoint;
pub mod keys;
pub mod lane;
pub mod layers;
pub mod leftover;
#[cfg(feature = "mcp")]
pub mod mcp;
pub mod metrics;
pub mod models;
pub mod negotiate;
pub mod pages;
pub mod problems;
pub mod rates;
pub mod request_id;
pub mod routes;
pub mod server_timing;
pub mod service;
pub mod settings;
pub mod spans;
pub mod stream;
pub mod telemetry;
pub mod tesseract;
pub mod tls;
pub mod trace_context;
pub mod watched;
pub mod workers;

pub use application::Application;
pub use settings::Settings;
