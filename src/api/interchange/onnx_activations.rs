//! Activations as ONNX operations.
//!
//! `onnxruntime` computes `Elu`, `Softplus`, `Erf` and `Gelu` in single precision only and does not load a model that has them
//! in double; `LeakyRelu` it has for some operator sets only. So these are put together from operations that it has.

use std::f64::consts::PI;

use crate::nn::Activation;

use super::onnx::Nodes;

/// Adds `activation` of the value `z`; gives the name of the result.
pub(super) fn activate(nodes: &mut Nodes, activation: Activation, z: String) -> String {
    match activation {
        Activation::Linear => z,
        Activation::Tanh => nodes.add("Tanh", &[&z]),
        Activation::Relu => nodes.add("Relu", &[&z]),
        Activation::Sigmoid => nodes.add("Sigmoid", &[&z]),
        Activation::LeakyRelu => leaky_relu(nodes, &z),
        Activation::Elu => elu(nodes, &z),
        Activation::Gelu => gelu(nodes, &z),
        Activation::Silu => {
            let sigmoid = nodes.add("Sigmoid", &[&z]);
            nodes.add("Mul", &[&z, &sigmoid])
        }
        Activation::Softplus => softplus(nodes, &z),
    }
}

/// max(z, 0.01 z)
fn leaky_relu(nodes: &mut Nodes, z: &str) -> String {
    let leak = nodes.double("leak", 0.01);
    let below = nodes.add("Mul", &[z, &leak]);
    nodes.add("Max", &[z, &below])
}

/// max(z, 0) + (exp(min(z, 0)) - 1)
fn elu(nodes: &mut Nodes, z: &str) -> String {
    let (zero, one) = (nodes.double("zero", 0.0), nodes.double("one", 1.0));
    let below = nodes.add("Min", &[z, &zero]);
    let below = nodes.add("Exp", &[&below]);
    let below = nodes.add("Sub", &[&below, &one]);
    let above = nodes.add("Relu", &[z]);
    nodes.add("Add", &[&above, &below])
}

/// max(z, 0) + log(1 + exp(-|z|))
fn softplus(nodes: &mut Nodes, z: &str) -> String {
    let one = nodes.double("one", 1.0);
    let size = nodes.add("Abs", &[z]);
    let size = nodes.add("Neg", &[&size]);
    let exp = nodes.add("Exp", &[&size]);
    let sum = nodes.add("Add", &[&exp, &one]);
    let log = nodes.add("Log", &[&sum]);
    let above = nodes.add("Relu", &[z]);
    nodes.add("Add", &[&above, &log])
}

/// Beyond ±this the normal distribution function is 0 or 1 to double precision.
const END: f64 = 8.5;
/// Half the period of the wave below, twice [`END`].
const HALF_PERIOD: f64 = 17.0;
/// Waves of the series; the next one's amplitude is 2e-20.
const WAVES: usize = 24;

/// max(z - u, 0) + u Φ(u), where u is z between ±[`END`].
///
/// Φ(u) - 1/2 is half a sign function smoothed by the normal density. So is, near 0, half a square wave of period
/// 2 [`HALF_PERIOD`], whose Fourier series is 2/(πk) sin(ωu) over odd k with ω = πk / [`HALF_PERIOD`]; smoothing multiplies
/// each wave by exp(-ω²/2). Up to ±[`END`], as far from the wave's next jump as from its first, the two differ by
/// Φ(-[`END`]) = 1e-17.
fn gelu(nodes: &mut Nodes, z: &str) -> String {
    let odd = (0..WAVES).map(|i| (2 * i + 1) as f64);
    let (frequencies, amplitudes): (Vec<f64>, Vec<f64>) = odd
        .map(|k| {
            let frequency = PI * k / HALF_PERIOD;
            (frequency, 2.0 / (PI * k) * libm::exp(-0.5 * frequency * frequency))
        })
        .unzip();
    let (low, high) = (nodes.double("low", -END), nodes.double("high", END));
    let last = nodes.axis("last", -1);
    let frequencies = nodes.doubles("frequencies", &[WAVES], &frequencies);
    let amplitudes = nodes.doubles("amplitudes", &[WAVES], &amplitudes);
    let half = nodes.double("half", 0.5);

    let u = nodes.add("Clip", &[z, &low, &high]);
    let column = nodes.add("Unsqueeze", &[&u, &last]);
    let angles = nodes.add("Mul", &[&column, &frequencies]);
    let waves = nodes.add("Sin", &[&angles]);
    let sum = nodes.add("MatMul", &[&waves, &amplitudes]);
    let distribution = nodes.add("Add", &[&sum, &half]);
    let inner = nodes.add("Mul", &[&u, &distribution]);
    let beyond = nodes.add("Sub", &[z, &u]);
    let beyond = nodes.add("Relu", &[&beyond]);
    nodes.add("Add", &[&inner, &beyond])
}
