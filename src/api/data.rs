//! Rows of data for an MLP, checked against it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::nn::{self, DataError, Examples};

use super::bind::check_samples;
use super::columns::{Column, Columns};
use super::context::Limits;
use super::faults::{Faults, quote};
use super::matrix::Matrix;
use super::mlp::capitalised;
use super::pointer;
use super::problem::Problem;
use super::suggest;

/// Rows of inputs, with targets where there is a loss.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // read through `Columns`; this is its shape in the OpenAPI document
pub struct Data {
    /// One row of inputs per sample.
    pub x: Matrix,
    /// What the outputs are compared with.
    pub y: Option<Targets>,
}

/// One row of targets per sample, or for `cross_entropy` one class per sample, counted from 0.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // as `Data`
pub enum Targets {
    /// One row per sample.
    #[schema(title = "Rows")]
    Rows(Matrix),
    /// One class per sample.
    #[schema(title = "Classes")]
    Classes(Vec<u32>),
}

/// Data that fit a model, owned.
#[derive(Debug)]
pub(super) struct Table {
    /// Pointer to them in the request.
    pub(super) place: &'static str,
    pub(super) x: Matrix,
    pub(super) targets: Option<Checked>,
}

#[derive(Debug)]
pub(super) enum Checked {
    Values(Vec<f64>),
    Classes(Vec<u32>),
}

impl Table {
    /// Checks the data of a request, which are at `place`, against `mlp`: shapes, classes and the range of targets.
    pub(super) fn new(
        data: Option<Columns<'_>>,
        place: &'static str,
        mlp: &nn::Mlp,
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let data = data.ok_or_else(|| {
            Problem::at("", "An MLP needs `data`, such as {\"x\": [[0.1, -0.4]], \"y\": [[1]]}.")
        })?;
        let mut faults = Faults::default();
        let (x, y) = split(data, place, &mut faults);
        let rows = x.as_ref().map(|x| x.rows);
        check_samples(rows, limits)?;
        if let Some(x) = &x {
            check_inputs(x, place, mlp, &mut faults);
        }
        let targets = y.map(|y| check_targets(y, rows, place, mlp, &mut faults));
        faults.into_result()?;
        let table = Self { place, x: x.unwrap_or_default(), targets };
        if table.targets.is_some() {
            table.examples(mlp)?;
        }
        Ok(table)
    }

    fn matrix(&self) -> Result<nn::Matrix<'_, f64>, Problem> {
        nn::Matrix::new(&self.x.data, self.x.rows, self.x.columns)
            .map_err(|error| data_problem(self.place, &error))
    }

    /// Inputs with targets; a problem if there are none.
    pub(super) fn examples(&self, mlp: &nn::Mlp) -> Result<Examples<'_, f64>, Problem> {
        let targets = match &self.targets {
            None => {
                let detail = "The targets `y` are missing; the loss compares the outputs with them.";
                return Err(Problem::at(self.place, detail));
            }
            Some(Checked::Values(values)) => nn::Targets::Values(values),
            Some(Checked::Classes(classes)) => nn::Targets::Classes(classes),
        };
        Examples::new(mlp, self.matrix()?, targets).map_err(|error| data_problem(self.place, &error))
    }

    /// The rows named, in this order.
    pub(super) fn take(&self, rows: impl Iterator<Item = usize> + Clone) -> Self {
        let matrix = |values: &[f64], width: usize| -> Vec<f64> {
            rows.clone().flat_map(|row| values[row * width..][..width].to_vec()).collect()
        };
        let targets = self.targets.as_ref().map(|targets| match targets {
            Checked::Values(values) => Checked::Values(matrix(values, values.len() / self.x.rows)),
            Checked::Classes(classes) => Checked::Classes(rows.clone().map(|row| classes[row]).collect()),
        });
        let x = Matrix::new(self.x.columns, matrix(&self.x.data, self.x.columns));
        Self { place: self.place, x, targets }
    }

    /// Adds the rows of `other`, which is of the same model and has targets as this has.
    pub(super) fn append(&mut self, other: Self) -> Result<(), Problem> {
        match (&mut self.targets, other.targets) {
            (Some(Checked::Values(own)), Some(Checked::Values(more))) => own.extend(more),
            (Some(Checked::Classes(own)), Some(Checked::Classes(more))) => own.extend(more),
            _ => {
                let place = format!("{}/y", other.place);
                return Err(Problem::at(place, "`y` must be given in the same form as in `data`."));
            }
        }
        self.x.data.extend(other.x.data);
        self.x.rows += other.x.rows;
        Ok(())
    }

    pub(super) fn rows(&self) -> usize {
        self.x.rows
    }
}

/// The members `x` and `y`; all others are faults.
fn split(data: Columns<'_>, at: &str, faults: &mut Faults) -> (Option<Matrix>, Option<Column>) {
    let (mut x, mut y) = (None, None);
    for (name, column) in data.0 {
        let place = || pointer::join(at, &*name);
        let slot = match &*name {
            "x" => &mut x,
            "y" => &mut y,
            _ => {
                faults.add(place, || {
                    format!(
                        "The data of an MLP are `x` and `y`; there is no {}{}",
                        quote(&name),
                        suggest::ending(&name, ["x", "y"])
                    )
                });
                continue;
            }
        };
        if slot.replace(column).is_some() {
            faults.add(place, || format!("{} is given twice.", quote(&name)));
        }
    }
    let x = match x {
        Some(Column::Rows(matrix)) => Some(matrix),
        Some(_) => {
            faults.add(
                || format!("{at}/x"),
                || "`x` is an array of rows, one per sample, such as [[0.1, -0.4]].".to_owned(),
            );
            None
        }
        None => {
            faults.add(|| at.to_owned(), || "The rows of inputs, `x`, are missing.".to_owned());
            None
        }
    };
    (x, y)
}

fn check_inputs(x: &Matrix, at: &str, mlp: &nn::Mlp, faults: &mut Faults) {
    if x.rows == 0 {
        faults.add(|| format!("{at}/x"), || "`x` is empty; a batch has at least one row.".to_owned());
    } else if x.columns != mlp.inputs() {
        faults.add(
            || format!("{at}/x/0"),
            || {
                format!(
                    "Each row of `x` holds {} numbers, but the model has {} inputs.",
                    x.columns,
                    mlp.inputs()
                )
            },
        );
    }
}

fn check_targets(y: Column, rows: Option<usize>, at: &str, mlp: &nn::Mlp, faults: &mut Faults) -> Checked {
    let given = y.rows().unwrap_or(0);
    if let Some(rows) = rows.filter(|rows| *rows != given) {
        faults.add(
            || format!("{at}/y"),
            || format!("`y` has {given} rows, but `x` has {rows}; each row of inputs needs its target."),
        );
    }
    match y {
        Column::Rows(matrix) => {
            if matrix.rows > 0 && matrix.columns != mlp.outputs() {
                faults.add(
                    || format!("{at}/y/0"),
                    || {
                        format!(
                            "Each row of `y` holds {} numbers, but the model has {} outputs.",
                            matrix.columns,
                            mlp.outputs()
                        )
                    },
                );
            }
            Checked::Values(matrix.data)
        }
        Column::Numbers(numbers) if mlp.loss() == nn::Loss::CrossEntropy => {
            Checked::Classes(classes(&numbers, at, mlp.outputs(), faults))
        }
        Column::Numbers(_) | Column::Number(_) => {
            faults.add(
                || format!("{at}/y"),
                || {
                    "`y` is an array of rows, one per sample, such as [[1], [-1]]; an array of numbers holds classes, \
                     which are for the loss `cross_entropy`."
                        .to_owned()
                },
            );
            Checked::Values(Vec::new())
        }
    }
}

fn classes(numbers: &[f64], at: &str, outputs: usize, faults: &mut Faults) -> Vec<u32> {
    let last = outputs - 1;
    let mut class = |(row, &number): (usize, &f64)| {
        if number.fract() == 0.0 && (0.0..=last as f64).contains(&number) {
            return number as u32;
        }
        faults.add(
            || format!("{at}/y/{row}"),
            || {
                format!(
                    "The class of row {row} is {number}, but classes are whole numbers from 0 to {last}, one per output of \
                     the model."
                )
            },
        );
        0
    };
    numbers.iter().enumerate().map(&mut class).collect()
}

/// What the library found wrong with the data at `at`, at its place.
fn data_problem(at: &str, error: &DataError) -> Problem {
    let place = match error {
        DataError::Empty | DataError::TooManyRows { .. } | DataError::Length { .. } => "x".to_owned(),
        DataError::Inputs { .. } => "x/0".to_owned(),
        DataError::Targets { .. } | DataError::Classes { .. } | DataError::ClassesNeedCrossEntropy { .. } => {
            "y".to_owned()
        }
        DataError::ClassOutOfRange { row, .. } | DataError::NotDistribution { row, .. } => {
            format!("y/{row}")
        }
        DataError::NotProbability { row, column, .. } | DataError::NotSign { row, column, .. } => {
            format!("y/{row}/{column}")
        }
    };
    Problem::at(format!("{at}/{place}"), capitalised(&error.to_string()))
}
