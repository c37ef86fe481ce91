//! Rows held back for validation, on the wire.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::train::{Split, SplitError};

use super::columns::{Column, Columns};
use super::metrics::Metrics;
use super::mlp::capitalised;
use super::number::Number;
use super::problem::Problem;
use super::train::History;

/// What to validate on: a `fraction` of the rows, or rows of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Validation<'a>(Columns<'a>);

/// How the model does on the rows that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Validated {
    /// Over the rows that were held back, with the parameters of the answer.
    pub loss: Number,
    /// The same after each epoch: all of a short run, evenly spread ones and the last of a long run.
    pub history: History,
    /// Figures beside the loss, for an MLP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
}

/// The two forms.
pub(super) enum Held<'a> {
    /// This part of the rows.
    Fraction(f64),
    /// These rows.
    Rows(Columns<'a>),
}

impl<'a> Validation<'a> {
    /// The form that it has. A fraction is the only member and a number; data hold at least one array.
    pub(super) fn held(self) -> Held<'a> {
        match &self.0 {
            Columns::Members(members) => match members.as_slice() {
                [(name, Column::Number(fraction))] if &**name == "fraction" => Held::Fraction(*fraction),
                _ => Held::Rows(self.0),
            },
            Columns::Csv(_) => Held::Rows(self.0),
        }
    }

    /// A CSV beside a CSV has the same columns, unless it says otherwise.
    pub(super) fn complete(&mut self, data: &Columns<'a>) {
        if let (Columns::Csv(own), Columns::Csv(data)) = (&mut self.0, data) {
            own.target = own.target.take().or_else(|| data.target.clone());
            own.features = own.features.take().or_else(|| data.features.clone());
        }
    }
}

/// Which of `rows` rows are held back.
pub(super) fn split(rows: usize, fraction: f64, seed: Option<u64>) -> Result<Split, Problem> {
    Split::new(rows, fraction, seed.unwrap_or(0)).map_err(|error| {
        let remedy = match error {
            SplitError::Fraction(_) => "",
            SplitError::Nothing { .. } => " Lower the fraction, or send more rows.",
        };
        Problem::at("/validation/fraction", capitalised(&error.to_string()) + remedy)
    })
}

impl<'de: 'a, 'a> Deserialize<'de> for Validation<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Columns::deserialize(deserializer).map(Self)
    }
}

impl PartialSchema for Validation<'_> {
    fn schema() -> RefOr<Schema> {
        let fraction = ObjectBuilder::new()
            .schema_type(Type::Number)
            .exclusive_minimum(Some(0.0))
            .exclusive_maximum(Some(1.0))
            .description(Some(
                "This part of the rows, rounded up to whole rows. Which ones follows from `seed`, and from nothing else \
                 but their number.",
            ));
        let fraction = ObjectBuilder::new()
            .title(Some("Fraction"))
            .property("fraction", fraction)
            .required("fraction")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false)));
        AnyOfBuilder::new()
            .item(fraction)
            .item(Columns::schema())
            .description(Some(
                "What to validate on: a `fraction` of the rows, or rows of its own in the form of `data`.",
            ))
            .into()
    }
}

impl ToSchema for Validation<'_> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Columns::schemas(schemas);
    }
}
