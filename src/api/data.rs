//! Rows of data for an MLP, checked against it.

use serde::Serialize;
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::nn::{self, DataError};

use super::bind::check_samples;
use super::columns::{Column, Columns};
use super::context::Limits;
use super::csv::{Csv, Sheet};
use super::dtype::Rounded;
use super::faults::{Faults, list, quote};
use super::matrix::{Matrix, Vector};
use super::mlp::capitalised;
use super::problem::Problem;
use super::standardize::{Preparation, not_standardized};
use super::text::Text;
use super::{labels, pointer, suggest};

/// Rows of inputs, with targets where there is a loss.
#[derive(Debug, ToSchema)]
#[allow(dead_code)] // read through `Columns`; this is its shape in the OpenAPI document
pub struct Data {
    /// One row of inputs per sample.
    pub x: Matrix,
    /// What the outputs are compared with.
    pub y: Option<Targets>,
}

/// One row of targets per sample; or one number per sample: for `cross_entropy` its class, counted from 0, otherwise the target
/// of the only output.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // as `Data`
pub enum Targets {
    // Generated Python takes the first kind of array that fits, and does not look into the elements of this one.
    /// One number per sample.
    #[schema(title = "Numbers")]
    Numbers(Vector),
    /// One row per sample.
    #[schema(title = "Rows")]
    Rows(Matrix),
}

/// What the OpenAPI document says of the rows for an MLP alone.
pub(super) struct RowData;

impl PartialSchema for RowData {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(Data::name()))
            .item(Ref::from_schema_name(Csv::name()))
            .description(Some("Rows of inputs, with targets where there is a loss; or a CSV."))
            .into()
    }
}

impl ToSchema for RowData {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Data::name().into_owned(), Data::schema()));
        schemas.push((Csv::name().into_owned(), Csv::schema()));
        Data::schemas(schemas);
        Csv::schemas(schemas);
    }
}

/// Data that fit a model, owned.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) place: Place,
    pub(super) x: Matrix,
    pub(super) targets: Option<Checked>,
    /// Names of the inputs, where a CSV gives them.
    names: Option<Vec<String>>,
    /// Names of the classes, where they are known.
    classes: Option<Vec<String>>,
    /// How much each output counts in the loss.
    pub(super) weights: Option<Vec<f64>>,
}

/// Where data are in the request, and how they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    base: &'static str,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// `x` and `y` as rows.
    Rows,
    /// `y` as one number per row.
    Numbers,
    Csv,
}

impl Place {
    /// Pointer to the inputs.
    pub(super) fn x(self) -> String {
        self.member("x")
    }

    /// Pointer to the targets.
    pub(super) fn y(self) -> String {
        self.member("y")
    }

    /// Pointer to the inputs of a row.
    pub(super) fn row(self, row: usize) -> String {
        if self.form == Form::Csv { self.x() } else { format!("{}/{row}", self.x()) }
    }

    fn member(self, name: &str) -> String {
        format!("{}/{}", self.base, if self.form == Form::Csv { "csv" } else { name })
    }

    /// Pointer to the target of a row for an output.
    fn target(self, row: usize, output: usize) -> String {
        match self.form {
            Form::Rows => format!("{}/{row}/{output}", self.y()),
            Form::Numbers => format!("{}/{row}", self.y()),
            Form::Csv => self.y(),
        }
    }
}

#[derive(Debug)]
pub(super) enum Checked {
    Values(Vec<f64>),
    Classes(Vec<u32>),
}

impl Table {
    /// Checks the data of a request, which are at `place`, against `mlp`: shapes, classes and the range of targets; and
    /// brings them to the form that `mlp` takes.
    pub(super) fn new(
        data: Option<Columns<'_>>,
        place: &'static str,
        mlp: &nn::Mlp,
        preparation: &Preparation,
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let mut table = match data {
            None => {
                let detail = "An MLP needs `data`, such as {\"x\": [[0.1, -0.4]], \"y\": [[1]]}.";
                return Err(Problem::at("", detail));
            }
            Some(Columns::Csv(csv)) => Self::of_csv(&csv, place, mlp, preparation, limits)?,
            Some(Columns::Members(members)) => Self::of_members(members, place, mlp, preparation, limits)?,
        };
        preparation.apply(&mut table.x);
        table.weights.clone_from(&preparation.weights);
        Rounded::<f64>::new(&table)?.examples(mlp)?;
        Ok(table)
    }

    fn of_members(
        members: Vec<(Text<'_>, Column)>,
        place: &'static str,
        mlp: &nn::Mlp,
        preparation: &Preparation,
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let (x, y) = split(members, place, &mut faults);
        let rows = x.as_ref().map(|x| x.rows);
        check_samples(rows, limits)?;
        let form = if let Some(Column::Numbers(_)) = y { Form::Numbers } else { Form::Rows };
        if let Some(x) = &x {
            check_inputs(x, place, mlp, &mut faults);
        }
        let targets = y.map(|y| check_targets(y, rows, place, mlp, &mut faults));
        faults.into_result()?;
        let classes = preparation.classes.clone();
        let place = Place { base: place, form };
        Ok(Self { place, x: x.unwrap_or_default(), targets, names: None, classes, weights: None })
    }

    fn of_csv(
        csv: &Csv<'_>,
        place: &'static str,
        mlp: &nn::Mlp,
        preparation: &Preparation,
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let Sheet { names, numbers, target, rows } = csv.read(place)?;
        let x = Matrix::new(names.len(), numbers);
        check_samples(Some(x.rows), limits)?;
        if names.len() != mlp.inputs() {
            let detail = format!(
                "The CSV has {} columns of inputs ({}), but the model has {} inputs; `target` names the column to compare with, \
                 `features` chooses others.",
                names.len(),
                list(names.iter().map(String::as_str)),
                mlp.inputs()
            );
            return Err(Problem::at(format!("{place}/csv"), detail));
        }
        let known = preparation.classes.as_deref();
        let (targets, classes) = match &target {
            None => (None, known.map(<[String]>::to_vec)),
            Some(target) => {
                let (targets, classes) = labels::read(target, &rows, known, mlp, place)?;
                (Some(targets), classes)
            }
        };
        let place = Place { base: place, form: Form::Csv };
        Ok(Self { place, x, targets, names: Some(names), classes, weights: None })
    }

    /// What the outputs are compared with; a problem if there is nothing.
    pub(super) fn targets(&self) -> Result<nn::Targets<'_, f64>, Problem> {
        match &self.targets {
            None => {
                let detail = match self.names {
                    None => "The targets `y` are missing; the loss compares the outputs with them.",
                    Some(_) => "`target` is missing: the column that the loss compares the outputs with.",
                };
                Err(Problem::at(self.place.base, detail))
            }
            Some(Checked::Values(values)) => Ok(nn::Targets::Values(values)),
            Some(Checked::Classes(classes)) => Ok(nn::Targets::Classes(classes)),
        }
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
        let Self { place, names, classes, weights, .. } = self;
        let (place, names, classes, weights) = (*place, names.clone(), classes.clone(), weights.clone());
        Self { place, x, targets, names, classes, weights }
    }

    /// Adds the rows of `other`, which is of the same model and has targets as this has.
    pub(super) fn append(&mut self, other: Self) -> Result<(), Problem> {
        match (&mut self.targets, other.targets) {
            (Some(Checked::Values(own)), Some(Checked::Values(more))) => own.extend(more),
            (Some(Checked::Classes(own)), Some(Checked::Classes(more))) => own.extend(more),
            _ => {
                return Err(Problem::at(other.place.y(), "`y` must be given in the same form as in `data`."));
            }
        }
        self.x.data.extend(other.x.data);
        self.x.rows += other.x.rows;
        Ok(())
    }

    /// Standardizes all rows by the first of them, as many as `rows`.
    pub(super) fn standardize(&mut self, rows: usize) -> Result<nn::Standardize, Problem> {
        let width = self.x.columns;
        let transform = nn::Standardize::new(&self.x.data[..rows * width], width);
        let transform = transform.map_err(|error| {
            let name = |column: usize| match &self.names {
                Some(names) => quote(&names[column]),
                None => format!("{column} of `x`"),
            };
            Problem::at(self.place.x(), not_standardized(&error, name))
        })?;
        transform.apply(&mut self.x.data);
        Ok(transform)
    }

    /// Names of the classes, where they are known.
    pub(super) fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    pub(super) fn rows(&self) -> usize {
        self.x.rows
    }
}

/// The members `x` and `y`; all others are faults.
fn split(
    members: Vec<(Text<'_>, Column)>,
    at: &str,
    faults: &mut Faults,
) -> (Option<Matrix>, Option<Column>) {
    let (mut x, mut y) = (None, None);
    for (name, column) in members {
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
        Column::Numbers(numbers) if mlp.outputs() == 1 => Checked::Values(numbers),
        Column::Numbers(_) => {
            faults.add(
                || format!("{at}/y"),
                || {
                    format!(
                        "`y` holds one number per row, but the model has {} outputs; write a row of numbers for each row of \
                         `x`, or with classes choose the loss `cross_entropy`.",
                        mlp.outputs()
                    )
                },
            );
            Checked::Values(Vec::new())
        }
        Column::Number(_) => {
            faults.add(
                || format!("{at}/y"),
                || "`y` is an array with the target of each row, such as [[1, 0], [0, 1]].".to_owned(),
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

/// What the library found wrong with the data at `at`.
pub(super) fn data_problem(at: Place, error: &DataError) -> Problem {
    let pointer = match error {
        DataError::Empty | DataError::TooManyRows { .. } | DataError::Length { .. } => at.x(),
        DataError::Inputs { .. } => format!("{}/0", at.x()),
        DataError::Targets { .. }
        | DataError::Classes { .. }
        | DataError::ClassesNeedCrossEntropy { .. }
        | DataError::NoWeights
        | DataError::Weights { .. }
        | DataError::Weight { .. } => at.y(),
        DataError::ClassOutOfRange { row, .. } | DataError::NotDistribution { row, .. } => {
            format!("{}/{row}", at.y())
        }
        DataError::NotProbability { row, column, .. } | DataError::NotSign { row, column, .. } => {
            at.target(*row, *column)
        }
    };
    Problem::at(pointer, capitalised(&error.to_string()))
}
