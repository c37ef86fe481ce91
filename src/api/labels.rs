//! The target column of a CSV: numbers, or names of classes.

use std::collections::BTreeSet;

use crate::nn::{Loss, Mlp};

use super::csv::{RowPlaces, Target, number};
use super::data::Checked;
use super::faults::{Faults, list, quote};
use super::problem::Problem;

/// How many classes the model tells apart; none where its loss compares numbers, or several outputs each with a target of
/// its own.
fn classes(mlp: &Mlp) -> Option<usize> {
    match (mlp.loss(), mlp.outputs()) {
        (Loss::CrossEntropy, outputs) => Some(outputs),
        (Loss::BceWithLogits | Loss::Hinge, 1) => Some(2),
        _ => None,
    }
}

/// Refuses names of classes that the model cannot have.
pub(super) fn check_names(names: &[String], mlp: &Mlp) -> Result<(), Problem> {
    const PLACE: &str = "/mlp/classes";
    let Some(classes) = classes(mlp) else {
        return Err(Problem::at(PLACE, "This model tells no classes apart: its loss compares numbers."));
    };
    if names.len() != classes {
        let detail = format!("There are {} names, but the model tells {classes} classes apart.", names.len());
        return Err(Problem::at(PLACE, detail));
    }
    let mut faults = Faults::default();
    for (i, name) in names.iter().enumerate().filter(|(i, name)| names[..*i].contains(name)) {
        faults.add(|| format!("{PLACE}/{i}"), || format!("The class {} is named twice.", quote(name)));
    }
    faults.into_result()
}

/// The targets for `mlp` of a table at `place`, and the names of their classes: `known`, or those of the column, sorted.
pub(super) fn read(
    target: &Target,
    rows: &RowPlaces,
    known: Option<&[String]>,
    mlp: &Mlp,
    place: &str,
) -> Result<(Checked, Option<Vec<String>>), Problem> {
    let at = format!("{place}/csv");
    let is_text = known.is_some() || target.cells.iter().any(|cell| number(cell).is_none());
    let Some(count) = classes(mlp).filter(|_| is_text) else {
        return Ok((numbers(target, rows, mlp, &at)?, None));
    };
    let names = match known {
        Some(names) => names.to_vec(),
        None => {
            let names: BTreeSet<&String> = target.cells.iter().collect();
            if names.len() != count {
                let detail = format!(
                    "The column {} has {} classes ({}), but the model tells {count} apart. Where rows of a class are \
                     missing, name all in `mlp.classes`.",
                    quote(&target.name),
                    names.len(),
                    list(names.iter().map(|name| name.as_str()))
                );
                return Err(Problem::at(at, detail));
            }
            names.into_iter().cloned().collect()
        }
    };
    let mut faults = Faults::default();
    let mut class = |(row, cell): (usize, &String)| {
        names.iter().position(|name| name == cell).unwrap_or_else(|| {
            faults.add(
                || at.clone(),
                || {
                    let known = list(names.iter().map(String::as_str));
                    format!(
                        "{}: {} is none of the classes {known}.",
                        rows.cell(row, &target.name),
                        quote(cell)
                    )
                },
            );
            0
        })
    };
    let classes: Vec<usize> = target.cells.iter().enumerate().map(&mut class).collect();
    faults.into_result()?;
    let checked = match mlp.loss() {
        Loss::CrossEntropy => Checked::Classes(classes.into_iter().map(|class| class as u32).collect()),
        Loss::Hinge => Checked::Values(classes.into_iter().map(|class| class as f64 * 2.0 - 1.0).collect()),
        _ => Checked::Values(classes.into_iter().map(|class| class as f64).collect()),
    };
    Ok((checked, Some(names)))
}

/// Targets that are numbers, each within what the loss compares.
fn numbers(target: &Target, rows: &RowPlaces, mlp: &Mlp, at: &str) -> Result<Checked, Problem> {
    let (loss, outputs) = (mlp.loss(), mlp.outputs());
    if loss != Loss::CrossEntropy && outputs != 1 {
        let detail = format!(
            "The column {} is one target per row, but the model has {outputs} outputs; give several as rows of `x` and `y`.",
            quote(&target.name)
        );
        return Err(Problem::at(at, detail));
    }
    let last = outputs - 1;
    let is_meant = |x: f64| match loss {
        Loss::CrossEntropy => x.fract() == 0.0 && (0.0..=last as f64).contains(&x),
        Loss::BceWithLogits => (0.0..=1.0).contains(&x),
        Loss::Hinge => x.abs() == 1.0,
        Loss::Mse | Loss::Mae | Loss::Huber => true,
    };
    let meant = match loss {
        Loss::CrossEntropy => format!("a class, which is a whole number from 0 to {last}"),
        Loss::BceWithLogits => "a number from 0 to 1".to_owned(),
        Loss::Hinge => "-1 or 1".to_owned(),
        Loss::Mse | Loss::Mae | Loss::Huber => "a finite number".to_owned(),
    };
    let mut faults = Faults::default();
    let mut numbers = Vec::with_capacity(target.cells.len());
    for (row, cell) in target.cells.iter().enumerate() {
        match number(cell).filter(|x| is_meant(*x)) {
            Some(x) => numbers.push(x),
            None => faults.add(
                || at.to_owned(),
                || format!("{}: {} is not {meant}.", rows.cell(row, &target.name), quote(cell)),
            ),
        }
    }
    faults.into_result()?;
    Ok(match loss {
        Loss::CrossEntropy => Checked::Classes(numbers.into_iter().map(|x| x as u32).collect()),
        _ => Checked::Values(numbers),
    })
}
