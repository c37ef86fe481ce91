//! HTTP: settings, routes, workers, shutdown.
//!
//! A request comes in through [`connections`], passes the middleware of [`layers`], is matched in [`routes`] and,
//! where it asks for a computation, takes the one path of [`compute`]: its headers are checked ([`negotiate`]), its
//! body is collected ([`body`]), and a worker ([`workers`]) runs the operation on it. Whatever goes wrong on the way
//! is an [`api::Problem`](crate::api::Problem), and [`problems`] writes it. [`application`] ties these together,
//! [`drain`] ends them.

#![forbid(unsafe_code)]

pub mod application;
pub mod body;
pub mod compute;
pub mod connections;
pub mod drain;
pub mod layers;
pub mod negotiate;
pub mod problems;
pub mod request_id;
pub mod routes;
pub mod service;
pub mod settings;
pub mod stream;
pub mod telemetry;
pub mod workers;

pub use application::Application;
pub use settings::Settings;
