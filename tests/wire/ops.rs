//! The op table.

use gradd::api::ops;
use serde_json::Value;

#[test]
fn every_op_is_described() {
    let reply: Value = serde_json::from_slice(&ops::answer().body).unwrap();
    let table = reply["ops"].as_array().unwrap();
    assert_eq!(table.len(), gradd::engine::Op::ALL.len());
    for op in table {
        for member in ["name", "text", "doc", "derivative", "domain"] {
            assert!(!op[member].as_str().unwrap().is_empty(), "{op}");
        }
        assert!(op["operands"]["min"].as_u64().unwrap() >= 1);
    }
    let dot = table.iter().find(|op| op["name"] == "dot").unwrap();
    assert_eq!(dot["operands"], serde_json::json!({"min": 2, "multiple_of": 2}));
    let max = table.iter().find(|op| op["name"] == "max").unwrap();
    assert_eq!(max["operands"], serde_json::json!({"min": 1, "multiple_of": 1}));
}
