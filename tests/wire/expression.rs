//! Expressions that cannot be parsed or are too large.

use gradd::api::{Limits, evaluate, gradient};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within, slug};

#[test]
fn a_syntax_error_points_at_its_place() {
    let found = problem(evaluate::answer, &json!({"expression": "a = 1\nb = tanh(a * ) + 2", "inputs": {}}));
    assert_eq!((slug(&found), found.status), ("syntax", 422));
    let fault = &found.errors[0];
    assert_eq!((fault.line, fault.column), (Some(2), Some(14)), "{fault:?}");
    assert_eq!(fault.pointer.as_deref(), Some("/expression"));
    let mut lines = found.detail.lines().rev();
    let (caret, text) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!((text, caret), ("b = tanh(a * ) + 2", "             ^"));
}

#[test]
fn an_unknown_function_is_named_with_what_was_meant() {
    let found = problem(evaluate::answer, &json!({"expression": "tahn(x)", "inputs": {"x": 1}}));
    assert_eq!(slug(&found), "syntax");
    assert!(found.detail.contains("did you mean tanh?\n"), "{}", found.detail);
}

#[test]
fn nesting_has_a_limit() {
    let deep = format!("{}x{}", "(".repeat(100_000), ")".repeat(100_000));
    let found = problem(evaluate::answer, &json!({"expression": deep, "inputs": {"x": 1}}));
    assert_eq!((slug(&found), found.status), ("limit-exceeded", 422));
    assert_eq!(found.setting.as_deref(), Some("max_nesting"));
    assert_eq!(found.limit, Some(Limits::default().max_nesting as u64));
    assert!(found.errors[0].column.is_some());
}

#[test]
fn nodes_have_a_limit() {
    let limits = Limits { max_nodes: 10, ..Limits::default() };
    let body = json!({"expression": "x+x+x+x+x+x+x+x+x+x+x+x", "inputs": {"x": 1}});
    let found = problem_within(limits, evaluate::answer, &body);
    assert_eq!(
        (slug(&found), found.setting.as_deref(), found.limit),
        ("limit-exceeded", Some("max_nodes"), Some(10))
    );
}

#[test]
fn a_million_characters_are_no_trouble() {
    let long = format!("x{}", "+x".repeat(500_000));
    let found = answer(gradient::answer, &json!({"expression": long, "inputs": {"x": 0.5}}));
    assert_eq!(found["outputs"]["output"], 250_000.5);
    assert_eq!(found["gradients"]["x"], 500_001.0);
}

#[test]
fn an_input_may_have_the_name_of_a_constant() {
    let found = answer(evaluate::answer, &json!({"expression": "e * pi", "inputs": {"e": 2}}));
    assert_eq!(found["outputs"]["output"], 2.0 * std::f64::consts::PI);
}

#[test]
fn outputs_are_the_names_that_are_asked_for() {
    let body =
        json!({"expression": "a = 2*x; b = a + 1; a*b", "inputs": {"x": 3}, "outputs": ["b", "a", "x"]});
    let found = answer(evaluate::answer, &body);
    assert_eq!(found, json!({"outputs": {"b": 7.0, "a": 6.0, "x": 3.0}}));
    let body = json!({"expression": "total = 2*x", "inputs": {"x": 3}, "outputs": ["totl", "x", "x"]});
    let found = problem(evaluate::answer, &body);
    assert_invalid(
        &found,
        &["/outputs/0", "/outputs/2"],
        &["did you mean `total`", "already named at /outputs/1"],
    );
    let found = problem(evaluate::answer, &json!({"expression": "x", "inputs": {"x": 1}, "outputs": []}));
    assert_invalid(&found, &["/outputs"], &["empty"]);
}

/// Functions, vectors and sums over a range, against numpy.
#[test]
fn the_expressions_of_the_golden_file() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../fixtures/expressions/expressions.json")).expect("the fixture");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let found =
            answer(gradient::answer, &json!({"expression": case["expression"], "inputs": case["inputs"]}));
        let near = |found: &Value, expected: &Value| {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= 1e-12 * expected.abs().max(1.0)
        };
        assert!(near(&found["outputs"]["output"], &case["output"]), "{case}: {found}");
        let gradients = case["gradients"].as_object().unwrap();
        assert_eq!(gradients.len(), found["gradients"].as_object().unwrap().len());
        for (name, expected) in gradients {
            assert!(near(&found["gradients"][name], expected), "{name} of {case}: {found}");
        }
    }
}

#[test]
fn elements_of_vectors_are_inputs_and_outputs() {
    let body = json!({
        "expression": "y = [2*x[0], x[1]^2]; sum(y)",
        "inputs": {"x[0]": [1, 2], "x[1]": 3}, "outputs": ["y[1]", "y[0]"]
    });
    let found = answer(gradient::answer, &body);
    assert_eq!(found["outputs"], json!({"y[1]": 9.0, "y[0]": [2.0, 4.0]}));
    // An array is samples of one element, and the objective is the sum over them.
    assert_eq!(found["gradients"], json!({"x[0]": [2.0, 2.0], "x[1]": 12.0}));
    let missing = problem(evaluate::answer, &json!({"expression": "x[0]*x[1]", "inputs": {"x": [1, 2]}}));
    assert_invalid(&missing, &["/inputs/x", "/inputs", "/inputs"], &["`x[0]`", "`x[1]`"]);
}
