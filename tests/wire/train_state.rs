//! Which requests a state belongs to: the run that it was cut from, however it is written and however long it becomes.

use gradd::api::train;
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem};

fn line() -> Value {
    json!({
        "expression": "(a*x + b - k*y)^2", "parameters": {"a": 0, "b": 0},
        "data": {"x": [0, 1, 2, 3], "y": [1, 3, 5, 7], "k": 1},
        "optimizer": {"adam": {"learning_rate": 0.1}}, "batch_size": 2, "shuffle": true, "seed": 5, "steps": 6
    })
}

fn network() -> Value {
    json!({
        "mlp": {"inputs": 1, "layers": [{"units": 2, "activation": "tanh"}, {"units": 2}], "loss": "cross_entropy"},
        "data": {"x": [[0], [1], [2], [3], [4]], "y": [0, 1, 1, 0, 1]}, "validation": {"fraction": 0.2},
        "optimizer": {"adamw": {}}, "standardize": true, "steps": 6
    })
}

/// `body` with `members` replaced, by pointer.
fn with(mut body: Value, members: Value) -> Value {
    for (pointer, value) in members.as_object().unwrap() {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let parent = body.pointer_mut(parent).expect("the parent is there");
        match parent {
            Value::Array(elements) => elements[name.parse::<usize>().unwrap()] = value.clone(),
            parent => parent[name] = value.clone(),
        }
    }
    body
}

fn fingerprint(body: &Value) -> Value {
    answer(train::answer, body)["state"]["fingerprint"].clone()
}

/// Every server must find the same. Where this has to change, so does the version of the state.
#[test]
fn fingerprints_are_the_same_everywhere() {
    let state = &answer(train::answer, &line())["state"];
    assert_eq!(state["version"], 1);
    for (body, expected) in [
        (line(), json!(["15fa67806fea403e", "a11a230cc3681cf0", "e575767fe9af93b8", "0a97adfa7b75cbe1"])),
        (network(), json!(["d18a8696dcd41e20", "a8e51edbd1807131", "56ed528726f15f92", "982d2edfa1d7bca7"])),
    ] {
        let found = fingerprint(&body);
        let names = ["model", "data", "batches", "optimizer"];
        assert_eq!(json!(names.map(|name| &found[name])), expected, "{body}");
    }
    for (optimizer, expected) in [
        (json!({"sgd": {"learning_rate": 0.1}}), "c77d9c09e0669d3b"),
        (json!({"rmsprop": {}}), "bc36b87c79d7bf24"),
        (json!({"adagrad": {}}), "6e432b3240b47396"),
        (json!({"lbfgs": {"line_search_fn": "strong_wolfe"}}), "2be35b3ab159aeea"),
    ] {
        let body = with(line(), json!({"/optimizer": optimizer, "/batch_size": null, "/steps": 1}));
        assert_eq!(fingerprint(&body)["optimizer"], expected, "{optimizer}");
    }
    for (schedule, expected) in [
        (json!({"step": {"step_size": 2, "gamma": 0.5}}), "c410914b5c11d226"),
        (json!({"exponential": {"gamma": 0.5}, "warm_up": {"steps": 2}}), "8df40406e2855299"),
        (json!({"cosine": {"t_max": 9}}), "557123a03f6d0774"),
        (json!({"one_cycle": {"total_steps": 9}}), "5060645b45798aae"),
        (json!({"reduce_on_plateau": {}}), "e753df98adc238fc"),
    ] {
        let body = with(line(), json!({"/schedule": schedule, "/clip": {"norm": 1}}));
        assert_eq!(fingerprint(&body)["optimizer"], expected, "{schedule}");
    }
}

#[test]
fn other_ways_to_write_a_request_are_the_same_run() {
    let expected = fingerprint(&line());
    for members in [
        json!({"/expression": "p = a*x + b\n# by hand\nr = p - k*y; r^2"}),
        json!({"/data": {"k": 1.0, "y": [1, 3, 5, 7], "x": [0, 1, 2, 3]}}),
        json!({"/parameters": {"b": 7, "a": -3}}),
        json!({"/reduction": "mean", "/schedule": {"constant": {}}}),
        json!({"/optimizer": {"adam": {"learning_rate": 0.1, "betas": [0.9, 0.999], "weight_decay": 0}}}),
    ] {
        assert_eq!(fingerprint(&with(line(), members.clone())), expected, "{members}");
    }
    let expected = fingerprint(&network());
    let csv = json!({"csv": "x,y\n0,0\n1,1\n2,1\n3,0\n4,1\n", "target": "y"});
    for members in [
        json!({"/data": csv}),
        json!({"/mlp/seed": 9, "/mlp/init": "kaiming_normal", "/mlp/dtype": "f64"}),
        json!({"/optimizer": {"adamw": {"learning_rate": 0.001, "weight_decay": 0.01}}}),
    ] {
        assert_eq!(fingerprint(&with(network(), members.clone())), expected, "{members}");
    }
}

#[test]
fn another_run_is_refused_with_what_differs() {
    const REMEDY: &str = "or leave `state` out and start from its parameters";
    let two = json!({"units": 2});
    let cases = [
        ("model", line(), json!({"/expression": "(a*x + b - k*y)^4"})),
        ("model", line(), json!({"/expression": "(b*x + a - k*y)^2"})),
        ("data", line(), json!({"/data/y/2": 5.000_000_000_000_001})),
        ("data", line(), json!({"/data/k": 2})),
        ("data", line(), json!({"/data/k": [1, 1, 1, 1]})),
        ("data", line(), json!({"/data/x": [1, 3, 5, 7], "/data/y": [0, 1, 2, 3]})),
        ("data", line(), json!({"/validation": {"x": [1], "y": [2]}})),
        ("batches", line(), json!({"/seed": 6})),
        ("batches", line(), json!({"/shuffle": false})),
        ("batches", line(), json!({"/batch_size": 3})),
        ("batches", line(), json!({"/reduction": "sum"})),
        ("optimizer", line(), json!({"/optimizer/adam/learning_rate": 0.2})),
        ("optimizer", line(), json!({"/optimizer/adam/eps": 1e-7})),
        ("optimizer", line(), json!({"/clip": {"norm": 1}})),
        ("optimizer", line(), json!({"/schedule": {"cosine": {"t_max": 50}}})),
        ("optimizer", line(), json!({"/bounds": {"a": {"lower": -9}}})),
        ("model", network(), json!({"/mlp/layers": [{"units": 2, "activation": "relu"}, two]})),
        ("model", network(), json!({"/mlp/dtype": "f32"})),
        ("model", network(), json!({"/mlp/class_weights": [1, 2]})),
        ("data", network(), json!({"/data/y": [0, 1, 1, 0, 0]})),
        ("data", network(), json!({"/standardize": false})),
        // It draws other rows to hold back.
        ("data", network(), json!({"/seed": 1})),
    ];
    for (member, body, members) in cases {
        let state = answer(train::answer, &body)["state"].clone();
        let other = with(body, members.clone());
        let other = with(other, json!({"/state": state, "/steps": 12}));
        let place = format!("/state/fingerprint/{member}");
        let found = problem(train::answer, &other);
        assert_invalid(&found, &[&place], &["The state is of a run with", REMEDY]);
        // Who means it takes the fingerprint out.
        let mut meant = other;
        meant["state"]["fingerprint"].as_object_mut().unwrap().remove(member);
        let found = answer(train::answer, &meant);
        assert_eq!(found["steps"], 12, "{members}");
        meant.as_object_mut().unwrap().remove("state");
        assert_eq!(found["state"]["fingerprint"], fingerprint(&meant), "{members}");
    }
    let state = answer(train::answer, &line())["state"].clone();
    let body = with(line(), json!({"/state": state, "/data/k": 2, "/seed": 1}));
    let places = ["/state/fingerprint/data", "/state/fingerprint/batches"];
    assert_invalid(&problem(train::answer, &body), &places, &["other data", "other batches: `batch_size`"]);
}

#[test]
fn what_only_ends_or_tells_of_a_run_may_change() {
    for body in [line(), network()] {
        let state = answer(train::answer, &body)["state"].clone();
        for members in [
            json!({"/steps": 60}),
            json!({"/steps": null, "/epochs": 30}),
            json!({"/checkpoint": {"steps": 7}}),
            json!({"/target_loss": 1e-3}),
            json!({"/early_stopping": {"patience": 3}, "/steps": 60}),
        ] {
            answer(train::answer, &with(with(body.clone(), members), json!({"/state": state})));
        }
    }
    let state = answer(train::answer, &network())["state"].clone();
    let other_start = json!({"/state": state, "/mlp/seed": 9, "/steps": 20, "/format": "onnx"});
    let whole = answer(train::answer, &with(network(), json!({"/steps": 20})));
    assert_eq!(answer(train::answer, &with(network(), other_start))["state"], whole["state"]);
}

#[test]
fn a_state_of_another_version_is_refused() {
    let state = answer(train::answer, &line())["state"].clone();
    // Its other members may be any.
    let newer = json!({"version": 2, "moments": []});
    let words = ["is of version 2", "goes on from version 1", "leave `state` out"];
    let found = problem(train::answer, &with(line(), json!({"/state": newer})));
    assert_invalid(&found, &["/state/version"], &words);
    for (members, place, word) in [
        (json!({"/version": "1"}), "/state/version", "a whole number"),
        (json!({"/fingerprint": null}), "/state/fingerprint", "an object"),
        (json!({"/fingerprint/data": "0123"}), "/state/fingerprint/data", "16 hexadecimal digits"),
        (
            json!({"/fingerprint/data": "+123456789abcdef"}),
            "/state/fingerprint/data",
            "16 hexadecimal digits",
        ),
        (json!({"/fingerprint/date": "0123456789abcdef"}), "/state/fingerprint/date", "did you mean `data`?"),
    ] {
        let body = with(line(), json!({"/state": with(state.clone(), members)}));
        assert_invalid(&problem(train::answer, &body), &[place], &[word]);
    }
    let mut old = state;
    old.as_object_mut().unwrap().remove("version");
    let found = problem(train::answer, &with(line(), json!({"/state": old})));
    assert_invalid(&found, &["/state"], &["`version` is missing"]);
}

#[test]
fn a_run_that_diverged_goes_on_by_another_recipe() {
    let body = with(line(), json!({"/optimizer": {"sgd": {"learning_rate": 1e308}}}));
    let found = serde_json::to_value(problem(train::answer, &body)).unwrap();
    assert_eq!(found["state"]["fingerprint"].get("optimizer"), None);
    let recipe = json!({
        "/state": found["state"], "/optimizer/sgd/learning_rate": 1e-4, "/clip": {"norm": 1}, "/schedule": {"cosine": {"t_max": 500}}
    });
    let slower = with(body, recipe);
    assert_eq!(answer(train::answer, &slower)["steps"], 6);
    // Other data are refused all the same.
    let other = with(slower, json!({"/data/k": 3}));
    assert_invalid(&problem(train::answer, &other), &["/state/fingerprint/data"], &[]);
}
