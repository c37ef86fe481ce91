//! Values for the inputs of a model, and results that are not finite.

use gradd::api::{Limits, evaluate, gradient};
use serde_json::json;

use super::{answer, assert_invalid, pointers, problem, problem_within, slug};

#[test]
fn exactly_one_model_is_given() {
    let found = problem(evaluate::answer, &json!({}));
    assert_invalid(&found, &[""], &["exactly one of `expression`, `graph`, `mlp` and `model`"]);
    let found = problem(evaluate::answer, &json!({"expression": "1", "graph": {"nodes": []}}));
    assert_eq!(pointers(&found), ["/expression", "/graph"]);
    assert!(found.detail.contains("`expression` and `graph`"), "{}", found.detail);
}

#[test]
fn members_of_other_models_are_refused() {
    let found = problem(evaluate::answer, &json!({"expression": "1", "data": {"x": [[1]]}}));
    assert_invalid(&found, &["/data"], &["`inputs`"]);
    let mlp = json!({"inputs": 1, "layers": [{"units": 1}]});
    let body = json!({"mlp": mlp, "inputs": {}, "outputs": ["a"], "data": {"x": [[1]]}});
    assert_invalid(&problem(evaluate::answer, &body), &["/inputs", "/outputs"], &["`data.x`"]);
    let body = json!({"mlp": mlp, "wrt": ["a"], "trace": true, "data": {"x": [[1]], "y": [[1]]}});
    assert_invalid(&problem(gradient::answer, &body), &["/wrt", "/trace"], &[]);
}

#[test]
fn missing_and_extra_inputs_are_all_told() {
    let body = json!({"expression": "w1*x1 + w2*x2", "inputs": {"w1": 1, "x1": 2, "w3": 3}});
    let found = problem(evaluate::answer, &body);
    assert_invalid(
        &found,
        &["/inputs/w3", "/inputs", "/inputs"],
        &["no input `w3`; did you mean `w1`?", "`w2` has no value", "`x2` has no value"],
    );
    let found = problem(evaluate::answer, &json!({"expression": "n = 2*x; n", "inputs": {"x": 1, "n": 2}}));
    assert_invalid(&found, &["/inputs/n"], &["not an input but the `mul` node `n`"]);
}

#[test]
fn arrays_are_equally_long_and_not_empty() {
    let body = json!({"expression": "x*y + z", "inputs": {"x": [1, 2, 3], "y": 2, "z": [1, 2]}});
    let found = problem(evaluate::answer, &body);
    assert_invalid(&found, &["/inputs/z"], &["`z` holds 2 samples, but `x` holds 3"]);
    let found = problem(evaluate::answer, &json!({"expression": "x", "inputs": {"x": []}}));
    assert_invalid(&found, &["/inputs/x"], &["empty"]);
}

#[test]
fn samples_have_a_limit() {
    let limits = Limits { max_samples: 2, ..Limits::default() };
    let found =
        problem_within(limits, evaluate::answer, &json!({"expression": "x", "inputs": {"x": [1, 2, 3]}}));
    assert_eq!((slug(&found), found.limit, found.actual), ("limit-exceeded", Some(2), Some(3)));
    assert_eq!(found.setting.as_deref(), Some("max_samples"));
}

#[test]
fn a_value_that_is_not_finite_is_traced_to_its_node() {
    let body = json!({"expression": "y = x - 1; z = log(y); z * 2", "inputs": {"x": [3, 1, 0.5]}});
    let found = problem(evaluate::answer, &body);
    assert_eq!((slug(&found), found.status), ("non-finite", 422));
    for word in ["`log` node `z`", "-Infinity", "sample 1", "`y` is 0.0", "x > 0", r#""non_finite": "allow""#]
    {
        assert!(found.detail.contains(word), "{word} is not in {}", found.detail);
    }
    let nodes = json!([
        {"id": "a", "op": "input", "value": 800},
        {"id": "b", "op": "exp", "inputs": ["a"], "label": "huge"},
        {"id": "c", "op": "neg", "inputs": ["b"]}
    ]);
    let found = problem(evaluate::answer, &json!({"graph": {"nodes": nodes}}));
    assert_eq!((slug(&found), pointers(&found)), ("non-finite", vec!["/graph/nodes/1"]));
    assert!(found.detail.contains("`exp` node `b` (labelled `huge`)"), "{}", found.detail);
    assert!(found.detail.contains("`a` is 800.0"), "{}", found.detail);
}

#[test]
fn a_derivative_that_is_not_finite_is_traced_to_its_node() {
    let found = problem(gradient::answer, &json!({"expression": "sqrt(x)", "inputs": {"x": 0}}));
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("derivative of the `sqrt` node"), "{}", found.detail);
    assert!(found.detail.contains("operand `x` is Infinity"), "{}", found.detail);
}

#[test]
fn non_finite_numbers_travel_as_strings_on_request() {
    let inputs = json!({"x": [0, 1, "Infinity", "NaN", "-Infinity"]});
    let body = json!({"expression": "log(x)", "inputs": inputs, "non_finite": "allow"});
    let found = answer(evaluate::answer, &body);
    assert_eq!(found["outputs"]["output"], json!(["-Infinity", 0.0, "Infinity", "NaN", "NaN"]));
    let body = json!({"expression": "sqrt(x)", "inputs": {"x": 0}, "non_finite": "allow"});
    let found = answer(gradient::answer, &body);
    assert_eq!(found, json!({"outputs": {"output": 0.0}, "gradients": {"x": "Infinity"}}));
}

#[test]
fn the_branch_not_taken_does_not_count() {
    let body = json!({"expression": "where(x > 0, log(x), 0)", "inputs": {"x": [-1, 1]}});
    let found = answer(gradient::answer, &body);
    assert_eq!(found, json!({"outputs": {"output": [0.0, 0.0]}, "gradients": {"x": [0.0, 1.0]}}));
}
