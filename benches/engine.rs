//! The engine: one point forward and reverse, the same over samples, compiling, and JSON to answer.
//!
//! `cargo bench --bench engine`; times are per call, `thrpt` is nodes (or node-samples) per second.

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use gradd::api::evaluate::EvaluateRequest;
use gradd::api::format::Format;
use gradd::api::{self, Context};
use gradd::engine::{
    Binding, CompileOptions, GradientOptions, Graph, Interrupt, NodeId, Op, ParseLimits, Role, Tape, parse,
};

const NEURON: &str = "tanh(x1*w1 + x2*w2 + b)";
const LIMITS: ParseLimits = ParseLimits { max_nodes: 1_000, max_nesting: 100 };

/// A random graph: 45 % add, 45 % mul, 10 % tanh, operands from the last 64 nodes, every product with a leaf so that
/// values stay finite.
fn random_graph(count: usize) -> (Graph, NodeId) {
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32) as usize % below
    };
    let mut graph = Graph::with_capacity(count);
    let inputs: Vec<NodeId> = (0..64).map(|i| graph.input(format!("x{i}"))).collect();
    let mut nodes = inputs.clone();
    while nodes.len() < count {
        let oldest = nodes[nodes.len() - 64];
        let recent = nodes[nodes.len() - 1 - draw(64)];
        let made = match draw(20) {
            0..9 => graph.apply(Op::Add, &[oldest, recent]),
            9..18 => graph.apply(Op::Mul, &[oldest, inputs[draw(64)]]),
            _ => graph.apply(Op::Tanh, &[oldest]),
        };
        nodes.push(made.expect("the ops' arities"));
    }
    let output = graph.apply(Op::Sum, &nodes[count - 64..]).expect("any number of operands");
    (graph, output)
}

fn inputs() -> Vec<f64> {
    (0..64).map(|i| (f64::from(i) * 12.9898).sin() * 0.8).collect()
}

fn point(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("point");
    for count in [1_000, 10_000, 100_000, 1_000_000] {
        let (graph, output) = random_graph(count);
        let tape = Tape::compile(&graph, &[output], &[Role::NUMBER; 64], CompileOptions::default());
        let mut repeated = tape.repeated();
        let (inputs, never) = (inputs(), Interrupt::never());
        group.throughput(Throughput::Elements(tape.len() as u64)).sample_size(20);
        group.bench_function(BenchmarkId::new("forward and reverse", count), |bencher| {
            bencher.iter(|| black_box(repeated.gradient(black_box(&inputs), &never).expect("finite")).0[0]);
        });
    }
    group.finish();
}

fn compile(criterion: &mut Criterion) {
    let (graph, output) = random_graph(100_000);
    let mut group = criterion.benchmark_group("compile");
    group.throughput(Throughput::Elements(100_000)).sample_size(20);
    group.bench_function("random graph of 100,000 nodes", |bencher| {
        bencher
            .iter(|| Tape::compile(&graph, &[output], &[Role::NUMBER; 64], CompileOptions::default()).len());
    });
    group.finish();
}

fn neuron(criterion: &mut Criterion) {
    let program = parse(NEURON, [], LIMITS).expect("the lecture's neuron");
    let compile =
        || Tape::compile(&program.graph, &[program.output.1], &[Role::NUMBER; 5], CompileOptions::default());
    let tape = compile();
    let mut repeated = tape.repeated();
    let never = Interrupt::never();
    let at = [2.0, -3.0, 0.0, 1.0, 6.881_373_587_019_543];
    let mut group = criterion.benchmark_group("neuron");
    group.bench_function("again", |bencher| {
        bencher.iter(|| repeated.gradient(black_box(&at), &never).expect("finite").1[0]);
    });
    let bindings = at.map(Binding::Number);
    group.bench_function("compiled and run once", |bencher| {
        bencher.iter(|| {
            compile().gradient(&bindings, GradientOptions::default(), &never).expect("finite").gradients.len()
        });
    });
    group.finish();
}

fn lanes(criterion: &mut Criterion) {
    let never = Interrupt::never();
    let mut group = criterion.benchmark_group("lanes");
    for nodes in [100, 1_000, 10_000] {
        let (graph, output) = random_graph(nodes);
        let tape = Tape::compile(&graph, &[output], &[Role::SAMPLES; 64], CompileOptions::default());
        let samples = 4_096;
        let columns: Vec<Vec<f64>> = inputs().iter().map(|&x| vec![x; samples]).collect();
        let bindings: Vec<Binding<'_>> = columns.iter().map(|column| Binding::Samples(column)).collect();
        group.throughput(Throughput::Elements((tape.len() * samples) as u64)).sample_size(10);
        group.bench_function(BenchmarkId::new("ops", nodes), |bencher| {
            bencher.iter(|| {
                tape.gradient(&bindings, GradientOptions::default(), &never).expect("finite").outputs.len()
            });
        });
    }
    group.finish();
}

fn json(criterion: &mut Criterion) {
    let context = Context::default();
    let neuron = br#"{"expression": "tanh(x1*w1 + x2*w2 + b)",
        "inputs": {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.8813735870195432}}"#;
    let mut group = criterion.benchmark_group("json");
    group.bench_function("neuron", |bencher| {
        bencher.iter(|| api::gradient::answer(black_box(neuron), &context).expect("an answer").body.len());
    });
    for count in [10_000, 100_000] {
        let body = chain(count);
        group.throughput(Throughput::Elements(count as u64)).sample_size(10);
        group.bench_function(BenchmarkId::new("graph", count), |bencher| {
            bencher.iter(|| {
                api::gradient::answer(black_box(body.as_bytes()), &context).expect("an answer").body.len()
            });
        });
    }
    group.finish();
}

/// Reading 100,000 numbers of full precision.
fn formats(criterion: &mut Criterion) {
    let samples: Vec<f64> = (0..100_000).map(|i| f64::from(i).sin()).collect();
    let request = serde_json::json!({"expression": "x", "inputs": {"x": samples}});
    let mut group = criterion.benchmark_group("reading numbers");
    group.throughput(Throughput::Elements(100_000));
    for format in Format::ALL {
        let body = format.encode(&request).expect("a body");
        group.bench_function(format.name(), |bencher| {
            bencher.iter(|| {
                format.decode::<EvaluateRequest<'_>>(black_box(&body)).expect("a request").outputs.is_some()
            });
        });
    }
    group.finish();
}

/// A JSON graph whose nodes use the two before them.
fn chain(count: usize) -> String {
    let mut body = String::from(r#"{"inputs": {"n0": 0.1, "n1": 0.2}, "graph": {"nodes": ["#);
    body.push_str(r#"{"id": "n0", "op": "input"}, {"id": "n1", "op": "input"}"#);
    for i in 2..count {
        let op = ["sub", "add", "mul"][i % 3];
        write!(body, r#", {{"id": "n{i}", "op": "{op}", "inputs": ["n{}", "n{}"]}}"#, i - 1, i - 2)
            .expect("a string");
    }
    write!(body, r#"]}}, "outputs": ["n{}"]}}"#, count - 1).expect("a string");
    body
}

criterion_group!(benches, point, compile, neuron, lanes, json, formats);
criterion_main!(benches);
