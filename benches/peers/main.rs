//! gradd's side: the same work as the Python peers, one JSON line per case.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gradd::api::{Context, gradient};
use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, Node, NodeId, Op, ParseLimits,
    Reduction, Role, Scope, Tape, parse,
};
use gradd::nn::{
    Activation, Examples, Layer, Loss, Matrix, Mlp, Reduction as LossReduction, Scalar, Targets,
};
use gradd::train::{Length, MlpObjective, Optimizer, Plan, Sgd, Trainer};

const BUDGET: Duration = Duration::from_secs(1);
const WINDOW: usize = 64;

/// All groups of cases, or the one that the first argument names.
fn main() {
    let only = std::env::args().nth(1);
    let groups: [(&str, fn()); 7] = [
        ("neuron", neuron),
        ("graph", || [1_000, 10_000, 100_000].into_iter().for_each(graph)),
        ("json", || [10_000, 100_000, 1_000_000].into_iter().for_each(json_graph)),
        ("neuron_batch", neuron_batch),
        ("mlp", mlp_step),
        ("digits", digits_epoch),
        ("wide", wide_step),
    ];
    for (name, group) in groups {
        if only.as_deref().is_none_or(|only| only == name) {
            group();
        }
    }
}

/// The median time of `work` in nanoseconds. Short work is timed many calls at a time.
fn median(mut work: impl FnMut()) -> f64 {
    // The first call is cold and says nothing of how long one takes.
    work();
    let begin = Instant::now();
    work();
    let once = begin.elapsed();
    let repeats = (Duration::from_micros(200).as_nanos() / once.as_nanos().max(1)).max(1) as u32;
    let mut times = Vec::new();
    while begin.elapsed() < BUDGET || times.len() < 5 {
        let start = Instant::now();
        (0..repeats).for_each(|_| work());
        times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(repeats));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// What `work` gives on so many threads.
fn on_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads").install(work)
}

fn report(case: &str, median_ns: f64, unit: &str, check: Option<f64>) {
    let check = check.map_or(String::new(), |check| format!(r#", "check": {check}"#));
    println!(r#"{{"peer": "gradd", "case": "{case}", "median_ns": {median_ns}, "unit": "{unit}"{check}}}"#);
}

/// Knuth's MMIX generator, as `workload.py` has it.
struct Lcg(u64);

impl Lcg {
    fn draw(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as usize
    }

    fn uniform(&mut self, limit: f64) -> f64 {
        (self.draw() as f64 / 2f64.powi(31) - 1.0) * limit
    }
}

fn neuron() {
    let never = Interrupt::never();
    let limits = ParseLimits { max_nodes: 1_000, max_nesting: 100 };
    let at = [2.0, -3.0, 0.0, 1.0, 6.881_373_587_019_543];
    let decomposed = "n = x1*w1 + x2*w2 + b; e = exp(2*n); (e - 1)/(e + 1)";
    for (case, source) in [("neuron", "tanh(x1*w1 + x2*w2 + b)"), ("neuron_decomposed", decomposed)] {
        let program = parse(source, [], limits).expect("the neuron");
        let tape =
            Tape::compile(&program.graph, &[program.output.1], &[Role::NUMBER; 5], CompileOptions::default());
        let mut repeated = tape.repeated();
        let time = median(|| {
            black_box(repeated.gradient(black_box(&at), &never).expect("finite").1[0]);
        });
        report(case, time, "point", None);
    }
    let time = median(|| {
        let scope = Scope::new();
        let [x1, w1, x2, w2, b] = black_box(at).map(|x| scope.value(x));
        let o = (x1 * w1 + x2 * w2 + b).tanh();
        o.backward();
        black_box([x1, w1, x2, w2, b].map(|leaf| leaf.grad()));
    });
    report("neuron_from_scratch", time, "point", None);
}

/// The random graph of `workload.py`.
fn random_graph(count: usize) -> (Vec<f64>, Graph, NodeId) {
    let mut random = Lcg(1);
    let inputs: Vec<f64> = (0..WINDOW).map(|_| random.uniform(0.8)).collect();
    let mut graph = Graph::with_capacity(count);
    let mut nodes: Vec<NodeId> = (0..WINDOW).map(|i| graph.input(format!("x{i}"))).collect();
    let tail = count - WINDOW + 1;
    for i in WINDOW..tail {
        let kind = random.draw() % 20;
        let first = nodes[i - WINDOW];
        let node = if kind < 9 {
            graph.apply(Op::Add, &[first, nodes[i - 1 - random.draw() % WINDOW]])
        } else if kind < 18 {
            graph.apply(Op::Mul, &[first, nodes[random.draw() % WINDOW]])
        } else {
            graph.apply(Op::Tanh, &[first])
        };
        nodes.push(node.expect("the ops' arities"));
    }
    let mut total = nodes[tail - WINDOW];
    for i in tail..count {
        total = graph.apply(Op::Add, &[total, nodes[i - WINDOW + 1]]).expect("two operands");
    }
    (inputs, graph, total)
}

fn graph(count: usize) {
    let never = Interrupt::never();
    let (inputs, graph, output) = random_graph(count);
    let compile =
        |graph: &Graph| Tape::compile(graph, &[output], &[Role::NUMBER; WINDOW], CompileOptions::default());
    let tape = compile(&graph);
    let mut repeated = tape.repeated();
    let check: f64 = repeated.gradient(&inputs, &never).expect("finite").1.iter().sum();
    let time = median(|| {
        black_box(repeated.gradient(black_box(&inputs), &never).expect("finite").1[0]);
    });
    report(&format!("graph_{count}"), time / count as f64, "node", Some(check));
    let bindings: Vec<Binding<'_>> = inputs.iter().map(|&x| Binding::Number(x)).collect();
    let time = median(|| {
        let (_, graph, _) = random_graph(count);
        let gradient = compile(&graph).gradient(&bindings, GradientOptions::default(), &never);
        black_box(gradient.expect("finite").gradients.len());
    });
    report(&format!("graph_{count}_from_scratch"), time / count as f64, "node", Some(check));
}

/// The random graph as a JSON body, from its bytes to the bytes of the answer.
fn json_graph(count: usize) {
    let (inputs, graph, output) = random_graph(count);
    let mut body = String::from(r#"{"graph":{"nodes":["#);
    for node in graph.ids() {
        let id = node.index();
        let node = match graph.node(node) {
            Node::Input(position) => format!(r#"{{"id":"n{id}","op":"input","value":{}}}"#, inputs[position]),
            Node::Constant(value) => format!(r#"{{"id":"n{id}","op":"const","value":{value}}}"#),
            Node::Apply(op, operands) => {
                let operands: Vec<String> = operands.iter().map(|o| format!(r#""n{}""#, o.index())).collect();
                format!(r#"{{"id":"n{id}","op":"{}","inputs":[{}]}}"#, op.name(), operands.join(","))
            }
        };
        body.push_str(if id == 0 { "" } else { "," });
        body.push_str(&node);
    }
    body.push_str(&format!(r#"]}},"outputs":["n{}"]}}"#, output.index()));
    let context = Context::default();
    let time = median(|| {
        black_box(gradient::answer(body.as_bytes(), &context).expect("an answer").body.len());
    });
    report(&format!("json_{count}"), time / count as f64, "node", None);
}

fn neuron_batch() {
    const SAMPLES: usize = 1_000_000;
    let column =
        |step: f64| -> Vec<f64> { (0..SAMPLES).map(|i| 2.0 * ((i as f64 * step) % 1.0) - 1.0).collect() };
    let (x1, x2) = (column(0.618_033_988_749_894_9), column(0.754_877_666_246_692_7));
    let y: Vec<f64> = x1.iter().zip(&x2).map(|(x1, x2)| x1 - x2 / 2.0).collect();
    let limits = ParseLimits { max_nodes: 1_000, max_nesting: 100 };
    let program = parse("(tanh(x1*w1 + x2*w2 + b) - y)**2", [], limits).expect("the neuron's loss");
    let binding = |name: &str| match name {
        "x1" => Binding::Samples(&x1),
        "x2" => Binding::Samples(&x2),
        "y" => Binding::Samples(&y),
        "w1" => Binding::Number(0.7),
        "w2" => Binding::Number(-0.4),
        _ => Binding::Number(0.1),
    };
    let bindings: Vec<Binding<'_>> = program.graph.inputs().iter().map(|(name, _)| binding(name)).collect();
    let role = |binding: &Binding<'_>| match binding {
        Binding::Samples(_) => Role { sampled: true, wanted: false },
        Binding::Number(_) => Role::NUMBER,
    };
    let roles: Vec<Role> = bindings.iter().map(role).collect();
    let tape = Tape::compile(&program.graph, &[program.output.1], &roles, CompileOptions::default());
    let mut check = 0.0;
    for (case, threads) in [("neuron_batch_1_thread", 1), ("neuron_batch_2_threads", 2)] {
        let time = on_threads(threads, || {
            median(|| {
                let result = tape.objective_and_gradient(&bindings, Reduction::Mean, &Interrupt::never());
                let number = |g: &Column| if let Column::Number(g) = g { *g } else { 0.0 };
                check = result.expect("finite").1.iter().flatten().map(number).sum();
            })
        });
        report(case, time / SAMPLES as f64, "sample", Some(check));
    }
}

/// `dense` of `workload.py`, as one flat parameter vector.
fn dense<T: Scalar>(sizes: &[usize]) -> Vec<T> {
    let mut random = Lcg(1);
    let mut parameters = Vec::new();
    for pair in sizes.windows(2) {
        let limit = (pair[0] as f64).powf(-0.5);
        parameters.extend((0..(pair[0] + 1) * pair[1]).map(|_| T::from_f64(random.uniform(limit))));
    }
    parameters
}

fn mlp(sizes: &[usize], hidden: Activation, loss: Loss) -> Mlp {
    let last = sizes.len() - 2;
    let layer = |(i, &units): (usize, &usize)| Layer {
        units,
        activation: if i == last { Activation::Linear } else { hidden },
    };
    let layers: Vec<Layer> = sizes[1..].iter().enumerate().map(layer).collect();
    Mlp::new(sizes[0], &layers, loss, usize::MAX).expect("a valid network")
}

fn example(name: &str) -> serde_json::Value {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).expect("an example")).expect("JSON")
}

fn numbers(json: &serde_json::Value) -> Vec<f64> {
    match json {
        serde_json::Value::Array(rows) => rows.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().expect("a number")],
    }
}

fn mlp_step() {
    let sizes = [2, 16, 16, 1];
    let mlp = mlp(&sizes, Activation::Tanh, Loss::Mse);
    let moons = example("moons.json");
    let (x, y) = (numbers(&moons["data"]["x"]), numbers(&moons["data"]["y"]));
    let rows = y.len();
    let matrix = Matrix::new(&x, rows, 2).expect("two columns");
    let examples = Examples::new(&mlp, matrix, Targets::Values(&y)).expect("a target per row");
    let mut model = MlpObjective::<f64>::new(&mlp, examples, LossReduction::Mean);
    let plan = Plan::new(rows, Length::Steps(u64::MAX), None, None).expect("a plan");
    let optimizer = Optimizer::Sgd(Sgd::new(0.05).expect("a rate"));
    let mut trainer = Trainer::new(&mut model, optimizer, plan, dense(&sizes), None).expect("a trainer");
    let never = Interrupt::never();
    let check = trainer.step(&never).expect("finite").map(|step| step.loss);
    let time = median(|| {
        black_box(trainer.step(&never).expect("finite"));
    });
    report("mlp_step", time, "step", check);
}

fn digits_epoch() {
    let sizes = [64, 32, 10];
    let mlp = mlp(&sizes, Activation::Relu, Loss::CrossEntropy);
    let (train, test) = (example("digits_train.json"), example("digits_test.json"));
    let join = |key: &str| [numbers(&train["data"][key]), numbers(&test[key])].concat();
    let (x, y) = (join("x"), join("y"));
    let classes: Vec<u32> = y.iter().map(|&class| class as u32).collect();
    let rows = classes.len();
    let matrix = Matrix::new(&x, rows, 64).expect("64 columns");
    let examples = Examples::new(&mlp, matrix, Targets::Classes(&classes)).expect("a class per row");
    let mut model = MlpObjective::<f64>::new(&mlp, examples, LossReduction::Mean);
    let plan = Plan::new(rows, Length::Steps(u64::MAX), Some(32), Some(0)).expect("a plan");
    let optimizer = Optimizer::Sgd(Sgd::with(0.1, 0.9, 0.0, 0.0, false).expect("valid settings"));
    let mut trainer = Trainer::new(&mut model, optimizer, plan, dense(&sizes), None).expect("a trainer");
    let never = Interrupt::never();
    let time = median(|| {
        for _ in 0..rows.div_ceil(32) {
            black_box(trainer.step(&never).expect("finite"));
        }
    });
    report("digits_epoch", time, "epoch", None);
}

fn wide_step() {
    let sizes = [784, 512, 512, 10];
    let mlp = mlp(&sizes, Activation::Relu, Loss::CrossEntropy);
    let rows = 128;
    let mut random = Lcg(2);
    let x: Vec<f32> = (0..rows * 784).map(|_| random.uniform(1.0) as f32).collect();
    let classes: Vec<u32> = (0..rows as u32).map(|i| i % 10).collect();
    let matrix = Matrix::new(&x, rows, 784).expect("784 columns");
    let examples = Examples::new(&mlp, matrix, Targets::Classes(&classes)).expect("a class per row");
    let plan = Plan::new(rows, Length::Steps(u64::MAX), None, None).expect("a plan");
    let optimizer = Optimizer::Sgd(Sgd::new(0.01).expect("a rate"));
    let never = Interrupt::never();
    let pairs: Vec<usize> = sizes.windows(2).map(|pair| pair[0] * pair[1]).collect();
    let flops = 2 * rows * (2 * pairs.iter().sum::<usize>() + pairs[1..].iter().sum::<usize>());
    for (case, threads) in [("wide_step_1_thread", 1), ("wide_step_2_threads", 2)] {
        let time = on_threads(threads, || {
            let mut model = MlpObjective::<f32>::new(&mlp, examples, LossReduction::Mean);
            let mut trainer =
                Trainer::new(&mut model, optimizer, plan.clone(), dense(&sizes), None).expect("a trainer");
            median(|| {
                black_box(trainer.step(&never).expect("finite"));
            })
        });
        println!(
            r#"{{"peer": "gradd", "case": "{case}", "median_ns": {time}, "unit": "step", "flops": {flops}}}"#
        );
    }
}
