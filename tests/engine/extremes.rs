//! The largest and the smallest of many operands, of which some are equal.

use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, NodeId, NonFinitePolicy, Op, Role,
    Tape, derivatives,
};
use proptest::prelude::*;

fn applied(op: Op, count: usize) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = (0..count).map(|i| graph.input(format!("x{i}"))).collect();
    let output = graph.apply(op, &inputs).expect("any number of operands");
    (graph, output)
}

fn numbers(columns: &[Option<Column>]) -> Vec<f64> {
    let number = |column: &Option<Column>| match column {
        Some(Column::Number(number)) => *number,
        other => panic!("a number, not {other:?}"),
    };
    columns.iter().map(number).collect()
}

/// Values of which many are equal, and how each moves.
fn operands() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let value = prop::sample::select(&[-1.0, -0.0, 0.0, 1.0, 2.0][..]);
    prop::collection::vec((value, -1.0..1.0f64), 1..14)
}

proptest! {
    #[test]
    fn all_that_are_equal_share_evenly(operands in operands(), largest: bool) {
        let op = if largest { Op::Max } else { Op::Min };
        let (values, tangents): (Vec<f64>, Vec<f64>) = operands.into_iter().unzip();
        let expected = values.iter().copied().reduce(if largest { f64::max } else { f64::min }).expect("one or more");
        let tied = values.iter().filter(|x| **x == expected).count() as f64;
        let shares: Vec<f64> = values.iter().map(|x| if *x == expected { 1.0 / tied } else { 0.0 }).collect();

        let (graph, output) = applied(op, values.len());
        let at: Vec<Binding<'_>> = values.iter().map(|&x| Binding::Number(x)).collect();
        let never = Interrupt::never();
        for options in [CompileOptions::default(), CompileOptions::TRACE, CompileOptions::SECOND] {
            let tape = Tape::compile(&graph, &[output], &vec![Role::NUMBER; at.len()], options);
            let found = tape.gradient(&at, GradientOptions::default(), &never).expect("finite");
            prop_assert_eq!(&found.outputs, &[Column::Number(expected)]);
            prop_assert_eq!(numbers(&found.gradients), shares.clone());
        }
        // The same forward.
        let tape = Tape::compile(&graph, &[output], &vec![Role::NUMBER; at.len()], CompileOptions::SECOND);
        let moves: Vec<Binding<'_>> = tangents.iter().map(|&x| Binding::Number(x)).collect();
        let jvp = tape.jvp(&at, &moves, NonFinitePolicy::Refuse, &never).expect("finite");
        let along: f64 = shares.iter().zip(&tangents).map(|(share, tangent)| share * tangent).sum();
        let Column::Number(moved) = jvp.tangents[0] else { panic!("a number") };
        prop_assert!((moved - along).abs() < 1e-14, "{moved} is not {along}");
        // Flat in all directions.
        let wanted: Vec<usize> = (0..at.len()).collect();
        let hessian = derivatives::hessian(&graph, output, &at, &wanted, &never).expect("finite");
        prop_assert_eq!(hessian.pattern.nonzeros(), 0);
        // And over samples.
        let samples: Vec<Vec<f64>> = values.iter().map(|&x| vec![x; 11]).collect();
        let at: Vec<Binding<'_>> = samples.iter().map(|column| Binding::Samples(column)).collect();
        let tape = Tape::compile(&graph, &[output], &vec![Role::SAMPLES; at.len()], CompileOptions::default());
        let found = tape.gradient(&at, GradientOptions::default(), &never).expect("finite");
        for (column, share) in found.gradients.iter().zip(&shares) {
            prop_assert_eq!(column, &Some(Column::Samples(vec![*share; 11])));
        }
    }
}

/// What operands beside each other share evenly, brackets share by halves: `max(max(a, b), c)` says which.
#[test]
fn brackets_share_by_halves() {
    let mut graph = Graph::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| graph.input(name));
    let inner = graph.apply(Op::Max, &[a, b]).expect("two operands");
    let output = graph.apply(Op::Max, &[inner, c]).expect("two operands");
    let tape = Tape::compile(&graph, &[output], &[Role::NUMBER; 3], CompileOptions::default());
    let found = tape.gradient(&[Binding::Number(1.5); 3], GradientOptions::default(), &Interrupt::never());
    assert_eq!(numbers(&found.expect("finite").gradients), [0.25, 0.25, 0.5]);
}
