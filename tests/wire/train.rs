//! Training runs: results, continuation, and what cannot be meant.

use gradd::api::{Limits, train};
use gradd::engine::{Interrupt, Interrupted, ParseLimits, Reduction, parse};
use gradd::train::ExpressionObjective;
use gradd::train::expression::{Source, SourceError};
use gradd::train::fit::{Curve, Sigma};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within, slug, untimed};

fn line() -> Value {
    json!({
        "expression": "(a*x + b - y)^2", "parameters": {"a": 0, "b": 0},
        "data": {"x": [0, 1, 2, 3], "y": [1, 3, 5, 7]},
        "optimizer": {"sgd": {"learning_rate": 0.1, "momentum": 0.5}}, "steps": 400
    })
}

fn blobs() -> Value {
    json!({
        "mlp": {"inputs": 2, "layers": [{"units": 8, "activation": "tanh"}, {"units": 2}], "loss": "cross_entropy", "seed": 1},
        "data": {"x": [[0, 0], [0, 1], [1, 0], [1, 1], [0.1, 0], [0.9, 0.1], [0, 0.9]], "y": [0, 1, 1, 0, 0, 1, 1]},
        "optimizer": {"sgd": {"learning_rate": 0.2, "momentum": 0.9, "weight_decay": 1e-4}},
        "epochs": 100, "batch_size": 3, "shuffle": true, "seed": 5
    })
}

#[test]
fn a_line_is_found() {
    let found = answer(train::answer, &line());
    let (a, b) = (found["parameters"]["a"].as_f64().unwrap(), found["parameters"]["b"].as_f64().unwrap());
    assert!((a - 2.0).abs() < 1e-9 && (b - 1.0).abs() < 1e-9, "{a} {b}");
    assert!(found["loss"].as_f64().unwrap() < 1e-18);
    assert_eq!(
        (&found["stopped"], &found["steps"], &found["epochs"]),
        (&json!("steps"), &json!(400), &json!(400))
    );
    // The first loss is that of the start: (1 + 9 + 25 + 49) / 4.
    assert_eq!((&found["history"]["step"][0], &found["history"]["loss"][0]), (&json!(1), &json!(21.0)));
}

#[test]
fn a_graph_trains_like_its_expression() {
    let mut body = line();
    let expected = untimed(answer(train::answer, &body));
    body.as_object_mut().unwrap().remove("expression");
    body["graph"] = json!({"nodes": [
        {"id": "loss", "op": "pow", "inputs": ["r", 2]},
        {"id": "r", "op": "sub", "inputs": ["p", "y"]},
        {"id": "p", "op": "add", "inputs": ["ax", "b"]},
        {"id": "ax", "op": "mul", "inputs": ["a", "x"]},
        {"id": "a", "op": "input"}, {"id": "b", "op": "input"}, {"id": "x", "op": "input"}, {"id": "y", "op": "input"}
    ]});
    assert_eq!(untimed(answer(train::answer, &body)), expected);
}

#[test]
fn a_network_learns() {
    let found = answer(train::answer, &blobs());
    assert!(found["loss"].as_f64().unwrap() < 0.05, "{}", found["loss"]);
    assert_eq!(
        (&found["stopped"], &found["steps"], &found["epochs"]),
        (&json!("epochs"), &json!(300), &json!(100))
    );
}

#[test]
fn a_continued_run_has_the_bits_of_a_whole_one() {
    for (body, length) in [(line(), "steps"), (blobs(), "epochs")] {
        let whole = answer(train::answer, &body);
        let total = body[length].as_u64().unwrap();
        let mut state = Value::Null;
        for part in 1..=4 {
            let mut request = body.clone();
            request[length] = json!(total * part / 4);
            if !state.is_null() {
                request["state"] = state;
            }
            let found = answer(train::answer, &request);
            state = found["state"].clone();
            if part == 4 {
                for member in ["parameters", "loss", "steps", "epochs", "state", "stopped"] {
                    assert_eq!(found[member], whole[member], "{member}");
                }
            }
        }
    }
}

#[test]
fn a_continuation_may_stop_within_an_epoch() {
    let mut whole = blobs();
    whole.as_object_mut().unwrap().remove("epochs");
    whole["steps"] = json!(20);
    let mut first = whole.clone();
    first["steps"] = json!(7);
    let state = answer(train::answer, &first)["state"].clone();
    let mut second = whole.clone();
    second["state"] = state;
    assert_eq!(answer(train::answer, &second)["parameters"], answer(train::answer, &whole)["parameters"]);
}

#[test]
fn batches_of_an_expression_match_steps_by_hand() {
    let mut body = line();
    body["batch_size"] = json!(2);
    body["steps"] = json!(2);
    body["optimizer"] = json!({"sgd": {"learning_rate": 0.25}});
    let found = answer(train::answer, &body);
    // Rows 0 and 1 from a = b = 0: mean gradients -3 and -4; then a = 0.75, b = 1, and rows 2 and 3 have residuals -2.5
    // and -3.75: mean gradients -16.25 and -6.25.
    assert_eq!(found["history"]["loss"], json!([5.0, 10.156_25]));
    assert_eq!(found["parameters"], json!({"a": 4.8125, "b": 2.5625}));
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    let with = |member: &str, value: Value| {
        let mut body = line();
        body[member] = value;
        body
    };
    let without = |member: &str| {
        let mut body = line();
        body.as_object_mut().unwrap().remove(member);
        body
    };
    let state = answer(train::answer, &with("steps", json!(2)))["state"].clone();
    let mut no_velocity = state.clone();
    no_velocity["optimizer"]["sgd"] = json!({});
    let mut other_names = state.clone();
    other_names["parameters"] = json!({"a": 1, "c": 2});
    let continued = |state: Value, steps: u64| {
        let mut body = with("state", state);
        body["steps"] = json!(steps);
        body
    };
    for (body, places, word) in [
        (without("steps"), &[""][..], "`epochs` or `steps`"),
        (with("epochs", json!(3)), &["/epochs"], "both"),
        (with("steps", json!(0)), &["/steps"], "at least 1"),
        (with("steps", json!(1.5)), &["/steps"], "a whole number"),
        (with("batch_size", json!(0)), &["/batch_size"], "at least 1"),
        (without("optimizer"), &[""], "`optimizer`"),
        (
            with("optimizer", json!({"sgd": {"learning_rate": -1}})),
            &["/optimizer/sgd/learning_rate"],
            "above 0",
        ),
        (with("optimizer", json!("sgd")), &["/optimizer"], "an object"),
        (without("parameters"), &["/parameters"], "nothing to train"),
        (with("parameters", json!({"a": 1, "b": [1, 2]})), &["/data/x", "/data/y"], "samples"),
        (with("parameters", json!({"a": 1, "b": [1, 2, 3, 4]})), &["/parameters/b"], "one number"),
        (
            with("parameters", json!({"a": 1})),
            &[""],
            "`b` has no value; give it one in `parameters` or `data`",
        ),
        (with("parameters", json!({"a": 1, "b": 1, "x": 1})), &["/data/x"], "twice"),
        (with("parameters", json!({"a": "NaN", "b": 1})), &["/parameters"], "`a` is NaN"),
        (
            with("data", json!({"x": [1, 2], "y": [1, 2, 3]})),
            &["/data/y"],
            "`y` holds 3 samples, but `x` holds 2",
        ),
        (with("data", json!({"x": [[1], [2]], "y": [1, 2]})), &["/data/x"], "not of rows"),
        (with("outputs", json!(["a", "b"])), &["/outputs/1"], "one loss"),
        (continued(state, 1), &["/state/step"], "step 2"),
        (continued(no_velocity, 5), &["/state/optimizer/sgd"], "velocity"),
        (continued(other_names, 5), &["/state/parameters/c", "/state/parameters"], "`b` is missing"),
    ] {
        let found = problem(train::answer, &body);
        assert_invalid(&found, places, &[word]);
    }
    let mut mlp = blobs();
    mlp["parameters"] = json!({"a": 1});
    assert_invalid(&problem(train::answer, &mlp), &["/parameters"], &["mlp.parameters"]);
}

#[test]
fn a_run_that_diverges_names_the_step() {
    let mut body = line();
    body["optimizer"] = json!({"sgd": {"learning_rate": 100.0}});
    let found = problem(train::answer, &body);
    assert_eq!((slug(&found), found.status), ("diverged", 422));
    assert!(found.detail.contains("at step "), "{}", found.detail);
    assert!(found.detail.contains("learning_rate"), "{}", found.detail);
    let mut body = blobs();
    body["mlp"]["loss"] = json!("mse");
    body["data"] = json!({"x": [[1, 2], [3, 4]], "y": [[1, 2], [3, 4]]});
    body["batch_size"] = json!(2);
    body["mlp"]["layers"] = json!([{"units": 2}]);
    body["optimizer"] = json!({"sgd": {"learning_rate": 1e6}});
    assert_eq!(slug(&problem(train::answer, &body)), "diverged");
}

#[test]
fn a_start_without_a_finite_loss_names_the_node() {
    let mut body = line();
    body["expression"] = json!("(a*log(x) + b - y)^2");
    let found = problem(train::answer, &body);
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("`log`"), "{}", found.detail);
}

#[test]
fn sizes_have_limits() {
    let limits = Limits { max_steps: 399, ..Limits::default() };
    let found = problem_within(limits, train::answer, &line());
    assert_eq!(
        (found.setting.as_deref(), found.limit, found.actual),
        (Some("max_steps"), Some(399), Some(400))
    );
    let limits = Limits { max_parameters: 1, ..Limits::default() };
    let found = problem_within(limits, train::answer, &line());
    assert_eq!((found.setting.as_deref(), found.actual), (Some("max_parameters"), Some(2)));
}

#[test]
fn an_interrupt_stops_the_run() {
    let context = gradd::api::Context::default();
    context.interrupt.cancel();
    assert!(train::answer(line().to_string().as_bytes(), &context).is_err());
}

/// Steps and evaluations look at the interrupt, too, so that this asks what is compiled before them.
#[test]
fn an_interrupt_stops_the_compilation() {
    // More than are compiled between two looks.
    let many_terms = vec!["a*x"; 200_000].join("+");
    let limits = ParseLimits { max_nodes: 1_000_000, max_nesting: 10 };
    let program = parse(&many_terms, ["a", "x"], limits).expect("an expression");
    let (graph, output, column) = (&program.graph, program.output.1, [1.0, 2.0]);
    let sources = || vec![Source::Parameter(0), Source::Column(&column)];
    let compile = |interrupt: &Interrupt| {
        let objective = ExpressionObjective::new(graph, output, sources(), Reduction::Mean, interrupt);
        let curve = Curve::new(graph, output, sources(), &column, Sigma::Number(1.0), interrupt);
        (objective.err(), curve.err())
    };
    assert_eq!(compile(&Interrupt::never()), (None, None));
    let interrupt = Interrupt::never();
    interrupt.cancel();
    let interrupted = Some(SourceError::Interrupted(Interrupted::Cancelled));
    assert_eq!(compile(&interrupt), (interrupted, interrupted));
}
