//! Fixed work of which `run` beside it counts the instructions: `instructions CASE REPEATS`.

use std::hint::black_box;

use gradd::api::{Context, gradient};
use gradd::engine::{
    Binding, CompileOptions, Graph, Interrupt, Op, ParseLimits, Reduction, Role, Tape, parse,
};
use gradd::nn::{Activation, Examples, Init, Layer, Loss, Matrix, Mlp, Reduction as LossReduction, Targets};
use gradd::train::{Length, MlpObjective, Optimizer, Plan, Sgd, Trainer};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, case, repeats] = arguments.as_slice() else { panic!("instructions CASE REPEATS") };
    let repeats: usize = repeats.parse().expect("a number of repeats");
    match case.as_str() {
        "point" => point(repeats),
        "lanes" => lanes(repeats),
        "mlp" => mlp(repeats),
        "request" => request(repeats),
        other => panic!("there is no case {other}"),
    }
}

/// Gradients of a graph of 10,000 nodes at one point.
fn point(repeats: usize) {
    let mut graph = Graph::new();
    let mut nodes: Vec<_> = (0..64).map(|i| graph.input(format!("x{i}"))).collect();
    for i in 64..10_000 {
        let op = [Op::Add, Op::Mul, Op::Add, Op::Mul, Op::Tanh][i % 5];
        let operands = [nodes[i - 64], nodes[i - 1 - i * 7 % 61]];
        let operands = &operands[..if op == Op::Tanh { 1 } else { 2 }];
        nodes.push(graph.apply(op, operands).expect("the ops' arities"));
    }
    let tape = Tape::compile(&graph, &nodes[9_999..], &[Role::NUMBER; 64], CompileOptions::default());
    let mut repeated = tape.repeated();
    let at = [0.1; 64];
    for _ in 0..repeats {
        black_box(repeated.gradient(black_box(&at), &Interrupt::never()).expect("finite"));
    }
}

/// The mean loss of the lecture's neuron over 4,096 samples, and its gradient.
fn lanes(repeats: usize) {
    let column = |step: f64| -> Vec<f64> { (0..4_096).map(|i| f64::from(i) * step % 1.0).collect() };
    let columns = [column(0.618), column(0.755), column(0.333)];
    let limits = ParseLimits { max_nodes: 100, max_nesting: 10 };
    let program = parse("(tanh(x1*w1 + x2*w2 + b) - y)**2", [], limits).expect("the neuron's loss");
    let binding = |name: &str| match name {
        "x1" => Binding::Samples(&columns[0]),
        "x2" => Binding::Samples(&columns[1]),
        "y" => Binding::Samples(&columns[2]),
        _ => Binding::Number(0.3),
    };
    let bindings: Vec<Binding<'_>> = program.graph.inputs().iter().map(|(name, _)| binding(name)).collect();
    let role = |binding: &Binding<'_>| match binding {
        Binding::Samples(_) => Role { sampled: true, wanted: false },
        Binding::Number(_) => Role::NUMBER,
    };
    let roles: Vec<Role> = bindings.iter().map(role).collect();
    let tape = Tape::compile(&program.graph, &[program.output.1], &roles, CompileOptions::default());
    for _ in 0..repeats {
        let result = tape.objective_and_gradient(black_box(&bindings), Reduction::Mean, &Interrupt::never());
        black_box(result.expect("finite"));
    }
}

/// Steps of a network 2-16-16-1 over 100 rows, in f64.
fn mlp(repeats: usize) {
    let layer = |units, activation| Layer { units, activation };
    let layers = [layer(16, Activation::Tanh), layer(16, Activation::Tanh), layer(1, Activation::Linear)];
    let mlp = Mlp::new(2, &layers, Loss::Mse, 1_000).expect("a network");
    let x: Vec<f64> = (0..200).map(|i| f64::from(i).sin()).collect();
    let y: Vec<f64> = (0..100).map(|i| f64::from(i).cos()).collect();
    let x = Matrix::new(&x, 100, 2).expect("a matrix");
    let examples = Examples::new(&mlp, x, Targets::Values(&y)).expect("examples");
    let mut model = MlpObjective::new(&mlp, examples, LossReduction::Mean);
    let optimizer = Optimizer::Sgd(Sgd::with(0.01, 0.0, 0.0, 0.0, false).expect("settings"));
    let plan = Plan::new(100, Length::Steps(repeats.max(1) as u64), None, None).expect("a plan");
    let mut trainer =
        Trainer::new(&mut model, optimizer, plan, Init::Linear.draw(&mlp, 1), None).expect("a run");
    for _ in 0..repeats {
        black_box(trainer.step(&Interrupt::never()).expect("no divergence"));
    }
}

/// The bytes of a small request to those of its answer.
fn request(repeats: usize) {
    let body = include_bytes!("../throughput/neuron.json");
    let context = Context::default();
    for _ in 0..repeats {
        black_box(gradient::answer(black_box(body), &context).expect("an answer").body.len());
    }
}
