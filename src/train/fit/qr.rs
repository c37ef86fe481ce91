//! Householder QR with column pivoting.
//!
//! After Businger and Golub, "Linear least squares solutions by Householder transformations" (1965). The normal equations
//! would square the condition number; fits of sums of exponentials have none to spare.

use crate::engine::{Interrupt, Interrupted};

/// A diagonal entry that counts as zero, relative to the first one and to the root of the number of rows: rounding errors
/// of the entries, of the models that computed them, and of sums over rows.
const NEGLIGIBLE: f64 = 50.0 * f64::EPSILON;

/// `A P = Q R` of a matrix with at least as many rows as columns, and `Qᵀ b`.
#[derive(Clone, Debug)]
pub(super) struct Qr {
    /// Upper triangle by columns, in pivoted order: column `k` has `k + 1` entries, and the diagonal falls in magnitude.
    r: Vec<Vec<f64>>,
    /// The column of `A` behind each column of `R`.
    pub order: Vec<usize>,
    /// The first entries of `Qᵀ b`, one per column.
    pub rhs: Vec<f64>,
    /// How many columns are independent to working precision.
    pub rank: usize,
}

impl Qr {
    /// Factorises the matrix with these columns, of equal length, and carries `rhs` along.
    pub fn new(
        mut columns: Vec<Vec<f64>>,
        mut rhs: Vec<f64>,
        interrupt: &Interrupt,
    ) -> Result<Self, Interrupted> {
        let count = columns.len();
        let mut order: Vec<usize> = (0..count).collect();
        for k in 0..count {
            interrupt.check()?;
            let tail_norms: Vec<f64> = columns[k..].iter().map(|column| norm(&column[k..])).collect();
            let largest = tail_norms.iter().copied().fold(0.0, f64::max);
            let pivot = k + tail_norms.iter().position(|&norm| norm == largest).unwrap_or(0);
            columns.swap(k, pivot);
            order.swap(k, pivot);
            let (done, rest) = columns.split_at_mut(k + 1);
            let reflector = &mut done[k][k..];
            if largest > 0.0 {
                let head = reflector[0];
                let diagonal = if head > 0.0 { -largest } else { largest };
                // The reflector v is scaled to begin with 1; then vᵀv = 2 / factor, and no square overflows.
                reflector.iter_mut().for_each(|entry| *entry /= head - diagonal);
                reflector[0] = 1.0;
                let factor = (diagonal - head) / diagonal;
                let others = rest.iter_mut().chain(std::iter::once(&mut rhs));
                others.for_each(|other| reflect(reflector, factor, &mut other[k..]));
                reflector[0] = diagonal;
            }
            done[k].truncate(k + 1);
        }
        let rows = rhs.len();
        rhs.truncate(count);
        let diagonal = |k: usize| columns[k][k].abs();
        let least = if count == 0 { 0.0 } else { diagonal(0) * NEGLIGIBLE * (rows as f64).sqrt() };
        let rank = (0..count).take_while(|&k| diagonal(k) > least).count();
        Ok(Self { r: columns, order, rhs, rank })
    }

    /// Columns of `R` in the order of `A`, filled up with zeros to a square.
    pub fn columns(&self) -> Vec<Vec<f64>> {
        let mut columns = vec![Vec::new(); self.r.len()];
        for (column, &original) in self.r.iter().zip(&self.order) {
            columns[original] = column.clone();
            columns[original].resize(self.r.len(), 0.0);
        }
        columns
    }

    /// The `x` that minimises `‖A x - b‖`, with zeros for the columns beyond the rank.
    pub fn solve(&self) -> Vec<f64> {
        let mut solution = vec![0.0; self.r.len()];
        for (value, &original) in self.back_substitute(&self.rhs).iter().zip(&self.order) {
            solution[original] = *value;
        }
        solution
    }

    /// `R⁻¹ rhs` within the rank, in pivoted order.
    pub fn back_substitute(&self, rhs: &[f64]) -> Vec<f64> {
        let mut solution = rhs[..self.rank].to_vec();
        for k in (0..self.rank).rev() {
            let value = solution[k] / self.r[k][k];
            subtract(value, &self.r[k][..k], &mut solution[..k]);
            solution[k] = value;
        }
        solution
    }

    /// `‖R⁻ᵀ Pᵀ v‖` for a `v` in the order of `A`, within the rank.
    pub fn inverse_transposed_norm(&self, v: &[f64]) -> f64 {
        let mut solution: Vec<f64> = Vec::with_capacity(self.rank);
        for k in 0..self.rank {
            let sum = dot(&self.r[k][..k], &solution);
            solution.push((v[self.order[k]] - sum) / self.r[k][k]);
        }
        norm(&solution)
    }

    /// Column `k` of `R`, in pivoted order, as far as the diagonal.
    pub fn column(&self, k: usize) -> &[f64] {
        &self.r[k]
    }
}

/// `x -= factor (vᵀx) v`.
fn reflect(v: &[f64], factor: f64, x: &mut [f64]) {
    subtract(factor * dot(v, x), v, x);
}

/// `y -= a x`.
fn subtract(a: f64, x: &[f64], y: &mut [f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y -= a * x);
}

/// The scalar product. Eight partial sums: quicker than one, and more exact.
pub(super) fn dot(x: &[f64], y: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (x_parts, y_parts) = (x.chunks_exact(8), y.chunks_exact(8));
    let rest: f64 = x_parts.remainder().iter().zip(y_parts.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in x_parts.zip(y_parts) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let [a, b, c, d, e, f, g, h] = sums;
    (((a + b) + (c + d)) + ((e + f) + (g + h))) + rest
}

/// The Euclidean norm, without overflow or underflow of the squares.
pub(super) fn norm(x: &[f64]) -> f64 {
    let square = dot(x, x);
    if (1e-200..1e200).contains(&square) {
        return square.sqrt();
    }
    let largest = x.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let scaled: Vec<f64> = x.iter().map(|x| x / largest).collect();
    largest * dot(&scaled, &scaled).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{Qr, norm};
    use crate::engine::Interrupt;

    fn factorise(columns: &[[f64; 4]], rhs: [f64; 4]) -> Qr {
        let columns = columns.iter().map(|column| column.to_vec()).collect();
        Qr::new(columns, rhs.to_vec(), &Interrupt::never()).expect("nobody interrupts")
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found} instead of {expected}");
        }
    }

    #[test]
    fn least_squares_has_residuals_orthogonal_to_the_columns() {
        let columns = [[1.0, 1.0, 1.0, 1.0], [1.0, 2.0, 3.0, 4.0]];
        let qr = factorise(&columns, [1.0, 3.0, 2.0, 5.0]);
        assert_eq!((qr.rank, &*qr.order), (2, &[1, 0][..]));
        assert_close(&qr.solve(), &[0.0, 1.1]);
        // The squared length of the projection: 1.1² Σx².
        assert_close(&[norm(&qr.rhs)], &[f64::sqrt(1.1 * 1.1 * 30.0)]);
    }

    #[test]
    fn a_dependent_column_lowers_the_rank_and_stays_out_of_the_solution() {
        let columns = [[1.0, 2.0, 0.0, 1.0], [3.0, 6.0, 0.0, 3.0], [0.0, 1.0, 1.0, 0.0]];
        let qr = factorise(&columns, [3.0, 8.0, 2.0, 3.0]);
        assert_eq!(qr.rank, 2);
        assert_eq!(qr.order[2], 0);
        assert_close(&qr.solve(), &[0.0, 1.0, 2.0]);
        assert_eq!(factorise(&[[0.0; 4], [0.0; 4]], [1.0; 4]).rank, 0);
    }

    #[test]
    fn norms_neither_overflow_nor_vanish() {
        assert_close(&[norm(&[3e200, 4e200]) / 5e200, norm(&[3e-200, 4e-200]) / 5e-200], &[1.0, 1.0]);
        assert_eq!(norm(&[]), 0.0);
        assert_eq!(norm(&[0.0, f64::INFINITY]), f64::INFINITY);
    }
}
