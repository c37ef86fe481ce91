//! Depth costs heap, not stack: everything here runs in a thread with a 2 MiB stack.

use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, NodeId, Op, ParseLimits, Role, Tape,
    parse,
};

fn in_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread").join().expect("no panic");
}

fn derivative_of(graph: &Graph, output: NodeId, x: f64) -> f64 {
    let tape = Tape::compile(graph, &[output], &[Role::NUMBER], CompileOptions::default());
    let gradient = tape.gradient(&[Binding::Number(x)], GradientOptions::default(), &Interrupt::never());
    match gradient.expect("a finite result").gradients[..] {
        [Some(Column::Number(number))] => number,
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_chain_of_ten_million_nodes() {
    in_small_stack(|| {
        let mut graph = Graph::new();
        let x = graph.input("x");
        let one = graph.constant(1.0);
        let mut node = x;
        for i in 0..10_000_000 {
            let op = if i % 2 == 0 { Op::Add } else { Op::Sub };
            node = graph.apply(op, &[node, one]).expect("two operands");
        }
        assert_eq!(derivative_of(&graph, node, 0.5), 1.0);
    });
}

#[test]
fn brackets_nested_as_deep_as_the_limit_allows() {
    in_small_stack(|| {
        let depth = 1_000_000;
        let source = format!("{}x{}", "(-".repeat(depth), ")".repeat(depth));
        let limits = ParseLimits { max_nodes: 2_000_000, max_nesting: depth };
        let program = parse(&source, [], limits).expect("brackets within the limit");
        assert_eq!(derivative_of(&program.graph, program.output.1, 1.0), 1.0);
    });
}
