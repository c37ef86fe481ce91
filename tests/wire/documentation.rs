//! The requests of `docs/training.md` do what it says.

use gradd::api::train;
use serde_json::Value;

use super::answer;

/// The blocks of JSON in a page of the documentation.
fn requests(page: &str) -> Vec<Value> {
    let path = format!("{}/docs/{page}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```json\n").skip(1);
    blocks.map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap()).collect()
}

#[test]
fn the_requests_of_the_training_page_train() {
    // The page also has a request for a fit, with its answer.
    let requests = requests("training.md").into_iter().filter(|block| block.get("optimizer").is_some());
    let answers: Vec<Value> = requests.map(|request| answer(train::answer, &request)).collect();
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
