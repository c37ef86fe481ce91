//! What every operation gets beside its body, and what it gives back.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::Interrupt;

use super::Problem;
use super::array::ArrayEncoding;
use super::cost::{Admission, Cost};
use super::events::Events;
use super::format::Format;
use super::interchange::file::{AcceptedFile, refuse_accepted};
use super::meter::{Meter, Stage, Unit};
use super::models::Models;
use super::picture::PictureFormat;
use super::reading;

/// Bounds on what one request may ask for. Each has the setting of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Nodes of a graph, or operations of an expression.
    pub max_nodes: usize,
    /// Depth of brackets and calls in an expression.
    pub max_nesting: usize,
    /// Boxes of a picture; of larger graphs a summary is drawn.
    pub max_drawn_nodes: usize,
    /// Samples of a batch, rows of a data set.
    pub max_samples: usize,
    /// Weights and biases of an MLP, or parameters of an expression.
    pub max_parameters: usize,
    /// Optimizer steps of one training run, or evaluations of one fit.
    pub max_steps: usize,
    /// Floating-point operations of one request, as estimated.
    pub max_work: usize,
    /// Bytes that one request takes beside its body, as estimated.
    pub max_memory: usize,
    /// The longest time that a request may take.
    pub timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_nodes: 10_000_000,
            max_nesting: 1_000,
            max_drawn_nodes: 200,
            max_samples: 10_000_000,
            max_parameters: 10_000_000,
            max_steps: 1_000_000,
            max_work: 10_000_000_000_000,
            max_memory: 4 << 30,
            timeout: Duration::from_mins(1),
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
    /// Whom to ask before something large is begun.
    pub admission: Option<Arc<dyn Admission>>,
    /// A file that is wanted in place of it.
    pub file: Option<AcceptedFile>,
    /// What a picture is to be written as.
    pub picture: PictureFormat,
    /// How arrays of the answer are to be written.
    pub arrays: ArrayEncoding,
    /// Models that the request may name.
    pub models: Arc<Models>,
    /// What is done, and where the time goes.
    pub meter: Arc<Meter>,
}

impl Context {
    /// Decodes the body of an operation whose answer is never a file.
    pub fn decode<'de, T: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T, Problem> {
        refuse_accepted(self, "this path does not answer with")?;
        self.decode_for_file(body)
    }

    /// Decodes the body of an operation whose answer may be a file.
    pub fn decode_for_file<'de, T: Deserialize<'de>>(&self, body: &'de [u8]) -> Result<T, Problem> {
        self.stage(Stage::Decode, || reading::until(&self.interrupt, || self.body.decode(body)))
    }

    /// Does `work` as a part of `stage`.
    pub fn stage<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let _timed = self.meter.enter(stage);
        work()
    }

    /// Counts what is about to be computed.
    pub fn count(&self, unit: Unit, number: usize) {
        self.meter.count(unit, number);
    }

    /// Asks whether something of this cost may be begun. To be called before its memory is taken.
    pub fn admit(&self, cost: Cost) -> Result<(), Problem> {
        cost.check(&self.limits)?;
        self.admission.as_ref().map_or(Ok(()), |admission| admission.admit(cost, &self.interrupt))
    }

    /// The same context for a request that sets itself a `timeout` in seconds, counted like that of the server.
    pub fn within(&self, timeout: Option<f64>) -> Result<Self, Problem> {
        let longest = self.limits.timeout;
        let interrupt = match timeout {
            None => self.interrupt.clone(),
            Some(seconds) if !(seconds > 0.0 && seconds.is_finite()) => {
                let detail = "A timeout is a number of seconds above 0; leave it out for that of the server.";
                return Err(Problem::at("/timeout", detail));
            }
            Some(seconds) if seconds > longest.as_secs_f64() => {
                let detail =
                    format!("The timeout is {seconds} s; at most {} s are given.", longest.as_secs_f64());
                let (limit, actual) = (longest.as_secs(), seconds.ceil() as u64);
                return Err(Problem::limit("timeout", limit, actual, detail));
            }
            Some(seconds) => self.interrupt.earlier(longest.saturating_sub(Duration::from_secs_f64(seconds))),
        };
        Ok(Self { interrupt, ..self.clone() })
    }

    /// The answer in the format that the client wants.
    pub fn reply<T: Serialize>(&self, answer: &T) -> Result<Reply, Problem> {
        let body = self.stage(Stage::Encode, || self.answer.encode(answer))?;
        Ok(Reply { content_type: self.answer.media_type(), body })
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
