//! The inner loop of matrix products.
//!
//! A product is cut into tiles of a few rows by a few lanes, which stay in registers while the sum over the inner index
//! runs: one fused multiply-add per term, in order. That order does not depend on how a product is cut, so a product gives
//! the same bits at every level and on every machine.
#![allow(unsafe_code)]

use super::Real;
use super::registers::{Lanes, Registers};

/// Registers of a row of a tile, at most.
const ROW: usize = 8;

/// A matrix that is read number by number.
#[derive(Clone, Copy, Debug)]
pub struct Left<'a, T> {
    /// From its first number on.
    pub numbers: &'a [T],
    /// From a row to the next.
    pub row: usize,
    /// From a column to the next.
    pub column: usize,
}

/// A matrix that is read lane by lane.
#[derive(Clone, Copy, Debug)]
pub struct Right<'a, T> {
    /// From its first lane on.
    pub numbers: &'a [T],
    /// From a row to the next.
    pub row: usize,
}

/// What a tile's sums start from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a, T, const R: usize> {
    /// One number for each row.
    Rows(&'a [T; R]),
    /// Zero.
    Zero,
    /// What stands in the tile.
    Tile,
}

/// Sets `out`, whose rows of `L` lanes are `stride` apart, to `start + left right`, where `left` has `R` rows and `depth`
/// columns and `right` `depth` rows of `L` lanes.
///
/// # Panics
///
/// If one of them is smaller.
#[inline(always)]
pub fn tile<M: Registers, T: Real + Lanes<M>, const R: usize, const L: usize>(
    registers: M,
    depth: usize,
    left: Left<'_, T>,
    right: Right<'_, T>,
    start: Start<'_, T, R>,
    out: &mut [T],
    stride: usize,
) {
    let lanes = <T as Lanes<M>>::LANES;
    let used = L / lanes;
    const { assert!(R > 0 && L.is_multiple_of(<T as Lanes<M>>::LANES) && L / <T as Lanes<M>>::LANES <= ROW) };
    assert!(depth > 0 && (R - 1) * stride + L <= out.len());
    assert!((R - 1) * left.row + (depth - 1) * left.column < left.numbers.len());
    assert!((depth - 1) * right.row + L <= right.numbers.len());
    let zero = T::splat(registers, T::ZERO);
    // SAFETY: registers `..used` of a row hold its lanes `..used * lanes`, which is `..L`; the tile and both factors reach as
    // far as has just been checked.
    unsafe {
        let mut sums = [[zero; ROW]; R];
        for row in 0..R {
            for v in 0..used {
                sums[row][v] = match start {
                    Start::Rows(rows) => T::splat(registers, rows[row]),
                    Start::Zero => zero,
                    Start::Tile => T::read(registers, out.as_ptr().add(row * stride + v * lanes)),
                };
            }
        }
        for i in 0..depth {
            let mut vector = [zero; ROW];
            for v in 0..used {
                vector[v] = T::read(registers, right.numbers.as_ptr().add(i * right.row + v * lanes));
            }
            for row in 0..R {
                let factor = *left.numbers.as_ptr().add(row * left.row + i * left.column);
                let factor = T::splat(registers, factor);
                for v in 0..used {
                    sums[row][v] = <T as Lanes<M>>::mul_add(registers, factor, vector[v], sums[row][v]);
                }
            }
        }
        for row in 0..R {
            for v in 0..used {
                T::write(registers, out.as_mut_ptr().add(row * stride + v * lanes), sums[row][v]);
            }
        }
    }
}
