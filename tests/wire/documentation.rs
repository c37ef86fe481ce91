//! The requests of `docs/training.md` do what it says.

use gradd::api::{fit, train};
use serde_json::{Value, json};

use super::answer;

/// The blocks of JSON in a page of the documentation.
fn blocks(page: &str) -> Vec<Value> {
    let path = format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```json\n").skip(1);
    blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect()
}

#[test]
fn the_requests_of_the_training_page_train() {
    let blocks = blocks("training.md");
    let trainings = blocks.iter().filter(|block| block.get("optimizer").is_some());
    let answers: Vec<Value> = trainings.map(|request| answer(train::answer, request)).collect();
    let [decay, line, network] = answers.as_slice() else { panic!("{} requests", answers.len()) };
    for (found, bound) in [(decay, 1e-3), (line, 0.02), (network, 0.1)] {
        let loss = found["loss"].as_f64().unwrap();
        assert!(loss < bound, "{loss} is not below {bound}");
    }
    let rate = decay["parameters"]["b"].as_f64().unwrap();
    assert!((rate - 0.52).abs() < 0.01, "{rate}");
    assert_eq!(line["stopped"], "target_loss");
    assert_eq!(network["metrics"]["accuracy"], 1.0);
    assert_eq!(network["validation"]["metrics"]["accuracy"], 1.0);
}

#[test]
fn the_fit_of_the_training_page_has_the_answer_shown() {
    let blocks = blocks("training.md");
    let request = blocks.iter().position(|block| block.get("target").is_some()).unwrap();
    assert_eq!(answer(fit::answer, &blocks[request]), blocks[request + 1]);
}

/// The accuracies, of 360 images, that the page tells for the seeds 1 to 6; they are the same on every machine.
#[test]
fn the_digits_are_recognised_with_every_seed() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/digits.json");
    let mut request: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!((&request["seed"], &request["mlp"]["seed"]), (&json!(1), &json!(1)));
    let right = [355, 353, 352, 358, 355, 355];
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/training.md")).unwrap();
    for (seed, right) in (1..).zip(right) {
        request["seed"] = json!(seed);
        request["mlp"]["seed"] = json!(seed);
        let found = answer(train::answer, &request);
        let accuracy = found["validation"]["metrics"]["accuracy"].as_f64().unwrap();
        assert!(accuracy >= 0.97, "seed {seed}: {accuracy}");
        assert_eq!(accuracy, f64::from(right) / 360.0, "seed {seed}");
        let row = format!("| {seed} | {right} | {:.2} % |", accuracy * 100.0);
        assert!(text.contains(&row), "{row}");
    }
}
