//! A line search for the strong Wolfe conditions, as `torch.optim.LBFGS` does it.

use super::error::Error;
use super::lbfgs::add;
use super::optimizer::Objective;
use super::vector::{dot, max_abs};
use crate::engine::kernels::Real;

/// How much of the first slope a step must gain at least.
const ARMIJO: f64 = 1e-4;
/// How much of the first slope may be left.
const CURVATURE: f64 = 0.9;
/// The search ends when no parameter changes by more than this within the bracket, whatever the optimizer's own tolerance, which
/// PyTorch does not hand on either.
const NARROW: f64 = 1e-9;

/// The line that is searched.
pub(super) struct Line<'a, T> {
    pub from: &'a [T],
    pub direction: &'a [T],
    /// The loss at its start.
    pub loss: f64,
    /// The gradient there.
    pub gradient: &'a [T],
    /// Its derivative along the direction there, below 0.
    pub slope: f64,
    /// The most losses that are computed after the first.
    pub most: u64,
}

/// A point on the line.
#[derive(Clone)]
struct Point<T> {
    length: f64,
    loss: f64,
    gradient: Vec<T>,
    slope: f64,
}

/// What was found.
pub(super) struct Found<T> {
    pub length: f64,
    pub loss: f64,
    pub gradient: Vec<T>,
    /// Losses that were computed.
    pub evaluations: u64,
}

impl<T: Real> Line<'_, T> {
    fn at(&self, length: f64, objective: &mut Objective<'_, T>) -> Result<Point<T>, Error> {
        let mut x = self.from.to_vec();
        add(&mut x, T::from_f64(length), self.direction);
        let mut gradient = vec![T::ZERO; x.len()];
        let loss = objective(&x, &mut gradient)?;
        let slope = dot(&gradient, self.direction).to_f64();
        Ok(Point { length, loss, gradient, slope })
    }

    fn falls_enough(&self, point: &Point<T>) -> bool {
        point.loss <= self.loss + ARMIJO * point.length * self.slope
    }

    fn is_level_enough(&self, point: &Point<T>) -> bool {
        point.slope.abs() <= -CURVATURE * self.slope
    }
}

/// Brackets a point where the conditions hold, then closes in on it (Nocedal and Wright, algorithms 3.5 and 3.6).
pub(super) fn strong_wolfe<T: Real>(
    line: &Line<'_, T>,
    length: f64,
    objective: &mut Objective<'_, T>,
) -> Result<Found<T>, Error> {
    let start = Point { length: 0.0, loss: line.loss, gradient: line.gradient.to_vec(), slope: line.slope };
    let mut point = line.at(length, objective)?;
    let mut previous = start.clone();
    let mut round = 0;
    let found = |point: Point<T>, round| Found {
        length: point.length,
        loss: point.loss,
        gradient: point.gradient,
        evaluations: 1 + round,
    };
    let mut bracket = loop {
        if round >= line.most {
            break [start, point];
        }
        if !line.falls_enough(&point) || (round > 1 && point.loss >= previous.loss) {
            break [previous, point];
        }
        if line.is_level_enough(&point) {
            return Ok(found(point, round));
        }
        if point.slope >= 0.0 {
            break [previous, point];
        }
        let bounds = (point.length + 0.01 * (point.length - previous.length), point.length * 10.0);
        let length = cubic_minimum(&previous, &point, Some(bounds));
        previous = std::mem::replace(&mut point, line.at(length, objective)?);
        round += 1;
    };
    let width = max_abs(line.direction);
    let mut low = usize::from(bracket[0].loss > bracket[1].loss);
    let mut stalled = false;
    while round < line.most {
        let ends = [bracket[0].length, bracket[1].length];
        if (ends[1] - ends[0]).abs() * width < NARROW {
            break;
        }
        let length = cubic_minimum(&bracket[0], &bracket[1], None);
        let (length, is_stalled) = keep_off_the_ends(length, ends, stalled);
        stalled = is_stalled;
        let point = line.at(length, objective)?;
        round += 1;
        if !line.falls_enough(&point) || point.loss >= bracket[low].loss {
            bracket[1 - low] = point;
            low = usize::from(bracket[0].loss > bracket[1].loss);
            continue;
        }
        let done = line.is_level_enough(&point);
        if !done && point.slope * (bracket[1 - low].length - bracket[low].length) >= 0.0 {
            // The old low end is the new high one; the old high one is replaced just below.
            bracket.swap(0, 1);
        }
        bracket[low] = point;
        if done {
            break;
        }
    }
    let [first, second] = bracket;
    Ok(found(if low == 0 { first } else { second }, round))
}

/// The minimum of the cubic through two points with their slopes, within `bounds` or, without those, between the points;
/// the middle if the cubic has none.
fn cubic_minimum<T>(a: &Point<T>, b: &Point<T>, bounds: Option<(f64, f64)>) -> f64 {
    let (low, high) = bounds.unwrap_or((a.length.min(b.length), a.length.max(b.length)));
    let d1 = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.length - b.length);
    let square = d1 * d1 - a.slope * b.slope;
    // Not a number where a loss is none: then the middle is as good as any.
    if square.is_nan() || square < 0.0 {
        return f64::midpoint(low, high);
    }
    let d2 = square.sqrt();
    let minimum = if a.length <= b.length {
        b.length - (b.length - a.length) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2.0 * d2))
    } else {
        a.length - (a.length - b.length) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2.0 * d2))
    };
    minimum.max(low).min(high)
}

/// Moves a trial that is close to an end of the bracket away from it, if the one before was close as well or it is no
/// nearer than the end; gives the trial, and whether it is still close.
fn keep_off_the_ends(trial: f64, ends: [f64; 2], stalled: bool) -> (f64, bool) {
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let margin = 0.1 * (high - low);
    if (high - trial).min(trial - low) >= margin {
        return (trial, false);
    }
    if !stalled && trial > low && trial < high {
        return (trial, true);
    }
    let from_high = (trial - high).abs() < (trial - low).abs();
    (if from_high { high - margin } else { low + margin }, false)
}
