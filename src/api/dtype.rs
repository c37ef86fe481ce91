//! The float type that an MLP computes in: double precision, or single where that is enough.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::nn::{self, Examples, Scalar};

use super::choice::{self, Choice};
use super::data::{Checked, Place, Table, data_problem};
use super::problem::Problem;

/// The float type that an MLP computes in; the names are `NumPy`'s and PyTorch's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum Dtype {
    /// Double precision.
    #[default]
    F64,
    /// Single precision: twice the numbers a vector, and half the memory.
    F32,
}

impl Choice for Dtype {
    type Value = Self;
    const ALL: &'static [(&'static str, Self)] = &[("f64", Self::F64), ("f32", Self::F32)];
    fn of(value: Self) -> Self {
        value
    }
}

impl<'de> Deserialize<'de> for Dtype {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer)
    }
}

/// Work that is compiled for each type.
pub(super) trait InType {
    type Output;
    fn run<T: Scalar>(self) -> Self::Output;
}

impl Dtype {
    /// Does `work` in this type.
    pub(super) fn run<W: InType>(self, work: W) -> W::Output {
        match self {
            Dtype::F64 => work.run::<f64>(),
            Dtype::F32 => work.run::<f32>(),
        }
    }
}

/// `numbers` of the request at `place`, rounded to the type.
pub(super) fn round<'n, T: Scalar>(numbers: &'n [f64], place: &str) -> Result<Cow<'n, [T]>, Problem> {
    let rounded = T::round(numbers);
    match rounded.iter().zip(numbers).find(|(rounded, number)| number.is_finite() && !rounded.is_finite()) {
        None => Ok(rounded),
        Some((_, number)) => Err(Problem::at(
            place,
            format!(
                "{number} is too large for single precision, which ends at 3.4028235e38; use `\"dtype\": \"f64\"`."
            ),
        )),
    }
}

/// The numbers of a table in the type that the model computes in.
pub(super) struct Rounded<'t, T: Clone> {
    place: Place,
    rows: usize,
    columns: usize,
    x: Cow<'t, [T]>,
    targets: Option<RoundedTargets<'t, T>>,
    weights: Option<Cow<'t, [T]>>,
}

enum RoundedTargets<'t, T: Clone> {
    Values(Cow<'t, [T]>),
    Classes(&'t [u32]),
}

impl<'t, T: Scalar> Rounded<'t, T> {
    /// The numbers of `table`, rounded where the type needs it.
    pub(super) fn new(table: &'t Table) -> Result<Self, Problem> {
        let targets = match &table.targets {
            None => None,
            Some(Checked::Values(values)) => Some(RoundedTargets::Values(round(values, &table.place.y())?)),
            Some(Checked::Classes(classes)) => Some(RoundedTargets::Classes(classes)),
        };
        let x = round(&table.x.data, &table.place.x())?;
        let weights = table.weights.as_ref().map(|weights| round(weights, "/mlp")).transpose()?;
        Ok(Self { place: table.place, rows: table.x.rows, columns: table.x.columns, x, targets, weights })
    }

    /// The rows of inputs.
    pub(super) fn x(&self) -> Result<nn::Matrix<'_, T>, Problem> {
        nn::Matrix::new(&self.x, self.rows, self.columns).map_err(|error| data_problem(self.place, &error))
    }

    /// Inputs with targets, where the table has those. What does not fit the model, or no longer once it is rounded, is a
    /// problem.
    pub(super) fn examples(&self, mlp: &nn::Mlp) -> Result<Option<Examples<'_, T>>, Problem> {
        let targets = match &self.targets {
            None => return Ok(None),
            Some(RoundedTargets::Values(values)) => nn::Targets::Values(values),
            Some(RoundedTargets::Classes(classes)) => nn::Targets::Classes(classes),
        };
        let examples = Examples::new(mlp, self.x()?, targets);
        let weighted = match &self.weights {
            None => examples,
            Some(weights) => examples.and_then(|examples| examples.weighted(weights)),
        };
        weighted.map(Some).map_err(|error| data_problem(self.place, &error))
    }
}
