//! One training step, forward, backward and SGD, of three sizes of network.
//!
//! `cargo bench --bench mlp`

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gradd::engine::Interrupt;
use gradd::nn::{Activation, Examples, Init, Layer, Loss, Matrix, Mlp, Reduction, Scalar, Targets};
use gradd::train::{Length, MlpObjective, Optimizer, Plan, Sgd, Trainer};

fn noise<T: Scalar>(count: usize) -> Vec<T> {
    (0..count).map(|i| T::from_f64((i as f64 * 12.9898).sin())).collect()
}

fn step<T: Scalar>(
    criterion: &mut Criterion,
    name: &str,
    widths: &[usize],
    (hidden, loss): (Activation, Loss),
    rows: usize,
) {
    let last = widths.len() - 2;
    let activation = |index| if index == last { Activation::Linear } else { hidden };
    let layers: Vec<Layer> = widths[1..]
        .iter()
        .enumerate()
        .map(|(index, &units)| Layer { units, activation: activation(index) })
        .collect();
    let mlp = Mlp::new(widths[0], &layers, loss, usize::MAX).unwrap();
    let x = noise(rows * mlp.inputs());
    let y = noise(rows * mlp.outputs());
    let classes: Vec<u32> = (0..rows).map(|row| (row % mlp.outputs()) as u32).collect();
    let targets = if loss == Loss::CrossEntropy { Targets::Classes(&classes) } else { Targets::Values(&y) };
    let examples = Examples::new(&mlp, Matrix::new(&x, rows, mlp.inputs()).unwrap(), targets).unwrap();
    let mut model = MlpObjective::<T>::new(&mlp, examples, Reduction::Mean);
    let plan = Plan::new(rows, Length::Steps(u64::MAX), None, None).unwrap();
    let optimizer = Optimizer::Sgd(Sgd::new(1e-3).unwrap());
    let mut trainer = Trainer::new(&mut model, optimizer, plan, Init::Linear.draw(&mlp, 1), None).unwrap();
    let interrupt = Interrupt::never();
    criterion.bench_function(name, |bencher| {
        bencher.iter(|| black_box(trainer.step(&interrupt).unwrap()));
    });
}

fn steps(criterion: &mut Criterion) {
    let (tanh, relu) = ((Activation::Tanh, Loss::Mse), (Activation::Relu, Loss::CrossEntropy));
    step::<f64>(criterion, "step 2-16-16-1 tanh, 100 rows, f64", &[2, 16, 16, 1], tanh, 100);
    step::<f32>(criterion, "step 2-16-16-1 tanh, 100 rows, f32", &[2, 16, 16, 1], tanh, 100);
    step::<f64>(criterion, "step 64-32-10 relu, 32 rows, f64", &[64, 32, 10], relu, 32);
    step::<f32>(criterion, "step 64-32-10 relu, 32 rows, f32", &[64, 32, 10], relu, 32);
    step::<f32>(criterion, "step 784-512-512-10 relu, 128 rows, f32", &[784, 512, 512, 10], relu, 128);
}

criterion_group!(benches, steps);
criterion_main!(benches);
