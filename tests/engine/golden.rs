//! Every op against the golden values of `tests/fixtures/ops`.

use std::collections::{BTreeMap, HashMap};

use gradd::engine::notation::Formula;
use gradd::engine::{
    Arity, Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, NodeId, NonFinitePolicy, Op,
    Role, Tape,
};
use serde::Deserialize;
use serde_json::Value as Json;

#[derive(Deserialize)]
struct Case {
    op: String,
    inputs: Vec<Json>,
    value: Json,
    gradients: Vec<Json>,
}

fn number(json: &Json) -> f64 {
    match json.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => json.as_f64().expect("a number"),
    }
}

/// 1e-10 relative, and a few subnormal steps. The derivatives of tanh, sigmoid and silu are taken from the value, as
/// PyTorch takes them, which leaves an absolute error of a rounding of 1 where they vanish.
fn agrees(op: Op, is_gradient: bool, actual: f64, expected: f64) -> bool {
    if !actual.is_finite() || !expected.is_finite() {
        return actual == expected || (actual.is_nan() && expected.is_nan());
    }
    let from_value = is_gradient && matches!(op, Op::Tanh | Op::Sigmoid | Op::Silu);
    // silu multiplies x with a factor that may be subnormal.
    let steps = if op == Op::Silu { 740.0 } else { 8.0 };
    let absolute = if from_value { 4e-16 } else { steps * f64::from_bits(1) };
    (actual - expected).abs() <= (1e-10 * expected.abs()).max(absolute)
}

fn cases() -> Vec<(Op, Case)> {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../fixtures/ops/ops.json")).expect("the fixture");
    cases.into_iter().map(|case| (Op::from_name(&case.op).expect("a known op"), case)).collect()
}

fn applied(op: Op, count: usize) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = (0..count).map(|i| graph.input(format!("x{i}"))).collect();
    let output = graph.apply(op, &inputs).expect("the op's arity");
    (graph, output)
}

const ALLOW: GradientOptions =
    GradientOptions { reduction: gradd::engine::Reduction::Sum, non_finite: NonFinitePolicy::Allow };

#[test]
fn every_op_at_one_point() {
    let mut faults = Vec::new();
    let cases = cases();
    for (op, case) in &cases {
        let inputs: Vec<f64> = case.inputs.iter().map(number).collect();
        let (graph, output) = applied(*op, inputs.len());
        let tape =
            Tape::compile(&graph, &[output], &vec![Role::NUMBER; inputs.len()], CompileOptions::default());
        let bindings: Vec<Binding<'_>> = inputs.iter().map(|&x| Binding::Number(x)).collect();
        let result =
            tape.gradient(&bindings, ALLOW, &Interrupt::never()).expect("non-finite values are allowed");
        let mut check = |what: &str, is_gradient, actual: &Column, expected: &Json| {
            let (Column::Number(actual), expected) = (actual, number(expected)) else { panic!("{actual:?}") };
            if !agrees(*op, is_gradient, *actual, expected) {
                faults.push(format!("{} {what} at {inputs:?}: {actual:e}, not {expected:e}", op.name()));
            }
        };
        check("value", false, &result.outputs[0], &case.value);
        for (i, (actual, expected)) in result.gradients.iter().zip(&case.gradients).enumerate() {
            check(&format!("derivative {i}"), true, actual.as_ref().expect("wanted"), expected);
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    for op in Op::ALL {
        assert!(cases.iter().filter(|(o, _)| o == op).count() >= 20, "too few cases of {}", op.name());
    }
}

/// A point gives the same bits alone, as a lane among others, and among the repeats that fill up a block.
#[test]
fn every_op_over_samples() {
    for &op in Op::ALL {
        let mut points: BTreeMap<usize, Vec<Vec<f64>>> = BTreeMap::new();
        for (_, case) in cases().iter().filter(|(o, _)| *o == op) {
            points.entry(case.inputs.len()).or_default().push(case.inputs.iter().map(number).collect());
        }
        for (count, rows) in points {
            over_samples(op, count, &rows);
        }
    }
}

/// `op` of `count` operands, at one row per sample.
fn over_samples(op: Op, count: usize, rows: &[Vec<f64>]) {
    let (graph, output) = applied(op, count);
    let samples: Vec<Vec<f64>> = (0..count).map(|i| rows.iter().map(|row| row[i]).collect()).collect();
    let bindings: Vec<Binding<'_>> = samples.iter().map(|s| Binding::Samples(s)).collect();
    let tape = Tape::compile(&graph, &[output], &vec![Role::SAMPLES; count], CompileOptions::default());
    let batch = tape.gradient(&bindings, ALLOW, &Interrupt::never()).expect("non-finite values are allowed");
    let tape = Tape::compile(&graph, &[output], &vec![Role::NUMBER; count], CompileOptions::default());
    for (lane, row) in rows.iter().enumerate() {
        let bindings: Vec<Binding<'_>> = row.iter().map(|&x| Binding::Number(x)).collect();
        let point =
            tape.gradient(&bindings, ALLOW, &Interrupt::never()).expect("non-finite values are allowed");
        let same = |batch: &Column, point: &Column| match (batch, point) {
            (Column::Samples(batch), Column::Number(point)) => {
                batch[lane].to_bits() == point.to_bits() || (batch[lane].is_nan() && point.is_nan())
            }
            other => panic!("{other:?}"),
        };
        assert!(same(&batch.outputs[0], &point.outputs[0]), "{} at {row:?}", op.name());
        for (batch, point) in batch.gradients.iter().zip(&point.gradients) {
            let (Some(batch), Some(point)) = (batch, point) else { panic!("both are wanted") };
            assert!(same(batch, point), "{} at {row:?}", op.name());
        }
    }
}

/// The local partials alone, of composed ops as well: what explanations tell.
#[test]
fn every_local_partial() {
    for (op, case) in cases() {
        let inputs: Vec<f64> = case.inputs.iter().map(number).collect();
        let found = op.partials(&inputs, number(&case.value));
        for (found, expected) in found.into_iter().zip(&case.gradients) {
            let expected = number(expected);
            // A value at the end of the range loses the digits that its partials need.
            if inputs.iter().all(|x| x.abs() < 1e100) && expected.is_finite() {
                assert!(
                    agrees(op, true, found, expected),
                    "{} at {inputs:?}: {found}, not {expected}",
                    op.name()
                );
            }
        }
    }
}

/// What a graph says that it takes is what the tape makes of it.
#[test]
fn instructions_are_told_before_they_are_made() {
    for &op in Op::ALL {
        for count in (1..12).filter(|&count| op.arity().admits(count)) {
            let (graph, output) = applied(op, count);
            let made = |second| {
                let options = CompileOptions { fold: false, second, ..CompileOptions::default() };
                Tape::compile(&graph, &[output], &vec![Role::NUMBER; count], options).len()
            };
            assert_eq!(op.instructions(count), (made(false), made(true)), "{} of {count}", op.name());
            assert_eq!(graph.steps(), (count + made(false), count + made(true)), "{} of {count}", op.name());
        }
    }
}

/// The formulas of the op table, which are shown as they stand, are the derivatives.
#[test]
fn every_formula_of_a_derivative() {
    for &op in Op::ALL {
        let mut compared = 0;
        for (_, case) in cases().iter().filter(|(other, _)| *other == op) {
            let inputs: Vec<f64> = case.inputs.iter().map(number).collect();
            let value = number(&case.value);
            // Textbook formulas lose digits near the ends of a domain, where the engine's own do not.
            let is_plain = |x: &f64| *x == 0.0 || (1e-3..30.0).contains(&x.abs());
            let is_at_an_end = |x: &f64| {
                (1e-9..0.01).contains(&(x.abs() - 1.0).abs()) || (x.abs() - 1.0).abs() == f64::EPSILON / 2.0
            };
            if !inputs.iter().all(|x| is_plain(x) && !is_at_an_end(x)) || !value.is_finite() {
                continue;
            }
            let is_primitive = matches!(op.arity(), Arity::Exactly(_));
            let named: HashMap<&str, f64> = op.letters().into_iter().zip(inputs.iter().copied()).collect();
            for (i, expected) in case.gradients.iter().map(number).enumerate() {
                let formulas = op.formulas();
                let Formula::Expression(graph, node) = formulas.get(i).unwrap_or(&formulas[0]) else {
                    compared += 1;
                    continue;
                };
                let letter = |letter: &str| match letter {
                    "y" => value,
                    "n" => inputs.len() as f64,
                    "k" => inputs.iter().filter(|x| **x == value).count() as f64,
                    "a" if !is_primitive => inputs[i],
                    letter => named[letter],
                };
                let bindings: Vec<Binding<'_>> =
                    graph.inputs().iter().map(|(name, _)| Binding::Number(letter(name))).collect();
                let roles = vec![Role::NUMBER; bindings.len()];
                let tape = Tape::compile(graph, &[*node], &roles, CompileOptions::default());
                let found =
                    tape.evaluate(&bindings, NonFinitePolicy::Allow, &Interrupt::never()).expect("allowed");
                let [Column::Number(found)] = found[..] else { panic!("{found:?}") };
                if found.is_finite() && expected.is_finite() {
                    let close = (found - expected).abs() <= 1e-8 * expected.abs().max(1e-3);
                    assert!(close, "{} at {inputs:?}: {found}, not {expected}", op.name());
                    compared += 1;
                }
            }
        }
        assert!(compared >= 8, "{} cases of {}", compared, op.name());
    }
}
