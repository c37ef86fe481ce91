//! A gradient beside finite differences: what `check` adds to the answer of `/v1/gradient`.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::derivatives::differences::{self, Comparison, Of, TOLERANCE, Undecided};
use crate::engine::{Column, Reduction};

use super::bind::Bound;
use super::computation::Computation;
use super::context::Context;
use super::cost::Cost;
use super::non_finite::sweep_problem;
use super::number::Number;
use super::problem::Problem;
use super::wanted::name;

/// How the gradient compares with central finite differences.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// Whether at least one derivative could be judged, and all that could are within the tolerance.
    pub passed: bool,
    /// The largest relative error with which a derivative agrees.
    pub tolerance: f64,
    /// How many derivatives could be judged.
    pub compared: usize,
    /// The one with the largest relative error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<Worst>,
    /// How many derivatives finite differences cannot judge.
    pub undecided: usize,
    /// The first of these, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
}

/// A derivative beside its finite difference.
#[derive(Debug, Serialize, ToSchema)]
pub struct Worst {
    /// The input.
    pub input: String,
    /// The sample, from 0, where the input is an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
    /// The derivative.
    pub gradient: Number,
    /// What finite differences make of it.
    pub finite_difference: Number,
    /// Their distance relative to the larger one, or to a million times what rounding leaves of a difference if that is more.
    pub relative_error: Number,
}

/// A derivative that finite differences cannot judge.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reason {
    /// The input.
    pub input: String,
    /// The sample, from 0, where the input is an array.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
    /// Why not.
    pub reason: &'static str,
}

/// What comparing will take.
pub(super) fn cost(computation: &Computation<'_>, bound: &Bound, wanted: &[usize]) -> Cost {
    let (graph, samples) = (&computation.graph, bound.samples.unwrap_or(1));
    // Six points for each input, and perhaps once more with a finer step; all inputs are kept for them.
    let points = samples.saturating_mul(12 * wanted.len() + 1);
    Cost::of_values(graph, points) + Cost::of_kept(samples.saturating_mul(6 * (bound.values.len() + 2)))
}

/// Compares the gradients of the `wanted` inputs, which are in `columns` by position.
pub(super) fn check(
    computation: &Computation<'_>,
    bound: &Bound,
    wanted: &[usize],
    columns: &[Option<Column>],
    reduction: Reduction,
    context: &Context,
) -> Result<Check, Problem> {
    let gradients: Vec<&Column> = wanted
        .iter()
        .map(|&input| columns[input].as_ref().expect("the gradient of a wanted input"))
        .collect();
    let compared = differences::compare(
        &computation.graph,
        &computation.output_nodes(),
        &bound.bindings(),
        wanted,
        &gradients,
        reduction,
        &context.interrupt,
    );
    let compared = compared.map_err(|error| sweep_problem(computation, error))?;
    Ok(told(&compared, |of| name(computation, wanted[of.input]).into_owned()))
}

fn told(comparison: &Comparison, name: impl Fn(&Of) -> String) -> Check {
    let worst = comparison.worst.as_ref().map(|worst| Worst {
        input: name(&worst.of),
        sample: worst.of.sample,
        gradient: Number(worst.gradient),
        finite_difference: Number(worst.difference),
        relative_error: Number(worst.relative_error),
    });
    let reasons = comparison.undecided.iter().map(|(of, why)| Reason {
        input: name(of),
        sample: of.sample,
        reason: match why {
            Undecided::Kink => "there is a kink: the slopes on both sides differ",
            Undecided::Domain => "a step leaves the domain of the function, or reaches what is not finite",
            Undecided::Rough => {
                "two steps disagree: the function changes quickly there, or is mostly rounding"
            }
        },
    });
    Check {
        passed: comparison.passed(),
        tolerance: TOLERANCE,
        compared: comparison.compared,
        worst,
        undecided: comparison.undecided_count,
        reasons: reasons.collect(),
    }
}
