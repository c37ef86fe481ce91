//! The walk from a start to the least sum of squares.
//!
//! A Levenberg-Marquardt method in a trust region with Moré's scaling and radius rules, as in MINPACK's `lmder` (Moré,
//! "The Levenberg-Marquardt algorithm: implementation and theory", 1978), with two changes. It takes bounds: a step's
//! variables are fixed on the bounds that they would cross. And it ends on a statistical measure, the relative offset of
//! Bates and Watts, "A relative offset orthogonality convergence criterion for nonlinear least squares" (1981).

use super::curve::{Curve, Linearised};
use super::qr::{Qr, norm};
use super::step::{Prediction, System};
use crate::engine::{Interrupt, Interrupted, SweepError};

/// Radius of the first trust region, relative to the scaled start. MINPACK's default is 100; small first steps keep starts
/// that are far off from ending on a plain where the gradient leads nowhere, or in a long curved valley.
const FIRST_RADIUS: f64 = 0.1;
/// Least ratio of the actual to the predicted reduction with which a step is taken.
const ACCEPTED: f64 = 1e-4;
/// Steps this short, relative to the scaled parameters, lead nowhere new.
const SHORTEST: f64 = 4.0 * f64::EPSILON;
/// The offset, in units of the rounding of one measurement, that residuals cannot be asked to get below.
const ROUNDING: f64 = 4.0 * f64::EPSILON;
/// The factor by which the relative offset must fall with a step that only the offset can judge.
const FALLS: f64 = 0.9;
/// The relative offset that is good enough where no step leads further down: there the fit is flat to working precision.
const FLAT: f64 = 1e-5;
/// The same in units of the rounding errors that are assumed: a model may lose some digits on its way to its value.
const FLAT_ROUNDING: f64 = 1e3;

/// The range of a parameter, both ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// The least value; negative infinity for none.
    pub lower: f64,
    /// The greatest value; infinity for none.
    pub upper: f64,
}

impl Bounds {
    /// All numbers.
    pub const NONE: Bounds = Bounds { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
}

/// When a fit ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The relative offset at which it has converged: the length of the residuals' projection on the tangent plane of the
    /// model, relative to the residuals. The next step would move no parameter by more than about this times the root of
    /// the degrees of freedom in standard errors.
    pub tolerance: f64,
    /// Evaluations of the model with its Jacobian, at most.
    pub max_evaluations: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { tolerance: 1e-8, max_evaluations: 1000 }
    }
}

/// Why a fit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Converged: the relative offset is within the tolerance.
    RelativeOffset,
    /// Converged: the relative offset is small, and rounding errors keep it from falling.
    Rounding,
    /// Not converged: the evaluations are used up.
    MaxEvaluations,
    /// Not converged: no step lowers the sum of squares, although the relative offset says that one should. There the model
    /// has a kink or a jump, its domain ends, or it hardly depends on a parameter.
    Stalled,
}

impl Reason {
    /// Whether the fit has found a least sum of squares.
    pub fn is_convergence(self) -> bool {
        matches!(self, Reason::RelativeOffset | Reason::Rounding)
    }
}

/// Where a fit ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The best parameters.
    pub parameters: Vec<f64>,
    /// Residuals and Jacobian there.
    pub linearised: Linearised,
    /// For each parameter whether a bound holds it back.
    pub at_bound: Vec<bool>,
    /// The last relative offset, over the parameters that no bound holds back.
    pub relative_offset: f64,
    /// Steps taken.
    pub iterations: u64,
    /// Evaluations of the model with its Jacobian, those of rejected steps included.
    pub evaluations: u64,
    /// Why it ended.
    pub reason: Reason,
}

/// Why there is no fit.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// It was told to stop.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The model has no finite values or derivatives at the start.
    #[error(transparent)]
    Start(SweepError),
    /// The sum of squares or a derivative overflows at the start.
    #[error("the sum of squares or a derivative overflows at the start")]
    Overflow,
}

/// Fits `curve` from `start`, which lies within `bounds`; one of either per parameter, and as many rows at least.
///
/// Steps to points without finite values are rejected, so that the walk keeps within the model's domain.
pub fn fit(
    curve: &mut Curve<'_>,
    start: Vec<f64>,
    bounds: &[Bounds],
    options: Options,
    interrupt: &Interrupt,
) -> Result<Fit, FitError> {
    let linearised = curve.linearise(&start, interrupt).map_err(|error| match error {
        SweepError::Interrupted(interrupted) => FitError::Interrupted(interrupted),
        other => FitError::Start(other),
    })?;
    let length = length(&linearised).ok_or(FitError::Overflow)?;
    let measured: Vec<f64> = curve.measurements().map(|(y, sigma)| y / sigma).collect();
    let walk = Walk {
        rounding: ROUNDING * norm(&measured),
        curve,
        bounds,
        options,
        interrupt,
        scale: vec![0.0; start.len()],
        radius: f64::INFINITY,
        parameters: start,
        linearised,
        length,
        offset_to_beat: f64::INFINITY,
        iterations: 0,
        evaluations: 1,
    };
    Ok(walk.run()?)
}

/// The length of the residuals, unless that or the Jacobian overflows.
fn length(linearised: &Linearised) -> Option<f64> {
    let length = norm(&linearised.residuals);
    let is_finite = |column: &Vec<f64>| norm(column).is_finite();
    ((length * length).is_finite() && linearised.jacobian.iter().all(is_finite)).then_some(length)
}

struct Walk<'w, 'c> {
    curve: &'w mut Curve<'c>,
    bounds: &'w [Bounds],
    options: Options,
    interrupt: &'w Interrupt,
    /// The length of the residuals' rounding errors, about.
    rounding: f64,
    /// For each parameter the longest of its columns of the Jacobian so far.
    scale: Vec<f64>,
    /// Of the trust region, in scaled parameters.
    radius: f64,
    parameters: Vec<f64>,
    linearised: Linearised,
    /// The length of the residuals.
    length: f64,
    /// What the offset must be below after a step that only the offset can judge.
    offset_to_beat: f64,
    iterations: u64,
    evaluations: u64,
}

/// What came of the steps from one point.
enum Outcome {
    Moved {
        /// The sum of squares fell by more than its rounding errors.
        is_measurable: bool,
    },
    TooShort,
    NoEvaluations,
}

impl Walk<'_, '_> {
    fn run(mut self) -> Result<Fit, Interrupted> {
        loop {
            self.rescale();
            let system = self.system()?;
            let at_bound = self.at_bound();
            let offset = system.projection(&at_bound, self.interrupt)?;
            // The system is relative to the residuals' length.
            let reason = if offset <= self.options.tolerance {
                Reason::RelativeOffset
            } else if offset * self.length <= self.rounding {
                Reason::Rounding
            } else if offset > self.offset_to_beat {
                self.end_of_descent(offset)
            } else {
                match self.step(&system, &at_bound)? {
                    Outcome::Moved { is_measurable } => {
                        self.offset_to_beat = if is_measurable { f64::INFINITY } else { FALLS * offset };
                        continue;
                    }
                    Outcome::TooShort => self.end_of_descent(offset),
                    Outcome::NoEvaluations => Reason::MaxEvaluations,
                }
            };
            return Ok(Fit {
                parameters: self.parameters,
                linearised: self.linearised,
                at_bound,
                relative_offset: offset,
                iterations: self.iterations,
                evaluations: self.evaluations,
                reason,
            });
        }
    }

    /// What it means that no step leads further down.
    fn end_of_descent(&self, offset: f64) -> Reason {
        if offset <= FLAT || offset * self.length <= FLAT_ROUNDING * self.rounding {
            Reason::Rounding
        } else {
            Reason::Stalled
        }
    }

    /// Moré's scaling: a unit step of a scaled parameter changes the residuals by a length of about one at most.
    fn rescale(&mut self) {
        for (scale, column) in self.scale.iter_mut().zip(&self.linearised.jacobian) {
            let length = norm(column);
            *scale = scale.max(length);
            if *scale == 0.0 {
                *scale = 1.0;
            }
        }
    }

    fn scaled_length(&self) -> f64 {
        let scaled: Vec<f64> = self.parameters.iter().zip(&self.scale).map(|(x, scale)| x * scale).collect();
        norm(&scaled)
    }

    /// The residuals, relative to their length, as a linear function of scaled steps.
    fn system(&self) -> Result<System, Interrupted> {
        let length = if self.length > 0.0 { self.length } else { 1.0 };
        let residuals = self.linearised.residuals.iter().map(|r| r / length).collect();
        let scaled = |(column, &scale): (&Vec<f64>, &f64)| column.iter().map(|entry| entry / scale).collect();
        let columns = self.linearised.jacobian.iter().zip(&self.scale).map(scaled).collect();
        let qr = Qr::new(columns, residuals, self.interrupt)?;
        Ok(System { columns: qr.columns(), c: qr.rhs })
    }

    /// For each parameter whether it is on a bound that the gradient pushes against.
    fn at_bound(&self) -> Vec<bool> {
        let Linearised { residuals, jacobian } = &self.linearised;
        let is_held = |((x, bounds), column): ((&f64, &Bounds), &Vec<f64>)| {
            let slope = super::qr::dot(column, residuals);
            (*x == bounds.lower && slope > 0.0) || (*x == bounds.upper && slope < 0.0)
        };
        self.parameters.iter().zip(self.bounds).zip(jacobian).map(is_held).collect()
    }

    /// Tries shorter and shorter steps until one is taken.
    fn step(&mut self, system: &System, held: &[bool]) -> Result<Outcome, Interrupted> {
        // In scaled steps relative to the residuals' length, as the system.
        let unit = self.length;
        let scaled = |bound: f64, j: usize| (bound - self.parameters[j]) * self.scale[j] / unit;
        let lower: Vec<f64> = self.bounds.iter().enumerate().map(|(j, b)| scaled(b.lower, j)).collect();
        let upper: Vec<f64> = self.bounds.iter().enumerate().map(|(j, b)| scaled(b.upper, j)).collect();
        let reach = self.scaled_length();
        if self.radius.is_infinite() {
            self.radius = FIRST_RADIUS * if reach > 0.0 { reach } else { 1.0 };
        }
        loop {
            self.interrupt.check()?;
            let step = system.step(self.radius / unit, &lower, &upper, held, self.interrupt)?;
            let trial: Vec<f64> = (0..self.parameters.len())
                .map(|j| match step.z[j] {
                    z if z == lower[j] => self.bounds[j].lower,
                    z if z == upper[j] => self.bounds[j].upper,
                    z => (self.parameters[j] + z * unit / self.scale[j])
                        .clamp(self.bounds[j].lower, self.bounds[j].upper),
                })
                .collect();
            let length = norm(&step.z) * unit;
            if length.is_nan() || length <= SHORTEST * reach || trial == self.parameters {
                return Ok(Outcome::TooShort);
            }
            if self.iterations == 0 {
                self.radius = self.radius.min(length);
            }
            let predicted = system.predict(&step.z);
            let found = if predicted.reduction > 0.0 {
                if self.evaluations >= self.options.max_evaluations {
                    return Ok(Outcome::NoEvaluations);
                }
                self.evaluate(&trial)?
            } else {
                None
            };
            let Some((linearised, new_length)) = found else {
                self.radius = self.radius.min(length) / 4.0;
                continue;
            };
            let change = new_length / self.length;
            let reduction = 1.0 - change * change;
            // Close to the minimum sums of squares no longer differ by more than rounding errors, while the offset still
            // falls.
            let noise = 2.0 * self.rounding / self.length;
            let is_measurable = reduction.abs().max(predicted.reduction) > noise;
            if is_measurable || !step.is_full {
                self.radius = self.next_radius(length, reduction, &predicted, step.is_full);
            }
            if (step.is_full && !is_measurable) || reduction >= ACCEPTED * predicted.reduction {
                self.iterations += 1;
                self.parameters = trial;
                self.linearised = linearised;
                self.length = new_length;
                return Ok(Outcome::Moved { is_measurable });
            }
        }
    }

    /// The radius after a step of `length` that lowered the sum of squares by the fraction `reduction`: MINPACK's rules.
    fn next_radius(&self, length: f64, reduction: f64, predicted: &Prediction, is_full: bool) -> f64 {
        let ratio = reduction / predicted.reduction;
        if ratio > 0.25 {
            return if is_full || ratio >= 0.75 { 2.0 * length } else { self.radius };
        }
        let factor = if reduction >= 0.0 {
            0.5
        } else {
            // Where a parabola through the slope at the start and the value at the end has its minimum.
            (0.5 * predicted.slope / (predicted.slope + 0.5 * reduction)).max(0.1)
        };
        factor * self.radius.min(10.0 * length)
    }

    /// The model at `parameters`, with the length of its residuals, where all of it is finite.
    fn evaluate(&mut self, parameters: &[f64]) -> Result<Option<(Linearised, f64)>, Interrupted> {
        self.evaluations += 1;
        match self.curve.linearise(parameters, self.interrupt) {
            Ok(linearised) => Ok(length(&linearised).map(|length| (linearised, length))),
            Err(SweepError::Interrupted(interrupted)) => Err(interrupted),
            Err(_) => Ok(None),
        }
    }
}
