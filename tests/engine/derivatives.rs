//! Jacobians, Hessians and products with vectors against the golden values of `tests/fixtures/derivatives`.

use std::collections::BTreeMap;

use gradd::engine::derivatives::{self, Hessian, differences};
use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, NodeId, NonFinitePolicy, Op,
    ParseLimits, Reduction, Role, Tape, parse,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    fields: Vec<Field>,
    ops: Vec<OpCase>,
    kinks: Vec<Kink>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    expression: String,
    inputs: serde_json::Map<String, serde_json::Value>,
    outputs: Vec<String>,
    value: Vec<f64>,
    jacobian: Vec<Vec<f64>>,
    hessian: Vec<Vec<f64>>,
    tangent: Vec<f64>,
    jvp: Vec<f64>,
    cotangent: Vec<f64>,
    vjp: Vec<f64>,
    hvp: Vec<f64>,
}

#[derive(Deserialize)]
struct OpCase {
    op: String,
    inputs: Vec<f64>,
    hessian: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Kink {
    op: String,
    inputs: Vec<f64>,
    second: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/derivatives/derivatives.json")).expect("the fixture")
}

/// A field as the engine takes it: graph, outputs, and in the fixture's order the inputs' positions and values.
struct Model {
    graph: Graph,
    outputs: Vec<NodeId>,
    wanted: Vec<usize>,
    point: Vec<f64>,
}

impl Field {
    fn model(&self) -> Model {
        let names = self.inputs.keys().map(String::as_str);
        let program = parse(&self.expression, names, ParseLimits { max_nodes: 10_000, max_nesting: 100 })
            .expect("it parses");
        let positions: BTreeMap<&str, usize> =
            program.graph.inputs().iter().enumerate().map(|(i, (name, _))| (&**name, i)).collect();
        let outputs = self.outputs.iter().map(|name| program.names[name]).collect();
        let wanted = self.inputs.keys().map(|name| positions[&**name]).collect();
        let point = self.inputs.values().map(|x| x.as_f64().expect("a number")).collect();
        Model { outputs, wanted, point, graph: program.graph }
    }
}

impl Model {
    /// `numbers`, given in the fixture's order, by position among the graph's inputs.
    fn bind(&self, numbers: &[f64]) -> Vec<Binding<'static>> {
        let mut bindings = vec![Binding::Number(0.0); numbers.len()];
        self.wanted.iter().zip(numbers).for_each(|(&input, &x)| bindings[input] = Binding::Number(x));
        bindings
    }

    fn tape(&self, outputs: &[NodeId]) -> Tape {
        let roles = vec![Role::NUMBER; self.wanted.len()];
        Tape::compile(&self.graph, outputs, &roles, CompileOptions::SECOND)
    }

    /// Columns by position, in the fixture's order.
    fn in_order(&self, columns: &[Option<Column>]) -> Vec<f64> {
        self.wanted.iter().map(|&input| number(columns[input].as_ref().expect("wanted"))).collect()
    }
}

fn number(column: &Column) -> f64 {
    match column {
        Column::Number(x) => *x,
        Column::Samples(_) => panic!("a number, not samples"),
    }
}

/// 1e-10 relative to the number, or 1e-12 relative to the largest beside it.
fn assert_close(what: &str, actual: &[f64], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= (1e-10 * e.abs()).max(1e-12 * largest), "{what}[{i}]: {a:e}, not {e:e}");
    }
}

fn full(hessian: &Hessian) -> Vec<f64> {
    let n = hessian.pattern.rows();
    (0..n).flat_map(|i| (0..n).map(move |j| (i, j))).map(|(i, j)| number(&hessian.entry(i, j))).collect()
}

#[test]
fn matrices_are_those_of_jax() {
    for field in fixture().fields {
        let (model, never) = (field.model(), Interrupt::never());
        let at = model.bind(&model.point);
        let jacobian =
            derivatives::jacobian(&model.graph, &model.outputs, &at, &model.wanted, &never).expect("finite");
        let values: Vec<f64> = jacobian.outputs.iter().map(number).collect();
        assert_close(&format!("{} value", field.name), &values, &field.value);
        for (o, row) in field.jacobian.iter().enumerate() {
            let actual: Vec<f64> = (0..row.len()).map(|i| number(&jacobian.entry(o, i))).collect();
            assert_close(&format!("{} row {o}", field.name), &actual, row);
        }
        let output = *model.outputs.last().expect("an output");
        let hessian = derivatives::hessian(&model.graph, output, &at, &model.wanted, &never).expect("finite");
        assert_close(&format!("{} hessian", field.name), &full(&hessian), &field.hessian.concat());
        let gradient: Vec<f64> = hessian.gradient.iter().map(number).collect();
        assert_close(&format!("{} gradient", field.name), &gradient, field.jacobian.last().expect("a row"));
    }
}

#[test]
fn products_are_those_of_jax() {
    for field in fixture().fields {
        let (model, never) = (field.model(), Interrupt::never());
        let (at, tangents) = (model.bind(&model.point), model.bind(&field.tangent));
        let tape = model.tape(&model.outputs);
        let jvp = tape.jvp(&at, &tangents, NonFinitePolicy::Refuse, &never).expect("finite");
        let moved: Vec<f64> = jvp.tangents.iter().map(number).collect();
        assert_close(&format!("{} jvp", field.name), &moved, &field.jvp);

        let cotangents: Vec<Binding<'_>> = field.cotangent.iter().map(|&c| Binding::Number(c)).collect();
        let vjp = tape.vjp(&at, &cotangents, NonFinitePolicy::Refuse, &never).expect("finite");
        assert_close(&format!("{} vjp", field.name), &model.in_order(&vjp.gradients), &field.vjp);

        let tape = model.tape(&model.outputs[model.outputs.len() - 1..]);
        let hvp = tape.hvp(&at, &tangents, GradientOptions::default(), &never).expect("finite");
        assert_close(&format!("{} hvp", field.name), &model.in_order(&hvp.products), &field.hvp);
    }
}

fn applied(op: Op, count: usize) -> (Graph, NodeId) {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = (0..count).map(|i| graph.input(format!("x{i}"))).collect();
    let output = graph.apply(op, &inputs).expect("the op's arity");
    (graph, output)
}

#[test]
fn every_op_is_differentiated_twice() {
    let cases = fixture().ops;
    for case in &cases {
        let op = Op::from_name(&case.op).expect("a known op");
        let (graph, output) = applied(op, case.inputs.len());
        let at: Vec<Binding<'_>> = case.inputs.iter().map(|&x| Binding::Number(x)).collect();
        let wanted: Vec<usize> = (0..at.len()).collect();
        let hessian =
            derivatives::hessian(&graph, output, &at, &wanted, &Interrupt::never()).expect("finite");
        assert_close(&format!("{} at {:?}", case.op, case.inputs), &full(&hessian), &case.hessian.concat());
    }
    for op in Op::ALL {
        assert!(
            cases.iter().filter(|case| case.op == op.name()).count() >= 8,
            "too few cases of {}",
            op.name()
        );
    }
}

/// What the table says of where second partials are zero is so at every case, and no op is said to bend that never does.
#[test]
fn ops_bend_where_the_table_says() {
    for &op in Op::ALL.iter().filter(|op| op.is_primitive()) {
        let cases: Vec<OpCase> = fixture().ops.into_iter().filter(|case| case.op == op.name()).collect();
        let count = cases[0].inputs.len();
        for (k, j) in (0..count).flat_map(|k| (0..count).map(move |j| (k, j))) {
            let bends = cases.iter().any(|case| case.hessian[k][j] != 0.0);
            assert_eq!(op.bends(k, j), bends, "{} for {k} and {j}", op.name());
        }
    }
}

#[test]
fn kinks_follow_pytorch() {
    for kink in fixture().kinks {
        let (graph, output) = applied(Op::from_name(&kink.op).expect("known"), kink.inputs.len());
        let at: Vec<Binding<'_>> = kink.inputs.iter().map(|&x| Binding::Number(x)).collect();
        let hessian = derivatives::hessian(&graph, output, &at, &[0], &Interrupt::never()).expect("finite");
        assert_close(&kink.op, &[number(&hessian.entry(0, 0))], &[kink.second]);
    }
}

/// Finite differences find a gradient that is wrong, and the sample where it is.
#[test]
fn differences_tell_a_wrong_gradient() {
    let mut graph = Graph::new();
    let (w, x) = (graph.input("w"), graph.input("x"));
    let product = graph.apply(Op::Mul, &[w, x]).expect("two operands");
    let output = graph.apply(Op::Sin, &[product]).expect("one operand");
    let samples: Vec<f64> = (0..50).map(|i| f64::from(i) * 0.3).collect();
    let at = [Binding::Number(0.7), Binding::Samples(&samples)];
    let of_w: f64 = samples.iter().map(|x| x * (0.7 * x).cos()).sum();
    let of_x: Vec<f64> = samples.iter().map(|x| 0.7 * (0.7 * x).cos()).collect();
    let compare = |w: f64, x: Vec<f64>| {
        let (w, x) = (Column::Number(w), Column::Samples(x));
        let never = Interrupt::never();
        differences::compare(&graph, &[output], &at, &[0, 1], &[&w, &x], Reduction::Sum, &never)
            .expect("finite")
    };
    let right = compare(of_w, of_x.clone());
    assert!(right.passed() && right.compared == 51 && right.undecided_count == 0, "{right:?}");
    let wrong = compare(of_w * (1.0 + 1e-5), of_x.clone());
    assert_eq!(wrong.worst.map(|worst| (worst.of.input, worst.of.sample)), Some((0, None)));
    assert!(!wrong.passed());
    let mut off = of_x;
    off[17] += 1e-4;
    let wrong = compare(of_w, off.clone());
    assert_eq!(wrong.worst.map(|worst| (worst.of.input, worst.of.sample)), Some((1, Some(17))));
    assert!(!wrong.passed());
    off[17] = f64::NAN;
    assert!(!compare(of_w, off).passed());
}

/// Blocks of directions, chunks of samples and threads do not change a bit.
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let mut graph = Graph::new();
    let inputs: Vec<NodeId> = (0..12).map(|i| graph.input(format!("x{i}"))).collect();
    let product = graph.apply(Op::Prod, &inputs).expect("operands");
    let norm = graph.apply(Op::Norm, &inputs).expect("operands");
    let output = graph.apply(Op::Atan2, &[product, norm]).expect("two operands");
    let samples: Vec<f64> = (0..3000).map(|i| 0.5 + f64::from(i) * 1e-3).collect();
    let at: Vec<Binding<'_>> =
        (0..12)
            .map(|i| {
                if i % 3 == 0 {
                    Binding::Samples(&samples)
                } else {
                    Binding::Number(1.0 + 0.1 * f64::from(i))
                }
            })
            .collect();
    let wanted: Vec<usize> = (0..12).collect();
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| {
            let never = Interrupt::never();
            let hessian = derivatives::hessian(&graph, output, &at, &wanted, &never).expect("finite");
            let roles: Vec<Role> = at
                .iter()
                .map(|at| Role { sampled: matches!(at, Binding::Samples(_)), wanted: true })
                .collect();
            let tape = Tape::compile(&graph, &[output], &roles, CompileOptions::SECOND);
            let tangents = vec![Binding::Number(0.5); 12];
            (hessian, tape.hvp(&at, &tangents, GradientOptions::default(), &never).expect("finite"))
        })
    };
    assert_eq!(run(1), run(3));
}

/// (1 - u uᵀ) / y, also where operands are equally large, and far from 1.
#[test]
fn the_norm_is_differentiated_twice_at_any_scale() {
    let (graph, output) = applied(Op::Norm, 4);
    for scale in [1.0, 1e300, 1e-200] {
        let point = [scale, scale, -scale, 0.0];
        let at: Vec<Binding<'_>> = point.iter().map(|&x| Binding::Number(x)).collect();
        let hessian =
            derivatives::hessian(&graph, output, &at, &[0, 1, 2, 3], &Interrupt::never()).expect("finite");
        let norm = scale * 3f64.sqrt();
        let unit = point.map(|x| x / norm);
        let entry = |i: usize, j: usize| (if i == j { 1.0 } else { 0.0 } - unit[i] * unit[j]) / norm;
        let expected: Vec<f64> = (0..16).map(|k| entry(k / 4, k % 4)).collect();
        assert_close(&format!("norm at {scale:e}"), &full(&hessian), &expected);
    }
}
