//! Dot products, a few rows with a few others at a time, so that each number read serves several of them.
//!
//! A dot product is added up in 16 lanes, whose sums are added in halves: the same bits however many are computed at a time.
#![allow(unsafe_code)]

use super::Real;
use super::registers::{Lanes, Registers, SUM_LANES};

/// Registers of a sum, at most.
const SUM: usize = 8;

/// Of each of `R` rows with each of `C` others; all of them `length` long, a multiple of [`SUM_LANES`], and `length` apart.
///
/// # Panics
///
/// If there are fewer rows, or `length` is another number.
#[inline(always)]
pub fn dots<M: Registers, T: Real + Lanes<M>, const R: usize, const C: usize>(
    registers: M,
    length: usize,
    rows: &[T],
    others: &[T],
) -> [[T; C]; R] {
    let lanes = <T as Lanes<M>>::LANES;
    let used = SUM_LANES / lanes;
    const {
        assert!(
            SUM_LANES.is_multiple_of(<T as Lanes<M>>::LANES) && SUM_LANES / <T as Lanes<M>>::LANES <= SUM
        );
    }
    assert!(length.is_multiple_of(SUM_LANES) && R * length <= rows.len() && C * length <= others.len());
    // SAFETY: `at + used * lanes`, which is `at + SUM_LANES`, is at most `length`, and there are `R` and `C` times as many
    // numbers.
    unsafe {
        let mut sums = [[[T::splat(registers, T::ZERO); SUM]; C]; R];
        for at in (0..length).step_by(SUM_LANES) {
            for v in 0..used {
                let at = at + v * lanes;
                let mut other = [T::splat(registers, T::ZERO); C];
                for c in 0..C {
                    other[c] = T::read(registers, others.as_ptr().add(c * length + at));
                }
                for r in 0..R {
                    let row = T::read(registers, rows.as_ptr().add(r * length + at));
                    for c in 0..C {
                        sums[r][c][v] = <T as Lanes<M>>::mul_add(registers, row, other[c], sums[r][c][v]);
                    }
                }
            }
        }
        let mut dots = [[T::ZERO; C]; R];
        for r in 0..R {
            for c in 0..C {
                dots[r][c] = T::add_halves(registers, &sums[r][c]);
            }
        }
        dots
    }
}

/// The sum of a row, whose length is a multiple of [`SUM_LANES`], in the same order.
///
/// # Panics
///
/// If its length is another.
#[inline(always)]
pub fn row_sum<M: Registers, T: Real + Lanes<M>>(registers: M, row: &[T]) -> T {
    let lanes = <T as Lanes<M>>::LANES;
    assert!(row.len().is_multiple_of(SUM_LANES));
    let one = T::splat(registers, T::ONE);
    let mut sums = [T::splat(registers, T::ZERO); SUM];
    for part in row.chunks_exact(SUM_LANES) {
        for v in 0..SUM_LANES / lanes {
            // SAFETY: `SUM_LANES` numbers lie in the part. A product with one is exact, so that this is a sum.
            let part = unsafe { T::read(registers, part.as_ptr().add(v * lanes)) };
            sums[v] = <T as Lanes<M>>::mul_add(registers, part, one, sums[v]);
        }
    }
    T::add_halves(registers, &sums)
}
