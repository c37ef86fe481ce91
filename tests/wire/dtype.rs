//! MLPs in single precision.

use gradd::api::{evaluate, gradient, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem};

fn request() -> Value {
    let x: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i) / 40.0, f64::from(i * 7 % 40) / 40.0]).collect();
    let y: Vec<[f64; 1]> = (0..40).map(|i| [(f64::from(i) / 9.0).sin()]).collect();
    json!({
        "mlp": {"inputs": 2, "layers": [{"units": 8, "activation": "gelu"}, {"units": 1}], "seed": 3},
        "data": {"x": x, "y": y}
    })
}

fn single(request: &Value) -> Value {
    let mut request = request.clone();
    request["mlp"]["dtype"] = json!("f32");
    request
}

/// All numbers in a value, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Number(number) => vec![number.as_f64().unwrap()],
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        Value::Object(members) => members.values().flat_map(numbers).collect(),
        _ => Vec::new(),
    }
}

/// `found` are numbers of single precision near `expected`, and not the same.
#[track_caller]
fn assert_single(found: &Value, expected: &Value) {
    let (found, expected) = (numbers(found), numbers(expected));
    assert_eq!(found.len(), expected.len());
    assert_ne!(found, expected);
    for (found, expected) in found.into_iter().zip(expected) {
        assert_eq!(f64::from(found as f32), found, "not of single precision");
        assert!((found - expected).abs() <= 1e-5 * expected.abs().max(0.1), "{found} is far from {expected}");
    }
}

#[test]
fn outputs_gradients_and_steps_are_those_of_double_precision_rounded() {
    let mut request = request();
    let evaluated = answer(evaluate::answer, &request);
    assert_single(&answer(evaluate::answer, &single(&request))["outputs"], &evaluated["outputs"]);
    request["sgd"] = json!({"learning_rate": 0.1, "momentum": 0.9});
    let double = answer(gradient::answer, &request);
    let single = answer(gradient::answer, &single(&request));
    for member in ["outputs", "gradients", "updated", "velocity"] {
        assert_single(&single[member], &double[member]);
    }
}

#[test]
fn a_run_goes_on_bit_for_bit() {
    let mut request = single(&request());
    request["optimizer"] = json!({"adamw": {"learning_rate": 0.01}});
    request["early_stopping"] = json!({"patience": 50});
    request["validation"] = json!({"fraction": 0.25});
    (request["batch_size"], request["shuffle"]) = (json!(8), json!(true));
    let run = |steps: u64, state: Option<&Value>| {
        let mut request = request.clone();
        request["steps"] = json!(steps);
        if let Some(state) = state {
            request["state"] = state.clone();
        }
        answer(train::answer, &request)
    };
    let at_once = run(100, None);
    let first = run(58, None);
    let resumed = run(100, Some(&first["state"]));
    assert_eq!(resumed["state"], at_once["state"]);
    assert_eq!(resumed["parameters"], at_once["parameters"]);
    assert!(numbers(&at_once["parameters"]).iter().all(|&p| f64::from(p as f32) == p));
}

#[test]
fn what_single_precision_cannot_hold_is_refused() {
    let mut large = single(&request());
    large["data"]["x"][3][1] = json!(1e39);
    let words = ["too large for single precision", "f64"];
    assert_invalid(&problem(evaluate::answer, &large), &["/data/x"], &words);
    assert_invalid(&problem(gradient::answer, &large), &["/data/x"], &words);
    let mut large = single(&request());
    large["data"]["y"][3][0] = json!(-1e39);
    assert_invalid(&problem(gradient::answer, &large), &["/data/y"], &words);
    let mut unknown = request();
    unknown["mlp"]["dtype"] = json!("f16");
    assert_invalid(&problem(evaluate::answer, &unknown), &["/mlp/dtype"], &["`f16`", "`f32`"]);
    unknown["mlp"]["dtype"] = json!(16);
    assert_invalid(&problem(evaluate::answer, &unknown), &["/mlp/dtype"], &["16", "`f32`"]);
}

#[test]
fn null_is_double_precision() {
    let mut request = request();
    let expected = answer(evaluate::answer, &request);
    request["mlp"]["dtype"] = Value::Null;
    assert_eq!(answer(evaluate::answer, &request), expected);
}
