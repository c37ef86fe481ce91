//! The products of large layers: tiles over packed blocks that fit the caches (Goto and van de Geijn 2008).

use super::product::Scalar;
use super::tile::{TILE, pack_columns, pack_rows, tile};
use crate::engine::kernels::{Kernel, Level};

/// Inner indices of a block: a packed panel of the right factor, 64 bytes wide, is to stay in the first-level cache.
const DEPTH: usize = 256;
/// Rows of a packed block of the left factor, which is to stay in the second-level cache.
const HEIGHT: usize = 32 * TILE;
/// Columns of a packed block of the right factor.
const WIDTH: usize = 512;

/// A factor as it lies in memory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Factor<'a, T> {
    pub values: &'a [T],
    /// Distance of its rows, or of its columns if `transposed`; the other index is contiguous.
    pub stride: usize,
    /// Whether columns are contiguous, not rows.
    pub transposed: bool,
}

/// `c += a b`, with `a` `[height, depth]`, `b` `[depth, width]` and `c` `[height, width]`, its rows `stride` apart.
#[derive(Debug)]
pub(super) struct Product<'a, T> {
    pub height: usize,
    pub depth: usize,
    pub width: usize,
    pub a: Factor<'a, T>,
    pub b: Factor<'a, T>,
    pub c: &'a mut [T],
    pub stride: usize,
    /// At least [`scratch`] of the same shape.
    pub scratch: &'a mut [T],
}

/// Numbers of scratch that a product of this shape, or of a smaller one, needs.
pub(super) fn scratch(height: usize, depth: usize, width: usize) -> usize {
    let depth = depth.min(DEPTH);
    depth * (height.min(HEIGHT).next_multiple_of(TILE) + width.min(WIDTH).next_multiple_of(16))
}

impl<T: Scalar> Product<'_, T> {
    pub fn run(self) {
        Level::best().run(self);
    }
}

impl<T: Scalar> Kernel for Product<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if size_of::<T>() == 8 { self.blocks::<8>() } else { self.blocks::<16>() }
    }
}

impl<T: Scalar> Product<'_, T> {
    #[inline(always)]
    fn blocks<const L: usize>(self) {
        let Self { height, depth, width, a, b, c, stride, scratch } = self;
        for left in (0..width).step_by(WIDTH) {
            let block_width = WIDTH.min(width - left);
            for first in (0..depth).step_by(DEPTH) {
                let block_depth = DEPTH.min(depth - first);
                let (right, rest) = scratch.split_at_mut(block_width.next_multiple_of(L) * block_depth);
                let right = right.as_chunks_mut::<L>().0;
                for (index, panel) in right.chunks_exact_mut(block_depth).enumerate() {
                    let column = left + index * L;
                    b.pack_right(first, column, L.min(width - column), panel);
                }
                for top in (0..height).step_by(HEIGHT) {
                    let block_height = HEIGHT.min(height - top);
                    let panels = block_height.div_ceil(TILE);
                    let lower = &mut rest.as_chunks_mut::<TILE>().0[..panels * block_depth];
                    for (index, panel) in lower.chunks_exact_mut(block_depth).enumerate() {
                        let row = top + index * TILE;
                        a.pack_left(row, first, TILE.min(height - row), panel);
                    }
                    for (index, vectors) in right.chunks_exact(block_depth).enumerate() {
                        let column = left + index * L;
                        let count = L.min(width - column);
                        for (index, columns) in lower.chunks_exact(block_depth).enumerate() {
                            let row = top + index * TILE;
                            let rows = TILE.min(height - row);
                            let c = &mut c[row * stride + column..];
                            if rows == TILE && count == L {
                                whole_tile::<T, L>(columns, vectors, c, stride);
                            } else {
                                edge_tile::<T, L>(columns, vectors, c, stride, rows, count);
                            }
                        }
                    }
                }
            }
        }
    }
}

impl<T: Scalar> Factor<'_, T> {
    /// Packs rows `row..row + count` from inner index `first` on.
    #[inline(always)]
    fn pack_left<const R: usize>(&self, row: usize, first: usize, count: usize, panel: &mut [[T; R]]) {
        if self.transposed {
            pack_columns(&self.values[first * self.stride + row..], self.stride, count, panel);
        } else {
            pack_rows(&self.values[row * self.stride + first..], self.stride, count, panel);
        }
    }

    /// Packs columns `column..column + count` from inner index `first` on.
    #[inline(always)]
    fn pack_right<const R: usize>(&self, first: usize, column: usize, count: usize, panel: &mut [[T; R]]) {
        if self.transposed {
            pack_rows(&self.values[column * self.stride + first..], self.stride, count, panel);
        } else {
            pack_columns(&self.values[first * self.stride + column..], self.stride, count, panel);
        }
    }
}

#[inline(always)]
fn whole_tile<T: Scalar, const L: usize>(
    columns: &[[T; TILE]],
    vectors: &[[T; L]],
    c: &mut [T],
    stride: usize,
) {
    let mut sums = [[T::ZERO; L]; TILE];
    for (row, sums) in sums.iter_mut().enumerate() {
        sums.copy_from_slice(&c[row * stride..][..L]);
    }
    let sums = tile(sums, columns.iter(), vectors.iter());
    for (row, sums) in sums.iter().enumerate() {
        c[row * stride..][..L].copy_from_slice(sums);
    }
}

#[inline(always)]
fn edge_tile<T: Scalar, const L: usize>(
    columns: &[[T; TILE]],
    vectors: &[[T; L]],
    c: &mut [T],
    stride: usize,
    rows: usize,
    count: usize,
) {
    let mut sums = [[T::ZERO; L]; TILE];
    for (row, sums) in sums[..rows].iter_mut().enumerate() {
        sums[..count].copy_from_slice(&c[row * stride..][..count]);
    }
    let sums = tile(sums, columns.iter(), vectors.iter());
    for (row, sums) in sums[..rows].iter().enumerate() {
        c[row * stride..][..count].copy_from_slice(&sums[..count]);
    }
}
