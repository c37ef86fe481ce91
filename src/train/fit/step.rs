//! One step: the minimum of the linearised problem within a trust region and within bounds.

use super::qr::{Qr, dot, norm};
use crate::engine::{Interrupt, Interrupted};

/// The linearised problem in scaled variables: `‖R z + c‖` as a function of the step `z`.
#[derive(Clone, Debug)]
pub(super) struct System {
    /// Columns of `R`, one per parameter.
    pub columns: Vec<Vec<f64>>,
    /// The residuals' part in the column space.
    pub c: Vec<f64>,
}

/// A step in scaled variables.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub z: Vec<f64>,
    /// The trust region did not hold it back.
    pub is_full: bool,
}

/// What a step should do to the sum of squares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prediction {
    /// By how much it falls.
    pub reduction: f64,
    /// Half its derivative along the step, at the step's beginning.
    pub slope: f64,
}

impl System {
    /// The system in the variables for which `keep` is true, with the others at `z`.
    fn restricted(
        &self,
        keep: impl Fn(usize) -> bool,
        z: &[f64],
        interrupt: &Interrupt,
    ) -> Result<Qr, Interrupted> {
        let mut rhs: Vec<f64> = self.c.iter().map(|c| -c).collect();
        for (column, &z) in self.columns.iter().zip(z).filter(|(_, z)| **z != 0.0) {
            rhs.iter_mut().zip(column).for_each(|(rhs, entry)| *rhs -= entry * z);
        }
        let kept = (0..self.columns.len()).filter(|&j| keep(j));
        Qr::new(kept.map(|j| self.columns[j].clone()).collect(), rhs, interrupt)
    }

    /// The length of the residuals' projection on the columns of variables that are not `held`. However short a column
    /// is, its direction counts.
    pub fn projection(&self, held: &[bool], interrupt: &Interrupt) -> Result<f64, Interrupted> {
        let unit = |column: &Vec<f64>| {
            let length = norm(column);
            (length > 0.0).then(|| column.iter().map(|entry| entry / length).collect())
        };
        let free = self.columns.iter().zip(held).filter(|(_, held)| !**held);
        let qr = Qr::new(free.filter_map(|(column, _)| unit(column)).collect(), self.c.clone(), interrupt)?;
        Ok(norm(&qr.rhs[..qr.rank]))
    }

    /// What the linearised problem says of a step `z`.
    pub fn predict(&self, z: &[f64]) -> Prediction {
        let mut image = vec![0.0; self.c.len()];
        for (column, &z) in self.columns.iter().zip(z) {
            image.iter_mut().zip(column).for_each(|(image, entry)| *image += entry * z);
        }
        let slope = dot(&self.c, &image);
        Prediction { reduction: -(2.0 * slope + dot(&image, &image)), slope }
    }

    /// The step to the minimum within the ball of `radius` and between `lower` and `upper`, without the variables that are
    /// `held`. The variable that would cross a bound first is fixed on it, and the others are found again, until none
    /// crosses; so that steps end on bounds exactly. One at a time: of two that would cross together, the second may turn
    /// back once the first is fixed.
    pub fn step(
        &self,
        radius: f64,
        lower: &[f64],
        upper: &[f64],
        held: &[bool],
        interrupt: &Interrupt,
    ) -> Result<Step, Interrupted> {
        let mut z = vec![0.0; held.len()];
        let mut is_free: Vec<bool> = held.iter().map(|held| !held).collect();
        loop {
            let qr = self.restricted(|j| is_free[j], &z, interrupt)?;
            let (found, is_full) = within(&qr, radius, interrupt)?;
            let free: Vec<usize> = (0..z.len()).filter(|&j| is_free[j]).collect();
            let bound = |j: usize, value: f64| value.clamp(lower[j], upper[j]);
            let crossings = free.iter().zip(&found).filter(|&(&j, &value)| bound(j, value) != value);
            let share = |&(&j, &value): &(&usize, &f64)| bound(j, value) / value;
            match crossings.min_by(|x, y| share(x).total_cmp(&share(y))) {
                Some((&first, &value)) => {
                    is_free[first] = false;
                    z[first] = bound(first, value);
                }
                None => {
                    free.iter().zip(found).for_each(|(&j, value)| z[j] = value);
                    return Ok(Step { z, is_full });
                }
            }
        }
    }
}

/// The least squares solution of length `radius`, give or take a tenth, or the shorter one that needs no bound; with
/// whether it is the latter.
///
/// Newton's iteration on the Levenberg-Marquardt parameter of Moré, "The Levenberg-Marquardt algorithm: implementation
/// and theory" (1978), section 5, as in MINPACK's `lmpar`.
fn within(qr: &Qr, radius: f64, interrupt: &Interrupt) -> Result<(Vec<f64>, bool), Interrupted> {
    let mut z = qr.solve();
    let mut length = norm(&z);
    let mut excess = length - radius;
    if excess <= 0.1 * radius {
        return Ok((z, true));
    }
    let triangle = qr.columns();
    let gradient: Vec<f64> = triangle.iter().map(|column| dot(column, &qr.rhs)).collect();
    let slope = norm(&gradient);
    let is_full_rank = qr.rank == triangle.len();
    let mut least = if is_full_rank { newton(qr, &z, length, radius) } else { 0.0 };
    let mut most = slope / radius;
    let mut lambda = (slope / length).clamp(least.min(most), most);
    for _ in 0..10 {
        if lambda == 0.0 {
            lambda = (most * 1e-3).max(f64::MIN_POSITIVE);
        }
        let damped = damp(&triangle, &qr.rhs, lambda, interrupt)?;
        z = damped.solve();
        length = norm(&z);
        let excess_before = excess;
        excess = length - radius;
        let is_flat = least == 0.0 && excess <= excess_before && excess_before < 0.0;
        if excess.abs() <= 0.1 * radius || is_flat {
            break;
        }
        if excess > 0.0 {
            least = least.max(lambda);
        } else {
            most = most.min(lambda);
        }
        lambda = least.max(lambda + newton(&damped, &z, length, radius));
    }
    Ok((z, false))
}

/// Newton's correction of the parameter at the solution `z` of a damped problem.
fn newton(qr: &Qr, z: &[f64], length: f64, radius: f64) -> f64 {
    let direction: Vec<f64> = z.iter().map(|z| z / length).collect();
    let decline = qr.inverse_transposed_norm(&direction);
    (length - radius) / radius / decline / decline
}

/// The triangle with `√λ` times the unit matrix below it.
fn damp(triangle: &[Vec<f64>], rhs: &[f64], lambda: f64, interrupt: &Interrupt) -> Result<Qr, Interrupted> {
    let count = triangle.len();
    let extended = triangle.iter().enumerate().map(|(k, column)| {
        let mut column = column.clone();
        column.resize(2 * count, 0.0);
        column[count + k] = lambda.sqrt();
        column
    });
    let mut extended_rhs = rhs.to_vec();
    extended_rhs.resize(2 * count, 0.0);
    Qr::new(extended.collect(), extended_rhs, interrupt)
}
