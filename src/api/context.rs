//! What every operation gets beside its body, and what it gives back.

use serde::Serialize;

use crate::engine::Interrupt;

use super::{Kind, Problem};

/// Bounds on what one request may ask for. Each has the setting of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes of a graph, or operations of an expression.
    pub max_nodes: usize,
    /// Depth of brackets and calls in an expression.
    pub max_nesting: usize,
    /// Samples of a batch, rows of a data set.
    pub max_samples: usize,
    /// Weights and biases of an MLP, or parameters of an expression.
    pub max_parameters: usize,
    /// Optimizer steps of one training run, or evaluations of one fit.
    pub max_steps: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_nodes: 10_000_000,
            max_nesting: 1_000,
            max_samples: 10_000_000,
            max_parameters: 10_000_000,
            max_steps: 1_000_000,
        }
    }
}

/// The surroundings of one operation. Operations run on a blocking worker, never on an async thread.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Bounds of the request.
    pub limits: Limits,
    /// Raised when the work must stop.
    pub interrupt: Interrupt,
}

/// The body of a successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Vec<u8>,
}

impl Reply {
    /// `body` as JSON.
    pub fn json<T: Serialize>(body: &T) -> Result<Self, Problem> {
        match serde_json::to_vec(body) {
            Ok(body) => Ok(Self { content_type: "application/json", body }),
            Err(error) => {
                Err(Problem::new(Kind::INTERNAL, format!("The answer could not be written: {error}.")))
            }
        }
    }
}

/// An operation of the API: bytes of the request body in, bytes of the answer out.
pub type Operation = fn(body: &[u8], context: &Context) -> Result<Reply, Problem>;
