//! Weighted losses against PyTorch's; `tests/fixtures/nn/generate.py` made the numbers.

use gradd::api::{evaluate, gradient, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/nn/weights.json");

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(parts) => parts.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

fn member(loss: &Value) -> &'static str {
    if loss == "cross_entropy" { "class_weights" } else { "pos_weight" }
}

#[track_caller]
fn assert_close(found: f64, expected: f64) {
    assert!((found - expected).abs() <= 1e-13 * expected.abs().max(1e-2), "{found} {expected}");
}

#[test]
fn weighted_losses_and_gradients_are_pytorchs() {
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(FIXTURE).unwrap()).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let width = case["z"][0].as_array().unwrap().len();
        let row = |i| (0..width).map(|j| u8::from(i == j)).collect::<Vec<_>>();
        let identity: Vec<_> = (0..width).map(row).collect();
        let mut mlp = json!({
            "inputs": width, "layers": [{"units": width}], "loss": case["loss"],
            "parameters": [{"weight": identity, "bias": vec![0; width]}]
        });
        let unweighted =
            answer(gradient::answer, &json!({"mlp": mlp, "data": {"x": case["z"], "y": case["t"]}}));
        mlp[member(&case["loss"])] = case["weights"].clone();
        for reduction in ["mean", "sum"] {
            let data = json!({"x": case["z"], "y": case["t"]});
            let body = json!({"mlp": mlp, "data": data, "reduction": reduction});
            let found = answer(gradient::answer, &body);
            assert_close(found["loss"].as_f64().unwrap(), case[reduction]["value"].as_f64().unwrap());
            assert_ne!(found["loss"], unweighted["loss"]);
            let layer = &found["gradients"][0];
            let flat = [numbers(&layer["weight"]), numbers(&layer["bias"])].concat();
            let expected = numbers(&case[reduction]["gradient"]);
            assert_eq!(flat.len(), expected.len());
            flat.iter().zip(&expected).for_each(|(found, expected)| assert_close(*found, *expected));
        }
        let evaluated =
            answer(evaluate::answer, &json!({"mlp": mlp, "data": {"x": case["z"], "y": case["t"]}}));
        assert_close(evaluated["loss"].as_f64().unwrap(), case["mean"]["value"].as_f64().unwrap());
    }
}

fn three() -> Value {
    json!({
        "mlp": {"inputs": 1, "layers": [{"units": 3}], "loss": "cross_entropy", "class_weights": [1, 2, 3]},
        "data": {"x": [[0], [1], [2]], "y": [0, 1, 2]},
        "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 3, "batch_size": 1
    })
}

#[test]
fn a_batch_is_divided_by_its_own_weights() {
    // One row alone: its weight cancels in the mean.
    let mut plain = three();
    plain["mlp"].as_object_mut().unwrap().remove("class_weights");
    let (found, plain) = (answer(train::answer, &three()), answer(train::answer, &plain));
    let pairs = numbers(&found["history"]["loss"]).into_iter().zip(numbers(&plain["history"]["loss"]));
    pairs.for_each(|(found, plain)| assert_close(found, plain));
    // Over all rows it does not.
    assert!((found["loss"].as_f64().unwrap() - plain["loss"].as_f64().unwrap()).abs() > 1e-3);
}

#[test]
fn weights_that_cannot_be_meant_are_told() {
    for (member, weights, place, word) in [
        ("class_weights", json!([1, 2]), "/mlp/class_weights", "2 weights, but the model has 3 outputs"),
        ("class_weights", json!([1, 2, 0]), "/mlp/class_weights/2", "above 0"),
        ("class_weights", json!([1, -2, 1]), "/mlp/class_weights/1", "above 0"),
        ("pos_weight", json!([1, 2, 3]), "/mlp/pos_weight", "goes with the loss `bce_with_logits`"),
    ] {
        let mut body = three();
        body["mlp"].as_object_mut().unwrap().remove("class_weights");
        body["mlp"][member] = weights;
        assert_invalid(&problem(train::answer, &body), &[place], &[word]);
    }
}

#[test]
fn classes_that_cannot_be_learnt_are_refused() {
    let with = |data: Value, validation: Value| {
        let mut body = three();
        body["data"] = data;
        body["validation"] = validation;
        body
    };
    let one = json!({"x": [[0], [1], [2]], "y": [1, 1, 1]});
    let two = json!({"x": [[0], [1], [2]], "y": [0, 1, 1]});
    let words = ["All 3 rows to train on are of class 1"];
    assert_invalid(&problem(train::answer, &with(one.clone(), Value::Null)), &["/data/y"], &words);
    let hot = json!({"x": [[0], [1]], "y": [[0, 0, 1], [0, 0, 1]]});
    assert_invalid(&problem(train::answer, &with(hot, Value::Null)), &["/data/y"], &["of class 2"]);
    // A class of the model that no row has may be meant for later.
    answer(train::answer, &with(two.clone(), one));
    let unknown = json!({"x": [[0]], "y": [2]});
    let words = ["Rows of class 2 are validated on, but none is trained on"];
    assert_invalid(&problem(train::answer, &with(two, unknown)), &["/validation/y"], &words);
    let alone = json!({"fraction": 0.3});
    let found = problem(train::answer, &with(three()["data"].clone(), alone));
    assert_invalid(&found, &["/validation/fraction"], &["none is trained on"]);
    // Probabilities are no classes.
    let soft = json!({"x": [[0], [1]], "y": [[0, 0.5, 0.5], [0, 0.5, 0.5]]});
    answer(train::answer, &with(soft, Value::Null));
}
