//! The sizes of tiles, which one is taken where, and the packing that feeds them.

use super::product::{LANES, Scalar};
#[cfg(target_arch = "x86_64")]
use crate::engine::kernels::{Avx2, Avx512};
use crate::engine::kernels::{Kernel, Lanes, Plain, Real, Registers};

/// Rows of a tile. With two AVX2 vectors per row that makes 8 accumulators, enough to hide the latency of a multiply-add and
/// as many as leave room for the factors.
pub(super) const TILE: usize = 4;
/// Rows of a tile where registers are twice as many.
pub(super) const WIDE_TILE: usize = 8;

/// A product that is computed in tiles of `R` rows by `L` lanes.
pub(super) trait Tiled: Sized {
    type Number: Scalar;
    fn tiles<M: Registers, const R: usize, const L: usize>(self, registers: M)
    where
        Self::Number: Lanes<M>;

    /// Where registers are twice as wide and twice as many.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn wide_tiles(self, registers: Avx512) {
        self.tiles::<Avx512, WIDE_TILE, LANES>(registers);
    }
}

/// The work of such a product.
pub(super) struct InTiles<P>(pub P);

impl<P: Tiled> InTiles<P> {
    /// Two AVX2 registers per row.
    #[inline(always)]
    fn narrow<M: Registers>(self, registers: M)
    where
        P::Number: Lanes<M>,
    {
        if size_of::<P::Number>() == 8 {
            self.0.tiles::<M, TILE, 8>(registers);
        } else {
            self.0.tiles::<M, TILE, 16>(registers);
        }
    }
}

impl<P: Tiled> Kernel for InTiles<P> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.narrow(Plain);
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx2(self, registers: Avx2) {
        self.narrow(registers);
    }
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx512(self, registers: Avx512) {
        self.0.wide_tiles(registers);
    }
}

/// Packs up to `R` rows, `stride` apart, as the columns of a panel; rows that are missing are zeros.
#[inline(always)]
pub(super) fn pack_rows<T: Real, const R: usize>(
    rows: &[T],
    stride: usize,
    count: usize,
    panel: &mut [[T; R]],
) {
    let length = panel.len();
    if count == R {
        let rows: [&[T]; R] = std::array::from_fn(|row| &rows[row * stride..][..length]);
        for (i, column) in panel.iter_mut().enumerate() {
            for row in 0..R {
                column[row] = rows[row][i];
            }
        }
    } else {
        panel.fill([T::ZERO; R]);
        for row in 0..count {
            for (column, &value) in panel.iter_mut().zip(&rows[row * stride..][..length]) {
                column[row] = value;
            }
        }
    }
}

/// Packs up to `R` neighbouring columns of rows that are `stride` apart; columns that are missing are zeros.
#[inline(always)]
pub(super) fn pack_columns<T: Real, const R: usize>(
    rows: &[T],
    stride: usize,
    count: usize,
    panel: &mut [[T; R]],
) {
    for (row, column) in rows.chunks(stride).zip(panel) {
        match row.first_chunk() {
            Some(whole) if count == R => *column = *whole,
            _ => {
                *column = [T::ZERO; R];
                column[..count].copy_from_slice(&row[..count]);
            }
        }
    }
}
