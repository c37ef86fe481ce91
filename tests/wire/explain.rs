//! `"explain": true`: the chain rule in words, with numbers that are those of the trace.

use gradd::api::{Limits, gradient};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within};

fn explain(mut request: Value) -> Vec<Value> {
    request["explain"] = json!(true);
    answer(gradient::answer, &request)["explanation"].as_array().expect("an explanation").clone()
}

#[track_caller]
fn node<'e>(explanation: &'e [Value], id: &str) -> &'e Value {
    explanation.iter().find(|node| node["id"] == id).unwrap_or_else(|| panic!("no node {id}"))
}

#[test]
fn the_lectures_neuron_reads_as_on_the_blackboard() {
    let inputs = json!({"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.881_373_587_019_543});
    let found = explain(json!({"expression": "n = x1*w1 + x2*w2 + b; o = tanh(n)", "inputs": inputs}));
    assert_eq!(
        found[0],
        json!({
            "id": "o", "op": "tanh", "inputs": ["n"], "value": std::f64::consts::FRAC_1_SQRT_2, "grad": 1.0,
            "partials": [0.49999999999999994],
            "chain": ["do/dn = do/do * (1 - tanh(n)^2) = 1 * 0.5 = 0.5"],
            "latex": ["\\frac{\\partial o}{\\partial n} = \\frac{\\partial o}{\\partial o} \\cdot \
                \\left(1 - {\\tanh\\left(n\\right)}^{2}\\right) = 1 \\cdot 0.5 = 0.5"]
        })
    );
    let product = found.iter().find(|node| node["inputs"] == json!(["x1", "w1"])).unwrap();
    let id = product["id"].as_str().unwrap();
    assert_eq!(
        product["chain"],
        json!([
            format!("do/dx1 = do/d{id} * w1 = 0.5 * (-3) = -1.5"),
            format!("do/dw1 = do/d{id} * x1 = 0.5 * 2 = 1")
        ])
    );
    assert!(
        product["latex"][0].as_str().unwrap().contains(r"\frac{\partial o}{\partial x_{1}}"),
        "{product}"
    );
    // The backward pass: whoever uses a node comes before it.
    let position = |id: &Value| found.iter().position(|node| node["id"] == *id).unwrap();
    for (i, node) in found.iter().enumerate() {
        assert!(node["inputs"].as_array().unwrap().iter().all(|operand| position(operand) > i));
    }
}

#[test]
fn a_value_that_is_used_twice_shows_the_sum() {
    let found = explain(json!({"expression": "b = a*a; c = b + 3*a; c", "inputs": {"a": 2}}));
    let a = node(&found, "a");
    assert_eq!(a["grad"], 7.0);
    assert_eq!(
        a["sum"]["chain"],
        "dc/da = dc/dn3 * dn3/da + dc/db * db/da + dc/db * db/da = 1 * 3 + 1 * 2 + 1 * 2 = 7"
    );
    assert_eq!(
        node(&found, "b")["chain"],
        json!(["dc/da += dc/db * a = 1 * 2 = 2", "dc/da += dc/db * a = 1 * 2 = 2"])
    );
    assert_eq!(node(&found, "b").get("sum"), None);
    // The constant 3 is an operand, but nobody asks for its grad.
    assert_eq!(node(&found, "n3")["partials"], json!([2.0, 3.0]));
    assert_eq!(node(&found, "n3")["chain"], json!(["dc/da += dc/dn3 * 3 = 1 * 3 = 3"]));
}

#[test]
fn partials_and_grads_are_those_of_the_trace() {
    let mut request = json!({
        "expression": "p = x/y; q = hypot(p, exp(x) - y); r = where(q > 1, max(p, q), x); sum(p, q, r*r, norm(x, y, q))",
        "inputs": {"x": 1.25, "y": -0.75}, "trace": true
    });
    request["explain"] = json!(true);
    let found = answer(gradient::answer, &request);
    let (trace, explanation) = (found["trace"].as_array().unwrap(), found["explanation"].as_array().unwrap());
    assert_eq!(trace.len(), explanation.len());
    for traced in trace {
        let told = node(explanation, traced["id"].as_str().unwrap());
        assert_eq!((&told["value"], &told["grad"]), (&traced["data"], &traced["grad"]));
        // What all its uses contribute is its grad.
        let mut sum = if traced["id"] == trace.last().unwrap()["id"] { 1.0 } else { 0.0 };
        for user in explanation {
            let operands =
                user["inputs"].as_array().unwrap().iter().zip(user["partials"].as_array().unwrap());
            for (_, partial) in operands.filter(|(operand, _)| **operand == traced["id"]) {
                sum += user["grad"].as_f64().unwrap() * partial.as_f64().unwrap();
            }
        }
        let grad = traced["grad"].as_f64().unwrap();
        assert!((sum - grad).abs() <= 1e-12 * grad.abs().max(1.0), "{told}: {sum}");
    }
}

#[test]
fn a_tie_tells_how_many_share_it() {
    let found = explain(json!({"expression": "m = max(a, b, c, 3)", "inputs": {"a": 3, "b": 1, "c": 3}}));
    let told = node(&found, "m");
    assert_eq!(told["partials"][1], json!(0.0));
    assert_eq!(told["chain"][0], "dm/da = dm/dm * where(a == m, 1/3, 0) = 1 * 0.33333 = 0.33333");
    let latex = told["latex"][0].as_str().unwrap();
    assert!(latex.contains(r"\frac{1}{3} & a = m"), "{latex}");
    let graph = json!({"graph": {"nodes": [
        {"id": "m", "op": "max", "inputs": ["a", "b", "c", 3]},
        {"id": "a", "op": "input", "value": 3}, {"id": "b", "op": "input", "value": 1},
        {"id": "c", "op": "input", "value": 3}
    ]}});
    assert_eq!(node(&explain(graph), "m")["partials"], told["partials"]);
}

#[test]
fn several_outputs_are_one_objective() {
    let body = json!({"expression": "a = 2*x; b = a*x", "inputs": {"x": 3}, "outputs": ["a", "b"]});
    let found = explain(body);
    assert_eq!(node(&found, "a")["sum"]["chain"], "dL/da = 1 + dL/db * db/da = 1 + 1 * 3 = 4");
    assert_eq!(node(&found, "b")["chain"][0], "dL/da += dL/db * x = 1 * 3 = 3");
}

#[test]
fn labels_are_names_in_the_lines_of_a_graph() {
    let found = explain(json!({"graph": {"nodes": [
        {"id": "1", "op": "input", "value": 2, "label": "w_out"},
        {"id": "2", "op": "sqrt", "inputs": ["1"], "label": "50% & {x}"},
        {"id": "3", "op": "neg", "inputs": ["2"], "label": "o"}
    ]}}));
    assert_eq!(found[0]["chain"], json!(["do/d(50% & {x}) = do/do * (-1) = 1 * (-1) = -1"]));
    assert_eq!(
        found[1]["chain"],
        json!(["do/dw_out = do/d(50% & {x}) * 1/(2*sqrt(w_out)) = (-1) * 0.35355 = -0.35355"])
    );
    let latex = found[1]["latex"][0].as_str().unwrap();
    assert!(latex.contains(r"\text{50\% \& \{x\}}") && latex.contains(r"\mathrm{w\_out}"), "{latex}");
    assert!(latex.contains(r"\frac{1}{2 \cdot \sqrt{\mathrm{w\_out}}}"), "{latex}");
    // What math mode has not stands as text, and what text has not as math.
    let found = explain(json!({"expression": "größe2*α1", "inputs": {"größe2": 1, "α1": 2}}));
    let latex = found[0]["latex"][1].as_str().unwrap();
    assert!(latex.contains(r"{\partial α_{1}}") && latex.contains(r"\text{größe}_{2}"), "{latex}");
    let label = json!({"nodes": [{"id": "x", "op": "input", "value": 1, "label": "Δ x₁²"}, {"id": "y", "op": "neg", "inputs": ["x"]}]});
    let found = explain(json!({"graph": label}));
    let latex = found[0]["latex"][0].as_str().unwrap();
    assert!(latex.contains(r"\text{$Δ$ x$_1$$^2$}"), "{latex}");
}

#[test]
fn many_uses_are_told_by_the_first() {
    let found = explain(json!({"expression": "sum(x, x, x, x, x, x, x*x)", "inputs": {"x": 2}}));
    let sum = node(&found, "x")["sum"]["chain"].as_str().unwrap();
    assert!(sum.contains("+ ... (4 more uses) =") && sum.ends_with(" = 10"), "{sum}");
}

#[test]
fn a_grad_of_zero_passes_nothing_on() {
    let body = json!({"expression": "where(x > 0, log(x), 0)", "inputs": {"x": 0}});
    let found = explain(body);
    let log = found.iter().find(|node| node["op"] == "log").unwrap();
    assert_eq!(log["partials"], json!(["Infinity"]));
    assert!(log["chain"][0].as_str().unwrap().ends_with("= 0 * Infinity = 0"), "{log}");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let found = problem(
        gradient::answer,
        &json!({"expression": "w*x", "inputs": {"w": 1, "x": [1, 2]}, "explain": true}),
    );
    assert_invalid(&found, &["/inputs/x"], &["one point", "`x`"]);
    let mlp = json!({"mlp": {"inputs": 1, "layers": [{"units": 1}]}, "data": {"x": [[1]], "y": [[1]]}, "explain": true});
    assert_invalid(&problem(gradient::answer, &mlp), &["/explain"], &["MLP"]);
    let limits = Limits { max_memory: 1_000_000, ..Limits::default() };
    let long = json!({"expression": format!("x{}", "+x".repeat(1000)), "inputs": {"x": 1}, "explain": true});
    assert_eq!(problem_within(limits, gradient::answer, &long).setting.as_deref(), Some("max_memory"));
}
