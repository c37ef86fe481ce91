//! The products of large layers: tiles over packed blocks that fit the caches (Goto and van de Geijn 2008).

use super::product::Scalar;
use super::tile::{InTiles, Tiled, WIDE_TILE, pack_columns, pack_rows};
#[cfg(target_arch = "x86_64")]
use crate::engine::kernels::Avx512;
use crate::engine::kernels::{Lanes, Left, Level, Registers, Right, Start, tile};

/// Inner indices of a block: a packed panel of the right factor, 64 bytes wide, is to stay in the first-level cache.
const DEPTH: usize = 256;
/// Rows of a packed block of the left factor, which is to stay in the second-level cache.
const HEIGHT: usize = 128;
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

/// Multiply-adds from which on a product is worth the attention of one more thread: about 100 µs of one.
const SHARE: usize = 1 << 23;
/// Rows of the least share.
const SHARE_HEIGHT: usize = 8 * WIDE_TILE;

/// Shares that a product of this shape is cut into: no more than there are threads.
fn shares(height: usize, depth: usize, width: usize) -> usize {
    let worthwhile = (height / SHARE_HEIGHT).min(height * depth * width / SHARE);
    if worthwhile > 1 { worthwhile.min(rayon::current_num_threads()) } else { 1 }
}

/// Numbers of scratch that a product of this shape, or of a smaller one, needs.
pub(super) fn scratch(height: usize, depth: usize, width: usize) -> usize {
    shares(height, depth, width) * share_scratch(height, depth, width)
}

fn share_scratch(height: usize, depth: usize, width: usize) -> usize {
    let depth = depth.min(DEPTH);
    depth * (height.min(HEIGHT).next_multiple_of(WIDE_TILE) + width.min(WIDTH).next_multiple_of(32))
}

impl<T: Scalar> Product<'_, T> {
    /// Computes it, on several threads if it is large. That changes no bit, since each number of `c` is summed by one.
    pub fn run(self) {
        let shares = shares(self.height, self.depth, self.width);
        self.run_shared(shares);
    }

    fn run_shared(self, shares: usize) {
        if shares < 2 {
            return Level::best().run(InTiles(self));
        }
        let first = shares / 2;
        let row = self.height * first / shares;
        let (upper, lower) = self.split_at(row, first);
        rayon::join(|| upper.run_shared(first), || lower.run_shared(shares - first));
    }

    /// The products of the upper rows, to be computed in so many shares, and of the others.
    fn split_at(self, row: usize, shares: usize) -> (Self, Self) {
        let Self { height, depth, width, a, b, c, stride, scratch } = self;
        let (upper, lower) = c.split_at_mut(row * stride);
        let below = &a.values[if a.transposed { row } else { row * a.stride }..];
        let (near, far) = scratch.split_at_mut(shares * share_scratch(height, depth, width));
        (
            Self { height: row, depth, width, a, b, c: upper, stride, scratch: near },
            Self {
                height: height - row,
                depth,
                width,
                a: Factor { values: below, ..a },
                b,
                c: lower,
                stride,
                scratch: far,
            },
        )
    }
}

impl<T: Scalar> Tiled for Product<'_, T> {
    type Number = T;
    #[inline(always)]
    fn tiles<M: Registers, const R: usize, const L: usize>(self, registers: M)
    where
        T: Lanes<M>,
    {
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
                    let panels = block_height.div_ceil(R);
                    let lower = &mut rest.as_chunks_mut::<R>().0[..panels * block_depth];
                    for (index, panel) in lower.chunks_exact_mut(block_depth).enumerate() {
                        let row = top + index * R;
                        a.pack_left(row, first, R.min(height - row), panel);
                    }
                    for (index, vectors) in right.chunks_exact(block_depth).enumerate() {
                        let column = left + index * L;
                        let count = L.min(width - column);
                        for (index, columns) in lower.chunks_exact(block_depth).enumerate() {
                            let row = top + index * R;
                            let rows = R.min(height - row);
                            let c = &mut c[row * stride + column..];
                            if rows == R && count == L {
                                whole_tile::<M, T, R, L>(registers, columns, vectors, c, stride);
                            } else {
                                edge_tile::<M, T, R, L>(registers, columns, vectors, c, stride, rows, count);
                            }
                        }
                    }
                }
            }
        }
    }

    /// Two registers per row in either type.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn wide_tiles(self, registers: Avx512) {
        if size_of::<T>() == 8 {
            self.tiles::<Avx512, WIDE_TILE, 16>(registers);
        } else {
            self.tiles::<Avx512, WIDE_TILE, 32>(registers);
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
fn whole_tile<M: Registers, T: Scalar + Lanes<M>, const R: usize, const L: usize>(
    registers: M,
    columns: &[[T; R]],
    vectors: &[[T; L]],
    c: &mut [T],
    stride: usize,
) {
    let left = Left { numbers: columns.as_flattened(), row: 1, column: R };
    let right = Right { numbers: vectors.as_flattened(), row: L };
    tile::<M, T, R, L>(registers, columns.len(), left, right, Start::Tile, c, stride);
}

#[inline(always)]
fn edge_tile<M: Registers, T: Scalar + Lanes<M>, const R: usize, const L: usize>(
    registers: M,
    columns: &[[T; R]],
    vectors: &[[T; L]],
    c: &mut [T],
    stride: usize,
    rows: usize,
    count: usize,
) {
    let mut whole = [[T::ZERO; L]; R];
    for (row, whole) in whole[..rows].iter_mut().enumerate() {
        whole[..count].copy_from_slice(&c[row * stride..][..count]);
    }
    whole_tile(registers, columns, vectors, whole.as_flattened_mut(), L);
    for (row, whole) in whole[..rows].iter().enumerate() {
        c[row * stride..][..count].copy_from_slice(&whole[..count]);
    }
}
