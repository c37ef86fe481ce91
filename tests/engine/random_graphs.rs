//! Properties of random graphs: against central differences, against a naive implementation, in any order, with and
//! without the compiler's savings.

use std::collections::HashMap;

use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, Node, NodeId, NonFinitePolicy, Op,
    Reduction, Role, Tape, derivatives,
};
use proptest::prelude::*;

/// Smooth ops that stay finite and well-conditioned on the values that occur.
const OPS: [Op; 21] = [
    Op::Add,
    Op::Sub,
    Op::Mul,
    Op::Neg,
    Op::Tanh,
    Op::Sigmoid,
    Op::Sin,
    Op::Cos,
    Op::Softplus,
    Op::Silu,
    Op::Gelu,
    Op::Erf,
    Op::Atan,
    Op::Asinh,
    Op::Hypot,
    Op::LogAddExp,
    Op::Sum,
    Op::Mean,
    Op::Dot,
    Op::Min,
    Op::Max,
];

/// A graph as a recipe: per node an op and seeds that pick its operands among the earlier nodes.
#[derive(Clone, Debug)]
struct Recipe {
    inputs: Vec<f64>,
    nodes: Vec<(Op, [usize; 4])>,
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let node = (prop::sample::select(&OPS[..]), prop::array::uniform4(0usize..1_000));
    (prop::collection::vec(-1.5..1.5f64, 1..5), prop::collection::vec(node, 1..60))
        .prop_map(|(inputs, nodes)| Recipe { inputs, nodes })
}

impl Recipe {
    /// The operands of each node as positions: inputs first, then two constants, then the nodes.
    fn operands(&self) -> Vec<(Op, Vec<usize>)> {
        let leaves = self.inputs.len() + 2;
        self.nodes
            .iter()
            .enumerate()
            .map(|(i, (op, picks))| {
                let available = leaves + i;
                let count = match op {
                    Op::Sum | Op::Mean | Op::Min => 3,
                    Op::Dot | Op::Max => 4,
                    op if op.arity().admits(1) => 1,
                    _ => 2,
                };
                // Mostly recent nodes, so that the graph is deep and connected.
                let pick = |p: usize| {
                    if p.is_multiple_of(3) { p % available } else { available - 1 - p % available.min(4) }
                };
                let mut operands: Vec<usize> = picks[..count].iter().map(|&p| pick(p)).collect();
                // A product of many products explodes: one factor of each stays a leaf.
                if matches!(op, Op::Mul | Op::Dot) {
                    let half = operands.len() / 2;
                    operands[half..].iter_mut().for_each(|o| *o %= leaves);
                }
                (*op, operands)
            })
            .collect()
    }

    /// The graph with its nodes created in an order that depends on `shuffle`, and the output, the last node.
    fn graph(&self, shuffle: u64) -> (Graph, NodeId, Vec<usize>) {
        let operands = self.operands();
        let leaves = self.inputs.len() + 2;
        let total = leaves + operands.len();
        let mut graph = Graph::new();
        let mut made: Vec<Option<NodeId>> = vec![None; total];
        let mut input_order = Vec::new();
        let mut state = shuffle;
        while made.iter().any(Option::is_none) {
            let ready: Vec<usize> = (0..total)
                .filter(|&p| made[p].is_none())
                .filter(|&p| p < leaves || operands[p - leaves].1.iter().all(|&o| made[o].is_some()))
                .collect();
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let p = if shuffle == 0 { ready[0] } else { ready[(state >> 33) as usize % ready.len()] };
            made[p] = Some(if p < self.inputs.len() {
                input_order.push(p);
                graph.input(format!("x{p}"))
            } else if p < leaves {
                graph.constant([0.75, -1.25][p - self.inputs.len()])
            } else {
                let (op, operands) = &operands[p - leaves];
                let nodes: Vec<NodeId> = operands.iter().map(|&o| made[o].expect("ready")).collect();
                graph.apply(*op, &nodes).expect("the op's arity")
            });
        }
        (graph, made[total - 1].expect("all are made"), input_order)
    }

    fn gradient(&self, shuffle: u64, options: CompileOptions) -> (f64, Vec<f64>) {
        let (graph, output, order) = self.graph(shuffle);
        let tape = Tape::compile(&graph, &[output], &vec![Role::NUMBER; order.len()], options);
        let bindings: Vec<Binding<'_>> = order.iter().map(|&p| Binding::Number(self.inputs[p])).collect();
        let result =
            tape.gradient(&bindings, GradientOptions::default(), &Interrupt::never()).expect("finite");
        let mut gradients = vec![0.0; order.len()];
        for (&p, gradient) in order.iter().zip(&result.gradients) {
            gradients[p] = plain(gradient.as_ref().expect("wanted"));
        }
        (plain(&result.outputs[0]), gradients)
    }
}

fn plain(column: &Column) -> f64 {
    match column {
        Column::Number(number) => *number,
        Column::Samples(_) => panic!("a number, not samples"),
    }
}

/// Deliberately naive: values and derivatives by recursion with a memo, straight from the textbook, sharing nothing with
/// the engine but the meaning of the ops.
mod naive {
    use super::*;

    pub fn value(graph: &Graph, node: NodeId, inputs: &[f64], memo: &mut HashMap<NodeId, f64>) -> f64 {
        if let Some(&known) = memo.get(&node) {
            return known;
        }
        let result = match graph.node(node) {
            Node::Constant(constant) => constant,
            Node::Input(position) => inputs[position],
            Node::Apply(op, operands) => {
                let x: Vec<f64> = operands.iter().map(|&o| value(graph, o, inputs, memo)).collect();
                apply(op, &x)
            }
        };
        memo.insert(node, result);
        result
    }

    fn apply(op: Op, x: &[f64]) -> f64 {
        match op {
            Op::Add => x[0] + x[1],
            Op::Sub => x[0] - x[1],
            Op::Mul => x[0] * x[1],
            Op::Neg => -x[0],
            Op::Tanh => x[0].tanh(),
            Op::Sigmoid => 1.0 / (1.0 + (-x[0]).exp()),
            Op::Sin => x[0].sin(),
            Op::Cos => x[0].cos(),
            Op::Softplus => (1.0 + x[0].exp()).ln(),
            Op::Silu => x[0] / (1.0 + (-x[0]).exp()),
            Op::Gelu => 0.5 * x[0] * (1.0 + libm::erf(x[0] / 2f64.sqrt())),
            Op::Erf => libm::erf(x[0]),
            Op::Atan => x[0].atan(),
            Op::Asinh => x[0].asinh(),
            Op::Hypot => (x[0] * x[0] + x[1] * x[1]).sqrt(),
            Op::LogAddExp => (x[0].exp() + x[1].exp()).ln(),
            Op::Sum => x.iter().sum(),
            Op::Mean => x.iter().sum::<f64>() / x.len() as f64,
            Op::Dot => (0..x.len() / 2).map(|i| x[i] * x[x.len() / 2 + i]).sum(),
            Op::Min => x.iter().copied().fold(f64::INFINITY, f64::min),
            Op::Max => x.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            other => unreachable!("{other:?} is not in the recipe"),
        }
    }

    /// d(node)/d(input), forward mode, one input at a time.
    pub fn derivative(
        graph: &Graph,
        node: NodeId,
        input: usize,
        values: &HashMap<NodeId, f64>,
        memo: &mut HashMap<NodeId, f64>,
    ) -> f64 {
        if let Some(&known) = memo.get(&node) {
            return known;
        }
        let result = match graph.node(node) {
            Node::Constant(_) => 0.0,
            Node::Input(position) => f64::from(u8::from(position == input)),
            Node::Apply(op, operands) => {
                let x: Vec<f64> = operands.iter().map(|o| values[o]).collect();
                let d: Vec<f64> =
                    operands.iter().map(|&o| derivative(graph, o, input, values, memo)).collect();
                chain(op, &x, &d)
            }
        };
        memo.insert(node, result);
        result
    }

    fn chain(op: Op, x: &[f64], d: &[f64]) -> f64 {
        let s = |x: f64| 1.0 / (1.0 + (-x).exp());
        match op {
            Op::Add => d[0] + d[1],
            Op::Sub => d[0] - d[1],
            Op::Mul => d[0] * x[1] + x[0] * d[1],
            Op::Neg => -d[0],
            Op::Tanh => d[0] / x[0].cosh().powi(2),
            Op::Sigmoid => d[0] * s(x[0]) * s(-x[0]),
            Op::Sin => d[0] * x[0].cos(),
            Op::Cos => -d[0] * x[0].sin(),
            Op::Softplus => d[0] * s(x[0]),
            Op::Silu => d[0] * (s(x[0]) + x[0] * s(x[0]) * s(-x[0])),
            Op::Gelu => {
                let density = (-x[0] * x[0] / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                d[0] * (0.5 * (1.0 + libm::erf(x[0] / 2f64.sqrt())) + x[0] * density)
            }
            Op::Erf => d[0] * 2.0 / std::f64::consts::PI.sqrt() * (-x[0] * x[0]).exp(),
            Op::Atan => d[0] / (1.0 + x[0] * x[0]),
            Op::Asinh => d[0] / (1.0 + x[0] * x[0]).sqrt(),
            Op::Hypot if x[0] == 0.0 && x[1] == 0.0 => 0.0,
            Op::Hypot => (x[0] * d[0] + x[1] * d[1]) / (x[0] * x[0] + x[1] * x[1]).sqrt(),
            Op::LogAddExp => d[0] * s(x[0] - x[1]) + d[1] * s(x[1] - x[0]),
            Op::Sum => d.iter().sum(),
            Op::Mean => d.iter().sum::<f64>() / d.len() as f64,
            Op::Dot => (0..x.len() / 2).map(|i| d[i] * x[x.len() / 2 + i] + x[i] * d[x.len() / 2 + i]).sum(),
            Op::Min | Op::Max => {
                let y = apply(op, x);
                let tied: Vec<f64> = (0..x.len()).filter(|&i| x[i] == y).map(|i| d[i]).collect();
                tied.iter().sum::<f64>() / tied.len() as f64
            }
            other => unreachable!("{other:?} is not in the recipe"),
        }
    }
}

fn close(actual: f64, expected: f64, tolerance: f64, scale: f64) -> bool {
    (actual - expected).abs() <= tolerance * (1.0 + expected.abs() + scale)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn agrees_with_the_naive_implementation(recipe in recipe()) {
        let (graph, output, order) = recipe.graph(0);
        let inputs: Vec<f64> = order.iter().map(|&p| recipe.inputs[p]).collect();
        let mut values = HashMap::new();
        let expected = naive::value(&graph, output, &inputs, &mut values);
        let (value, gradients) = recipe.gradient(0, CompileOptions::default());
        prop_assert!(close(value, expected, 1e-11, 0.0), "{value} is not {expected}");
        let scale = gradients.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for (input, gradient) in gradients.iter().enumerate() {
            let expected = naive::derivative(&graph, output, input, &values, &mut HashMap::new());
            prop_assert!(close(*gradient, expected, 1e-10, scale), "{gradient} is not {expected}");
        }
    }

    #[test]
    fn agrees_with_central_differences(recipe in recipe()) {
        let (_, gradients) = recipe.gradient(0, CompileOptions::default());
        let scale = gradients.iter().fold(0.0, |m: f64, g| m.max(g.abs()));
        for (input, gradient) in gradients.iter().enumerate() {
            // The best of several steps: rounding rules small ones, curvature large ones.
            let error = [1e-3, 1e-4, 1e-5, 1e-6].map(|h| {
                let at = |x: f64| {
                    let mut moved = recipe.clone();
                    moved.inputs[input] = x;
                    moved.gradient(0, CompileOptions::default()).0
                };
                let x = recipe.inputs[input];
                ((at(x + h) - at(x - h)) / (2.0 * h) - gradient).abs()
            });
            let best = error.into_iter().fold(f64::INFINITY, f64::min);
            prop_assert!(best <= 1e-4 * (1.0 + scale), "off by {best} of {scale}");
        }
    }

    #[test]
    fn any_order_of_the_nodes_gives_the_same_bits(recipe in recipe(), shuffle in 1u64..) {
        let listed = recipe.gradient(0, CompileOptions::default());
        let shuffled = recipe.gradient(shuffle, CompileOptions::default());
        prop_assert_eq!(bits(&listed), bits(&shuffled));
    }

    #[test]
    fn no_option_of_the_compiler_changes_a_bit(recipe in recipe()) {
        let plain = CompileOptions { fold: false, share: false, ..CompileOptions::default() };
        let reference = bits(&recipe.gradient(0, plain));
        for options in [
            CompileOptions { fold: true, ..plain },
            CompileOptions { share: true, ..plain },
            CompileOptions::default(),
            CompileOptions::TRACE,
        ] {
            prop_assert_eq!(&bits(&recipe.gradient(0, options)), &reference);
        }
    }

    #[test]
    fn products_agree_with_the_matrices(recipe in recipe(), directions in prop::collection::vec(-1.0..1.0f64, 5)) {
        let (graph, output, order) = recipe.graph(0);
        let other = graph.ids().nth(graph.len() / 2).expect("a node");
        let outputs = [other, output];
        let at: Vec<Binding<'_>> = order.iter().map(|&p| Binding::Number(recipe.inputs[p])).collect();
        let wanted: Vec<usize> = (0..at.len()).collect();
        let never = Interrupt::never();
        let jacobian = derivatives::jacobian(&graph, &outputs, &at, &wanted, &never).expect("finite");
        let hessian = derivatives::hessian(&graph, output, &at, &wanted, &never).expect("finite");
        let tape = Tape::compile(&graph, &outputs, &vec![Role::NUMBER; at.len()], CompileOptions::SECOND);
        let tangents: Vec<Binding<'_>> = wanted.iter().map(|&i| Binding::Number(directions[i])).collect();
        let sum_of = |terms: &[f64]| (terms.iter().sum::<f64>(), terms.iter().map(|term| term.abs()).sum::<f64>());

        let jvp = tape.jvp(&at, &tangents, NonFinitePolicy::Refuse, &never).expect("finite");
        for (o, tangent) in jvp.tangents.iter().enumerate() {
            let terms: Vec<f64> = wanted.iter().map(|&i| plain(&jacobian.entry(o, i)) * directions[i]).collect();
            let (expected, size) = sum_of(&terms);
            prop_assert!(close(plain(tangent), expected, 1e-12, size), "{tangent:?} is not {expected}");
        }
        let weights = [Binding::Number(directions[0]), Binding::Number(-2.0)];
        let vjp = tape.vjp(&at, &weights, NonFinitePolicy::Refuse, &never).expect("finite");
        for (i, gradient) in vjp.gradients.iter().enumerate() {
            let terms = [plain(&jacobian.entry(0, i)) * directions[0], plain(&jacobian.entry(1, i)) * -2.0];
            let (expected, size) = sum_of(&terms);
            prop_assert!(close(plain(gradient.as_ref().expect("wanted")), expected, 1e-12, size));
        }
        let tape = Tape::compile(&graph, &[output], &vec![Role::NUMBER; at.len()], CompileOptions::SECOND);
        let hvp = tape.hvp(&at, &tangents, GradientOptions::default(), &never).expect("finite");
        for (i, product) in hvp.products.iter().enumerate() {
            let terms: Vec<f64> = wanted.iter().map(|&j| plain(&hessian.entry(i, j)) * directions[j]).collect();
            let (expected, size) = sum_of(&terms);
            let product = plain(product.as_ref().expect("wanted"));
            prop_assert!(close(product, expected, 1e-12, size), "{product} is not {expected}");
        }
        // Every gradient is the same, to the bit.
        for (i, gradient) in hessian.gradient.iter().enumerate() {
            prop_assert_eq!(Some(gradient), hvp.gradients[i].as_ref());
        }
    }

    #[test]
    fn second_derivatives_agree_with_differences_of_gradients(recipe in recipe()) {
        let (graph, output, order) = recipe.graph(0);
        let wanted: Vec<usize> = (0..order.len()).collect();
        let at = |moved: &Recipe| order.iter().map(|&p| Binding::Number(moved.inputs[p])).collect::<Vec<_>>();
        let hessian = derivatives::hessian(&graph, output, &at(&recipe), &wanted, &Interrupt::never()).expect("finite");
        for j in 0..order.len() {
            let column: Vec<f64> = wanted.iter().map(|&i| plain(&hessian.entry(i, j))).collect();
            let error = [1e-3, 1e-4, 1e-5, 1e-6].map(|h| {
                let gradient = |by: f64| {
                    let mut moved = recipe.clone();
                    moved.inputs[order[j]] += by;
                    moved.gradient(0, CompileOptions::SECOND).1
                };
                let (above, below) = (gradient(h), gradient(-h));
                let off = wanted.iter().map(|&i| {
                    ((above[order[i]] - below[order[i]]) / (2.0 * h) - column[i]).abs()
                });
                off.fold(0.0, f64::max)
            });
            let best = error.into_iter().fold(f64::INFINITY, f64::min);
            let scale = column.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            prop_assert!(best <= 1e-4 * (1.0 + scale), "off by {best} of {scale}");
        }
    }

    #[test]
    fn samples_have_the_derivatives_of_points(recipe in recipe(), count in 1usize..300) {
        let (graph, output, order) = recipe.graph(0);
        let other = graph.ids().nth(graph.len() / 2).expect("a node");
        let samples: Vec<f64> = (0..count).map(|i| recipe.inputs[0] + i as f64 * 1e-3).collect();
        let bind = |sample: Option<usize>| -> Vec<Binding<'_>> {
            let number = |p: usize| Binding::Number(recipe.inputs[p]);
            order.iter().map(|&p| match sample {
                _ if p > 0 => number(p),
                Some(sample) => Binding::Number(samples[sample]),
                None => Binding::Samples(&samples),
            }).collect()
        };
        let wanted: Vec<usize> = (0..order.len()).collect();
        let never = Interrupt::never();
        let batch = derivatives::hessian(&graph, output, &bind(None), &wanted, &never).expect("finite");
        let rows = derivatives::jacobian(&graph, &[other, output], &bind(None), &wanted, &never).expect("finite");
        let in_sample = |column: Column, sample: usize| match column {
            Column::Number(x) => x,
            Column::Samples(all) => all[sample],
        };
        for sample in [0, count / 2, count - 1] {
            let point = derivatives::hessian(&graph, output, &bind(Some(sample)), &wanted, &never).expect("finite");
            let of_point = derivatives::jacobian(&graph, &[other, output], &bind(Some(sample)), &wanted, &never);
            let of_point = of_point.expect("finite");
            prop_assert_eq!(&batch.pattern, &point.pattern);
            for &i in &wanted {
                let scale = plain(&point.gradient[i]).abs();
                for &j in &wanted {
                    let expected = plain(&point.entry(i, j));
                    prop_assert!(close(in_sample(batch.entry(i, j), sample), expected, 1e-11, scale));
                    prop_assert_eq!(batch.entry(i, j), batch.entry(j, i));
                }
                for o in 0..2 {
                    let expected = plain(&of_point.entry(o, i));
                    prop_assert!(close(in_sample(rows.entry(o, i), sample), expected, 1e-11, expected.abs()));
                }
            }
        }
    }

    #[test]
    fn samples_sum_up_to_the_gradients_of_points(recipe in recipe(), count in 1usize..200) {
        let (graph, output, order) = recipe.graph(0);
        let moved = |sample: usize| {
            let mut moved = recipe.clone();
            moved.inputs[0] += sample as f64 * 1e-3;
            moved
        };
        let samples: Vec<f64> = (0..count).map(|i| moved(i).inputs[0]).collect();
        let roles: Vec<Role> = order.iter().map(|&p| if p == 0 { Role::SAMPLES } else { Role::NUMBER }).collect();
        let bindings: Vec<Binding<'_>> = order
            .iter()
            .map(|&p| if p == 0 { Binding::Samples(&samples) } else { Binding::Number(recipe.inputs[p]) })
            .collect();
        let tape = Tape::compile(&graph, &[output], &roles, CompileOptions::default());
        let options = GradientOptions { reduction: Reduction::Mean, ..GradientOptions::default() };
        let batch = tape.gradient(&bindings, options, &Interrupt::never()).expect("finite");
        let points: Vec<(f64, Vec<f64>)> =
            (0..count).map(|i| moved(i).gradient(0, CompileOptions::default())).collect();
        for (&p, gradient) in order.iter().zip(&batch.gradients) {
            match gradient.as_ref().expect("wanted") {
                Column::Samples(per_sample) => {
                    for (sample, gradient) in per_sample.iter().enumerate() {
                        prop_assert!(close(gradient * count as f64, points[sample].1[p], 1e-11, points[sample].1[p].abs()));
                    }
                }
                Column::Number(mean) => {
                    let terms = points.iter().map(|(_, gradients)| gradients[p]);
                    let size: f64 = terms.clone().map(f64::abs).sum::<f64>() / count as f64;
                    let expected = terms.sum::<f64>() / count as f64;
                    prop_assert!(close(*mean, expected, 1e-11, size), "{mean} is not {expected}");
                }
            }
        }
    }
}

fn bits((value, gradients): &(f64, Vec<f64>)) -> Vec<u64> {
    std::iter::once(value).chain(gradients).map(|number| number.to_bits()).collect()
}
