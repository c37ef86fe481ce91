//! The operations as plain functions: bytes in, bytes or a problem out, without HTTP.

mod bounds;
mod cost;
mod csv;
mod decode;
mod derivatives;
mod documentation;
mod draw;
mod dtype;
mod evaluate;
mod examples;
mod explain;
mod expression;
mod fit;
mod formats;
mod gradient;
mod graph;
mod interchange;
mod mlp;
mod models;
mod nist;
mod ops;
mod recipes;
mod refused;
mod round_trip;
mod standardize;
mod tesseract;
mod train;
mod train_state;
mod umbridge;
mod weights;

use std::sync::Arc;

use gradd::api::models::Models;
use gradd::api::{Context, Limits, Operation, Problem};
use serde_json::Value;

/// The answer to `body`, which must be one.
#[track_caller]
fn answer(operation: Operation, body: &Value) -> Value {
    answer_in(&Context::default(), operation, body)
}

/// A context with room for models that are posted.
fn with_models() -> Context {
    Context { models: Arc::new(Models::new(1 << 20)), ..Context::default() }
}

/// The answer to `body` in `context`, which must be one.
#[track_caller]
fn answer_in(context: &Context, operation: Operation, body: &Value) -> Value {
    match operation(body.to_string().as_bytes(), context) {
        Ok(reply) => {
            assert_eq!(reply.content_type, "application/json");
            serde_json::from_slice(&reply.body).expect("the answer is JSON")
        }
        Err(problem) => panic!("expected an answer to {body}, got {problem:#?}"),
    }
}

/// An answer without the one part that differs from call to call.
fn untimed(mut answer: Value) -> Value {
    if let Some(timing) = answer.get_mut("timing") {
        *timing = serde_json::json!({"seconds": 0.001, "steps_per_second": 8000.0});
    }
    answer
}

/// The problem that `body` makes.
#[track_caller]
fn problem(operation: Operation, body: &Value) -> Problem {
    problem_of_bytes(operation, body.to_string().as_bytes())
}

#[track_caller]
fn problem_of_bytes(operation: Operation, body: &[u8]) -> Problem {
    match operation(body, &Context::default()) {
        Err(problem) => problem,
        Ok(reply) => panic!("expected a problem, got {}", String::from_utf8_lossy(&reply.body)),
    }
}

/// The problem under limits.
#[track_caller]
fn problem_within(limits: Limits, operation: Operation, body: &Value) -> Problem {
    let context = Context { limits, ..Context::default() };
    operation(body.to_string().as_bytes(), &context).expect_err("the limit is passed")
}

/// Pointers of all faults, in order.
fn pointers(problem: &Problem) -> Vec<&str> {
    problem.errors.iter().map(|fault| fault.pointer.as_deref().unwrap_or("none")).collect()
}

/// The kind of a problem, as its slug.
fn slug(problem: &Problem) -> &str {
    problem.r#type.strip_prefix("/problems/").expect("types are /problems/{slug}")
}

/// Asserts one 422 `invalid-request` with faults at `places`, and that the detail says each of `words`.
#[track_caller]
fn assert_invalid(problem: &Problem, places: &[&str], words: &[&str]) {
    assert_eq!((slug(problem), problem.status), ("invalid-request", 422), "{problem:#?}");
    assert_eq!(pointers(problem), places, "{problem:#?}");
    let text = problem.errors.iter().map(|fault| fault.detail.as_str()).collect::<Vec<_>>().join("\n");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}
