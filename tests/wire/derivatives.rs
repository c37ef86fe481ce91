//! Jacobians, Hessians and products with vectors.

use gradd::api::{Context, Limits, Operation, gradient, hessian, hvp, jacobian, jvp, vjp};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within, slug};

fn rosenbrock() -> Value {
    json!({"expression": "f = (1 - x)^2 + 100*(y - x^2)^2", "inputs": {"x": -1.2, "y": 1}})
}

fn with(mut body: Value, members: Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        body[name] = value.clone();
    }
    body
}

#[test]
fn rosenbrock_at_its_usual_start() {
    let found = answer(hessian::answer, &rosenbrock());
    assert_eq!(found["hessian"], json!({"x": {"x": 1330.0, "y": 480.0}, "y": {"x": 480.0, "y": 200.0}}));
    let gradients = &found["gradients"];
    let found = answer(hvp::answer, &with(rosenbrock(), json!({"tangents": {"x": 1, "y": 2}})));
    for (name, expected) in [("x", 2290.0), ("y", 880.0)] {
        assert!((found["hvp"][name].as_f64().unwrap() - expected).abs() < 1e-9, "{found}");
    }
    assert_eq!(&found["gradients"], gradients);
    let found = answer(jacobian::answer, &rosenbrock());
    assert_eq!(&found["jacobian"]["f"], gradients);
    let found = answer(vjp::answer, &with(rosenbrock(), json!({"cotangents": {"f": 1}})));
    assert_eq!(&found["gradients"], gradients);
    let found = answer(jvp::answer, &with(rosenbrock(), json!({"tangents": {"y": 1}})));
    assert_eq!(found["tangents"]["f"], gradients["y"]);
}

#[test]
fn every_sample_has_its_derivatives() {
    let body = json!({"expression": "u = k*x^2; v = k^3", "inputs": {"k": 2, "x": [1, 2, 3]}, "outputs": ["u", "v"]});
    let found = answer(jacobian::answer, &body);
    assert_eq!(found["outputs"], json!({"u": [2.0, 8.0, 18.0], "v": 8.0}));
    assert_eq!(found["jacobian"]["u"], json!({"k": [1.0, 4.0, 9.0], "x": [4.0, 8.0, 12.0]}));
    assert_eq!(found["jacobian"]["v"], json!({"k": 12.0, "x": 0.0}));
    let found = answer(hessian::answer, &with(body.clone(), json!({"outputs": ["u"]})));
    assert_eq!(found["gradients"], json!({"k": [1.0, 4.0, 9.0], "x": [4.0, 8.0, 12.0]}));
    let mixed = json!([2.0, 4.0, 6.0]);
    assert_eq!(found["hessian"]["k"], json!({"k": [0.0, 0.0, 0.0], "x": mixed}));
    assert_eq!(found["hessian"]["x"], json!({"k": mixed, "x": [4.0, 4.0, 4.0]}));
    // An output without samples has derivatives without them, each of which counts once.
    let found = answer(hessian::answer, &with(body, json!({"outputs": ["v"]})));
    assert_eq!(found["hessian"], json!({"k": {"k": 12.0, "x": 0.0}, "x": {"k": 0.0, "x": 0.0}}));
    assert_eq!(found["gradients"], json!({"k": 12.0, "x": 0.0}));
}

/// Many inputs and one output: back, with each sample's derivative for itself.
#[test]
fn a_wide_jacobian_of_samples_goes_back() {
    let body = json!({
        "expression": "y = a*t + b*t^2 + c*sin(d*t) + g", "wrt": ["a", "b", "c", "d", "g", "t"],
        "inputs": {"a": 1, "b": 2, "c": 3, "d": 0, "g": 5, "t": [1, 2]}
    });
    let found = answer(jacobian::answer, &body);
    let expected = json!({
        "a": [1.0, 2.0], "b": [1.0, 4.0], "c": [0.0, 0.0], "d": [3.0, 6.0], "g": [1.0, 1.0], "t": [5.0, 9.0]
    });
    assert_eq!(found["jacobian"]["y"], expected);
}

#[test]
fn products_sum_over_samples_as_the_gradient_does() {
    let body = json!({"expression": "y = k*x^2", "inputs": {"k": 2, "x": [1, 2, 3]}});
    let found = answer(vjp::answer, &with(body.clone(), json!({"cotangents": {"y": [1, 0, 2]}})));
    assert_eq!(found["gradients"], json!({"k": 19.0, "x": [4.0, 0.0, 24.0]}));
    let found = answer(jvp::answer, &with(body.clone(), json!({"tangents": {"k": 1, "x": [0, 1, -1]}})));
    assert_eq!(found["tangents"]["y"], json!([1.0, 12.0, -3.0]));
    let tangents = json!({"tangents": {"k": 1, "x": 1}});
    let found = answer(hvp::answer, &with(body.clone(), tangents.clone()));
    assert_eq!(found["hvp"], json!({"k": 12.0, "x": [6.0, 8.0, 10.0]}));
    let found = answer(hvp::answer, &with(with(body, tangents), json!({"reduction": "mean", "wrt": ["k"]})));
    assert_eq!(found["hvp"], json!({"k": 4.0}));
}

#[test]
fn sparse_matrices_tell_their_structure() {
    let n = 200;
    let terms: Vec<String> = (1..n).map(|i| format!("100*(x{} - x{i}^2)^2 + (1 - x{i})^2", i + 1)).collect();
    let inputs: serde_json::Map<String, Value> = (1..=n).map(|i| (format!("x{i}"), json!(0.5))).collect();
    let body = json!({"expression": terms.join(" + "), "inputs": inputs, "sparse": true, "structure": true});
    let found = answer(hessian::answer, &body);
    assert_eq!(found["structure"]["nonzeros"], 3 * n - 2);
    assert_eq!(found["structure"]["entries"].as_array().unwrap().len(), 3 * n - 2);
    assert_eq!(found["structure"]["entries"][1], json!(["x1", "x2"]));
    assert_eq!(found["hessian"]["x7"], json!({"x6": -200.0, "x7": 302.0, "x8": -200.0}));
    let full = answer(hessian::answer, &with(body, json!({"sparse": false})));
    assert_eq!(full["hessian"]["x7"].as_object().unwrap().len(), n);
    for row in ["x1", "x7", "x200"] {
        for (column, entry) in full["hessian"][row].as_object().unwrap() {
            assert_eq!(
                *entry,
                found["hessian"][row].get(column).cloned().unwrap_or(json!(0.0)),
                "{row} {column}"
            );
        }
    }
    let body = json!({
        "expression": "u = a*b + sign(c); v = where(c > 0, b, d)", "outputs": ["u", "v"], "structure": true,
        "inputs": {"a": 1, "b": 2, "c": 3, "d": 4}
    });
    let entries = json!([["u", "a"], ["u", "b"], ["v", "b"], ["v", "d"]]);
    assert_eq!(answer(jacobian::answer, &body)["structure"], json!({"nonzeros": 4, "entries": entries}));
}

/// Where 1 is not reached, neither is its infinite derivative.
#[test]
fn nothing_leaks_from_a_branch_not_taken() {
    let body = json!({"expression": "where(x > 0, sqrt(x), sqrt(-x)*x)", "inputs": {"x": 0.25}});
    assert_eq!(answer(jacobian::answer, &body)["jacobian"]["output"]["x"], 1.0);
    assert_eq!(answer(hessian::answer, &body)["hessian"]["x"]["x"], -2.0);
    let body = json!({"expression": "where(x > 0, 1/x, x^2)", "inputs": {"x": 0}});
    assert_eq!(answer(hessian::answer, &body)["hessian"]["x"]["x"], 2.0);
}

#[test]
fn derivatives_that_are_not_finite_are_refused_with_their_node() {
    let body = json!({"expression": "s = x^1.5", "inputs": {"x": 0}});
    answer(jacobian::answer, &body);
    let found = problem(hessian::answer, &body);
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("second derivative"), "{}", found.detail);
    let found =
        problem(jvp::answer, &json!({"expression": "sqrt(x)", "inputs": {"x": 0}, "tangents": {"x": 1}}));
    assert!(found.detail.contains("derivative of the `sqrt` node"), "{}", found.detail);
    let body =
        json!({"expression": "sqrt(x)", "inputs": {"x": 0}, "tangents": {"x": 1}, "non_finite": "allow"});
    assert_eq!(answer(jvp::answer, &body)["tangents"]["output"], "Infinity");
    // Where nothing moves, an infinite partial does no harm.
    let body = json!({"expression": "sqrt(x) + y", "inputs": {"x": 0, "y": 1}, "tangents": {"y": 1}});
    assert_eq!(answer(jvp::answer, &body)["tangents"]["output"], 1.0);
    let body = json!({"expression": "log(x)", "inputs": {"x": [1, 0]}});
    for operation in [jacobian::answer as Operation, hessian::answer] {
        let found = problem(operation, &body);
        assert!(found.detail.contains("The value of the `log` node") && found.detail.contains("sample 1"));
    }
}

#[test]
fn vectors_that_do_not_fit_are_told_where() {
    let body =
        json!({"expression": "y = a*x; z = a", "outputs": ["y", "z"], "inputs": {"a": 1, "x": [1, 2]}});
    let tangents = |tangents: Value| with(body.clone(), json!({"tangents": tangents}));
    for operation in [jvp::answer as Operation, hvp::answer] {
        let found = problem(operation, &tangents(json!({"b": 1, "a": [1, 2], "x": [1, 2, 3]})));
        let places = ["/tangents/b", "/tangents/a", "/tangents/x"];
        assert_invalid(
            &found,
            &places,
            &["no input `b`", "is one number", "3 numbers, but the input has 2 samples"],
        );
        assert_invalid(&problem(operation, &tangents(json!({}))), &["/tangents"], &["is empty"]);
        assert_invalid(
            &problem(operation, &tangents(json!({"x": [1, "NaN"]}))),
            &["/tangents/x/1"],
            &["finite"],
        );
    }
    let found = problem(vjp::answer, &with(body, json!({"cotangents": {"yy": 1, "z": [1, 2], "y": [1]}})));
    let places = ["/cotangents/yy", "/cotangents/z", "/cotangents/y"];
    assert_invalid(
        &found,
        &places,
        &["did you mean `y`", "is one number", "1 numbers, but the output has 2 samples"],
    );
}

#[test]
fn an_mlp_is_refused_with_the_path_that_takes_it() {
    let mlp = json!({"mlp": {"inputs": 1, "layers": [{"units": 1}]}});
    let (tangents, cotangents) = (json!({"tangents": {"x": 1}}), json!({"cotangents": {"x": 1}}));
    for (operation, vectors) in [
        (jacobian::answer as Operation, json!({})),
        (hessian::answer, json!({})),
        (jvp::answer, tangents.clone()),
        (vjp::answer, cotangents),
        (hvp::answer, tangents),
    ] {
        assert_invalid(&problem(operation, &with(mlp.clone(), vectors)), &["/mlp"], &["/v1/gradient"]);
    }
}

#[test]
fn a_hessian_is_that_of_one_output() {
    let body = json!({"expression": "u = x; v = x^2", "inputs": {"x": 1}, "outputs": ["u", "v"]});
    assert_invalid(&problem(hessian::answer, &body), &["/outputs"], &["choose one of the 2", "`u`, `v`"]);
}

#[test]
fn matrices_are_bounded_before_they_are_made() {
    let terms: Vec<String> = (0..2000).map(|i| format!("x{i}")).collect();
    let inputs: serde_json::Map<String, Value> =
        terms.iter().map(|name| (name.clone(), json!(0.5))).collect();
    let body = json!({"expression": format!("({})^2", terms.join(" + ")), "inputs": inputs});
    let limits = Limits { max_memory: 64 << 20, ..Limits::default() };
    let found = problem_within(limits.clone(), hessian::answer, &body);
    assert_eq!((slug(&found), found.setting.as_deref()), ("limit-exceeded", Some("max_memory")));
    // Nor does asking for few entries help where there are many.
    let found = problem_within(limits.clone(), hessian::answer, &with(body.clone(), json!({"sparse": true})));
    assert_eq!((slug(&found), found.setting.as_deref()), ("limit-exceeded", Some("max_memory")));
    let limits = Limits { max_work: 10_000_000, ..Limits::default() };
    let found = problem_within(limits.clone(), hessian::answer, &body);
    assert_eq!((slug(&found), found.setting.as_deref()), ("limit-exceeded", Some("max_work")));
    // One row is within the same limits.
    let context = Context { limits, ..Context::default() };
    jacobian::answer(body.to_string().as_bytes(), &context).expect("a gradient's worth");
}

#[test]
fn a_gradient_is_checked_by_differences() {
    let body = json!({
        "expression": "tanh(x*w + b)", "inputs": {"w": -0.5, "b": 0.25, "x": [1, 2, 3]}, "check": true
    });
    for reduction in ["sum", "mean"] {
        let found = answer(gradient::answer, &with(body.clone(), json!({"reduction": reduction})));
        let check = &found["check"];
        assert_eq!(
            (&check["passed"], &check["compared"], &check["undecided"]),
            (&json!(true), &json!(5), &json!(0))
        );
        assert!(check["worst"]["relative_error"].as_f64().unwrap() < 1e-9, "{check}");
    }
    let body = json!({"expression": "abs(x) + sqrt(y) + z^2", "inputs": {"x": 0, "y": [1, 1e-6], "z": 0}, "check": true});
    let check = &answer(gradient::answer, &body)["check"];
    assert_eq!(
        (&check["passed"], &check["compared"], &check["undecided"]),
        (&json!(true), &json!(3), &json!(1))
    );
    assert_eq!(check["reasons"][0]["input"], "x");
    assert!(check["reasons"][0]["reason"].as_str().unwrap().contains("kink"));
    let body = json!({"expression": "log(x - 1)", "inputs": {"x": 1.0000001}, "check": true});
    let check = &answer(gradient::answer, &body)["check"];
    assert_eq!((&check["passed"], &check["compared"]), (&json!(false), &json!(0)));
    assert!(check["reasons"][0]["reason"].as_str().unwrap().contains("domain"));
    let mlp = json!({"mlp": {"inputs": 1, "layers": [{"units": 1}], "loss": "mse"}, "data": {"x": [[1]], "y": [[1]]}, "check": true});
    assert_invalid(&problem(gradient::answer, &mlp), &["/check"], &["expression or graph"]);
}
