//! Holds every node of a trace to its operands and to those that use it, by the op table alone: nothing of the tape, its
//! order, its sharing or its sweeps is used. Each node is held to what the answer says of its neighbours, so that rounding
//! does not add up and the bounds can be tight.

use std::collections::HashMap;

use gradd::engine::Op;
use serde_json::Value;

/// Checks a trace of plain numbers; one over samples is passed over.
pub fn check(answer: &Value) {
    let nodes = answer["trace"].as_array().expect("a trace");
    let Some(values) = nodes.iter().map(|node| Some((id(node), number(&node["data"])?))).collect() else {
        return;
    };
    let values: HashMap<&str, f64> = values;
    // An expression may assign a name twice, and a constant alone is no node.
    if values.len() < nodes.len() || nodes.is_empty() {
        return;
    }
    // What each node's grad is summed from.
    let mut terms: HashMap<&str, Vec<f64>> = HashMap::new();
    for output in answer["outputs"].as_object().expect("outputs by name").keys() {
        // The last statement of an expression is called `output` where it has no name.
        let node = nodes.iter().find(|node| id(node) == output).unwrap_or(&nodes[nodes.len() - 1]);
        terms.entry(id(node)).or_default().push(1.0);
    }
    for node in nodes.iter().rev() {
        let Some(op) = Op::from_name(node["op"].as_str().expect("an op")) else { continue };
        let operands = node["inputs"].as_array().expect("operands");
        let x: Vec<f64> = operands.iter().map(|operand| operand_value(operand, &values)).collect();
        let y = values[id(node)];
        close(y, &value(op, &x), || format!("data of {node} at {x:?}"));
        let Some(grad) = number(&node["grad"]) else { return };
        for (operand, partial) in operands.iter().zip(partials(op, &x, y)) {
            if let Some(operand) = operand.as_str().filter(|operand| values.contains_key(operand)) {
                // A zero adjoint contributes zero, even through an infinite partial.
                terms.entry(operand).or_default().push(if grad == 0.0 { 0.0 } else { grad * partial });
            }
        }
    }
    for node in nodes {
        let Some(grad) = number(&node["grad"]) else { return };
        close(grad, terms.get(id(node)).map_or(&[], Vec::as_slice), || format!("grad of {node}"));
    }
}

fn id(node: &Value) -> &str {
    node["id"].as_str().expect("an id")
}

/// A finite number, or one of the three words for others.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// The id of a node, or a constant.
fn operand_value(operand: &Value, values: &HashMap<&str, f64>) -> f64 {
    let node = operand.as_str().and_then(|id| values.get(id));
    node.copied().or_else(|| number(operand)).expect("a node or a number")
}

/// The numbers whose sum is the op's value.
fn value(op: Op, x: &[f64]) -> Vec<f64> {
    let n = x.len();
    match op {
        Op::Sum => x.to_vec(),
        Op::Mean => x.iter().map(|x| x / n as f64).collect(),
        Op::Prod => vec![x.iter().product()],
        Op::Dot => (0..n / 2).map(|i| x[i] * x[n / 2 + i]).collect(),
        Op::LogSumExp => {
            let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            vec![most, x.iter().map(|x| (x - most).exp()).sum::<f64>().ln()]
        }
        Op::Norm => vec![x.iter().fold(0.0, |norm: f64, x| norm.hypot(*x))],
        // NaN is not compared.
        Op::Min => vec![x.iter().copied().fold(f64::INFINITY, f64::min)],
        Op::Max => vec![x.iter().copied().fold(f64::NEG_INFINITY, f64::max)],
        _ => vec![op.value(x)],
    }
}

/// The local partial derivatives.
fn partials(op: Op, x: &[f64], y: f64) -> Vec<f64> {
    let n = x.len();
    match op {
        Op::Sum => vec![1.0; n],
        Op::Mean => vec![1.0 / n as f64; n],
        Op::Prod => {
            let but = |i| x.iter().enumerate().filter(|(k, _)| *k != i).map(|(_, x)| x).product();
            (0..n).map(but).collect()
        }
        Op::Dot => (0..n).map(|i| x[(i + n / 2) % n]).collect(),
        Op::LogSumExp => x.iter().map(|x| (x - y).exp()).collect(),
        Op::Norm => x.iter().map(|x| if y == 0.0 { 0.0 } else { x / y }).collect(),
        Op::Min | Op::Max => {
            let tied = x.iter().filter(|x| **x == y).count() as f64;
            x.iter().map(|x| if *x == y { 1.0 / tied } else { 0.0 }).collect()
        }
        _ => op.partials(x, y),
    }
}

/// Whether `found` is the sum of `terms`, up to rounding. Where a term is beyond the range of numbers, so may be the sum.
fn close(found: f64, terms: &[f64], what: impl Fn() -> String) {
    let size: f64 = terms.iter().map(|term| term.abs()).sum();
    if size < 1e150 && found.is_finite() {
        let sum: f64 = terms.iter().sum();
        assert!((found - sum).abs() <= 1e-11 * size + 1e-150, "{}: {found} is not {sum} = {terms:?}", what());
    }
}
