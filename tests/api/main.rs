//! The service from outside: every test starts a server of its own on a free port and talks HTTP to it.

mod helpers;

mod access;
mod binary;
mod bodies;
mod compute;
mod deploy;
mod events;
mod lanes;
mod leftover;
mod logs;
#[cfg(feature = "mcp")]
mod mcp;
mod metrics;
mod models;
mod pages;
mod rates;
mod routing;
mod rude;
mod service;
mod settings;
mod shutdown;
mod small_host;
mod spans;
mod tls;
mod workers;
