//! The products of small layers: tiles over factors that lie in the first-level cache, packed only where they must be.

use super::product::{LANES, Scalar, Shape};
use super::tile::{TILE, pack_rows, tile};
use crate::engine::kernels::{Kernel, Level, Real};

/// Below this many inputs, weight gradients are plain dot products.
const NARROW: usize = 4;

/// Numbers of scratch that the products of a layer need.
pub(super) fn scratch(shape: Shape) -> usize {
    let Shape { units, inputs, stride } = shape;
    (TILE * inputs).max((units.next_multiple_of(TILE) + LANES) * stride)
}

/// Lanes `lane..lane + L` of each row.
#[inline(always)]
fn vectors<T, const L: usize>(rows: &[T], stride: usize, lane: usize) -> impl Iterator<Item = &[T; L]> {
    rows.chunks_exact(stride)
        .map(move |row| row[lane..].first_chunk().expect("strides are multiples of the lanes"))
}

/// See [`product::forward`](super::product::forward).
pub(super) fn forward<T: Scalar>(
    shape: Shape,
    weight: &[T],
    bias: &[T],
    a: &[T],
    z: &mut [T],
    scratch: &mut [T],
) {
    Level::best().run(Forward { shape, weight, bias, a, z, scratch });
}

struct Forward<'a, T> {
    shape: Shape,
    weight: &'a [T],
    bias: &'a [T],
    a: &'a [T],
    z: &'a mut [T],
    scratch: &'a mut [T],
}

impl<T: Scalar> Kernel for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if size_of::<T>() == 8 { self.tiles::<8>() } else { self.tiles::<16>() }
    }
}

impl<T: Scalar> Forward<'_, T> {
    #[inline(always)]
    fn tiles<const L: usize>(self) {
        let Shape { inputs, stride, .. } = self.shape;
        let panel = &mut self.scratch.as_chunks_mut::<TILE>().0[..inputs];
        let tiles = self.z.chunks_mut(TILE * stride).zip(self.weight.chunks(TILE * inputs));
        for ((z, weight), bias) in tiles.zip(self.bias.chunks(TILE)) {
            pack_rows(weight, inputs, bias.len(), panel);
            let mut start = [T::ZERO; TILE];
            start[..bias.len()].copy_from_slice(bias);
            for lane in (0..stride).step_by(L) {
                let sums = std::array::from_fn(|row| [start[row]; L]);
                let sums = tile::<T, TILE, L>(sums, panel.iter(), vectors(self.a, stride, lane));
                for (z, sums) in z.chunks_exact_mut(stride).zip(sums) {
                    z[lane..lane + L].copy_from_slice(&sums);
                }
            }
        }
    }
}

/// See [`product::backward`](super::product::backward).
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
        if size_of::<T>() == 8 { self.tiles::<8>() } else { self.tiles::<16>() }
    }
}

impl<T: Scalar> Backward<'_, T> {
    #[inline(always)]
    fn tiles<const L: usize>(self) {
        let Shape { inputs, stride, .. } = self.shape;
        let whole = inputs / TILE * TILE;
        let (da, da_rest) = self.da.split_at_mut(whole * stride);
        for (index, da) in da.chunks_exact_mut(TILE * stride).enumerate() {
            backward_rows::<T, TILE, L>(inputs, stride, &self.weight[index * TILE..], self.dz, da);
        }
        for (row, da) in da_rest.chunks_exact_mut(stride).enumerate() {
            backward_rows::<T, 1, L>(inputs, stride, &self.weight[whole + row..], self.dz, da);
        }
    }
}

/// `R` rows of `da = weightᵀ dz`; `weight` starts at the first of them.
#[inline(always)]
fn backward_rows<T: Real, const R: usize, const L: usize>(
    inputs: usize,
    stride: usize,
    weight: &[T],
    dz: &[T],
    da: &mut [T],
) {
    for lane in (0..stride).step_by(L) {
        let columns =
            weight.chunks(inputs).map(|weight| weight.first_chunk().expect("a tile lies within a row"));
        let sums = tile::<T, R, L>([[T::ZERO; L]; R], columns, vectors(dz, stride, lane));
        for (da, sums) in da.chunks_exact_mut(stride).zip(sums) {
            da[lane..lane + L].copy_from_slice(&sums);
        }
    }
}

/// `dw += dz aᵀ`
pub(super) fn accumulate<T: Scalar>(shape: Shape, dz: &[T], a: &[T], dw: &mut [T], scratch: &mut [T]) {
    if shape.units < TILE || shape.inputs < NARROW {
        Level::best().run(Dots { shape, dz, a, dw });
    } else {
        Level::best().run(Accumulate { shape, dz, a, dw, scratch });
    }
}

struct Accumulate<'a, T> {
    shape: Shape,
    dz: &'a [T],
    a: &'a [T],
    dw: &'a mut [T],
    scratch: &'a mut [T],
}

impl<T: Scalar> Kernel for Accumulate<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if size_of::<T>() == 8 { self.tiles::<8>() } else { self.tiles::<16>() }
    }
}

impl<T: Scalar> Accumulate<'_, T> {
    #[inline(always)]
    fn tiles<const L: usize>(self) {
        let Shape { units, inputs, stride } = self.shape;
        let (columns, rest) = self.scratch.split_at_mut(units.next_multiple_of(TILE) * stride);
        let columns = columns.as_chunks_mut::<TILE>().0;
        for (dz, panel) in self.dz.chunks(TILE * stride).zip(columns.chunks_exact_mut(stride)) {
            pack_rows(dz, stride, dz.len() / stride, panel);
        }
        let vectors = &mut rest.as_chunks_mut::<L>().0[..stride];
        for (index, a) in self.a.chunks(L * stride).enumerate() {
            pack_rows(a, stride, a.len() / stride, vectors);
            let (first, count) = (index * L, a.len() / stride);
            for (panel, dw) in columns.chunks_exact(stride).zip(self.dw.chunks_mut(TILE * inputs)) {
                let sums = tile::<T, TILE, L>([[T::ZERO; L]; TILE], panel.iter(), vectors.iter());
                for (dw, sums) in dw.chunks_exact_mut(inputs).zip(&sums) {
                    add_lanes(&mut dw[first..first + count], sums);
                }
            }
        }
    }
}

/// Adds the first lanes of `sums`. Called, not inlined: a use of single lanes in sight of the tile would have the compiler
/// keep its sums in single lanes, and compute them so.
#[inline(never)]
fn add_lanes<T: Real, const L: usize>(dw: &mut [T], sums: &[T; L]) {
    for (dw, &sum) in dw.iter_mut().zip(sums) {
        *dw += sum;
    }
}

/// `dw += dz aᵀ` where tiles would be mostly padding.
struct Dots<'a, T> {
    shape: Shape,
    dz: &'a [T],
    a: &'a [T],
    dw: &'a mut [T],
}

impl<T: Scalar> Kernel for Dots<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Shape { inputs, stride, .. } = self.shape;
        for (dz, dw) in self.dz.chunks_exact(stride).zip(self.dw.chunks_exact_mut(inputs)) {
            for (a, dw) in self.a.chunks_exact(stride).zip(dw) {
                let mut sums = [T::ZERO; LANES];
                for (dz, a) in dz.as_chunks::<LANES>().0.iter().zip(a.as_chunks::<LANES>().0) {
                    for lane in 0..LANES {
                        sums[lane] = dz[lane].mul_add(a[lane], sums[lane]);
                    }
                }
                *dw += tree(sums);
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
        for (dz, db) in self.dz.chunks_exact(self.stride).zip(self.db) {
            let mut sums = [T::ZERO; LANES];
            for dz in dz.as_chunks::<LANES>().0 {
                for (sum, &dz) in sums.iter_mut().zip(dz) {
                    *sum += dz;
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
            let other = sums[lane + width];
            sums[lane] += other;
        }
        width /= 2;
    }
    sums[0]
}
