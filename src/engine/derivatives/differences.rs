//! Finite differences, to hold a gradient against.
//!
//! Central differences with two steps, h and h/2, are extrapolated to one whose error falls with h⁴ (Richardson, 1911). With
//! h = 2⁻¹⁰ max(1, |x|), near the fifth root of the rounding unit, truncation and rounding then weigh about the same. Differences
//! are no judge where the function has a kink, leaves its domain within a step, or changes too quickly; there a step relative
//! to |x| is tried as well, and if it cannot tell either, the derivative stays undecided.

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
/// Points for each sample: a step and half a step, up and down.
const POINTS: usize = 4;

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
                let is_worse = |worst: Judged| !(relative_error <= worst.relative_error);
                if self.worst.is_none_or(is_worse) {
                    self.worst = Some(judged);
                }
            }
        }
    }
}

/// A slope, and what rounding may have made of it.
#[derive(Clone, Copy, Debug)]
struct Difference {
    slope: f64,
    noise: f64,
}

impl Difference {
    fn error_of(self, gradient: f64) -> f64 {
        let size = gradient.abs().max(self.slope.abs()).max(self.noise / TOLERANCE);
        if size == 0.0 { 0.0 } else { (gradient - self.slope).abs() / size }
    }

    /// From the values at x, x + h, x - h, x + h/2 and x - h/2, where the latter have these distances.
    fn of(at: f64, values: [f64; POINTS], steps: [f64; POINTS]) -> Result<Self, Undecided> {
        let [up, down, half_up, half_down] = values;
        if !(at.is_finite() && values.iter().all(|value| value.is_finite())) {
            return Err(Undecided::Domain);
        }
        let size = values.iter().fold(at.abs(), |size, value| size.max(value.abs()));
        let noise = 4.0 * f64::EPSILON * size / steps[2];
        let wide = (up - down) / (steps[0] + steps[1]);
        let narrow = (half_up - half_down) / (steps[2] + steps[3]);
        let slope = narrow + (narrow - wide) / 3.0;
        let scale = TOLERANCE * slope.abs().max(wide.abs()) + noise;
        // Where the function is smooth, both sides' slopes differ by its curvature times the step.
        let bend = |up: f64, down: f64, above: f64, below: f64| (up - at) / above - (at - down) / below;
        let wide_bend = bend(up, down, steps[0], steps[1]).abs();
        let narrow_bend = bend(half_up, half_down, steps[2], steps[3]).abs();
        if narrow_bend > 0.75 * wide_bend && narrow_bend > 1e3 * scale {
            return Err(Undecided::Kink);
        }
        if (narrow - wide).abs() > 3.0 * scale {
            return Err(Undecided::Rough);
        }
        Ok(Self { slope, noise })
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
    // Each sample four times over: for the points around it.
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
        let differences = points.differences(input)?.into_iter().map(|difference| {
            difference.map(|Difference { slope, noise }| Difference {
                slope: slope * weight,
                noise: noise * weight,
            })
        });
        match gradient {
            Column::Samples(gradients) => {
                for ((sample, difference), &gradient) in differences.enumerate().zip(gradients) {
                    comparison.add(Of { input: position, sample: Some(sample) }, gradient, difference);
                }
            }
            Column::Number(gradient) => {
                let none = Difference { slope: 0.0, noise: 0.0 };
                let total = differences.into_iter().try_fold(none, |total, next| {
                    next.map(|next| Difference {
                        slope: total.slope + next.slope,
                        noise: total.noise + next.noise,
                    })
                });
                comparison.add(Of { input: position, sample: None }, *gradient, total);
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

    /// For each sample the difference with respect to `input`.
    fn differences(&mut self, input: usize) -> Result<Vec<Result<Difference, Undecided>>, SweepError> {
        let mut differences = self.stepped(input, |x| STEP * x.abs().max(1.0))?;
        let column = self.columns[input].as_ref().expect("it may be moved");
        let undecided =
            |(difference, x): (&Result<Difference, Undecided>, &f64)| difference.is_err() && *x != 0.0;
        if differences.iter().zip(column).any(undecided) {
            let finer = self.stepped(input, |x| STEP * if x == 0.0 { 1.0 } else { x.abs().min(1.0) })?;
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
        step: impl Fn(f64) -> f64,
    ) -> Result<Vec<Result<Difference, Undecided>>, SweepError> {
        let samples = self.samples;
        let column = self.columns[input].as_mut().expect("it may be moved");
        let old: Vec<f64> = column[..samples].to_vec();
        let factors = [1.0, -1.0, 0.5, -0.5];
        for (part, factor) in column.chunks_mut(samples).zip(factors) {
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
