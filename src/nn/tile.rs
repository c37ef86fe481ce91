//! The sizes of tiles, and the packing that feeds them.

use crate::engine::kernels::Real;

/// Rows of a tile. With two AVX2 vectors per row that makes 8 accumulators, enough to hide the latency of a multiply-add and
/// as many as leave room for the factors.
pub(super) const TILE: usize = 4;
/// Rows of a tile where registers are twice as many.
pub(super) const WIDE_TILE: usize = 8;

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
