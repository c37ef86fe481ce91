//! What must hold for any bytes: nothing panics, and what is answered is right. The fuzzer calls these with bytes that it
//! makes up, and `cargo test --test fuzz` with those of the corpus.

#![allow(dead_code, reason = "each fuzz target uses one of these")]

mod trace;

use std::time::{Duration, Instant};

use gradd::api::format::Format;
use gradd::api::{
    Context, Limits, Operation, convert, draw, evaluate, fit, gradient, hessian, jacobian, train,
};
use gradd::engine::{Interrupt, ParseLimits, parse};
use serde_json::{Map, Value, json};

/// Small bounds, so that no input takes long; their refusals are tried as well.
const LIMITS: Limits = Limits {
    max_nodes: 5_000,
    max_nesting: 50,
    max_drawn_nodes: 60,
    max_samples: 500,
    max_parameters: 500,
    max_steps: 30,
    max_work: 1 << 30,
    max_memory: 1 << 28,
    timeout: Duration::from_secs(2),
};

/// The answer to `body`, if it is no problem.
fn answer(operation: Operation, body: &[u8]) -> Option<Value> {
    told(operation, body, Format::Json).ok()
}

/// The answer to `body`, or the problem, as JSON.
fn told(operation: Operation, body: &[u8], format: Format) -> Result<Value, Value> {
    let interrupt = Interrupt::at(Instant::now() + Duration::from_secs(2));
    let context = Context { limits: LIMITS, interrupt, body: format, ..Context::default() };
    match operation(body, &context) {
        Ok(reply) => Ok(serde_json::from_slice(&reply.body).expect("an answer is JSON")),
        Err(problem) => {
            assert!(problem.status < 500 || problem.status == 504, "{problem:#?}");
            let told = serde_json::to_value(&problem).expect("a problem is strings and numbers");
            assert!(told["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem:#?}");
            Err(told)
        }
    }
}

/// The picture of `body`, if there is one.
fn draw(body: &[u8]) {
    let interrupt = Interrupt::at(Instant::now() + Duration::from_secs(2));
    let context = Context { limits: LIMITS, interrupt, ..Context::default() };
    match draw::answer(body, &context) {
        Ok(reply) => assert!(reply.body.starts_with(b"<svg ") && reply.body.ends_with(b"</svg>\n")),
        Err(problem) => assert!(problem.status < 500 || problem.status == 504, "{problem:#?}"),
    }
}

/// A text: its graph is differentiated with some number for each input.
pub fn expression(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let limits = ParseLimits { max_nodes: LIMITS.max_nodes, max_nesting: LIMITS.max_nesting };
    let program = match parse(text, [], limits) {
        Ok(program) => program,
        Err(error) => {
            assert!(error.to_string().len() > 5);
            assert!(error.line >= 1 && error.column >= 1, "{error:?}");
            assert!(error.line <= text.split('\n').count(), "{error:?}");
            return;
        }
    };
    let names = program.graph.inputs().iter().map(|(name, _)| name.to_string());
    let inputs: Map<String, Value> =
        names.enumerate().map(|(i, name)| (name, json!(0.7 - 0.9 * i as f64))).collect();
    differentiate(json!({"expression": text, "inputs": inputs}));
}

/// A request about an expression or a graph.
pub fn graph(bytes: &[u8]) {
    answer(fit::answer, bytes);
    answer(evaluate::answer, bytes);
    answer(gradient::answer, bytes);
    answer(jacobian::answer, bytes);
    answer(hessian::answer, bytes);
    if let Ok(request @ Value::Object(_)) = serde_json::from_slice(bytes) {
        differentiate(request);
    }
}

/// Holds the trace of `request`, if it has one, to a naive evaluation, and its outputs to those of `/v1/evaluate`.
fn differentiate(mut request: Value) {
    let members = request.as_object_mut().expect("an object");
    for member in ["sgd", "wrt", "reduction", "format", "trace", "explain"] {
        members.remove(member);
    }
    let evaluated = answer(evaluate::answer, request.to_string().as_bytes());
    draw(request.to_string().as_bytes());
    request["explain"] = json!(true);
    answer(gradient::answer, request.to_string().as_bytes());
    request.as_object_mut().expect("an object").remove("explain");
    request["trace"] = json!(true);
    if let Some(found) = answer(gradient::answer, request.to_string().as_bytes()) {
        if found.get("trace").is_some() {
            trace::check(&found);
        }
        let evaluated = evaluated.expect("what has a gradient has a value");
        assert_eq!(evaluated["outputs"], found["outputs"], "{request}");
    }
}

/// A request about a network.
pub fn mlp(bytes: &[u8]) {
    answer(convert::answer, bytes);
    let evaluated = answer(evaluate::answer, bytes);
    let differentiated = answer(gradient::answer, bytes);
    if let (Some(evaluated), Some(differentiated)) = (evaluated, differentiated) {
        assert_eq!(evaluated["outputs"], differentiated["outputs"]);
    }
}

/// A training request, mostly with a `state`. The state that it ends with belongs to the same request.
pub fn train_state(bytes: &[u8]) {
    let Some(found) = answer(train::answer, bytes) else { return };
    let Ok(Value::Object(mut request)) = serde_json::from_slice(bytes) else { return };
    request.insert("state".to_owned(), found["state"].clone());
    let again = answer(train::answer, Value::Object(request).to_string().as_bytes());
    let again = again.expect("a state is taken back");
    assert_eq!(again["parameters"], found["parameters"]);
    assert_eq!(again["state"], found["state"]);
}

/// A table: for a network whose target is a number or a class, for an expression, and for a fit.
pub fn csv(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let table = json!({"csv": text, "target": "y"});
    let optimizer = json!({"sgd": {"learning_rate": 0.01}});
    for (units, loss) in [(1, "mse"), (3, "cross_entropy")] {
        let mlp = json!({"inputs": 2, "layers": [{"units": units}], "loss": loss});
        let request =
            json!({"mlp": mlp, "data": table, "optimizer": optimizer, "epochs": 1, "standardize": true});
        answer(train::answer, request.to_string().as_bytes());
    }
    let model = json!({"expression": "a*u + b*v", "parameters": {"a": 1, "b": 2}, "data": {"csv": text}});
    let mut request = model.clone();
    request["expression"] = json!("(a*u + b*v - y)^2");
    request["optimizer"] = optimizer;
    request["steps"] = json!(2);
    answer(train::answer, request.to_string().as_bytes());
    let mut request = model;
    request["target"] = json!("y");
    answer(fit::answer, request.to_string().as_bytes());
}

/// A request in a binary format, which the first byte tells. What others read in it has the same answer in every format.
pub fn binary(bytes: &[u8]) {
    let Some((&first, body)) = bytes.split_first() else { return };
    let (format, value) = match first {
        b'c' => (Format::Cbor, cbor4ii::serde::from_slice::<Value>(body).ok()),
        _ => (Format::MessagePack, rmp_serde::from_slice::<Value>(body).ok()),
    };
    for operation in [evaluate::answer, gradient::answer, train::answer, fit::answer] as [Operation; 4] {
        let found = told(operation, body, format);
        let Some(value) = &value else { continue };
        let as_json = told(operation, value.to_string().as_bytes(), Format::Json);
        // What is not finite becomes null, and of members that come twice others take the last.
        let has_null = value.to_string().contains("null");
        if let (Ok(found), Ok(as_json), false) = (&found, &as_json, has_null) {
            assert_eq!(alike(found), alike(as_json), "{value}");
        }
        for other in [Format::Cbor, Format::MessagePack] {
            if has_null && other == Format::Cbor {
                // cbor4ii writes JSON's null as an empty array.
                continue;
            }
            let encoded = other.encode(value).expect("a body");
            match (told(operation, &encoded, other), &as_json) {
                (Ok(found), Ok(as_json)) => assert_eq!(alike(&found), alike(as_json), "{value}"),
                (Err(found), Err(as_json)) => {
                    let kind =
                        |problem: &Value| (problem["type"].clone(), problem["errors"][0]["pointer"].clone());
                    assert_eq!(kind(&found), kind(as_json), "{value} {found} {as_json}");
                }
                (found, as_json) => panic!("{value}: {found:?} as {other:?}, {as_json:?} as JSON"),
            }
        }
    }
}

/// An answer without times, which differ from run to run.
fn alike(answer: &Value) -> Value {
    let mut answer = answer.clone();
    answer.as_object_mut().expect("an object").remove("timing");
    answer
}
