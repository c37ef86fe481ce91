//! Gradients of expressions and graphs, steps and traces.

use gradd::api::gradient;
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, slug};

fn neuron() -> Value {
    json!({"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.881_373_587_019_543})
}

#[track_caller]
fn assert_near(found: &Value, expected: f64) {
    let found = found.as_f64().expect("a number");
    assert!((found - expected).abs() <= 1e-12, "{found} is not {expected}");
}

#[test]
fn the_neuron_and_its_decomposition_agree() {
    for expression in [
        "tanh(x1*w1 + x2*w2 + b)",
        "n = x1*w1 + x2*w2 + b\no = (exp(2*n) - 1) / (exp(2*n) + 1)\no",
        "n = x1*w1 + x2*w2 + b; e = exp(2*n); (e - 1) * (e + 1)**-1",
    ] {
        let found = answer(gradient::answer, &json!({"expression": expression, "inputs": neuron()}));
        let output = found["outputs"].as_object().unwrap().values().next().unwrap();
        assert_near(output, std::f64::consts::FRAC_1_SQRT_2);
        for (name, gradient) in [("x1", -1.5), ("w1", 1.0), ("x2", 0.5), ("w2", 0.0), ("b", 0.5)] {
            assert_near(&found["gradients"][name], gradient);
        }
    }
}

#[test]
fn gradients_come_in_the_order_of_the_request() {
    let found = answer(gradient::answer, &json!({"expression": "a*b*c", "inputs": {"c": 1, "a": 2, "b": 3}}));
    assert_eq!(found["gradients"].as_object().unwrap().keys().collect::<Vec<_>>(), ["c", "a", "b"]);
    let body = json!({"expression": "a*b*c", "inputs": {"c": 1, "a": 2, "b": 3}, "wrt": ["b", "c"]});
    let found = answer(gradient::answer, &body);
    assert_eq!(found["gradients"].to_string(), r#"{"b":2.0,"c":6.0}"#);
}

#[test]
fn unknown_names_in_wrt_are_told() {
    let body = json!({"expression": "alpha*beta", "inputs": {"alpha": 1, "beta": 2}, "wrt": ["alpa", "beta", "beta"]});
    let found = problem(gradient::answer, &body);
    assert_invalid(&found, &["/wrt/0", "/wrt/2"], &["did you mean `alpha`", "already named at /wrt/1"]);
    let found = problem(gradient::answer, &json!({"expression": "a", "inputs": {"a": 1}, "wrt": []}));
    assert_invalid(&found, &["/wrt"], &["empty"]);
}

#[test]
fn batches_sum_or_mean() {
    let body = |reduction: Value| json!({"expression": "k * x^2", "inputs": {"k": 2, "x": [1, 2, 3, 4]}, "reduction": reduction});
    let found = answer(gradient::answer, &body(json!("sum")));
    assert_eq!(found["outputs"]["output"], json!([2.0, 8.0, 18.0, 32.0]));
    assert_eq!(found["gradients"], json!({"k": 30.0, "x": [4.0, 8.0, 12.0, 16.0]}));
    assert_eq!(answer(gradient::answer, &body(Value::Null)), found);
    let found = answer(gradient::answer, &body(json!("mean")));
    assert_eq!(found["gradients"], json!({"k": 7.5, "x": [1.0, 2.0, 3.0, 4.0]}));
}

#[test]
fn several_outputs_are_summed() {
    let body = json!({"expression": "a = x^2; b = 3*x", "inputs": {"x": 5}, "outputs": ["a", "b"]});
    let found = answer(gradient::answer, &body);
    assert_eq!(found, json!({"outputs": {"a": 25.0, "b": 15.0}, "gradients": {"x": 13.0}}));
}

#[test]
fn a_step_updates_what_wrt_names() {
    let body = json!({
        "expression": "(a*x - y)^2", "inputs": {"a": 1, "x": [1, 2], "y": [2, 4]}, "wrt": ["a"],
        "sgd": {"learning_rate": 0.125}
    });
    let found = answer(gradient::answer, &body);
    // d/da = 2 (1 - 2) 1 + 2 (2 - 4) 2 = -10
    assert_eq!(found["gradients"], json!({"a": -10.0}));
    assert_eq!(found["updated"], json!({"a": 2.25}));
    assert!(found.get("velocity").is_none());
}

#[test]
fn momentum_runs_over_many_requests() {
    // PyTorch's formulas by hand, for f(x, y) = x² + 3 y over a number and an array.
    let (rate, momentum, dampening, decay) = (0.25, 0.5, 0.5, 0.5);
    let (mut x, mut ys) = (1.0_f64, [2.0_f64, -1.0]);
    let mut buffers: Option<[f64; 3]> = None;
    let mut velocity = Value::Null;
    for _ in 0..4 {
        let mut sgd = json!({
            "learning_rate": rate, "momentum": momentum, "dampening": dampening, "weight_decay": decay
        });
        if !velocity.is_null() {
            sgd["velocity"] = velocity;
        }
        let body = json!({"expression": "x^2 + 3*y", "inputs": {"x": x, "y": ys}, "sgd": sgd});
        let found = answer(gradient::answer, &body);

        // Each of the two samples adds 2 x to the derivative with respect to x.
        let gradient = [2.0 * (2.0 * x) + decay * x, 3.0 + decay * ys[0], 3.0 + decay * ys[1]];
        let buffer = match buffers {
            None => gradient,
            Some(before) => [0, 1, 2].map(|i| momentum * before[i] + (1.0 - dampening) * gradient[i]),
        };
        buffers = Some(buffer);
        x -= rate * buffer[0];
        ys = [ys[0] - rate * buffer[1], ys[1] - rate * buffer[2]];
        assert_eq!(found["updated"], json!({"x": x, "y": ys}));
        velocity = found["velocity"].clone();
        assert_eq!(velocity, json!({"x": buffer[0], "y": [buffer[1], buffer[2]]}));
    }
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    for (sgd, place) in [
        (json!({"learning_rate": 0}), "/sgd/learning_rate"),
        (json!({"learning_rate": -0.1}), "/sgd/learning_rate"),
        (json!({"learning_rate": "NaN"}), "/sgd/learning_rate"),
        (json!({}), "/sgd"),
        (json!({"learning_rate": 1, "momentum": -1}), "/sgd/momentum"),
        (json!({"learning_rate": 1, "weight_decay": -1}), "/sgd/weight_decay"),
        (json!({"learning_rate": 1, "nesterov": true}), "/sgd/nesterov"),
        (json!({"learning_rate": 1, "velocity": {"x": 1}}), "/sgd/velocity"),
        (json!({"learning_rate": 1, "momentum": 0.9, "velocity": {"x": [1, 2]}}), "/sgd/velocity/x"),
        (json!({"learning_rate": 1, "momentum": 0.9, "velocity": {}}), "/sgd/velocity"),
        (json!({"learning_rate": 1, "momentum": 0.9, "velocity": {"x": 1, "z": 2}}), "/sgd/velocity/z"),
        (json!({"learning_rate": 1, "momentum": 0.9, "velocity": []}), "/sgd/velocity"),
    ] {
        let found = problem(gradient::answer, &json!({"expression": "x", "inputs": {"x": 1}, "sgd": sgd}));
        assert_invalid(&found, &[place], &[]);
    }
}

#[test]
fn a_step_that_overflows_is_refused() {
    let body = json!({"expression": "1e300*x", "inputs": {"x": 1}, "sgd": {"learning_rate": 1e300}});
    let found = problem(gradient::answer, &body);
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("updated value of `x`"), "{}", found.detail);
}

#[test]
fn a_trace_names_every_node() {
    let body =
        json!({"expression": "d = a*b; e = d + 1; L = e * d", "inputs": {"a": 2, "b": -3}, "trace": true});
    let found = answer(gradient::answer, &body);
    assert_eq!(
        found["trace"],
        json!([
            {"id": "a", "op": "input", "inputs": [], "data": 2.0, "grad": 33.0},
            {"id": "b", "op": "input", "inputs": [], "data": -3.0, "grad": -22.0},
            {"id": "d", "op": "mul", "inputs": ["a", "b"], "data": -6.0, "grad": -11.0},
            {"id": "e", "op": "add", "inputs": ["d", 1.0], "data": -5.0, "grad": -6.0},
            {"id": "L", "op": "mul", "inputs": ["e", "d"], "data": 30.0, "grad": 1.0}
        ])
    );
}

#[test]
fn a_trace_of_a_graph_keeps_ids_and_labels() {
    let nodes = json!([
        {"id": "o", "op": "tanh", "inputs": ["n"], "label": "output"},
        {"id": "n", "op": "mul", "inputs": ["x", "k"], "label": "x*k"},
        {"id": "k", "op": "const", "value": 2},
        {"id": "x", "op": "input", "value": [0, 0]},
        {"id": "unused", "op": "input", "value": 1}
    ]);
    let body = json!({"graph": {"nodes": nodes}, "trace": true});
    let found = answer(gradient::answer, &body);
    assert_eq!(
        found["trace"],
        json!([
            {"id": "x", "op": "input", "inputs": [], "data": [0.0, 0.0], "grad": [2.0, 2.0]},
            {"id": "k", "op": "const", "inputs": [], "data": 2.0, "grad": 0.0},
            {"id": "n", "label": "x*k", "op": "mul", "inputs": ["x", "k"], "data": [0.0, 0.0], "grad": [1.0, 1.0]},
            {"id": "o", "label": "output", "op": "tanh", "inputs": ["n"], "data": [0.0, 0.0], "grad": [1.0, 1.0]}
        ])
    );
    assert_eq!(found["gradients"], json!({"x": [2.0, 2.0], "unused": 0.0}));
}

#[test]
fn nodes_without_a_name_get_one_that_is_free() {
    let body = json!({"expression": "n2 = 1*x; y = (x + n2) * 3", "inputs": {"x": 1}, "trace": true});
    let found = answer(gradient::answer, &body);
    let ids: Vec<&str> =
        found["trace"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    let distinct: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(distinct.len(), ids.len(), "{ids:?}");
    assert!(ids.contains(&"n2") && ids.contains(&"y") && ids.contains(&"x"), "{ids:?}");
    assert_eq!(ids.len(), 4, "{ids:?}");
}
