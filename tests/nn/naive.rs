//! A deliberately naive evaluator, row by row and with the standard library's functions, to compare passes with.

use gradd::nn::{Activation, Examples, Init, Loss, Matrix, Mlp, Reduction, Rows, Targets};

use crate::support::{assert_close, gradient, loss, mlp, outputs};

fn activate(activation: Activation, z: f64) -> f64 {
    match activation {
        Activation::Linear => z,
        Activation::Tanh => z.tanh(),
        Activation::Relu => z.max(0.0),
        Activation::Sigmoid => 1.0 / (1.0 + (-z).exp()),
        Activation::LeakyRelu => z.max(0.01 * z),
        Activation::Elu => {
            if z > 0.0 {
                z
            } else {
                z.exp_m1()
            }
        }
        Activation::Gelu => 0.5 * z * (1.0 + libm::erf(z / 2f64.sqrt())),
        Activation::Silu => z / (1.0 + (-z).exp()),
        Activation::Softplus => z.exp().ln_1p(),
    }
}

pub fn row_outputs(mlp: &Mlp, parameters: &[f64], row: &[f64]) -> Vec<f64> {
    let mut x = row.to_vec();
    for span in mlp.spans() {
        let (weight, bias) = (&parameters[span.weight.clone()], &parameters[span.bias.clone()]);
        x = (0..span.units)
            .map(|unit| {
                let weight = &weight[unit * span.inputs..][..span.inputs];
                let sum: f64 = weight.iter().zip(&x).map(|(w, x)| w * x).sum();
                activate(span.activation, sum + bias[unit])
            })
            .collect();
    }
    x
}

fn row_loss(kind: Loss, z: &[f64], t: &[f64]) -> f64 {
    let pairs = z.iter().zip(t);
    match kind {
        Loss::Mse => pairs.map(|(z, t)| (z - t).powi(2)).sum(),
        Loss::Mae => pairs.map(|(z, t)| (z - t).abs()).sum(),
        Loss::Huber => {
            pairs.map(|(z, t)| (z - t).abs()).map(|d| if d <= 1.0 { 0.5 * d * d } else { d - 0.5 }).sum()
        }
        Loss::BceWithLogits => pairs
            .map(|(z, t)| (1.0 / (1.0 + (-z).exp()), t))
            .map(|(p, t)| -(t * p.ln() + (1.0 - t) * (1.0 - p).ln()))
            .sum(),
        Loss::CrossEntropy => {
            let sum: f64 = z.iter().map(|z| z.exp()).sum();
            pairs.map(|(z, t)| -t * (z.exp() / sum).ln()).sum()
        }
        Loss::Hinge => pairs.map(|(z, t)| (1.0 - t * z).max(0.0)).sum(),
    }
}

/// Numbers that look random and need no generator.
pub fn noise(count: usize, phase: f64) -> Vec<f64> {
    (0..count).map(|i| ((i as f64 + phase) * 12.9898).sin() * 1.7).collect()
}

pub fn targets(kind: Loss, rows: usize, outputs: usize) -> Vec<f64> {
    let noise = noise(rows * outputs, 0.37);
    match kind {
        Loss::Mse | Loss::Mae | Loss::Huber => noise,
        Loss::BceWithLogits => noise.iter().map(|x| (x.abs() / 2.0).round()).collect(),
        Loss::Hinge => noise.iter().map(|x| x.signum()).collect(),
        Loss::CrossEntropy => noise
            .chunks_exact(outputs)
            .flat_map(|row| {
                let sum: f64 = row.iter().map(|x| x.abs()).sum();
                row.iter().map(move |x| x.abs() / sum)
            })
            .collect(),
    }
}

fn check(mlp: &Mlp, rows: usize, differences: usize) {
    let x = noise(rows * mlp.inputs(), 0.0);
    let y = targets(mlp.loss(), rows, mlp.outputs());
    let parameters: Vec<f64> = Init::Linear.draw(mlp, 3);
    let matrix = Matrix::new(&x, rows, mlp.inputs()).unwrap();
    let examples = Examples::new(mlp, matrix, Targets::Values(&y)).unwrap();

    let actual = outputs(mlp, &parameters, matrix, Rows::All);
    let expected: Vec<f64> =
        x.chunks_exact(mlp.inputs()).flat_map(|row| row_outputs(mlp, &parameters, row)).collect();
    let what = format!("{:?} {rows}", mlp.spans().iter().map(|span| span.units).collect::<Vec<_>>());
    assert_close(&actual, &expected, 1e-12, 0.1, &what);

    let (value, slopes) = gradient(mlp, &parameters, &examples, Rows::All, Reduction::Sum).unwrap();
    let sum: f64 = expected
        .chunks_exact(mlp.outputs())
        .zip(y.chunks_exact(mlp.outputs()))
        .map(|(z, t)| row_loss(mlp.loss(), z, t))
        .sum();
    assert_close(&[value], &[sum], 1e-11, 1.0, &what);

    // Central differences of the library's own loss at parameters spread over the vector.
    let stride = (parameters.len() / differences).max(1);
    for index in (0..parameters.len()).step_by(stride) {
        let step = 1e-5;
        let at = |delta: f64| {
            let mut moved = parameters.clone();
            moved[index] += delta;
            loss(mlp, &moved, &examples, Reduction::Sum)
        };
        let difference = (at(step) - at(-step)) / (2.0 * step);
        let scale = value.abs().max(1.0);
        assert_close(&[slopes[index]], &[difference], 2e-7, scale, &format!("{what} gradient {index}"));
    }
}

#[test]
fn every_activation_with_every_loss() {
    for (_, activation) in Activation::ALL {
        for (_, kind) in Loss::ALL {
            let model = mlp(3, &[(5, activation), (4, activation), (3, Activation::Linear)], kind);
            check(&model, 21, 1000);
        }
    }
}

/// Sizes around the lane width, the blocks of loops, the crossover to large products and the blocks of rows.
#[test]
fn shapes_of_all_sizes() {
    for (inputs, hidden, outputs, rows) in [
        (1, 1, 1, 1),
        (1, 17, 2, 15),
        (16, 16, 16, 16),
        (31, 5, 7, 17),
        (64, 32, 10, 32),
        (9, 70, 3, 129),
        (130, 128, 65, 140),
        (2, 3, 2, 5000),
        (40, 50, 60, 1000),
    ] {
        let layers = [(hidden, Activation::Tanh), (outputs, Activation::Linear)];
        check(&mlp(inputs, &layers, Loss::Mse), rows, 7);
    }
}

#[test]
fn single_precision_is_close_to_double() {
    for (inputs, hidden, rows) in [(5, 9, 40), (70, 130, 200)] {
        let model = mlp(inputs, &[(hidden, Activation::Gelu), (3, Activation::Linear)], Loss::CrossEntropy);
        let narrow = |values: &[f64]| values.iter().map(|&x| x as f32).collect::<Vec<f32>>();
        let wide = |values: &[f32]| values.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
        let x = narrow(&noise(rows * inputs, 0.0));
        let y = narrow(&targets(Loss::CrossEntropy, rows, 3));
        let parameters: Vec<f32> = Init::Linear.draw(&model, 3);

        let matrix = Matrix::new(&x, rows, inputs).unwrap();
        let examples = Examples::new(&model, matrix, Targets::Values(&y)).unwrap();
        let (value, slopes) = gradient(&model, &parameters, &examples, Rows::All, Reduction::Mean).unwrap();

        let (x, y) = (wide(&x), wide(&y));
        let matrix = Matrix::new(&x, rows, inputs).unwrap();
        let examples = Examples::new(&model, matrix, Targets::Values(&y)).unwrap();
        let (expected, expected_slopes) =
            gradient(&model, &wide(&parameters), &examples, Rows::All, Reduction::Mean).unwrap();
        assert_close(&[value], &[expected], 1e-5, 1.0, "loss");
        assert_close(&wide(&slopes), &expected_slopes, 2e-5, 0.1, "gradient");
    }
}
