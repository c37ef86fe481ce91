//! Bounds of named parameters in training.

use gradd::api::train;
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem};

/// Without bounds it ends at a = 2, b = 1.
fn line() -> Value {
    json!({
        "expression": "(a*x + b - y)^2", "parameters": {"a": 0, "b": 0},
        "bounds": {"a": {"upper": 1.5}, "b": {"lower": -1, "upper": 10}},
        "data": {"x": [0, 1, 2, 3], "y": [1, 3, 5, 7]},
        "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 400
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut body = line();
    body[member] = value;
    body
}

#[test]
fn a_step_that_would_cross_a_bound_ends_on_it() {
    let found = answer(train::answer, &line());
    assert_eq!(found["parameters"]["a"], json!(1.5));
    // With a = 1.5 the best b is the mean of y - 1.5 x.
    assert!((found["parameters"]["b"].as_f64().unwrap() - 1.75).abs() < 1e-12, "{}", found["parameters"]);
    let mut first = line();
    first["steps"] = json!(1);
    // The mean gradients are -17 and -8: 1.7 is too far.
    assert_eq!(answer(train::answer, &first)["parameters"], json!({"a": 1.5, "b": 0.8}));
}

#[test]
fn every_optimizer_but_lbfgs_stays_within() {
    for optimizer in [
        json!({"sgd": {"learning_rate": 0.1, "momentum": 0.9}}),
        json!({"adam": {"learning_rate": 0.5}}),
        json!({"rmsprop": {"learning_rate": 0.5}}),
        json!({"adagrad": {"learning_rate": 3}}),
    ] {
        let a = answer(train::answer, &with("optimizer", optimizer))["parameters"]["a"].as_f64().unwrap();
        assert!(a <= 1.5 && a > 1.0, "{a}");
    }
    let found = problem(train::answer, &with("optimizer", json!({"lbfgs": {}})));
    assert_invalid(&found, &["/bounds"], &["lbfgs"]);
}

#[test]
fn a_continued_run_has_the_bits_of_a_whole_one() {
    let whole = answer(train::answer, &line());
    let state = answer(train::answer, &with("steps", json!(150)))["state"].clone();
    let rest = answer(train::answer, &with("state", state.clone()));
    assert_eq!((&rest["parameters"], &rest["state"]), (&whole["parameters"], &whole["state"]));
    let mut narrow = with("state", state);
    narrow["bounds"] = json!({"a": {"upper": 1}});
    assert_invalid(
        &problem(train::answer, &narrow),
        &["/state/parameters"],
        &["`a` starts from 1.5, outside"],
    );
}

#[test]
fn bounds_that_cannot_be_meant_are_told() {
    for (bounds, place, word) in [
        (json!({"a": {"lower": 1}}), "/parameters/a", "`a` starts from 0.0, outside its bounds 1.0"),
        (json!({"a": {"lower": 1, "upper": -1}}), "/bounds/a", "not below its upper bound"),
        (json!({"c": {"lower": 1}}), "/bounds/c", "no parameter `c`"),
    ] {
        assert_invalid(&problem(train::answer, &with("bounds", bounds)), &[place], &[word]);
    }
}
