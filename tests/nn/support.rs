//! What the tests share: fixtures, models by name, closeness.

use gradd::engine::Interrupt;
use gradd::nn::{
    Activation, Error, Examples, Layer, Loss, Matrix, Mlp, Pass, Reduction, Rows, Scalar, Workspace,
};
use serde_json::Value;

pub fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/nn/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// All numbers of nested arrays, in order.
pub fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

pub fn named<T: Copy>(all: &[(&str, T)], name: &Value) -> T {
    let name = name.as_str().unwrap();
    all.iter().find(|entry| entry.0 == name).unwrap().1
}

/// Layers given as `[[units, "activation"], ...]`.
pub fn layers(value: &Value) -> Vec<Layer> {
    let layer = |value: &Value| Layer {
        units: value[0].as_u64().unwrap() as usize,
        activation: named(&Activation::ALL, &value[1]),
    };
    value.as_array().unwrap().iter().map(layer).collect()
}

pub fn mlp(inputs: usize, layers: &[(usize, Activation)], loss: Loss) -> Mlp {
    let layers: Vec<Layer> = layers.iter().map(|&(units, activation)| Layer { units, activation }).collect();
    Mlp::new(inputs, &layers, loss, usize::MAX).unwrap()
}

/// Equal within `tolerance`, relative to the expected number or to `floor`, whichever is larger.
#[track_caller]
pub fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, floor: f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (index, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        let bound = tolerance * e.abs().max(floor);
        assert!((a - e).abs() <= bound, "{what}[{index}]: {a:e} is not {e:e} (off by {:e})", (a - e).abs());
    }
}

pub fn outputs<T: Scalar>(mlp: &Mlp, parameters: &[T], x: Matrix<'_, T>, rows: Rows<'_>) -> Vec<T> {
    let mut outputs = Vec::new();
    let (mut workspace, interrupt) = (Workspace::new(), Interrupt::never());
    let pass = Pass { mlp, parameters, rows, workspace: &mut workspace, interrupt: &interrupt };
    pass.outputs(x, &mut outputs).unwrap();
    outputs
}

pub fn gradient<T: Scalar>(
    mlp: &Mlp,
    parameters: &[T],
    examples: &Examples<'_, T>,
    rows: Rows<'_>,
    reduction: Reduction,
) -> Result<(f64, Vec<T>), Error> {
    let mut gradient = vec![T::ZERO; mlp.parameters()];
    let (mut workspace, interrupt) = (Workspace::new(), Interrupt::never());
    let pass = Pass { mlp, parameters, rows, workspace: &mut workspace, interrupt: &interrupt };
    let loss = pass.loss_and_gradient(examples, reduction, &mut gradient, None)?;
    Ok((loss, gradient))
}

pub fn loss(mlp: &Mlp, parameters: &[f64], examples: &Examples<'_, f64>, reduction: Reduction) -> f64 {
    let (mut workspace, interrupt) = (Workspace::new(), Interrupt::never());
    let pass = Pass { mlp, parameters, rows: Rows::All, workspace: &mut workspace, interrupt: &interrupt };
    pass.loss(examples, reduction).unwrap()
}
