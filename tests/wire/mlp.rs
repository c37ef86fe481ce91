//! MLPs: evaluation, gradients and everything that does not fit.

use gradd::api::{Limits, evaluate, gradient, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within, slug, untimed};

/// A network with exact numbers: one linear layer, then another.
fn linear() -> Value {
    json!({
        "inputs": 2, "layers": [{"units": 2}, {"units": 1}],
        "parameters": [
            {"weight": [[1, 2], [3, 4]], "bias": [0.5, -0.5]},
            {"weight": [[1, -1]], "bias": [0.25]}
        ]
    })
}

#[test]
fn outputs_and_loss_of_given_parameters() {
    let body = json!({"mlp": linear(), "data": {"x": [[1, 0], [0, 1]]}});
    // Row 0: (1.5, 2.5) and -0.75; row 1: (2.5, 3.5) and -0.75.
    assert_eq!(answer(evaluate::answer, &body), json!({"outputs": [[-0.75], [-0.75]]}));
    let body = json!({"mlp": linear(), "data": {"x": [[1, 0], [0, 1]], "y": [[0.25], [-0.75]]}});
    assert_eq!(answer(evaluate::answer, &body), json!({"outputs": [[-0.75], [-0.75]], "loss": 0.5}));
}

#[test]
fn gradients_and_a_step() {
    let body = json!({
        "mlp": linear(), "data": {"x": [[1, 0]], "y": [[0.25]]}, "sgd": {"learning_rate": 0.5, "momentum": 0.5}
    });
    let found = answer(gradient::answer, &body);
    // d loss / d output = 2 (-0.75 - 0.25) = -2
    let gradients = json!([
        {"weight": [[-2.0, 0.0], [2.0, 0.0]], "bias": [-2.0, 2.0]},
        {"weight": [[-3.0, -5.0]], "bias": [-2.0]}
    ]);
    assert_eq!(found["loss"], 1.0);
    let plain = |value: &Value| value.to_string().replace("-0.0", "0.0");
    assert_eq!(plain(&found["gradients"]), plain(&gradients));
    assert_eq!(plain(&found["velocity"]), plain(&gradients));
    let updated = json!([
        {"weight": [[2.0, 2.0], [2.0, 4.0]], "bias": [1.5, -1.5]},
        {"weight": [[2.5, 1.5]], "bias": [1.25]}
    ]);
    assert_eq!(found["updated"], updated);

    let mut next = body;
    next["mlp"]["parameters"] = found["updated"].clone();
    next["sgd"]["velocity"] = found["velocity"].clone();
    let second = answer(gradient::answer, &next);
    let bias = |answer: &Value, member: &str| answer[member][1]["bias"][0].as_f64().unwrap();
    let velocity = 0.5 * -2.0 + bias(&second, "gradients");
    assert_eq!(bias(&second, "velocity"), velocity);
    assert_eq!(bias(&second, "updated"), 1.25 - 0.5 * velocity);
}

#[test]
fn the_sum_is_the_mean_times_the_rows() {
    let body = |reduction: &str| json!({"mlp": linear(), "data": {"x": [[1, 0], [0, 1]], "y": [[1], [2]]}, "reduction": reduction});
    let (sum, mean) = (answer(gradient::answer, &body("sum")), answer(gradient::answer, &body("mean")));
    assert_eq!(sum["loss"].as_f64().unwrap(), 2.0 * mean["loss"].as_f64().unwrap());
    assert_eq!(
        sum["gradients"][1]["bias"][0].as_f64().unwrap(),
        2.0 * mean["gradients"][1]["bias"][0].as_f64().unwrap()
    );
}

#[test]
fn drawn_parameters_follow_the_seed() {
    let body = |seed: u64| {
        json!({"mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "tanh"}, {"units": 1}], "seed": seed},
               "data": {"x": [[0.5, 1]]}})
    };
    assert_eq!(answer(evaluate::answer, &body(1)), answer(evaluate::answer, &body(1)));
    assert_ne!(answer(evaluate::answer, &body(1)), answer(evaluate::answer, &body(2)));
}

#[test]
fn classes_may_be_one_hot() {
    let mlp = json!({"inputs": 1, "layers": [{"units": 3}], "loss": "cross_entropy", "seed": 3});
    let by_class = json!({"mlp": mlp, "data": {"x": [[1], [2]], "y": [2, 0]}});
    let one_hot = json!({"mlp": mlp, "data": {"x": [[1], [2]], "y": [[0, 0, 1], [1, 0, 0]]}});
    assert_eq!(answer(gradient::answer, &by_class), answer(gradient::answer, &one_hot));
}

#[test]
fn shapes_that_do_not_match_are_told_with_their_place() {
    let cross_entropy = json!({"inputs": 1, "layers": [{"units": 3}], "loss": "cross_entropy"});
    let mut short = linear();
    short["parameters"] = json!([
        {"weight": [[1, 2]], "bias": [0.5]},
        {"weight": [[1], [2]], "bias": [0.25]}
    ]);
    let mut one = linear();
    one["parameters"] = json!([]);
    for (mlp, data, places, words) in [
        (
            linear(),
            json!({"x": [[1, 2, 3]], "y": [[1]]}),
            &["/data/x/0"][..],
            "3 numbers, but the model has 2 inputs",
        ),
        (linear(), json!({"x": [], "y": []}), &["/data/x"], "empty"),
        (linear(), json!({"x": [[1, 2]], "y": [[1], [2]]}), &["/data/y"], "`y` has 2 rows, but `x` has 1"),
        (
            linear(),
            json!({"x": [[1, 2]], "y": [[1, 2]]}),
            &["/data/y/0"],
            "2 numbers, but the model has 1 outputs",
        ),
        (linear(), json!({"x": [[1, 2]], "y": [1, 2]}), &["/data/y"], "`y` has 2 rows, but `x` has 1"),
        (linear(), json!({"x": [[1, 2]]}), &["/data"], "`y`"),
        (linear(), json!({"y": [[1]]}), &["/data"], "`x`"),
        (linear(), json!({"x": [[1, 2]], "y": [[1]], "z": [1]}), &["/data/z"], "`z`"),
        (linear(), json!({"x": [1, 2], "y": [[1]]}), &["/data/x"], "array of rows"),
        (
            short,
            json!({"x": [[1, 2]], "y": [[1]]}),
            &["/mlp/parameters/0/weight", "/mlp/parameters/0/bias", "/mlp/parameters/1/weight"],
            "1 rows of 2 numbers, but the layer needs 2 rows (its units) of 2",
        ),
        (one, json!({"x": [[1, 2]], "y": [[1]]}), &["/mlp/parameters"], "0 layers, but the model has 2"),
        (
            cross_entropy.clone(),
            json!({"x": [[1], [2], [3]], "y": [0, 3, -1]}),
            &["/data/y/1", "/data/y/2"],
            "whole numbers from 0 to 2",
        ),
        (cross_entropy.clone(), json!({"x": [[1]], "y": [0.5]}), &["/data/y/0"], "0.5"),
        (cross_entropy.clone(), json!({"x": [[1]], "y": [[0.5, 0.5, 0.5]]}), &["/data/y/0"], "sums to 1.5"),
        (cross_entropy, json!({"x": [[1]], "y": [[0.5, 1.5, -1]]}), &["/data/y/0/1"], "[0, 1]"),
        (json!({"inputs": 0, "layers": [{"units": 1}]}), json!({}), &["/mlp/inputs"], "at least 1"),
        (json!({"inputs": 1, "layers": []}), json!({}), &["/mlp/layers"], "at least 1"),
        (
            json!({"inputs": 1, "layers": [{"units": 1}, {"units": 0}]}),
            json!({}),
            &["/mlp/layers/1/units"],
            "Layer 1",
        ),
        (
            json!({"inputs": 1, "layers": [{"units": 1}], "loss": "cross_entropy"}),
            json!({}),
            &["/mlp/loss"],
            "2 units",
        ),
        (
            json!({"inputs": 1, "layers": [{"units": 1}], "loss": "hinge"}),
            json!({"x": [[1]], "y": [[0]]}),
            &["/data/y/0/0"],
            "-1 or 1",
        ),
    ] {
        let found = problem(gradient::answer, &json!({"mlp": mlp, "data": data}));
        assert_invalid(&found, places, &[words]);
    }
    let found = problem(gradient::answer, &json!({"mlp": linear()}));
    assert_invalid(&found, &[""], &["`data`"]);
}

#[test]
fn sizes_have_limits() {
    let limits = Limits { max_parameters: 8, ..Limits::default() };
    let found = problem_within(limits, evaluate::answer, &json!({"mlp": linear(), "data": {"x": [[1, 2]]}}));
    assert_eq!((slug(&found), found.limit, found.actual), ("limit-exceeded", Some(8), Some(9)));
    assert_eq!(found.setting.as_deref(), Some("max_parameters"));
    let huge = json!({"inputs": 1_u64 << 40, "layers": [{"units": 1_u64 << 40}]});
    assert_eq!(
        slug(&problem(evaluate::answer, &json!({"mlp": huge, "data": {"x": [[1]]}}))),
        "limit-exceeded"
    );
    let limits = Limits { max_samples: 1, ..Limits::default() };
    let found =
        problem_within(limits, evaluate::answer, &json!({"mlp": linear(), "data": {"x": [[1, 2], [3, 4]]}}));
    assert_eq!((found.setting.as_deref(), found.actual), (Some("max_samples"), Some(2)));
    let wide = json!({"inputs": 1, "layers": [{"units": 1000}]});
    let limits = Limits { max_samples: 1000, ..Limits::default() };
    let found = problem_within(limits, evaluate::answer, &json!({"mlp": wide, "data": {"x": [[1], [2]]}}));
    assert_eq!((found.setting.as_deref(), found.actual), (Some("max_samples"), Some(2000)));
}

#[test]
fn numbers_that_are_not_finite_are_told_or_travel() {
    let mut mlp = linear();
    mlp["parameters"][1]["weight"] = json!([[1e308, 0]]);
    let mut body = json!({"mlp": mlp, "data": {"x": [[0, 0], [1e10, 0]], "y": [[0], [0]]}});
    let found = problem(gradient::answer, &body);
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("Output 0 of row 1 is Infinity"), "{}", found.detail);
    body["non_finite"] = json!("allow");
    let found = answer(gradient::answer, &body);
    assert_eq!((&found["outputs"][1][0], &found["loss"]), (&json!("Infinity"), &json!("Infinity")));
}

/// A request to train the linear network, with `y` for targets of the data and rows held back.
fn training(y: Value) -> Value {
    json!({
        "mlp": linear(), "data": {"x": [[1, 0], [0, 1], [1, 1]], "y": y}, "validation": {"x": [[1, 0], [0, 1], [1, 1]], "y": y},
        "optimizer": {"sgd": {"learning_rate": 0.01}}, "batch_size": 2, "steps": 7
    })
}

#[test]
fn the_targets_of_one_output_may_be_plain_numbers() {
    for (loss, numbers, rows) in [
        ("mse", json!([0.5, 1, -2]), json!([[0.5], [1], [-2]])),
        ("huber", json!([0.5, 1, -2]), json!([[0.5], [1], [-2]])),
        ("bce_with_logits", json!([0, 1, 0.5]), json!([[0], [1], [0.5]])),
        ("hinge", json!([-1, 1, 1]), json!([[-1], [1], [1]])),
    ] {
        let with_loss = |y: &Value| {
            let mut body = training(y.clone());
            body["mlp"]["loss"] = json!(loss);
            body
        };
        let (found, expected) = (with_loss(&numbers), with_loss(&rows));
        assert_eq!(
            untimed(answer(train::answer, &found)),
            untimed(answer(train::answer, &expected)),
            "{loss}"
        );
        let part = |body: &Value| json!({"mlp": body["mlp"], "data": body["data"]});
        for operation in [evaluate::answer, gradient::answer] {
            assert_eq!(answer(operation, &part(&found)), answer(operation, &part(&expected)), "{loss}");
        }
        // The two ways may stand beside each other.
        let mut mixed = found;
        mixed["validation"]["y"] = rows;
        assert_eq!(untimed(answer(train::answer, &mixed)), untimed(answer(train::answer, &expected)));
    }
}

#[test]
fn plain_targets_that_do_not_fit_are_told_at_their_place() {
    let with = |loss: &str, data: Value, validation: Value| {
        let mut body = training(data);
        body["mlp"]["loss"] = json!(loss);
        body["validation"]["y"] = validation;
        body
    };
    let good = json!([0, 1, 1]);
    for (body, places, word) in [
        (with("bce_with_logits", json!([0, 1, 2]), good.clone()), &["/data/y/2"][..], "lie in [0, 1]"),
        (with("bce_with_logits", json!([[0], [1], [2]]), good.clone()), &["/data/y/2/0"], "lie in [0, 1]"),
        (with("bce_with_logits", good.clone(), json!([0, -1, 2])), &["/validation/y/1"], "lie in [0, 1]"),
        (with("hinge", json!([-1, 0, 1]), json!([-1, 1, 1])), &["/data/y/1"], "-1 or 1"),
        (with("mse", json!([1, 2]), good.clone()), &["/data/y"], "`y` has 2 rows, but `x` has 3"),
        (with("mse", json!([1, "a", 2]), good.clone()), &["/data/y/1"], "a number or a row"),
        (with("mse", json!([1, [2], 3]), good.clone()), &["/data/y/1"], "lines before are numbers"),
        (with("mse", json!(1), good.clone()), &["/data/y", "/data/y"], "the target of each row"),
    ] {
        assert_invalid(&problem(train::answer, &body), places, &[word]);
    }
    let mut wide = with("mse", good.clone(), good);
    wide["mlp"] = json!({"inputs": 2, "layers": [{"units": 2}]});
    let words = ["one number per row, but the model has 2 outputs", "a row of numbers", "`cross_entropy`"];
    assert_invalid(&problem(train::answer, &wide), &["/data/y"], &words);
}
