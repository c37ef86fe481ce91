//! The `data` of a request: rows for an MLP, columns for an expression, or CSV for both. Which of the first two is meant
//! shows only once the model is known, so they are read by shape.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use utoipa::openapi::schema::{OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::csv::{Csv, RowPlaces};
use super::data::Data;
use super::faults::Faults;
use super::matrix::{Lines, Matrix};
use super::number::Number;
use super::pointer;
use super::problem::Problem;
use super::reading::Elements;
use super::text::Text;
use super::value::Value;
use super::values::Values;
use super::words::Words;

/// `data` in one of its forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Columns<'a> {
    /// Members by name, in order.
    Members(Vec<(Text<'a>, Column)>),
    /// A table.
    Csv(Csv<'a>),
}

impl Default for Columns<'_> {
    fn default() -> Self {
        Self::Members(Vec::new())
    }
}

/// One member of `data`.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// The same for every sample.
    Number(f64),
    /// One number per sample.
    Numbers(Vec<f64>),
    /// One row per sample.
    Rows(Matrix),
}

impl Columns<'_> {
    /// The rows of an MLP, without targets.
    pub(super) fn of_rows(x: Matrix) -> Self {
        Self::Members(vec![(Text("x".into()), Column::Rows(x))])
    }
}

impl Column {
    /// How many samples there are; `None` for a number.
    pub(super) fn rows(&self) -> Option<usize> {
        match self {
            Column::Number(_) => None,
            Column::Numbers(numbers) => Some(numbers.len()),
            Column::Rows(matrix) => Some(matrix.rows),
        }
    }
}

/// Pointer to the column `name` of what is at `place`. A column of a CSV has no place of its own.
pub(super) fn member(place: &str, name: &str) -> String {
    if place.ends_with(CSV) { place.to_owned() } else { pointer::join(place, name) }
}

/// How the pointer to a CSV ends.
pub(super) const CSV: &str = "/csv";

/// Where columns were found.
#[derive(Debug)]
pub(super) struct Origin {
    /// Pointer to them, which is that of the text where they are of a CSV.
    pub place: &'static str,
    /// The rows of a CSV.
    rows: Option<RowPlaces>,
}

impl Origin {
    /// Pointer to a column.
    pub(super) fn column(&self, name: &str) -> String {
        member(self.place, name)
    }

    /// Pointer to what a column holds for a row, and how a message about it begins: a CSV has no place for a cell.
    pub(super) fn cell(&self, name: &str, row: usize) -> (String, String) {
        match &self.rows {
            Some(rows) => (self.column(name), format!("{}: ", rows.cell(row, name))),
            None => (pointer::join(&self.column(name), row), String::new()),
        }
    }
}

impl<'a> Columns<'a> {
    /// Columns by name, of what is at `place`, for an expression or a graph.
    pub(super) fn into_members(
        self,
        place: &'static str,
    ) -> Result<(Vec<(Text<'a>, Column)>, Origin), Problem> {
        let csv = match self {
            Columns::Members(members) => return Ok((members, Origin { place, rows: None })),
            Columns::Csv(csv) => csv,
        };
        if csv.target.is_some() {
            let detail =
                "The target of a CSV is for an MLP; an expression or a graph takes all columns by name.";
            return Err(Problem::at(format!("{place}/target"), detail));
        }
        let sheet = csv.read(place)?;
        let width = sheet.names.len();
        let column = |i: usize| sheet.numbers.iter().skip(i).step_by(width).copied().collect();
        let columns: Vec<Vec<f64>> = (0..width).map(column).collect();
        let named = sheet.names.into_iter().zip(columns);
        let members = named.map(|(name, column)| (Text(name.into()), Column::Numbers(column))).collect();
        let place = if place == "/validation" { "/validation/csv" } else { "/data/csv" };
        Ok((members, Origin { place, rows: Some(sheet.rows) }))
    }

    /// As values for the inputs of an expression.
    pub(super) fn into_values(self) -> Result<(Values<'a>, Origin), Problem> {
        let mut faults = Faults::default();
        let mut values = Values::default();
        let (members, origin) = self.into_members("/data")?;
        for (name, column) in members {
            let value = match column {
                Column::Number(x) => Value::Number(x),
                Column::Numbers(numbers) => Value::Samples(numbers),
                Column::Rows(matrix) if matrix.rows == 0 => Value::Samples(Vec::new()),
                Column::Rows(_) => {
                    faults.add(
                        || pointer::join("/data", &*name),
                        || {
                            "A column of an expression is an array of numbers, one per sample, not of rows."
                                .to_owned()
                        },
                    );
                    continue;
                }
            };
            values.0.push((name, value));
        }
        faults.into_result()?;
        Ok((values, origin))
    }
}

struct ColumnsVisitor;

impl<'de> Visitor<'de> for ColumnsVisitor {
    type Value = Columns<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object that holds arrays by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns<'de>, A::Error> {
        let mut columns = Vec::new();
        // Any of these may be a column of numbers as well, and members have no order.
        let (mut csv, mut target, mut features) = (None, None, None);
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "csv" if csv.is_none() => csv = Some(map.next_value()?),
                "target" if target.is_none() => target = Some(map.next_value()?),
                "features" if features.is_none() => features = Some(map.next_value()?),
                _ => columns.push((name, map.next_value()?)),
            }
        }
        if let Some(Words::Text(csv)) = csv {
            if let Some((name, _)) = columns.first() {
                return Err(A::Error::unknown_field(name, &["csv", "target", "features"]));
            }
            let target = target.map(|target: Words<'de>| target.text("target")).transpose()?;
            let features = features.map(|features: Words<'de>| features.list("features")).transpose()?;
            return Ok(Columns::Csv(Csv { csv, target, features }));
        }
        for (name, words) in [("csv", csv), ("target", target), ("features", features)] {
            if let Some(words) = words {
                columns.push((Text(name.into()), words.column(name)?));
            }
        }
        Ok(Columns::Members(columns))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Columns<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ColumnsVisitor)
    }
}

struct ColumnVisitor;

impl<'de> Visitor<'de> for ColumnVisitor {
    type Value = Column;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, an array of numbers, or an array of rows such as [[1, 2], [3, 4]]")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Column, E> {
        Ok(Column::Number(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Column, E> {
        Ok(Column::Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Column, E> {
        Ok(Column::Number(x as f64))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Column, E> {
        Number::from_name(name)
            .map(|Number(x)| Column::Number(x))
            .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(name), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Column, A::Error> {
        let mut lines = Lines::default();
        let mut elements = Elements::default();
        while seq.next_element_seed(&mut lines)?.is_some() {
            elements.another()?;
        }
        Ok(match lines.into_matrix() {
            Ok(matrix) => Column::Rows(matrix),
            Err(numbers) => Column::Numbers(numbers),
        })
    }
}

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ColumnVisitor)
    }
}

impl PartialSchema for Columns<'_> {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(Data::name()))
            .item(Ref::from_schema_name(Values::name()))
            .item(Ref::from_schema_name(Csv::name()))
            .description(Some(
                "For an MLP, rows; for an expression or a graph, columns by the names of its inputs; for both, CSV.",
            ))
            .into()
    }
}

/// What the OpenAPI document says of the columns for an expression or a graph alone.
pub(super) struct ColumnData;

impl PartialSchema for ColumnData {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(Values::name()))
            .item(Ref::from_schema_name(Csv::name()))
            .description(Some("Columns by name; or a CSV, which has no `target` here."))
            .into()
    }
}

impl ToSchema for ColumnData {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Values::name().into_owned(), Values::schema()));
        schemas.push((Csv::name().into_owned(), Csv::schema()));
        Values::schemas(schemas);
        Csv::schemas(schemas);
    }
}

impl ToSchema for Columns<'_> {
    fn name() -> std::borrow::Cow<'static, str> {
        "TrainingData".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Data::name().into_owned(), Data::schema()));
        schemas.push((Values::name().into_owned(), Values::schema()));
        schemas.push((Csv::name().into_owned(), Csv::schema()));
        Data::schemas(schemas);
        Values::schemas(schemas);
        Csv::schemas(schemas);
    }
}
