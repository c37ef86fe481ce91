//! What a request takes is told from its size, however it is written.

use gradd::api::{Limits, Operation, evaluate, gradient, hessian, jvp};
use serde_json::{Value, json};

use super::{problem_within, slug};

const OPERANDS: usize = 20_000;

/// The setting and the figure with which `body` is refused.
fn refused(operation: Operation, limits: Limits, body: &Value) -> (String, u64) {
    let found = problem_within(limits, operation, body);
    assert_eq!(slug(&found), "limit-exceeded", "{}", found.detail);
    (found.setting.expect("a setting").into_owned(), found.actual.expect("a figure"))
}

/// A node of many operands is so many operations, and costs what they cost.
#[test]
fn one_node_of_many_operands_counts_them() {
    let sum = json!({"graph": {"nodes": [
        {"id": "x", "op": "input", "value": 1}, {"id": "s", "op": "sum", "inputs": vec!["x"; OPERANDS]}
    ]}});
    let additions = json!({"expression": vec!["x"; OPERANDS].join("+"), "inputs": {"x": 1}});
    // Three instructions for an operand.
    let max = json!({"graph": {"nodes": [
        {"id": "x", "op": "input", "value": 1}, {"id": "s", "op": "max", "inputs": vec!["x"; OPERANDS]}
    ]}});
    let with_tangent = |mut body: Value| {
        body["tangents"] = json!({"x": 1});
        body
    };
    let operations: [(Operation, [Value; 3]); 4] = [
        (evaluate::answer, [&sum, &additions, &max].map(Clone::clone)),
        (gradient::answer, [&sum, &additions, &max].map(Clone::clone)),
        (hessian::answer, [&sum, &additions, &max].map(Clone::clone)),
        (jvp::answer, [&sum, &additions, &max].map(|body| with_tangent(body.clone()))),
    ];
    for (operation, [sum, additions, max]) in operations {
        for limits in [
            Limits { max_work: OPERANDS / 2, ..Limits::default() },
            Limits { max_memory: OPERANDS * 100, ..Limits::default() },
        ] {
            let (setting, figure) = refused(operation, limits.clone(), &sum);
            assert_eq!(refused(operation, limits.clone(), &additions), (setting.clone(), figure));
            let (of_max, larger) = refused(operation, limits, &max);
            let ratio = larger as f64 / figure as f64;
            assert!(of_max == setting && (2.9..3.1).contains(&ratio), "{setting}: {ratio}");
        }
    }
}

/// Names of operands are part of a trace.
#[test]
fn a_trace_counts_its_operands() {
    let of = |count: usize| {
        let body = json!({"graph": {"nodes": [
            {"id": "x", "op": "input", "value": 1}, {"id": "s", "op": "sum", "inputs": vec!["x"; count]}
        ]}, "trace": true});
        refused(gradient::answer, Limits { max_memory: 1000, ..Limits::default() }, &body).1
    };
    assert!(of(2000) - of(1000) > 1000 * 180, "{}", of(2000) - of(1000));
}
