//! The three matrix products of a dense layer over a block of rows, and which way each is computed.

use std::borrow::Cow;

use super::blocks::{Factor, Product};
use super::{blocks, loops};
use crate::engine::kernels::{Real, SUM_LANES};

/// Rows of activations are padded to a multiple of this many lanes: two AVX-512 vectors of f64, one of f32.
pub(super) const LANES: usize = SUM_LANES;

/// A float type that layers compute in: f64 or f32.
pub trait Scalar: Real {
    /// `numbers` rounded to this type; f64 stays where it is.
    fn round(numbers: &[f64]) -> Cow<'_, [Self]>;
    /// `numbers` as f64, which is exact.
    fn widen(numbers: Vec<Self>) -> Vec<f64>;
}

impl Scalar for f64 {
    fn round(numbers: &[f64]) -> Cow<'_, [f64]> {
        Cow::Borrowed(numbers)
    }

    fn widen(numbers: Vec<f64>) -> Vec<f64> {
        numbers
    }
}

impl Scalar for f32 {
    fn round(numbers: &[f64]) -> Cow<'_, [f32]> {
        numbers.iter().map(|&x| x as f32).collect()
    }

    fn widen(numbers: Vec<f32>) -> Vec<f64> {
        numbers.into_iter().map(f64::from).collect()
    }
}

/// The shape of a layer over a block: weight `[units, inputs]` row-major, activations `[inputs][stride]`, outputs
/// `[units][stride]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub units: usize,
    pub inputs: usize,
    pub stride: usize,
}

impl Shape {
    /// Numbers of scratch that products of this shape, or with a smaller stride, need.
    pub fn scratch(self) -> usize {
        let Shape { units, inputs, stride } = self;
        blocks::scratch(units, inputs, stride)
            .max(blocks::scratch(inputs, units, stride))
            .max(blocks::scratch(units, stride, inputs))
    }

    /// Whether packed blocks are faster than plain loops at this shape.
    fn is_large(self) -> bool {
        self.units.min(self.inputs) >= LARGE_SIDE && self.units * self.inputs * self.stride >= LARGE_WORK
    }
}

/// From this smallest side on, and
const LARGE_SIDE: usize = 16;
/// from this many multiply-adds on, products are computed in packed blocks.
const LARGE_WORK: usize = 64 * 64 * 64;

fn factor<T>(values: &[T], stride: usize, transposed: bool) -> Factor<'_, T> {
    Factor { values, stride, transposed }
}

/// `z = weight a + bias`
pub(super) fn forward<T: Scalar>(
    shape: Shape,
    weight: &[T],
    bias: &[T],
    a: &[T],
    z: &mut [T],
    scratch: &mut [T],
) {
    let Shape { units, inputs, stride } = shape;
    if !shape.is_large() {
        return loops::forward(shape, weight, bias, a, z);
    }
    for (z, &bias) in z.chunks_exact_mut(stride).zip(bias) {
        z.fill(bias);
    }
    let (a, b) = (factor(weight, inputs, false), factor(a, stride, false));
    Product { height: units, depth: inputs, width: stride, a, b, c: z, stride, scratch }.run();
}

/// `da = weightᵀ dz`
pub(super) fn backward<T: Scalar>(shape: Shape, weight: &[T], dz: &[T], da: &mut [T], scratch: &mut [T]) {
    let Shape { units, inputs, stride } = shape;
    if !shape.is_large() {
        return loops::backward(shape, weight, dz, da);
    }
    da.fill(T::ZERO);
    let (a, b) = (factor(weight, inputs, true), factor(dz, stride, false));
    Product { height: inputs, depth: units, width: stride, a, b, c: da, stride, scratch }.run();
}

/// `dw += dz aᵀ` and `db += dz 1`
pub(super) fn accumulate<T: Scalar>(
    shape: Shape,
    dz: &[T],
    a: &[T],
    dw: &mut [T],
    db: &mut [T],
    scratch: &mut [T],
) {
    let Shape { units, inputs, stride } = shape;
    loops::add_row_sums(stride, dz, db);
    if !shape.is_large() {
        return loops::accumulate(shape, dz, a, dw);
    }
    let (a, b) = (factor(dz, stride, false), factor(a, stride, true));
    Product { height: units, depth: stride, width: inputs, a, b, c: dw, stride: inputs, scratch }.run();
}
