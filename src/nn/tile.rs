//! The inner loop of every matrix product, and the packing that feeds it.
//!
//! A product is cut into tiles of a few rows by a vector of lanes, which stay in registers while the sum over the inner
//! index runs: one fused multiply-add per term, in order. That order does not depend on how a product is cut, so a
//! product gives the same bits at every level and on every machine.

use crate::engine::kernels::Real;

/// Rows of a tile. With two AVX2 vectors per row that makes 8 accumulators, enough to hide the latency of a multiply-add.
pub(super) const TILE: usize = 4;

/// Σ over i of column i of `R` rows times vector i, added to `sums`.
#[inline(always)]
pub(super) fn tile<'a, T: Real, const R: usize, const L: usize>(
    mut sums: [[T; L]; R],
    columns: impl Iterator<Item = &'a [T; R]>,
    vectors: impl Iterator<Item = &'a [T; L]>,
) -> [[T; L]; R] {
    for (column, vector) in columns.zip(vectors) {
        for row in 0..R {
            for lane in 0..L {
                sums[row][lane] = column[row].mul_add(vector[lane], sums[row][lane]);
            }
        }
    }
    sums
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
