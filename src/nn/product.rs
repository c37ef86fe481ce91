//! The three matrix products of a dense layer over a block of rows.

use crate::engine::kernels::gemm::Gemm;
use crate::engine::kernels::{Kernel, Level, Real};

/// Rows of activations are padded to a multiple of this many lanes: two AVX-512 vectors of f64, one of f32.
pub(super) const LANES: usize = 16;

/// A float type that layers compute in: f64 or f32.
pub trait Scalar: Real + Gemm {}

impl Scalar for f64 {}
impl Scalar for f32 {}

/// The shape of a layer over a block: weight `[units, inputs]` row-major, activations `[inputs][stride]`, outputs
/// `[units][stride]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub units: usize,
    pub inputs: usize,
    pub stride: usize,
}

/// `z = weight a + bias`
pub(super) fn forward<T: Scalar>(shape: Shape, weight: &[T], bias: &[T], a: &[T], z: &mut [T]) {
    Level::best().run(Forward { shape, weight, bias, a, z });
}

struct Forward<'a, T> {
    shape: Shape,
    weight: &'a [T],
    bias: &'a [T],
    a: &'a [T],
    z: &'a mut [T],
}

impl<T: Scalar> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Shape { inputs, stride, .. } = self.shape;
        let layers = self.z.chunks_exact_mut(stride).zip(self.weight.chunks_exact(inputs)).zip(self.bias);
        for ((z, weight), &bias) in layers {
            z.fill(bias);
            for (a, &w) in self.a.chunks_exact(stride).zip(weight) {
                for (z, &a) in z.iter_mut().zip(a) {
                    *z = w.mul_add(a, *z);
                }
            }
        }
    }
}

/// `da = weightᵀ dz`
pub(super) fn backward<T: Scalar>(shape: Shape, weight: &[T], dz: &[T], da: &mut [T]) {
    Level::best().run(Backward { shape, weight, dz, da });
}

struct Backward<'a, T> {
    shape: Shape,
    weight: &'a [T],
    dz: &'a [T],
    da: &'a mut [T],
}

impl<T: Scalar> Kernel for Backward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Shape { inputs, stride, .. } = self.shape;
        for (k, da) in self.da.chunks_exact_mut(stride).enumerate() {
            da.fill(T::ZERO);
            for (dz, weight) in self.dz.chunks_exact(stride).zip(self.weight.chunks_exact(inputs)) {
                let w = weight[k];
                for (da, &dz) in da.iter_mut().zip(dz) {
                    *da = w.mul_add(dz, *da);
                }
            }
        }
    }
}

/// `dw += dz aᵀ` and `db += dz 1`
pub(super) fn accumulate<T: Scalar>(shape: Shape, dz: &[T], a: &[T], dw: &mut [T], db: &mut [T]) {
    Level::best().run(Accumulate { shape, dz, a, dw, db });
}

struct Accumulate<'a, T> {
    shape: Shape,
    dz: &'a [T],
    a: &'a [T],
    dw: &'a mut [T],
    db: &'a mut [T],
}

impl<T: Scalar> Kernel for Accumulate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Shape { inputs, stride, .. } = self.shape;
        let units = self.dz.chunks_exact(stride).zip(self.dw.chunks_exact_mut(inputs)).zip(self.db);
        for ((dz, dw), db) in units {
            for (a, dw) in self.a.chunks_exact(stride).zip(dw) {
                let mut sums = [T::ZERO; LANES];
                for (dz, a) in dz.chunks_exact(LANES).zip(a.chunks_exact(LANES)) {
                    for lane in 0..LANES {
                        sums[lane] = dz[lane].mul_add(a[lane], sums[lane]);
                    }
                }
                *dw += tree(sums);
            }
            let mut sums = [T::ZERO; LANES];
            for dz in dz.chunks_exact(LANES) {
                for lane in 0..LANES {
                    sums[lane] += dz[lane];
                }
            }
            *db += tree(sums);
        }
    }
}

/// The sum of the lanes, halves added until one is left.
#[inline(always)]
fn tree<T: Real>(mut sums: [T; LANES]) -> T {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}
