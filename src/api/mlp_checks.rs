//! What an MLP's results must pass before they are answered.

use crate::nn::{self, Mlp};

use super::context::Limits;
use super::data::Place;
use super::non_finite::{REMEDY, show};
use super::problem::{Fault, Kind, Problem};

/// Refuses an answer of more numbers than a batch may have samples: a wide model makes much out of few rows.
pub(super) fn check_answer(mlp: &Mlp, rows: usize, limits: &Limits) -> Result<(), Problem> {
    let numbers = rows.saturating_mul(mlp.outputs());
    if numbers <= limits.max_samples {
        return Ok(());
    }
    let detail = format!(
        "The outputs of {rows} rows are {numbers} numbers; at most {} are answered. Send fewer rows at a time.",
        limits.max_samples
    );
    Err(Problem::limit("max_samples", limits.max_samples as u64, numbers as u64, detail))
}

/// Why a pass failed. Shapes were checked before it.
pub(super) fn pass_problem(error: nn::Error) -> Problem {
    match error {
        nn::Error::Interrupted(interrupted) => interrupted.into(),
        other => Problem::new(Kind::INTERNAL, other.to_string()),
    }
}

/// Refuses outputs of `data` that are not finite, naming the first.
pub(super) fn check_outputs(mlp: &Mlp, outputs: &[f64], data: Place) -> Result<(), Problem> {
    first_non_finite(outputs).map_or(Ok(()), |(index, value)| {
        let (row, unit) = (index / mlp.outputs(), index % mlp.outputs());
        Err(problem(&format!("Output {unit} of row {row} is {value}."), data.row(row)))
    })
}

/// Refuses a loss over `data` that is not finite.
pub(super) fn check_loss(loss: f64, data: Place) -> Result<(), Problem> {
    first_non_finite(&[loss])
        .map_or(Ok(()), |(_, value)| Err(problem(&format!("The loss is {value}."), data.y())))
}

/// Refuses numbers that belong to parameters and are not finite, naming the first. `what` is what they are.
pub(super) fn check_parameters(mlp: &Mlp, what: &str, flat: &[f64]) -> Result<(), Problem> {
    first_non_finite(flat).map_or(Ok(()), |(index, value)| {
        let detail = format!("The {what} of {} is {value}.", parameter_name(mlp, index));
        Err(problem(&detail, "/mlp".to_owned()))
    })
}

/// What the parameter at `index` of the flat vector is called.
pub(super) fn parameter_name(mlp: &Mlp, index: usize) -> String {
    let layer = mlp.spans().partition_point(|span| span.bias.end <= index);
    let span = &mlp.spans()[layer];
    if span.bias.contains(&index) {
        format!("bias[{}] of layer {layer}", index - span.bias.start)
    } else {
        let offset = index - span.weight.start;
        format!("weight[{}][{}] of layer {layer}", offset / span.inputs, offset % span.inputs)
    }
}

fn first_non_finite(values: &[f64]) -> Option<(usize, String)> {
    values.iter().position(|x| !x.is_finite()).map(|index| (index, show(values[index])))
}

fn problem(what: &str, pointer: String) -> Problem {
    let fault = Fault { detail: what.to_owned(), pointer: Some(pointer), ..Fault::default() };
    Problem { errors: vec![fault], ..Problem::new(Kind::NON_FINITE, format!("{what} {REMEDY}")) }
}
