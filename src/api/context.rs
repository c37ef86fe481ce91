//! What every operation gets beside its body, and what it gives back.

use serde::{Deserialize, Serialize};

use crate::engine::Interrupt;

use super::Problem;
use super::events::Events;
use super::format::Format;
use super::interchange::file::{AcceptedFile, refuse_accepted};

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
    /// How the body is written.
    pub body: Format,
    /// How the answer is to be written.
    pub answer: Format,
    /// Takes what is told on the way, if anybody listens.
    pub events: Option<Events>,
    /// A file that is wanted in place of it.
    pub file: Option<AcceptedFile>,
}

impl Context {
    /// Decodes the body of an operation whose answer is never a file.
    pub fn decode<'de, T: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T, Problem> {
        refuse_accepted(self, "this path does not answer with")?;
        self.body.decode(body)
    }

    /// Decodes the body of an operation whose answer may be a file.
    pub fn decode_for_file<'de, T: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T, Problem> {
        self.body.decode(body)
    }

    /// The answer in the format that the client wants.
    pub fn reply<T: Serialize>(&self, answer: &T) -> Result<Reply, Problem> {
        Ok(Reply { content_type: self.answer.media_type(), body: self.answer.encode(answer)? })
    }
}

/// The body of a successful answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// An operation of the API: bytes of the request body in, bytes of the answer out.
pub type Operation = fn(body: &[u8], context: &Context) -> Result<Reply, Problem>;
