//! What there is to tell apart must be among the rows to train on.

use std::collections::BTreeSet;

use crate::nn::{Loss, Mlp, Targets};

use super::faults::quote;
use super::problem::Problem;

/// The class of each row; none where the targets are not classes: probabilities, numbers, several targets a row.
fn classes(targets: Targets<'_, f64>, mlp: &Mlp) -> Option<Vec<u32>> {
    let one_hot = |row: &[f64]| {
        let class = row.iter().position(|x| *x == 1.0)?;
        row.iter().enumerate().all(|(i, x)| i == class || *x == 0.0).then_some(class as u32)
    };
    let low = if mlp.loss() == Loss::Hinge { -1.0 } else { 0.0 };
    let binary = |x: &f64| match *x {
        1.0 => Some(1),
        x if x == low => Some(0),
        _ => None,
    };
    match (targets, mlp.loss(), mlp.outputs()) {
        (Targets::Classes(classes), ..) => Some(classes.to_vec()),
        (Targets::Values(rows), Loss::CrossEntropy, outputs) => {
            rows.chunks_exact(outputs).map(one_hot).collect()
        }
        (Targets::Values(rows), Loss::BceWithLogits | Loss::Hinge, 1) => rows.iter().map(binary).collect(),
        _ => None,
    }
}

/// Refuses rows to train on of one class only, and rows held back of a class that none of those has. The first `rows` are
/// trained on; `data` and `validation` are where targets are in the request, `names` what classes are called.
pub(super) fn check(
    targets: Targets<'_, f64>,
    rows: usize,
    mlp: &Mlp,
    names: Option<&[String]>,
    (data, validation): (&str, &str),
) -> Result<(), Problem> {
    let Some(classes) = classes(targets, mlp) else { return Ok(()) };
    let name = |class: u32| names.map_or_else(|| class.to_string(), |names| quote(&names[class as usize]));
    let (trained, held_back) = classes.split_at(rows);
    let known: BTreeSet<u32> = trained.iter().copied().collect();
    if let Some(unknown) = held_back.iter().find(|class| !known.contains(class)) {
        let detail = format!(
            "Rows of class {} are validated on, but none is trained on; send more rows of it, or leave it out.",
            name(*unknown)
        );
        return Err(Problem::at(validation, detail));
    }
    match known.first() {
        Some(only) if known.len() == 1 => {
            let detail = format!(
                "All {rows} rows to train on are of class {}; send rows of another class, for there is nothing to tell apart.",
                name(*only)
            );
            Err(Problem::at(data, detail))
        }
        _ => Ok(()),
    }
}
