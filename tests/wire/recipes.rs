//! Optimizers, schedules, clipping, validation and early stopping, as requests ask for them.

use gradd::api::{Context, Limits, Problem, evaluate, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, slug};

/// A small network on seven rows, with `members` added or replaced.
fn network(members: Value) -> Value {
    let mut body = json!({
        "mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "tanh"}, {"units": 2}], "loss": "cross_entropy", "seed": 1},
        "data": {"x": [[0, 0], [0, 1], [1, 0], [1, 1], [0.1, 0], [0.9, 0.1], [0, 0.9]], "y": [0, 1, 1, 0, 0, 1, 1]},
        "optimizer": {"adam": {"learning_rate": 0.05}}, "steps": 100, "batch_size": 3, "seed": 5
    });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

/// A line through four points, with `members` added or replaced.
fn line(members: Value) -> Value {
    let mut body = json!({
        "expression": "(a*x + b - y)^2", "parameters": {"a": 0, "b": 0},
        "data": {"x": [0, 1, 2, 3], "y": [1, 3, 5, 7]},
        "optimizer": {"adam": {"learning_rate": 0.1}}, "steps": 50
    });
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn optimizers() -> Vec<Value> {
    vec![
        json!({"sgd": {"learning_rate": 0.1}}),
        json!({"sgd": {"learning_rate": 0.1, "momentum": 0.9, "nesterov": true, "weight_decay": 0.01}}),
        json!({"adam": {"learning_rate": 0.05}}),
        json!({"adam": {"learning_rate": 0.05, "amsgrad": true, "betas": [0.8, 0.9], "weight_decay": 0.1}}),
        json!({"adamw": {"learning_rate": 0.05}}),
        json!({"rmsprop": {"learning_rate": 0.02}}),
        json!({"rmsprop": {"learning_rate": 0.02, "momentum": 0.5, "centered": true}}),
        json!({"adagrad": {"learning_rate": 0.3, "lr_decay": 0.01, "initial_accumulator_value": 0.1}}),
    ]
}

fn schedules() -> Vec<Value> {
    vec![
        json!({"constant": {}}),
        json!({"step": {"step_size": 7, "gamma": 0.9}}),
        json!({"exponential": {"gamma": 0.99}}),
        json!({"cosine": {"t_max": 40}}),
        json!({"one_cycle": {"total_steps": 100, "cycle_momentum": false}}),
        json!({"reduce_on_plateau": {"patience": 0, "factor": 0.8, "cooldown": 1}}),
        json!({"cosine": {"t_max": 80}, "warm_up": {"steps": 65}}),
        json!({"warm_up": {"steps": 10, "start_factor": 0.01}}),
    ]
}

#[test]
fn sixty_steps_and_forty_more_have_the_bits_of_a_hundred() {
    for optimizer in optimizers() {
        for schedule in schedules() {
            // Sixty steps of one row end within an epoch of seven.
            for (shuffle, batch_size) in [(false, 3), (true, 1)] {
                let mut whole = network(json!({
                    "optimizer": optimizer, "schedule": schedule, "shuffle": shuffle, "clip": {"norm": 0.4},
                    "batch_size": batch_size, "early_stopping": {"patience": 1000}
                }));
                if batch_size > 1 {
                    whole["validation"] = json!({"fraction": 0.2});
                }
                let mut first = whole.clone();
                first["steps"] = json!(60);
                let mut second = whole.clone();
                second["state"] = answer(train::answer, &first)["state"].clone();
                let (found, expected) = (answer(train::answer, &second), answer(train::answer, &whole));
                for member in ["parameters", "loss", "steps", "epochs", "stopped", "state", "metrics"] {
                    assert_eq!(found[member], expected[member], "{member}: {optimizer} {schedule} {shuffle}");
                }
                assert_eq!(found["validation"]["loss"], expected["validation"]["loss"]);
                assert_eq!(found["stopped"], "steps");
            }
        }
    }
}

#[test]
fn lbfgs_goes_on_with_what_it_remembers_of_the_curvature() {
    for line_search in ["none", "strong_wolfe"] {
        for schedule in [json!({"constant": {}}), json!({"exponential": {"gamma": 0.9}})] {
            let lbfgs = json!({"lbfgs": {
                "learning_rate": 0.2, "max_iter": 2, "history_size": 3, "line_search_fn": line_search
            }});
            let whole =
                network(json!({"optimizer": lbfgs, "schedule": schedule, "batch_size": 7, "steps": 10}));
            let mut first = whole.clone();
            first["steps"] = json!(6);
            let first = answer(train::answer, &first);
            let buffers = first["state"]["optimizer"]["lbfgs"].as_object().unwrap();
            assert!(buffers.contains_key("old_stps_2") && buffers.len() == 8, "the memory is full");
            let mut second = whole.clone();
            second["state"] = first["state"].clone();
            let (found, expected) = (answer(train::answer, &second), answer(train::answer, &whole));
            assert_eq!(found["state"], expected["state"], "{line_search} {schedule}");
        }
    }
}

#[test]
fn the_memory_of_lbfgs_has_a_limit() {
    let limits = Limits { max_parameters: 10, ..Limits::default() };
    let body = |history: u64| {
        line(json!({"optimizer": {"lbfgs": {"history_size": history}}, "steps": 1})).to_string()
    };
    let context = Context { limits, ..Context::default() };
    // Two vectors of two numbers for each iteration.
    assert!(train::answer(body(25).as_bytes(), &context).is_ok());
    let found = train::answer(body(26).as_bytes(), &context).unwrap_err();
    assert_invalid(&found, &["/optimizer/lbfgs/history_size"], &["104 numbers"]);
    assert_eq!((found.limit, found.actual), (Some(100), Some(104)));
}

#[test]
fn lbfgs_solves_a_line_in_one_step() {
    let lbfgs = json!({"lbfgs": {"line_search_fn": "strong_wolfe"}});
    let found = answer(train::answer, &line(json!({"optimizer": lbfgs, "steps": 1})));
    assert!(found["loss"].as_f64().unwrap() < 1e-12, "{}", found["loss"]);
}

#[test]
fn a_cycle_moves_the_momentum_through_a_continuation() {
    for optimizer in [
        json!({"sgd": {"learning_rate": 0.1}}),
        json!({"adamw": {"learning_rate": 0.1}}),
        json!({"rmsprop": {"learning_rate": 0.01}}),
    ] {
        let whole = network(json!({"optimizer": optimizer, "schedule": {"one_cycle": {"total_steps": 100}}}));
        let mut first = whole.clone();
        first["steps"] = json!(33);
        let mut second = whole.clone();
        second["state"] = answer(train::answer, &first)["state"].clone();
        assert_eq!(answer(train::answer, &second)["state"], answer(train::answer, &whole)["state"]);
    }
}

#[test]
fn every_optimizer_finds_the_line() {
    for optimizer in [
        json!({"sgd": {"learning_rate": 0.1}}),
        json!({"adam": {"learning_rate": 0.1}}),
        json!({"adamw": {"learning_rate": 0.1, "weight_decay": 0}}),
        json!({"rmsprop": {"learning_rate": 0.02}}),
        json!({"adagrad": {"learning_rate": 1}}),
    ] {
        let schedule = json!({"cosine": {"t_max": 1000}});
        let found = answer(
            train::answer,
            &line(json!({"optimizer": optimizer, "schedule": schedule, "steps": 1000})),
        );
        let (a, b) = (found["parameters"]["a"].as_f64().unwrap(), found["parameters"]["b"].as_f64().unwrap());
        assert!((a - 2.0).abs() < 1e-2 && (b - 1.0).abs() < 1e-2, "{optimizer}: {a} {b}");
    }
}

#[test]
fn settings_that_cannot_be_meant_are_told_with_their_place() {
    let optimizer = |optimizer: Value| line(json!({"optimizer": optimizer}));
    let schedule = |schedule: Value| line(json!({"schedule": schedule}));
    for (body, places, word) in [
        (optimizer(json!({"adam": {"learning_rate": 0}})), &["/optimizer/adam/learning_rate"][..], "above 0"),
        (optimizer(json!({"adam": {"learning_rate": -0.1}})), &["/optimizer/adam/learning_rate"], "above 0"),
        (optimizer(json!({"adam": {"learning_rate": "NaN"}})), &["/optimizer/adam/learning_rate"], "NaN"),
        (optimizer(json!({"adamw": {"betas": [1, 0.9]}})), &["/optimizer/adamw/betas/0"], "below 1"),
        (optimizer(json!({"adam": {"betas": [0.9, -0.5]}})), &["/optimizer/adam/betas/1"], "at least 0"),
        (optimizer(json!({"adam": {"betas": [0.9]}})), &["/optimizer/adam/betas"], "two numbers"),
        (optimizer(json!({"adam": {"betas": [0.9, 0.99, 0.999]}})), &["/optimizer/adam/betas"], "found 3"),
        (optimizer(json!({"adam": {"eps": 0}})), &["/optimizer/adam/eps"], "above 0"),
        (optimizer(json!({"adam": {"momentum": 0.9}})), &["/optimizer/adam/momentum"], "`momentum`"),
        (optimizer(json!({"rmsprop": {"alpha": 1}})), &["/optimizer/rmsprop/alpha"], "below 1"),
        (optimizer(json!({"adagrad": {"eps": -1}})), &["/optimizer/adagrad/eps"], "above 0"),
        (optimizer(json!({"adma": {}})), &["/optimizer/adma"], "did you mean `adam`?"),
        (optimizer(json!({})), &["/optimizer"], "exactly one of `sgd`, `adam`"),
        (
            optimizer(json!({"adam": {}, "adagrad": {}})),
            &["/optimizer/adam", "/optimizer/adagrad"],
            "exactly one",
        ),
        (optimizer(json!({"adam": []})), &["/optimizer/adam"], "an object"),
        (
            line(json!({"optimizer": {"lbfgs": {}}, "batch_size": 2})),
            &["/batch_size"],
            "leave it out to see all rows",
        ),
        (line(json!({"optimizer": {"lbfgs": {}}, "clip": {"norm": 1}})), &["/clip"], "leave it out"),
        (optimizer(json!({"lbfgs": {"max_iter": 0}})), &["/optimizer/lbfgs/max_iter"], "at least 1"),
        (
            optimizer(json!({"lbfgs": {"line_search_fn": "wolfe"}})),
            &["/optimizer/lbfgs/line_search_fn"],
            "`strong_wolfe`",
        ),
        (schedule(json!({"cosin": {}})), &["/schedule/cosin"], "did you mean `cosine`?"),
        (schedule(json!({})), &["/schedule"], "exactly one"),
        (schedule(json!({"cosine": {}})), &["/schedule/cosine"], "`t_max`"),
        (schedule(json!({"cosine": {"t_max": 0}})), &["/schedule/cosine/t_max"], "at least 1"),
        (schedule(json!({"step": {"step_size": 1.5}})), &["/schedule/step/step_size"], "a whole number"),
        (
            schedule(json!({"one_cycle": {"total_steps": 49}})),
            &["/schedule/one_cycle/total_steps"],
            "the run makes 50",
        ),
        (
            schedule(json!({"one_cycle": {"total_steps": 50, "anneal_strategy": "cosine"}})),
            &["/schedule/one_cycle/anneal_strategy"],
            "`cos`",
        ),
        (
            schedule(json!({"reduce_on_plateau": {"factor": 1}})),
            &["/schedule/reduce_on_plateau/factor"],
            "below 1",
        ),
        (schedule(json!({"warm_up": {"steps": 0}})), &["/schedule/warm_up/steps"], "at least 1"),
        (
            line(json!({"optimizer": {"adagrad": {}}, "schedule": {"one_cycle": {"total_steps": 50}}})),
            &["/schedule/one_cycle/cycle_momentum"],
            "set it to false",
        ),
        (line(json!({"clip": {"norm": 0}})), &["/clip/norm"], "above 0"),
        (line(json!({"clip": {"norm": 1, "value": 1}})), &["/clip/norm", "/clip/value"], "exactly one"),
        (line(json!({"clip": {"length": 1}})), &["/clip/length"], "`norm`"),
        (line(json!({"early_stopping": {"patience": 0}})), &["/early_stopping/patience"], "at least 1"),
        (
            line(json!({"early_stopping": {"patience": 1, "min_delta": -1}})),
            &["/early_stopping/min_delta"],
            "at least 0",
        ),
        (line(json!({"batch_size": 5})), &["/batch_size"], "leave it out"),
        (line(json!({"validation": {"fraction": 0.5}, "batch_size": 3})), &["/batch_size"], "2 rows"),
        (line(json!({"validation": {"fraction": 0}})), &["/validation/fraction"], "above 0"),
        (line(json!({"validation": {"fraction": 1}})), &["/validation/fraction"], "below 1"),
        (line(json!({"validation": {"fraction": 0.9}})), &["/validation/fraction"], "none to train on"),
        (line(json!({"validation": {"x": []}})), &["/validation/x", "/validation"], "at least 1"),
        (line(json!({"validation": {"x": [1], "y": [1, 2]}})), &["/validation/y"], "as many"),
        (
            line(json!({"validation": {"x": [1], "z": [1]}})),
            &["/validation/z", "/validation"],
            "`y` is missing",
        ),
        (line(json!({"validation": {}})), &["/validation", "/validation"], "`x` is missing"),
        (network(json!({"validation": {"x": [[1, 2]]}})), &["/validation"], "targets `y` are missing"),
        (network(json!({"validation": {"x": [[1]], "y": [0]}})), &["/validation/x/0"], "2 inputs"),
        (network(json!({"validation": {"x": [[1, 2]], "y": [2]}})), &["/validation/y/0"], "0 to 1"),
        (network(json!({"validation": {"x": [[1, 2]], "y": [[0, 1]]}})), &["/validation/y"], "same form"),
    ] {
        assert_invalid(&problem(train::answer, &body), places, &[word]);
    }
}

#[test]
fn a_state_of_another_run_is_refused_with_the_difference() {
    let state = |body: Value| answer(train::answer, &body)["state"].clone();
    let adam = state(line(json!({"steps": 3})));
    let go_on = |members: Value| {
        let mut body = line(members);
        if body.get("state").is_none() {
            body["state"] = adam.clone();
        }
        problem(train::answer, &body)
    };
    let sgd = go_on(json!({"optimizer": {"sgd": {"learning_rate": 0.1}}}));
    assert_invalid(&sgd, &["/state/optimizer/adam"], &["of the optimizer `adam`", "trains with `sgd`"]);
    let amsgrad = go_on(json!({"optimizer": {"adam": {"amsgrad": true}}}));
    assert_invalid(&amsgrad, &["/state/optimizer/adam"], &["`max_exp_avg_sq` is missing"]);
    let mut renamed = adam.clone();
    let buffers = renamed["optimizer"]["adam"].as_object_mut().unwrap();
    let buffer = buffers.remove("exp_avg").unwrap();
    buffers.insert("exp_avgs".to_owned(), buffer);
    let places = ["/state/optimizer/adam/exp_avgs", "/state/optimizer/adam"];
    assert_invalid(&go_on(json!({"state": renamed})), &places, &["did you mean `exp_avg`?"]);
    let mut early = adam.clone();
    early["step"] = json!(0);
    let places = ["/state/optimizer/adam/exp_avg", "/state/optimizer/adam/exp_avg_sq"];
    assert_invalid(&go_on(json!({"state": early})), &places, &["before the first step"]);
    let other = go_on(json!({"state": state(network(json!({"steps": 3})))}));
    assert_invalid(&other, &["/state/parameters"], &["an object of values by name"]);
    let plateau = go_on(json!({"schedule": {"reduce_on_plateau": {}}}));
    assert_invalid(&plateau, &["/state/watch"], &["lateau is missing"]);
    let plateau = state(line(json!({"steps": 3, "schedule": {"reduce_on_plateau": {}}})));
    assert_invalid(&go_on(json!({"state": plateau})), &["/state/watch/plateau"], &["does not use it"]);

    let narrow = state(network(json!({"steps": 3})));
    let mut wide = network(json!({"state": narrow}));
    wide["mlp"]["layers"][0]["units"] = json!(4);
    let found = problem(train::answer, &wide);
    let word = "has 3 rows of 2 numbers, but the layer needs 4 rows";
    assert!(found.errors.iter().any(|fault| fault.detail.contains(word)), "{found:#?}");
}

fn diverged(body: &Value) -> (Problem, Value) {
    let found = problem(train::answer, body);
    assert_eq!((slug(&found), found.status), ("diverged", 422), "{found:#?}");
    let state = serde_json::to_value(&found).unwrap()["state"].clone();
    (found, state)
}

#[test]
fn a_run_that_diverges_leaves_its_last_state() {
    let body = line(json!({"optimizer": {"sgd": {"learning_rate": 100, "momentum": 0.5}}, "steps": 400}));
    let (found, state) = diverged(&body);
    let step = state["step"].as_u64().unwrap();
    assert!(found.detail.contains(&format!("at step {} after a loss of ", step + 1)), "{}", found.detail);
    // From the state one step earlier, the same step leads to it.
    let mut shorter = body.clone();
    shorter["steps"] = json!(step - 1);
    let before = answer(train::answer, &shorter);
    assert!(before["loss"].as_f64().unwrap() > 1e100);
    let mut again = body;
    again["state"] = before["state"].clone();
    assert_eq!(diverged(&again).1, state);
}

#[test]
fn an_update_that_breaks_a_parameter_leaves_the_state_before_it() {
    let mut body = network(json!({"optimizer": {"sgd": {"learning_rate": 1e308}}, "steps": 5}));
    body["mlp"]["loss"] = json!("mse");
    body["data"]["y"] = json!([[1e3, 0], [1e3, 0], [1e3, 0], [1e3, 0], [1e3, 0], [1e3, 0], [1e3, 0]]);
    let (found, state) = diverged(&body);
    assert!(found.detail.contains("of layer"), "{}", found.detail);
    assert!(found.detail.contains("stopped being finite at a loss of "), "{}", found.detail);
    assert_eq!(state["step"], 0);
    // It can go on from there.
    body["state"] = state;
    body["optimizer"] = json!({"sgd": {"learning_rate": 1e-4}});
    assert_eq!(answer(train::answer, &body)["steps"], 5);
}

#[test]
fn a_target_ends_the_run() {
    let found = answer(train::answer, &line(json!({"target_loss": 0.5, "steps": 900})));
    assert_eq!(found["stopped"], "target_loss");
    assert!(found["loss"].as_f64().unwrap() <= 0.5);
    let steps = found["steps"].as_u64().unwrap() as usize;
    let before = answer(train::answer, &line(json!({"steps": steps - 1})));
    assert!(before["loss"].as_f64().unwrap() > 0.5);
    assert_eq!(found["history"]["step"].as_array().unwrap().len(), steps);
    // The state says so: with the same target nothing is left to do, with a lower one there is.
    let mut more = line(json!({"target_loss": 0.5, "steps": 900, "state": found["state"]}));
    let again = answer(train::answer, &more);
    assert_eq!((&again["stopped"], &again["steps"]), (&json!("target_loss"), &found["steps"]));
    more["target_loss"] = json!(0.01);
    assert!(answer(train::answer, &more)["steps"].as_u64().unwrap() as usize > steps);
}

#[test]
fn early_stopping_gives_the_best_epoch_back() {
    // A rate at which the loss first falls and then rises: the run goes past the minimum and back.
    let recipe = json!({
        "optimizer": {"sgd": {"learning_rate": 0.02, "momentum": 0.99}}, "steps": 900,
        "early_stopping": {"patience": 3}
    });
    let found = answer(train::answer, &line(recipe.clone()));
    assert_eq!(found["stopped"], "early_stopping");
    let best = &found["state"]["watch"]["best"];
    let best_step = best["step"].as_u64().unwrap();
    assert_eq!(best["loss"], found["loss"]);
    // The runs of as many steps, one fewer, and up to three more.
    let loss_after = |steps: u64| {
        let body = json!({"optimizer": recipe["optimizer"], "steps": steps});
        answer(train::answer, &line(body))["loss"].as_f64().unwrap()
    };
    assert_eq!(json!(loss_after(best_step)), found["loss"]);
    for other in [best_step - 1, best_step + 1, best_step + 2, best_step + 3] {
        assert!(loss_after(other) > loss_after(best_step), "after {other} steps");
    }
    assert_eq!(found["steps"], json!(best_step + 3));
    assert_eq!(best["parameters"], found["parameters"]);
    assert_ne!(found["state"]["parameters"], found["parameters"]);
    let mut last = recipe;
    last["early_stopping"] = json!({"patience": 3, "restore_best": false});
    let last = answer(train::answer, &line(last));
    assert_eq!(last["parameters"], found["state"]["parameters"]);
    assert_eq!(last["state"]["watch"]["best"].get("parameters"), None);
}

#[test]
fn rows_held_back_are_not_trained_on() {
    // Training on three points of the line and one beside it finds that out.
    let whole = answer(
        train::answer,
        &line(
            json!({"validation": {"x": [10], "y": [0]}, "steps": 800, "optimizer": {"sgd": {"learning_rate": 0.1}}}),
        ),
    );
    assert!((whole["parameters"]["a"].as_f64().unwrap() - 2.0).abs() < 1e-9);
    assert!(whole["loss"].as_f64().unwrap() < 1e-15);
    // 2 * 10 + 1 is 21 away from 0.
    assert!((whole["validation"]["loss"].as_f64().unwrap() - 441.0).abs() < 1e-6);
    let history = &whole["validation"]["history"];
    assert_eq!(history["step"].as_array().unwrap().len(), 800);
    assert_eq!(history["loss"][799], whole["validation"]["loss"]);
    assert_eq!(whole.get("metrics"), None);

    let split = answer(train::answer, &network(json!({"validation": {"fraction": 0.3}})));
    // ⌈0.3 * 7⌉ = 3 rows are held back, 4 are left: two batches of at most 3 an epoch.
    assert_eq!((&split["steps"], &split["epochs"]), (&json!(100), &json!(50)));
    let count = |matrix: &Value| -> u64 {
        let rows = matrix["confusion_matrix"].as_array().unwrap().iter();
        rows.flat_map(|row| row.as_array().unwrap()).map(|n| n.as_u64().unwrap()).sum()
    };
    assert_eq!((count(&split["metrics"]), count(&split["validation"]["metrics"])), (4, 3));
}

#[test]
fn rows_of_its_own_are_as_good_as_a_split() {
    let split = answer(train::answer, &network(json!({"validation": {"fraction": 0.3}, "shuffle": true})));
    let mut own = network(json!({"shuffle": true}));
    let (x, y) = (own["data"]["x"].clone(), own["data"]["y"].clone());
    let pick =
        |values: &Value, rows: &[usize]| -> Value { rows.iter().map(|&row| values[row].clone()).collect() };
    let found = gradd::train::Split::new(7, 0.3, 5).unwrap();
    own["data"] = json!({"x": pick(&x, &found.training), "y": pick(&y, &found.training)});
    own["validation"] = json!({"x": pick(&x, &found.validation), "y": pick(&y, &found.validation)});
    let own = answer(train::answer, &own);
    for member in ["parameters", "loss", "metrics", "validation", "history", "state"] {
        assert_eq!(own[member], split[member], "{member}");
    }
}

#[test]
fn metrics_say_how_good_a_network_is() {
    let body = network(json!({"steps": 60}));
    let found = answer(train::answer, &body);
    let mut request = json!({"mlp": body["mlp"], "data": {"x": body["data"]["x"]}});
    request["mlp"]["parameters"] = found["parameters"].clone();
    let outputs = answer(evaluate::answer, &request)["outputs"].clone();
    let mut confusion = [[0_u32; 2]; 2];
    for (row, class) in outputs.as_array().unwrap().iter().zip(body["data"]["y"].as_array().unwrap()) {
        let second = row[1].as_f64().unwrap() > row[0].as_f64().unwrap();
        confusion[class.as_u64().unwrap() as usize][usize::from(second)] += 1;
    }
    let right = confusion[0][0] + confusion[1][1];
    let accuracy = f64::from(right) / 7.0;
    assert!((4..7).contains(&right), "neither all nor nothing: {confusion:?}");
    assert_eq!(found["metrics"], json!({"accuracy": accuracy, "confusion_matrix": confusion}));
    let mut regression = network(json!({"steps": 2000, "batch_size": 7}));
    regression["mlp"] = json!({"inputs": 2, "layers": [{"units": 1}]});
    regression["data"]["y"] = json!([[1], [3], [2], [4], [1.1], [2.1], [2.8]]);
    let found = answer(train::answer, &regression);
    // y = x1 + 2 x2 + 1 but for the last two rows.
    assert!(found["metrics"]["r2"].as_f64().unwrap() > 0.99);
    assert!(found["metrics"]["mae"].as_f64().unwrap() < 0.1);
    assert_eq!(found["metrics"].get("accuracy"), None);
}

#[test]
fn an_answer_says_how_long_it_took() {
    let timing = &answer(train::answer, &line(json!({})))["timing"];
    let (seconds, rate) = (timing["seconds"].as_f64().unwrap(), timing["steps_per_second"].as_f64().unwrap());
    assert!(seconds > 0.0 && (rate * seconds - 50.0).abs() < 1e-6, "{timing}");
}
