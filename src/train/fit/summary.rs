//! How well the data determine the parameters.

use super::curve::Curve;
use super::qr::{Qr, dot, norm};
use super::solver::Fit;
use crate::engine::{Interrupt, Interrupted};

/// A change of the parameters along which a combination moves by less than this, relative to its largest part, does not
/// take part in it.
const TAKES_PART: f64 = 1e-6;

/// The statistics of a fit, in the linear approximation at its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The sum of the squares of (target - model) / sigma.
    pub residual_sum_of_squares: f64,
    /// Rows less parameters.
    pub degrees_of_freedom: usize,
    /// The root of the sum of squares over the degrees of freedom; `None` where there are none.
    pub residual_standard_deviation: Option<f64>,
    /// One minus the sum of squares over that of the best constant; `None` where the target is constant.
    pub r_squared: Option<f64>,
    /// `(JᵀJ)⁻¹`, times the square of the residual standard deviation unless sigma is absolute: row by row, symmetric.
    /// `None` where that deviation is needed and there is none.
    pub covariance: Option<Vec<Vec<f64>>>,
    /// The roots of the covariance's diagonal.
    pub standard_errors: Option<Vec<f64>>,
}

/// Why a fit has no covariance.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Undetermined {
    /// It was told to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model does not depend on these parameters, at those of the fit.
    #[error("parameters {0:?} have no effect")]
    NoEffect(Vec<usize>),
    /// These parameters can change together without a change of the model.
    #[error("parameters {0:?} can only be told together")]
    Together(Vec<usize>),
}

/// The statistics of `fit`. With `absolute_sigma` the standard deviations of the measurements are known; otherwise only
/// their ratios are, and the residuals tell the scale.
///
/// # Errors
/// If the Jacobian does not have full rank.
pub fn summarise(
    curve: &Curve<'_>,
    fit: &Fit,
    absolute_sigma: bool,
    interrupt: &Interrupt,
) -> Result<Summary, Undetermined> {
    let residuals = &fit.linearised.residuals;
    let inverse = inverse(&fit.linearised.jacobian, interrupt)?;
    let residual_sum_of_squares = dot(residuals, residuals);
    let degrees_of_freedom = residuals.len() - fit.parameters.len();
    let variance = (degrees_of_freedom > 0).then(|| residual_sum_of_squares / degrees_of_freedom as f64);
    let factor = if absolute_sigma { Some(1.0) } else { variance };
    let covariance: Option<Vec<Vec<f64>>> = factor.map(|factor| {
        let entry = |x: &Vec<f64>, y: &Vec<f64>| dot(x, y) * factor;
        inverse.iter().map(|x| inverse.iter().map(|y| entry(x, y)).collect()).collect()
    });
    let deviation = |(j, row): (usize, &Vec<f64>)| row[j].sqrt();
    Ok(Summary {
        residual_sum_of_squares,
        degrees_of_freedom,
        residual_standard_deviation: variance.map(f64::sqrt),
        r_squared: r_squared(curve, residual_sum_of_squares),
        standard_errors: covariance.as_ref().map(|rows| rows.iter().enumerate().map(deviation).collect()),
        covariance,
    })
}

/// For each parameter its row of `R⁻¹`, whose scalar products make up `(JᵀJ)⁻¹`.
fn inverse(jacobian: &[Vec<f64>], interrupt: &Interrupt) -> Result<Vec<Vec<f64>>, Undetermined> {
    let scale: Vec<f64> = jacobian.iter().map(|column| norm(column)).collect();
    let idle: Vec<usize> = (0..scale.len()).filter(|&j| scale[j] == 0.0).collect();
    if !idle.is_empty() {
        return Err(Undetermined::NoEffect(idle));
    }
    let count = jacobian.len();
    let unit = |(column, &scale): (&Vec<f64>, &f64)| column.iter().map(|entry| entry / scale).collect();
    let rows = jacobian.first().map_or(0, Vec::len);
    let qr = Qr::new(jacobian.iter().zip(&scale).map(unit).collect(), vec![0.0; rows], interrupt)?;
    if qr.rank < count {
        return Err(Undetermined::Together(entangled(&qr)));
    }
    let mut inverse = vec![vec![0.0; count]; count];
    for k in 0..count {
        interrupt.check()?;
        let mut unit = vec![0.0; count];
        unit[k] = 1.0;
        for (entry, &j) in qr.back_substitute(&unit).iter().zip(&qr.order) {
            inverse[j][k] = entry / scale[j];
        }
    }
    Ok(inverse)
}

/// The parameters that take part in changes which leave the model as it is.
fn entangled(qr: &Qr) -> Vec<usize> {
    let mut parameters = Vec::new();
    for k in qr.rank..qr.order.len() {
        parameters.push(qr.order[k]);
        let change = qr.back_substitute(qr.column(k));
        let taking_part = change.iter().zip(&qr.order).filter(|(change, _)| change.abs() > TAKES_PART);
        parameters.extend(taking_part.map(|(_, &j)| j));
    }
    parameters.sort_unstable();
    parameters.dedup();
    parameters
}

/// The coefficient of determination, with the weights of the fit.
fn r_squared(curve: &Curve<'_>, residual_sum_of_squares: f64) -> Option<f64> {
    let weights = || curve.measurements().map(|(y, sigma)| (y, 1.0 / (sigma * sigma)));
    let total: f64 = weights().map(|(_, weight)| weight).sum();
    let mean = weights().map(|(y, weight)| y * weight).sum::<f64>() / total;
    let spread: f64 = weights().map(|(y, weight)| weight * (y - mean) * (y - mean)).sum();
    (spread > 0.0).then(|| 1.0 - residual_sum_of_squares / spread)
}
