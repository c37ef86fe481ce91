//! The engine and the networks give the same bits at every instruction set that the machine has.

use gradd::engine::kernels::Level;
use gradd::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, NonFinitePolicy, Op, Role, Tape,
};
use gradd::nn::{Activation, Examples, Init, Layer, Loss, Matrix, Mlp, Reduction, Scalar, Targets};
use gradd::train::{Length, MlpObjective, Optimizer, Plan, Sgd, Trainer};

/// The only test of this binary: the level is the process's.
#[test]
fn every_level_gives_the_same_bits() {
    let levels = Level::available();
    for name in &Level::NAMES[levels.len()..] {
        println!("{name}: skipped, this machine lacks it");
    }
    let results: Vec<Vec<(String, Vec<u64>)>> = levels
        .iter()
        .map(|level| {
            level.choose();
            assert_eq!(Level::best(), *level);
            let mut bits = every_op();
            bits.extend(networks::<f64>());
            bits.extend(networks::<f32>());
            bits
        })
        .collect();
    let numbers: usize = results[0].iter().map(|(_, bits)| bits.len()).sum();
    println!("{levels:?}: {numbers} numbers each");
    for (level, result) in levels.iter().zip(&results) {
        for (here, at_baseline) in result.iter().zip(&results[0]) {
            assert_eq!(here, at_baseline, "{level:?}");
        }
    }
}

/// NaN has many encodings, and which one comes out is the processor's choice.
fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

fn numbers(column: &Column) -> Vec<u64> {
    match column {
        Column::Number(x) => vec![bits(*x)],
        Column::Samples(samples) => samples.iter().map(|&x| bits(x)).collect(),
    }
}

/// Value and partials of every primitive, in lanes and, many instructions side by side, at one point.
fn every_op() -> Vec<(String, Vec<u64>)> {
    let samples = 300;
    let column = |step: f64| -> Vec<f64> {
        (0..samples).map(|i| (f64::from(i) * step).sin() * f64::from(i % 7)).collect()
    };
    let columns = [column(0.7), column(1.3), column(2.9)];
    let allow = GradientOptions { non_finite: NonFinitePolicy::Allow, ..GradientOptions::default() };
    let mut results = Vec::new();
    for &op in Op::ALL {
        let count = (1..=4).find(|&count| op.arity().admits(count)).expect("an op takes operands");
        let mut graph = Graph::new();
        let operands: Vec<_> = (0..count).map(|k| graph.input(format!("x{k}"))).collect();
        let output = graph.apply(op, &operands).expect("that many operands");
        let tape = Tape::compile(&graph, &[output], &vec![Role::SAMPLES; count], CompileOptions::default());
        let bindings: Vec<Binding<'_>> =
            (0..count).map(|k| Binding::Samples(&columns[k % columns.len()])).collect();
        let gradient = tape.gradient(&bindings, allow, &Interrupt::never()).expect("no refusal");
        let columns_of = gradient.outputs.iter().chain(gradient.gradients.iter().flatten());
        results.push((format!("{op:?} in lanes"), columns_of.flat_map(numbers).collect()));

        let mut graph = Graph::new();
        let operands: Vec<Vec<_>> =
            (0..19).map(|i| (0..count).map(|k| graph.input(format!("x{i}_{k}"))).collect()).collect();
        let outputs: Vec<_> =
            operands.iter().map(|operands| graph.apply(op, operands).expect("that many operands")).collect();
        let inputs = graph.inputs().len();
        let tape = Tape::compile(&graph, &outputs, &vec![Role::NUMBER; inputs], CompileOptions::default());
        let bindings: Vec<Binding<'_>> =
            (0..inputs).map(|i| Binding::Number(columns[i % columns.len()][i])).collect();
        let gradient = tape.gradient(&bindings, allow, &Interrupt::never()).expect("no refusal");
        let columns_of = gradient.outputs.iter().chain(gradient.gradients.iter().flatten());
        results.push((format!("{op:?} at a point"), columns_of.flat_map(numbers).collect()));
    }
    results
}

/// Some steps of a small and of a larger network with each activation, and with each loss.
fn networks<T: Scalar>() -> Vec<(String, Vec<u64>)> {
    let mut results = Vec::new();
    for (name, activation) in Activation::ALL {
        for width in [5, 70] {
            let layer = |units, activation| Layer { units, activation };
            let layers = [layer(width, activation), layer(width, activation), layer(2, Activation::Linear)];
            results.push((format!("{name} {width}"), steps::<T>(&layers, Loss::Mse)));
        }
    }
    for (name, loss) in Loss::ALL {
        let layers = [
            Layer { units: 16, activation: Activation::Tanh },
            Layer { units: 2, activation: Activation::Linear },
        ];
        results.push((format!("loss {name}"), steps::<T>(&layers, loss)));
    }
    results
}

fn steps<T: Scalar>(layers: &[Layer], loss: Loss) -> Vec<u64> {
    let (rows, inputs) = (101, 3);
    let mlp = Mlp::new(inputs, layers, loss, 1_000_000).expect("a network");
    let number = |i: usize| T::from_f64((i as f64 * 0.37).sin());
    let x: Vec<T> = (0..rows * inputs).map(number).collect();
    let classes: Vec<u32> = (0..rows as u32).map(|i| i % 2).collect();
    let other = if loss == Loss::BceWithLogits { T::ZERO } else { -T::ONE };
    let one_or_other = |i: usize| if i.is_multiple_of(3) { T::ONE } else { other };
    let values: Vec<T> = (0..rows * 2).map(one_or_other).collect();
    let targets = match loss {
        Loss::CrossEntropy => Targets::Classes(&classes),
        _ => Targets::Values(&values),
    };
    let examples = Examples::new(&mlp, Matrix::new(&x, rows, inputs).expect("a matrix"), targets);
    let mut model = MlpObjective::new(&mlp, examples.expect("examples"), Reduction::Mean);
    let optimizer = Optimizer::Sgd(Sgd::with(0.01, 0.9, 0.0, 0.01, true).expect("settings"));
    let plan = Plan::new(rows, Length::Steps(6), Some(64), Some(1)).expect("a plan");
    let trainer = Trainer::new(&mut model, optimizer, plan, Init::Linear.draw(&mlp, 1), None);
    let report = trainer.expect("a run").run(&Interrupt::never()).expect("no divergence");
    report.parameters.iter().map(|p| bits(p.to_f64())).chain([bits(report.loss)]).collect()
}
