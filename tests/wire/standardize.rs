//! Standardized inputs: what training measures, and what becomes of it.

use gradd::api::{evaluate, gradient, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, untimed};

fn squares() -> Value {
    json!({
        "mlp": {"inputs": 2, "layers": [{"units": 4, "activation": "tanh"}, {"units": 1}], "seed": 2},
        "data": {"x": [[0, 100], [2, 500], [4, 900], [6, 100]], "y": [[0], [1], [0.5], [2]]},
        "validation": {"x": [[3, 200], [1000, 200]], "y": [[1], [2]]},
        "standardize": true, "batch_size": 3, "shuffle": true,
        "optimizer": {"adam": {"learning_rate": 0.05}}, "steps": 60
    })
}

/// The transform that the rows to train on give, and no others: means 3 and 400, deviations √5 and √110000.
#[test]
fn the_rows_to_train_on_are_measured() {
    let found = answer(train::answer, &squares());
    let scale = [5.0f64.sqrt(), 110_000.0f64.sqrt()];
    assert_eq!(found["standardize"], json!({"mean": [3.0, 400.0], "scale": scale}));
    let mut held_back = squares();
    held_back["validation"] = json!({"fraction": 0.25});
    let part = answer(train::answer, &held_back)["standardize"].clone();
    assert_ne!(part, found["standardize"]);
}

#[test]
fn training_sees_what_the_transform_gives() {
    let found = answer(train::answer, &squares());
    let apply = |row: [f64; 2]| [(row[0] - 3.0) / 5.0f64.sqrt(), (row[1] - 400.0) / 110_000.0f64.sqrt()];
    let mut body = squares();
    body["standardize"] = json!(false);
    body["data"]["x"] = json!([[0.0, 100.0], [2.0, 500.0], [4.0, 900.0], [6.0, 100.0]].map(apply));
    body["validation"]["x"] = json!([[3.0, 200.0], [1000.0, 200.0]].map(apply));
    let by_hand = answer(train::answer, &body);
    for member in ["parameters", "loss", "validation", "state"] {
        assert_eq!(found[member], by_hand[member], "{member}");
    }
}

#[test]
fn the_transform_is_posted_back() {
    let trained = answer(train::answer, &squares());
    let mut mlp = squares()["mlp"].clone();
    mlp["parameters"] = trained["parameters"].clone();
    mlp["standardize"] = trained["standardize"].clone();
    let body = json!({"mlp": mlp, "data": squares()["data"]});
    assert_eq!(answer(evaluate::answer, &body)["loss"], trained["loss"]);
    assert_eq!(answer(gradient::answer, &body)["loss"], trained["loss"]);
    // And trained on: the same transform, whatever the rows.
    let mut more = squares();
    more["standardize"] = json!(false);
    more["mlp"] = mlp;
    more["data"]["x"] = json!([[0, 0], [2, 0], [4, 0], [6, 0]]);
    assert_eq!(answer(train::answer, &more)["standardize"], trained["standardize"]);
}

#[test]
fn a_continued_run_has_the_bits_of_a_whole_one() {
    let whole = untimed(answer(train::answer, &squares()));
    let mut part = squares();
    part["steps"] = json!(25);
    let state = answer(train::answer, &part)["state"].clone();
    let mut rest = squares();
    rest["state"] = state;
    let rest = untimed(answer(train::answer, &rest));
    for member in ["parameters", "standardize", "loss", "state"] {
        assert_eq!(rest[member], whole[member], "{member}");
    }
}

#[test]
fn what_cannot_be_standardized_is_named() {
    let with = |member: &str, value: Value| {
        let mut body = squares();
        body.pointer_mut(member).map(|place| *place = value).expect("the member is there");
        body
    };
    let constant = with("/data/x", json!([[1, 5], [2, 5], [3, 5], [4, 5]]));
    assert_invalid(&problem(train::answer, &constant), &["/data/x"], &["The column 1 of `x` is the same"]);
    let csv = json!({"csv": "a,b,y\n1,7,1\n1,7,2\n", "target": "y"});
    let found = problem(train::answer, &with("/data", csv));
    assert_invalid(&found, &["/data/csv"], &["The columns `a`, `b` are each the same", "mlp.standardize"]);
    let infinite = with("/data/x", json!([["Infinity", 5], [2, 1], [3, 5], [4, 5]]));
    assert_invalid(&problem(train::answer, &infinite), &["/data/x"], &["no finite mean"]);
    for (transform, place) in [
        (json!({"mean": [0, 0], "scale": [1, 0]}), "/mlp/standardize/scale/1"),
        (json!({"mean": [0, "NaN"], "scale": [1, 1]}), "/mlp/standardize/mean/1"),
        (json!({"mean": [0], "scale": [1, 1]}), "/mlp/standardize/mean"),
        (json!({"mean": [0, 0], "scale": [1, 1, 1]}), "/mlp/standardize/scale"),
        (json!({"mean": [0, 0]}), "/mlp/standardize"),
    ] {
        let mut body = squares();
        body["mlp"]["standardize"] = transform;
        body["standardize"] = json!(false);
        assert_invalid(&problem(train::answer, &body), &[place], &[]);
    }
    let mut both = squares();
    both["mlp"]["standardize"] = json!({"mean": [0, 0], "scale": [1, 1]});
    assert_invalid(&problem(train::answer, &both), &["/standardize"], &["give one of the two"]);
    let expression = json!({
        "expression": "(a - y)^2", "parameters": {"a": 1}, "data": {"y": [1, 2]}, "standardize": true,
        "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 1
    });
    assert_invalid(&problem(train::answer, &expression), &["/standardize"], &["for an MLP"]);
}
