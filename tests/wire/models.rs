//! Models that requests name.

use gradd::api::models::{self, Models};
use gradd::api::{
    Context, Limits, Operation, convert, draw, evaluate, fit, gradient, hessian, hvp, jacobian, jvp, train,
    vjp,
};
use serde_json::{Value, json};

use super::{answer, answer_in, assert_invalid, pointers, slug, untimed, with_models};
use std::sync::Arc;

fn prepare(context: &Context, definition: &Value) -> String {
    answer_in(context, models::answer, definition)["model"].as_str().expect("a hash").to_owned()
}

#[track_caller]
fn problem_in(context: &Context, operation: Operation, body: &Value) -> gradd::api::Problem {
    operation(body.to_string().as_bytes(), context).expect_err("a problem")
}

fn merge(a: &Value, b: &Value) -> Value {
    let mut merged = a.as_object().unwrap().clone();
    merged.extend(b.as_object().unwrap().clone());
    Value::Object(merged)
}

fn decay() -> Value {
    json!({"expression": "y = a*exp(-b*t); z = y^2; z", "inputs": ["t", "a", "b"]})
}

fn chain() -> Value {
    json!({"graph": {"nodes": [
        {"id": "t", "op": "input"}, {"id": "a", "op": "input"}, {"id": "b", "op": "input"},
        {"id": "y", "op": "mul", "inputs": ["a", "t"]}, {"id": "z", "op": "tanh", "inputs": ["s"]},
        {"id": "s", "op": "sum", "inputs": ["y", "b", 0.5]}
    ]}})
}

#[test]
fn a_prepared_model_answers_bit_for_bit_as_one_that_is_sent() {
    let inputs = json!({"inputs": {"t": [0.1, 0.7, 1.3], "a": 2.5, "b": 1.25}});
    let single = json!({"inputs": {"t": 0.7, "a": 2.5, "b": 1.25}});
    let cases: [(Operation, Value); 14] = [
        (evaluate::answer, inputs.clone()),
        (evaluate::answer, merge(&inputs, &json!({"outputs": ["y", "z"]}))),
        (gradient::answer, inputs.clone()),
        (gradient::answer, merge(&inputs, &json!({"wrt": ["b"], "outputs": ["y"], "reduction": "mean"}))),
        (gradient::answer, merge(&inputs, &json!({"trace": true, "check": true}))),
        (gradient::answer, merge(&single, &json!({"explain": true, "sgd": {"learning_rate": 0.1}}))),
        (jacobian::answer, inputs.clone()),
        (hessian::answer, inputs.clone()),
        (jvp::answer, merge(&inputs, &json!({"tangents": {"a": 1, "t": [1, 2, 3]}}))),
        (vjp::answer, merge(&inputs, &json!({"cotangents": {"z": [1, 2, 3]}, "outputs": ["z"]}))),
        (hvp::answer, merge(&inputs, &json!({"tangents": {"a": 1}}))),
        (draw::answer, single.clone()),
        (
            fit::answer,
            json!({"parameters": {"a": 2, "b": 1}, "target": "q", "data": {"t": [0.1, 0.5, 1.0], "q": [0.9, 0.7, 0.4]}}),
        ),
        (
            train::answer,
            json!({"parameters": {"a": 2, "b": 1}, "data": {"t": [0.1, 0.5, 1.0]}, "steps": 3,
                   "optimizer": {"sgd": {"learning_rate": 0.1}}}),
        ),
    ];
    let context = with_models();
    for definition in [decay(), chain()] {
        let hash = prepare(&context, &definition);
        let mut form = definition.clone();
        form.as_object_mut().unwrap().remove("inputs");
        for (operation, request) in &cases {
            let ask = |model: &Value| {
                let body = merge(model, request).to_string();
                let reply =
                    operation(body.as_bytes(), &context).unwrap_or_else(|problem| panic!("{problem:#?}"));
                match serde_json::from_slice(&reply.body) {
                    Ok(answer) => untimed(answer),
                    Err(_) => json!(String::from_utf8(reply.body).unwrap()),
                }
            };
            let sent = ask(&form);
            // The first request compiles the tape, the second one has it.
            for _ in 0..2 {
                assert_eq!(ask(&json!({"model": hash})), sent, "{request}");
            }
        }
    }
}

#[test]
fn a_prepared_network_answers_as_one_that_is_sent() {
    let context = with_models();
    let mlp = json!({"mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "tanh"}, {"units": 1}], "seed": 7}});
    let hash = prepare(&context, &mlp);
    let data = json!({"data": {"x": [[1, 2], [3, 4]], "y": [[1], [0]]}});
    let run = json!({"steps": 2, "optimizer": {"sgd": {"learning_rate": 0.1}}});
    let cases: [(Operation, Value); 5] = [
        (evaluate::answer, data.clone()),
        (gradient::answer, merge(&data, &json!({"sgd": {"learning_rate": 0.5}}))),
        (train::answer, merge(&data, &run)),
        (convert::answer, json!({})),
        (convert::answer, json!({"format": "onnx"})),
    ];
    for (operation, request) in cases {
        let named = answer_in(&context, operation, &merge(&json!({"model": hash}), &request));
        assert_eq!(untimed(named), untimed(answer(operation, &merge(&mlp, &request))));
    }
    let described = answer_in(&context, models::answer, &mlp);
    assert_eq!(described["form"], "mlp");
    assert_eq!(described["size"], json!({"inputs": 2, "outputs": 1, "parameters": 13}));
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let reply = models::answer(br#"{"expression":"x*y"}"#, &with_models()).unwrap();
    let described: Value = serde_json::from_slice(&reply.body).unwrap();
    // printf '{"expression":"x*y"}' | sha256sum
    let hash = "sha256:a02012cc5f96983c4ecb55d31acde1def176b6451626be3b704654ace5b4f1fd";
    let expected = json!({
        "model": hash, "form": "expression", "inputs": ["x", "y"], "outputs": ["output"],
        "size": {"inputs": 2, "outputs": 1, "nodes": 3}, "ops": {"mul": 1}
    });
    assert_eq!(described, expected);
}

#[test]
fn defaults_stand_in_for_what_a_request_leaves_out() {
    let context = with_models();
    let hash =
        prepare(&context, &json!({"expression": "a*x + c", "inputs": ["x"], "defaults": {"a": 3, "c": 1}}));
    let ask =
        |inputs: Value| answer_in(&context, gradient::answer, &json!({"model": hash, "inputs": inputs}));
    assert_eq!(
        ask(json!({"x": 2})),
        json!({"outputs": {"output": 7.0}, "gradients": {"x": 3.0, "a": 2.0, "c": 1.0}})
    );
    assert_eq!(
        ask(json!({"x": [1, 2], "a": 10})),
        json!({"outputs": {"output": [11.0, 21.0]}, "gradients": {"x": [10.0, 10.0], "a": 3.0, "c": 2.0}})
    );
    let problem = problem_in(&context, gradient::answer, &json!({"model": hash, "inputs": {"a": 1}}));
    assert_invalid(&problem, &["/inputs"], &["`x` has no value"]);

    let graph = json!({"graph": {"nodes": [
        {"id": "x", "op": "input", "value": 4}, {"id": "k", "op": "input", "value": 2},
        {"id": "p", "op": "mul", "inputs": ["x", "k"]}]}});
    let hash = prepare(&context, &graph);
    let named =
        |inputs: Value| answer_in(&context, evaluate::answer, &json!({"model": hash, "inputs": inputs}));
    assert_eq!(named(json!({})), json!({"outputs": {"p": 8.0}}));
    // What is an error within one request is the point of a default.
    assert_eq!(named(json!({"k": 5})), json!({"outputs": {"p": 20.0}}));
    // All have defaults, so all are inputs of protocols without names.
    assert_eq!(answer_in(&context, models::answer, &graph)["inputs"], json!(["x", "k"]));
}

#[test]
fn a_name_of_a_constant_is_an_input_where_the_definition_says_so() {
    let context = with_models();
    let hash = prepare(&context, &json!({"expression": "e*x", "inputs": ["e", "x"]}));
    let answer = answer_in(&context, evaluate::answer, &json!({"model": hash, "inputs": {"e": 2, "x": 3}}));
    assert_eq!(answer, json!({"outputs": {"output": 6.0}}));
}

#[test]
fn a_faulty_definition_is_told_place_by_place() {
    let define = |definition: Value| problem_in(&with_models(), models::answer, &definition);
    let problem =
        define(json!({"expression": "x*y", "inputs": ["x", "x", "q"], "defaults": {"z": 1, "x": [1, 2]}}));
    assert_invalid(
        &problem,
        &["/defaults/z", "/defaults/x", "/inputs/1", "/inputs/2", "/inputs"],
        &["no input `z`", "one number", "already named", "`y` is not named here and has no default"],
    );
    assert_invalid(&define(json!({})), &[""], &["has no model"]);
    assert_eq!(slug(&define(json!({"expression": "x +"}))), "syntax");
    let mlp = json!({"inputs": 1, "layers": [{"units": 1}]});
    assert_invalid(&define(json!({"mlp": mlp, "inputs": ["x"]})), &["/inputs"], &["have no names"]);
    let twice = json!({"graph": {"nodes": [{"id": "x", "op": "input", "value": 1},
        {"id": "y", "op": "neg", "inputs": ["x"]}]}, "defaults": {"x": 2}});
    assert_invalid(&define(twice), &["/defaults/x"], &["default already"]);
    let array = json!({"graph": {"nodes": [{"id": "x", "op": "input", "value": [1, 2]},
        {"id": "y", "op": "neg", "inputs": ["x"]}]}});
    assert_invalid(&define(array), &["/graph/nodes/0/value"], &["one number"]);
}

#[test]
fn what_is_not_there_is_a_404_with_a_remedy() {
    let context = with_models();
    for (name, words) in [("decay", "without any"), ("sha256:00", "Post its definition to /v1/models")] {
        for operation in [evaluate::answer as Operation, fit::answer, convert::answer, jacobian::answer] {
            let mut body = json!({"model": name});
            if operation as usize == fit::answer as Operation as usize {
                body = merge(&body, &json!({"target": "y", "data": {"y": [1]}, "parameters": {"a": 1}}));
            }
            let problem = problem_in(&context, operation, &body);
            assert_eq!((slug(&problem), problem.status), ("unknown-model", 404));
            assert_eq!(pointers(&problem), ["/model"]);
            assert!(problem.detail.contains(words), "{}", problem.detail);
        }
    }
}

#[test]
fn a_model_that_does_not_fit_the_path_is_refused() {
    let context = with_models();
    let network = prepare(&context, &json!({"mlp": {"inputs": 1, "layers": [{"units": 1}]}}));
    let scalar = prepare(&context, &decay());
    let problem = problem_in(&context, jacobian::answer, &json!({"model": network}));
    assert_invalid(&problem, &["/model"], &["is an MLP", "/v1/gradient"]);
    assert_invalid(
        &problem_in(&context, convert::answer, &json!({"model": scalar})),
        &["/model"],
        &["no MLP"],
    );
    let both = json!({"model": scalar, "expression": "x"});
    assert_invalid(&problem_in(&context, gradient::answer, &both), &["/expression", "/model"], &["One of 2"]);
    let unknown = json!({"model": scalar, "outputs": ["yy"], "inputs": {"t": 1, "a": 1, "b": 1}});
    assert_invalid(
        &problem_in(&context, evaluate::answer, &unknown),
        &["/outputs/0"],
        &["did you mean `y`?"],
    );
    let infinite = json!({"model": prepare(&context, &json!({"expression": "log(x)"})), "inputs": {"x": 0}});
    let problem = problem_in(&context, evaluate::answer, &infinite);
    assert_eq!((slug(&problem), pointers(&problem)), ("non-finite", vec!["/model"]));
}

#[test]
fn models_that_are_not_used_make_room_for_others() {
    let context = Context { models: Arc::new(Models::new(20_000)), ..Context::default() };
    let define = |number: usize| json!({"expression": format!("x + y*{number} + z*{number}")});
    let kept = prepare(&context, &define(0));
    let ask = |hash: &str| {
        evaluate::answer(
            json!({"model": hash, "inputs": {"x": 1, "y": 2, "z": 3}}).to_string().as_bytes(),
            &context,
        )
    };
    for number in 1..20 {
        prepare(&context, &define(number));
        assert!(ask(&kept).is_ok(), "it is used");
    }
    let first = prepare(&with_models(), &define(1));
    assert_eq!(slug(&ask(&first).unwrap_err()), "unknown-model", "it was not used");
    let last = prepare(&with_models(), &define(19));
    assert!(ask(&last).is_ok(), "it is new");

    let terms: Vec<String> = (0..200).map(|i| format!("x{i}")).collect();
    let problem = problem_in(&context, models::answer, &json!({"expression": terms.join("*")}));
    assert_eq!(problem.setting.as_deref(), Some("max_prepared_bytes"));
    assert!(ask(&kept).is_ok(), "what does not fit at all drives nobody out");
}

#[test]
fn a_posted_model_is_compiled_and_others_of_its_tapes_are_kept() {
    let context = with_models();
    let hash = prepare(&context, &chain());
    let inputs = json!({"model": hash, "inputs": {"t": 1, "a": 1, "b": 1}});
    let one = merge(&inputs, &json!({"wrt": ["a"]}));
    // A tape that is kept may be longer than one that may be made.
    let tight = Context { limits: Limits { max_nodes: 3, ..Limits::default() }, ..context.clone() };
    for (operation, request) in [(evaluate::answer as Operation, &inputs), (gradient::answer, &inputs)] {
        let answer = answer_in(&tight, operation, request);
        assert_eq!(answer, answer_in(&context, operation, request));
    }
    assert_eq!(problem_in(&tight, gradient::answer, &one).setting.as_deref(), Some("max_nodes"));
    let expected = answer_in(&context, gradient::answer, &one);
    assert_eq!(answer_in(&tight, gradient::answer, &one), expected);
    let idle = Context { limits: Limits { max_work: 3, ..Limits::default() }, ..context };
    assert_eq!(problem_in(&idle, evaluate::answer, &inputs).setting.as_deref(), Some("max_work"));
}

#[test]
fn the_tape_that_was_used_longest_ago_goes() {
    let context = with_models();
    let hash = prepare(&context, &chain());
    let tight = Context { limits: Limits { max_nodes: 3, ..Limits::default() }, ..context.clone() };
    let wrt = |names: &[&str]| json!({"model": hash, "inputs": {"t": 1, "a": 1, "b": 1}, "wrt": names});
    let is_kept = |request: &Value| gradient::answer(request.to_string().as_bytes(), &tight).is_ok();
    let all = [&["t"][..], &["a"], &["b"], &["t", "a"], &["t", "b"]].map(wrt);
    all.iter().for_each(|request| drop(answer_in(&context, gradient::answer, request)));
    assert!(!is_kept(&all[0]));
    assert!(all[1..].iter().all(is_kept));
}
