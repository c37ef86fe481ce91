//! What was measured: the target of a fit and its standard deviation, as columns of the data.

use crate::train::fit;

use super::columns::Origin;
use super::computation::Computation;
use super::context::Limits;
use super::faults::{Faults, quote};
use super::non_finite::show;
use super::problem::Problem;
use super::sigma::Sigma;
use super::suggest;
use super::value::Value;
use super::values::Values;

/// The target with its standard deviation.
#[derive(Debug)]
pub(super) struct Measured {
    name: String,
    pub target: Vec<f64>,
    /// The name of its column, unless it is a number.
    sigma_name: Option<String>,
    sigma: Value,
}

impl Measured {
    /// Finds target and sigma in `data`, whose numbers are all finite.
    pub(super) fn of(
        data: &Values<'_>,
        origin: &Origin,
        target: &str,
        sigma: Option<&Sigma<'_>>,
    ) -> Result<Self, Problem> {
        check_finite(data, origin)?;
        let mut faults = Faults::default();
        let column = column(data, origin, target, "/target", &mut faults);
        let (sigma_name, sigma) = match sigma {
            None => (None, Some(Value::Number(1.0))),
            Some(Sigma::Number(x)) => (None, Some(Value::Number(*x))),
            Some(Sigma::Column(name)) => {
                (Some(name.to_string()), self::column(data, origin, name, "/sigma", &mut faults).cloned())
            }
        };
        if let Some(value) = &sigma {
            check_positive(value, sigma_name.as_deref(), origin, &mut faults);
        }
        if let Some(Value::Number(_)) = column {
            faults.add(
                || origin.column(target),
                || format!("The target {} is an array with one number per row.", quote(target)),
            );
        }
        faults.into_result()?;
        let (Some(Value::Samples(samples)), Some(sigma)) = (column, sigma) else {
            unreachable!("faults have been told");
        };
        Ok(Self { name: target.to_owned(), target: samples.clone(), sigma_name, sigma })
    }

    /// Leaves in `data` what the model takes. The target is not part of it: a model that compares itself with the target
    /// would be compared twice.
    pub(super) fn remove_from(
        &self,
        data: &mut Values<'_>,
        computation: &Computation<'_>,
    ) -> Result<(), Problem> {
        let is_input = |name: &str| computation.graph.inputs().iter().any(|(input, _)| **input == *name);
        if is_input(&self.name) {
            let detail = format!(
                "The model uses the target {0}. It gives the value that {0} is compared with, such as `a*x + b`, and not the difference.",
                quote(&self.name)
            );
            return Err(Problem::at("/target", detail));
        }
        let is_sigma = |name: &str| self.sigma_name.as_deref() == Some(name) && !is_input(name);
        data.0.retain(|(name, _)| **name != *self.name && !is_sigma(name));
        Ok(())
    }

    /// Refuses lengths that do not fit: `samples` are those of the columns that the model takes.
    pub(super) fn check(
        &self,
        origin: &Origin,
        samples: Option<usize>,
        parameters: usize,
        limits: &Limits,
    ) -> Result<(), Problem> {
        let rows = self.target.len();
        let mut faults = Faults::default();
        if let Some(samples) = samples.filter(|samples| *samples != rows) {
            faults.add(
                || origin.column(&self.name),
                || {
                    let name = quote(&self.name);
                    format!("The target {name} has {rows} rows, but the columns of the model have {samples}.")
                },
            );
        }
        if let (Value::Samples(sigma), Some(name)) = (&self.sigma, &self.sigma_name)
            && sigma.len() != rows
        {
            faults.add(
                || origin.column(name),
                || format!("{} has {} rows, but the target has {rows}.", quote(name), sigma.len()),
            );
        }
        faults.into_result()?;
        if rows < parameters {
            let detail = format!(
                "A fit of {parameters} parameters needs at least {parameters} rows; there are {rows}."
            );
            return Err(Problem::at("/data", detail));
        }
        check_size(rows, parameters, limits)
    }

    /// As the library takes it.
    pub(super) fn sigma(&self) -> fit::Sigma<'_> {
        match &self.sigma {
            Value::Number(x) => fit::Sigma::Number(*x),
            Value::Samples(samples) => fit::Sigma::Column(samples),
        }
    }
}

/// Refuses a Jacobian of more numbers than a batch may have samples.
fn check_size(rows: usize, parameters: usize, limits: &Limits) -> Result<(), Problem> {
    let (numbers, limit) = (rows.saturating_mul(parameters), limits.max_samples);
    if parameters > limits.max_parameters {
        let limit = limits.max_parameters;
        let detail = format!("There are {parameters} parameters; at most {limit} are fitted.");
        return Err(Problem::limit("max_parameters", limit as u64, parameters as u64, detail));
    }
    if numbers > limit {
        let detail = format!(
            "The Jacobian of {rows} rows and {parameters} parameters has {numbers} numbers; at most {limit} are computed in one request."
        );
        return Err(Problem::limit("max_samples", limit as u64, numbers as u64, detail));
    }
    Ok(())
}

/// The column that the member at `place` names.
fn column<'v>(
    data: &'v Values<'_>,
    origin: &Origin,
    name: &str,
    place: &'static str,
    faults: &mut Faults,
) -> Option<&'v Value> {
    let found = data.0.iter().find(|(known, _)| **known == *name);
    if found.is_none() {
        faults.add(
            || place.to_owned(),
            || format!("`data` has no column {}{}", quote(name), suggest::ending(name, data.names())),
        );
    }
    if data.names().filter(|known| *known == name).count() > 1 {
        faults.add(|| origin.column(name), || format!("The column {} is given twice.", quote(name)));
    }
    found.map(|(_, value)| value)
}

fn check_finite(data: &Values<'_>, origin: &Origin) -> Result<(), Problem> {
    let mut faults = Faults::default();
    for (name, value) in &data.0 {
        if let Some(index) = value.numbers().iter().position(|x| !x.is_finite()) {
            faults.add(
                || element(origin, name, value, index).0,
                || {
                    format!(
                        "{} holds {}; a fit needs finite numbers.",
                        quote(name),
                        show(value.numbers()[index])
                    )
                },
            );
        }
    }
    faults.into_result()
}

fn check_positive(sigma: &Value, name: Option<&str>, origin: &Origin, faults: &mut Faults) {
    if let Some(index) = sigma.numbers().iter().position(|x| !(*x > 0.0 && x.is_finite())) {
        let (place, cell) = match name {
            Some(name) => element(origin, name, sigma, index),
            None => ("/sigma".to_owned(), String::new()),
        };
        let found = show(sigma.numbers()[index]);
        faults.add(|| place, || format!("{cell}A standard deviation is {found}; it must be above 0."));
    }
}

/// Pointer to a number of a column, and how a message about it begins.
fn element(origin: &Origin, name: &str, value: &Value, index: usize) -> (String, String) {
    match value {
        Value::Samples(_) => origin.cell(name, index),
        Value::Number(_) => (origin.column(name), String::new()),
    }
}
