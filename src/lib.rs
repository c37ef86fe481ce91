//! Gradients over HTTP, and the reverse-mode differentiation engine underneath.
//!
//! The layers, from the bottom; each imports only those above it in this list:
//!
//! - [`engine`]: op table, graph, text, tape, forward and reverse sweeps;
//! - [`nn`]: multi-layer perceptrons: layers, activations, losses, initialisation;
//! - [`train`]: objectives, optimizers and the training loop;
//! - [`api`]: the JSON types of version 1, validation, problems;
//! - [`server`]: HTTP, workers, settings, shutdown.

pub mod api;
pub mod engine;
pub mod nn;
pub mod server;
pub mod train;
