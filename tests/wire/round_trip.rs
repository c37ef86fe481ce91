//! Numbers come out as they went in, to the last bit.

use gradd::api::evaluate;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer;

proptest! {
    #[test]
    fn every_double_comes_back(bits in prop::collection::vec(any::<u64>(), 1..50)) {
        let numbers: Vec<f64> = bits.into_iter().map(f64::from_bits).filter(|x| x.is_finite()).collect();
        prop_assume!(!numbers.is_empty());
        let found = answer(evaluate::answer, &json!({"expression": "x", "inputs": {"x": numbers}}));
        let back: Vec<u64> = found["outputs"]["output"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap().to_bits())
            .collect();
        let sent: Vec<u64> = numbers.iter().map(|x| x.to_bits()).collect();
        prop_assert_eq!(back, sent);
    }
}

#[test]
fn integers_of_any_size_are_numbers() {
    let body = r#"{"expression": "x", "inputs": {"x": [9007199254740993, -9223372036854775808, 123456789012345678901234567890]}}"#;
    let found = answer(evaluate::answer, &serde_json::from_str::<Value>(body).unwrap());
    let expected = json!([9_007_199_254_740_992.0, -9.223_372_036_854_776e18, 1.234_567_890_123_456_8e29]);
    assert_eq!(found["outputs"]["output"], expected);
}
