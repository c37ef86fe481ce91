//! Computations so small that the way to a worker and back would take longer: done where the request is.
//!
//! Heavy work still never runs on an async thread. What is tried here has bounds that end it within some hundred
//! microseconds, and whatever does not fit into them, or fails, is left to a worker as if nothing had been tried.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::api::{Context, Limits, Meter, Operation};

use super::answer::Answer;

/// Bytes of the largest body that is tried.
const LONGEST_BODY: usize = 4 << 10;

/// The limits of what is tried, or the server's where these are tighter.
fn bounds(limits: &Limits) -> Limits {
    Limits {
        max_nodes: limits.max_nodes.min(256),
        max_nesting: limits.max_nesting.min(64),
        max_samples: limits.max_samples.min(256),
        max_parameters: limits.max_parameters.min(256),
        max_steps: 0,
        max_work: limits.max_work.min(50_000),
        max_memory: limits.max_memory.min(1 << 20),
        ..limits.clone()
    }
}

/// The answer of `operation` to `body` and what it took, if that is next to nothing.
pub fn answer(operation: Operation, body: &[u8], context: Context) -> Option<(Answer, Arc<Meter>)> {
    if body.len() > LONGEST_BODY {
        return None;
    }
    let context = Context { limits: bounds(&context.limits), ..context };
    // A panic is the worker's to tell, which meets it again.
    let reply = catch_unwind(AssertUnwindSafe(|| operation(body, &context)));
    let answer = Answer::from(reply.ok()?.ok()?).timed(&context.meter);
    Some((answer, context.meter))
}
