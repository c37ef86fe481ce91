//! The products of small layers: tiles and dot products over factors that lie in the first-level cache.

use super::product::{Scalar, Shape};
use super::tile::{InTiles, Tiled};
#[cfg(target_arch = "x86_64")]
use crate::engine::kernels::{Avx2, Avx512};
use crate::engine::kernels::{
    Kernel, Lanes, Left, Level, Plain, Registers, Right, Start, dots, row_sum, tile,
};

/// See [`product::forward`](super::product::forward).
pub(super) fn forward<T: Scalar>(shape: Shape, weight: &[T], bias: &[T], a: &[T], z: &mut [T]) {
    Level::best().run(InTiles(Forward { shape, weight, bias, a, z }));
}

struct Forward<'a, T> {
    shape: Shape,
    weight: &'a [T],
    bias: &'a [T],
    a: &'a [T],
    z: &'a mut [T],
}

impl<T: Scalar> Tiled for Forward<'_, T> {
    type Number = T;
    #[inline(always)]
    fn tiles<M: Registers, const R: usize, const L: usize>(self, registers: M)
    where
        T: Lanes<M>,
    {
        let Shape { units, inputs, stride } = self.shape;
        let whole = units / R * R;
        let (z, z_rest) = self.z.split_at_mut(whole * stride);
        let (weight, weight_rest) = self.weight.split_at(whole * inputs);
        let (bias, bias_rest) = self.bias.as_chunks();
        let tiles = z.chunks_exact_mut(R * stride).zip(weight.chunks_exact(R * inputs));
        for ((z, weight), bias) in tiles.zip(bias) {
            forward_rows::<M, T, R, L>(registers, self.shape, weight, bias, self.a, z);
        }
        let rows = z_rest.chunks_exact_mut(stride).zip(weight_rest.chunks_exact(inputs));
        for ((z, weight), bias) in rows.zip(bias_rest) {
            forward_rows::<M, T, 1, L>(registers, self.shape, weight, &[*bias], self.a, z);
        }
    }
}

/// `R` rows of `z = weight a + bias`.
#[inline(always)]
fn forward_rows<M: Registers, T: Scalar + Lanes<M>, const R: usize, const L: usize>(
    registers: M,
    shape: Shape,
    weight: &[T],
    bias: &[T; R],
    a: &[T],
    z: &mut [T],
) {
    let Shape { inputs, stride, .. } = shape;
    for lane in (0..stride).step_by(L) {
        let left = Left { numbers: weight, row: inputs, column: 1 };
        let right = Right { numbers: &a[lane..], row: stride };
        tile::<M, T, R, L>(registers, inputs, left, right, Start::Rows(bias), &mut z[lane..], stride);
    }
}

/// See [`product::backward`](super::product::backward).
pub(super) fn backward<T: Scalar>(shape: Shape, weight: &[T], dz: &[T], da: &mut [T]) {
    Level::best().run(InTiles(Backward { shape, weight, dz, da }));
}

struct Backward<'a, T> {
    shape: Shape,
    weight: &'a [T],
    dz: &'a [T],
    da: &'a mut [T],
}

impl<T: Scalar> Tiled for Backward<'_, T> {
    type Number = T;
    #[inline(always)]
    fn tiles<M: Registers, const R: usize, const L: usize>(self, registers: M)
    where
        T: Lanes<M>,
    {
        let Shape { inputs, stride, .. } = self.shape;
        let whole = inputs / R * R;
        let (da, da_rest) = self.da.split_at_mut(whole * stride);
        for (index, da) in da.chunks_exact_mut(R * stride).enumerate() {
            let weight = &self.weight[index * R..];
            backward_rows::<M, T, R, L>(registers, self.shape, weight, self.dz, da);
        }
        for (row, da) in da_rest.chunks_exact_mut(stride).enumerate() {
            let weight = &self.weight[whole + row..];
            backward_rows::<M, T, 1, L>(registers, self.shape, weight, self.dz, da);
        }
    }
}

/// `R` rows of `da = weightᵀ dz`; `weight` starts at the first of them.
#[inline(always)]
fn backward_rows<M: Registers, T: Scalar + Lanes<M>, const R: usize, const L: usize>(
    registers: M,
    shape: Shape,
    weight: &[T],
    dz: &[T],
    da: &mut [T],
) {
    let Shape { units, inputs, stride } = shape;
    for lane in (0..stride).step_by(L) {
        let left = Left { numbers: weight, row: 1, column: inputs };
        let right = Right { numbers: &dz[lane..], row: stride };
        tile::<M, T, R, L>(registers, units, left, right, Start::Zero, &mut da[lane..], stride);
    }
}

/// `dw += dz aᵀ`
pub(super) fn accumulate<T: Scalar>(shape: Shape, dz: &[T], a: &[T], dw: &mut [T]) {
    Level::best().run(Accumulate { shape, dz, a, dw });
}

struct Accumulate<'a, T> {
    shape: Shape,
    dz: &'a [T],
    a: &'a [T],
    dw: &'a mut [T],
}

impl<T: Scalar> Kernel for Accumulate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.dots::<Plain, 1, 1>(Plain);
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx2(self, registers: Avx2) {
        self.dots::<Avx2, 2, 1>(registers);
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx512(self, registers: Avx512) {
        self.dots::<Avx512, 4, 2>(registers);
    }
}

impl<T: Scalar> Accumulate<'_, T> {
    /// Weights by `R` units and `C` inputs at a time.
    #[inline(always)]
    fn dots<M: Registers, const R: usize, const C: usize>(mut self, registers: M)
    where
        T: Lanes<M>,
    {
        let whole = self.shape.units / R * R;
        for unit in (0..whole).step_by(R) {
            self.rows::<M, R, C>(registers, unit);
        }
        for unit in whole..self.shape.units {
            self.rows::<M, 1, C>(registers, unit);
        }
    }

    /// Those of `R` units from `unit` on.
    #[inline(always)]
    fn rows<M: Registers, const R: usize, const C: usize>(&mut self, registers: M, unit: usize)
    where
        T: Lanes<M>,
    {
        let whole = self.shape.inputs / C * C;
        for input in (0..whole).step_by(C) {
            self.some::<M, R, C>(registers, unit, input);
        }
        for input in whole..self.shape.inputs {
            self.some::<M, R, 1>(registers, unit, input);
        }
    }

    #[inline(always)]
    fn some<M: Registers, const R: usize, const C: usize>(&mut self, registers: M, unit: usize, input: usize)
    where
        T: Lanes<M>,
    {
        let Shape { inputs, stride, .. } = self.shape;
        let dots =
            dots::<M, T, R, C>(registers, stride, &self.dz[unit * stride..], &self.a[input * stride..]);
        for r in 0..R {
            for c in 0..C {
                self.dw[(unit + r) * inputs + input + c] += dots[r][c];
            }
        }
    }
}

/// `db += dz 1`
pub(super) fn add_row_sums<T: Scalar>(stride: usize, dz: &[T], db: &mut [T]) {
    Level::best().run(AddRowSums { stride, dz, db });
}

struct AddRowSums<'a, T> {
    stride: usize,
    dz: &'a [T],
    db: &'a mut [T],
}

impl<T: Scalar> Kernel for AddRowSums<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.sums(Plain);
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx2(self, registers: Avx2) {
        self.sums(registers);
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx512(self, registers: Avx512) {
        self.sums(registers);
    }
}

impl<T: Scalar> AddRowSums<'_, T> {
    #[inline(always)]
    fn sums<M: Registers>(self, registers: M)
    where
        T: Lanes<M>,
    {
        for unit in 0..self.db.len() {
            self.db[unit] += row_sum(registers, &self.dz[unit * self.stride..][..self.stride]);
        }
    }
}
