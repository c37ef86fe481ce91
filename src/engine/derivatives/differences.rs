//! Finite differences, to hold a gradient against.
//!
//! Central differences with the steps h, h/2 and h/4 are extrapolated, two at a time, to slopes whose error falls with h⁴
//! (Richardson, 1911); what the two slopes differ by bounds the error of the second. h = 2⁻¹⁰ max(1, |x|) is near the fifth
//! root of the rounding unit, where truncation and rounding weigh about the same. Differences are no judge where the function
//! has a kink, leaves its domain within a step, or changes too quickly; there a step relative to |x| is tried as well, and if it
//! cannot tell either, the derivative stays undecided.

use super::spread;
use crate::engine::{
    Binding, Column, CompileOptions, Graph, Interrupt, NodeId, NonFinitePolicy, Reduction, SweepError, Tape,
};

/// The relative error up to which a derivative agrees.
pub const TOLERANCE: f64 = 1e-6;
/// 2⁻¹⁰
const STEP: f64 = 1.0 / 1024.0;
/// Undecided derivatives that are told; others are counted.
const MOST: usize = 20;
/// The points around each sample, in steps.
const FACTORS: [f64; 6] = [1.0, -1.0, 0.5, -0.5, 0.25, -0.25];
const POINTS: usize = FACTORS.len();

/// A derivative, by the position of its input among those that were wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Of {
    /// The input.
    pub input: usize,
    /// The sample, where the input has samples.
    pub sample: Option<usize>,
}

/// A derivative beside its finite difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judged {
    /// Which one.
    pub of: Of,
    /// The derivative.
    pub gradient: f64,
    /// What differences make of it.
    pub difference: f64,
    /// Their distance, relative to the larger one, or to what rounding could make of nothing if that is more.
    pub relative_error: f64,
}

/// Why differences cannot judge a derivative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// The slopes on both sides differ, however small the step.
    Kink,
    /// A step leaves the domain.
    Domain,
    /// Two steps disagree: the function changes quickly, has a kink or a jump nearby, or is mostly rounding.
    Rough,
}

/// A gradient beside its finite differences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// How many derivatives could be judged.
    pub compared: usize,
    /// That of the largest relative error.
    pub worst: Option<Judged>,
    /// Some of those that could not be judged, and why.
    pub undecided: Vec<(Of, Undecided)>,
    /// How many there are.
    pub undecided_count: usize,
}

impl Comparison {
    /// Whether something could be judged, and all of that agrees within the [`TOLERANCE`].
    pub fn passed(&self) -> bool {
        self.worst.is_some_and(|worst| worst.relative_error <= TOLERANCE)
    }

    fn add(&mut self, of: Of, gradient: f64, difference: Result<Difference, Undecided>) {
        match difference {
            Err(reason) => {
                self.undecided_count += 1;
                if self.undecided.len() < MOST {
                    self.undecided.push((of, reason));
                }
            }
            Ok(difference) => {
                self.compared += 1;
                let relative_error = difference.error_of(gradient);
                let judged = Judged { of, gradient, difference: difference.slope, relative_error };
                // An error that is not a number is as bad as any.
                let is_worse =
                    |worst: Judged| relative_error.is_nan() || relative_error > worst.relative_error;
                if self.worst.is_none_or(is_worse) {
                    self.worst = Some(judged);
                }
            }
        }
    }
}

/// A slope, what rounding may have made of it, and how far it is from the one with twice the step.
#[derive(Clone, Copy, Debug, Default)]
struct Difference {
    slope: f64,
    noise: f64,
    doubt: f64,
}

impl Difference {
    fn error_of(self, gradient: f64) -> f64 {
        let size = gradient.abs().max(self.slope.abs()).max(self.noise / TOLERANCE);
        if size == 0.0 { 0.0 } else { (gradient - self.slope).abs() / size }
    }

    /// From the value at a point and those at the points around it, at these distances.
    fn of(at: f64, values: [f64; POINTS], steps: [f64; POINTS]) -> Result<Self, Undecided> {
        if !(at.is_finite() && values.iter().all(|value| value.is_finite())) {
            return Err(Undecided::Domain);
        }
        let size = values.iter().fold(at.abs(), |size, value| size.max(value.abs()));
        let noise = 4.0 * f64::EPSILON * size / steps[POINTS - 1];
        let central = |i: usize| (values[2 * i] - values[2 * i + 1]) / (steps[2 * i] + steps[2 * i + 1]);
        let extrapolated = |i: usize| central(i + 1) + (central(i + 1) - central(i)) / 3.0;
        let slope = extrapolated(1);
        // Where the function is smooth, both sides' slopes differ by its curvature times the step.
        let bend = |i: usize| {
            let (above, below) = (2 * i, 2 * i + 1);
            ((values[above] - at) / steps[above] - (at - values[below]) / steps[below]).abs()
        };
        if bend(2) > 0.75 * bend(1) && bend(2) > 1e3 * (TOLERANCE * slope.abs() + noise) {
            return Err(Undecided::Kink);
        }
        Ok(Self { slope, noise, doubt: (slope - extrapolated(0)).abs() })
    }

    /// The same, if it can be relied on.
    fn settled(self) -> Result<Self, Undecided> {
        if self.doubt <= TOLERANCE * self.slope.abs() + self.noise { Ok(self) } else { Err(Undecided::Rough) }
    }

    fn times(self, weight: f64) -> Self {
        Self { slope: self.slope * weight, noise: self.noise * weight, doubt: self.doubt * weight }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            slope: self.slope + other.slope,
            noise: self.noise + other.noise,
            doubt: self.doubt + other.doubt,
        }
    }
}

/// Holds `gradients`, one for each of `wanted`, of the sum of `outputs` against finite differences.
pub fn compare(
    graph: &Graph,
    outputs: &[NodeId],
    bindings: &[Binding<'_>],
    wanted: &[usize],
    gradients: &[&Column],
    reduction: Reduction,
    interrupt: &Interrupt,
) -> Result<Comparison, SweepError> {
    let samples = spread::samples(bindings)?.unwrap_or(1);
    let mut roles = spread::roles(bindings, wanted);
    spread::spread_roles(&mut roles);
    roles.iter_mut().for_each(|role| role.wanted = false);
    let tape = Tape::compile_until(graph, outputs, &roles, CompileOptions::default(), interrupt)?;
    // Each sample several times over: for the points around it.
    let repeated = |binding: &Binding<'_>| match *binding {
        Binding::Number(x) => vec![x; samples * POINTS],
        Binding::Samples(all) => all.repeat(POINTS),
    };
    let columns = bindings.iter().zip(&roles).map(|(binding, role)| role.sampled.then(|| repeated(binding)));
    let mut points =
        Points { tape, bindings, columns: columns.collect(), samples, at: Vec::new(), interrupt };
    points.at = points.objective(samples)?;
    let weight = match reduction {
        Reduction::Sum => 1.0,
        Reduction::Mean => 1.0 / samples as f64,
    };
    let mut comparison = Comparison::default();
    for (position, (&input, gradient)) in wanted.iter().zip(gradients).enumerate() {
        let of = |sample| Of { input: position, sample };
        match gradient {
            Column::Samples(gradients) => {
                let differences = points.differences(input, weight, false)?;
                for ((sample, difference), &gradient) in differences.into_iter().enumerate().zip(gradients) {
                    comparison.add(of(Some(sample)), gradient, difference);
                }
            }
            Column::Number(gradient) => {
                for difference in points.differences(input, weight, true)? {
                    comparison.add(of(None), *gradient, difference);
                }
            }
        }
    }
    Ok(comparison)
}

/// The objective of each sample at points around it.
struct Points<'a> {
    tape: Tape,
    bindings: &'a [Binding<'a>],
    /// Values of the inputs that are arrays or may be moved, once for each point.
    columns: Vec<Option<Vec<f64>>>,
    samples: usize,
    /// The objective of each sample.
    at: Vec<f64>,
    interrupt: &'a Interrupt,
}

impl Points<'_> {
    /// The sum of the outputs in each of the first so many lanes.
    fn objective(&self, lanes: usize) -> Result<Vec<f64>, SweepError> {
        let mut bindings: Vec<Binding<'_>> = self.bindings.to_vec();
        for (binding, column) in bindings.iter_mut().zip(&self.columns) {
            if let Some(column) = column {
                *binding = Binding::Samples(&column[..lanes]);
            }
        }
        let mut sum = vec![0.0; lanes];
        for output in self.tape.evaluate(&bindings, NonFinitePolicy::Allow, self.interrupt)? {
            match output {
                Column::Number(x) => sum.iter_mut().for_each(|sum| *sum += x),
                Column::Samples(all) => sum.iter_mut().zip(all).for_each(|(sum, x)| *sum += x),
            }
        }
        Ok(sum)
    }

    /// For each sample the difference with respect to `input`, or their sum, times `weight`.
    fn differences(
        &mut self,
        input: usize,
        weight: f64,
        summed: bool,
    ) -> Result<Vec<Result<Difference, Undecided>>, SweepError> {
        let mut settle = |step: fn(f64) -> f64| -> Result<Vec<Result<Difference, Undecided>>, SweepError> {
            let stepped = self.stepped(input, step)?;
            let settled = |difference: Result<Difference, Undecided>| {
                difference.map(|difference| difference.times(weight)).and_then(Difference::settled)
            };
            Ok(if summed {
                let none = Difference::default();
                let sum = stepped.into_iter().try_fold(none, |sum, next| next.map(|next| sum.plus(next)));
                vec![settled(sum)]
            } else {
                stepped.into_iter().map(settled).collect()
            })
        };
        let mut differences = settle(|x| STEP * x.abs().max(1.0))?;
        if differences.iter().any(Result::is_err) {
            let finer = settle(|x| STEP * if x == 0.0 { 1.0 } else { x.abs().min(1.0) })?;
            for (difference, finer) in differences.iter_mut().zip(finer) {
                if difference.is_err() && finer.is_ok() {
                    *difference = finer;
                }
            }
        }
        Ok(differences)
    }

    fn stepped(
        &mut self,
        input: usize,
        step: fn(f64) -> f64,
    ) -> Result<Vec<Result<Difference, Undecided>>, SweepError> {
        let samples = self.samples;
        let column = self.columns[input].as_mut().expect("it may be moved");
        let old: Vec<f64> = column[..samples].to_vec();
        for (part, factor) in column.chunks_mut(samples).zip(FACTORS) {
            part.iter_mut().zip(&old).for_each(|(moved, &x)| *moved = x + factor * step(x));
        }
        let moved = column.clone();
        let values = self.objective(samples * POINTS)?;
        self.columns[input] = Some(old.repeat(POINTS));
        let difference = |sample: usize| {
            let lane = |point: usize| point * samples + sample;
            // What was really added, after rounding.
            let steps = std::array::from_fn(|point| (moved[lane(point)] - old[sample]).abs());
            Difference::of(self.at[sample], std::array::from_fn(|point| values[lane(point)]), steps)
        };
        Ok((0..samples).map(difference).collect())
    }
}
