//! Matrices on the wire: an array of rows.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::number::Number;
use super::reading::Elements;

/// `[[...], ...]`, held flat and row-major. All rows are equally long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Number of rows.
    pub rows: usize,
    /// Length of each row; 0 where there are no rows.
    pub columns: usize,
    /// `rows * columns` numbers, row by row.
    pub data: Vec<f64>,
}

impl Matrix {
    /// A matrix over `data`, row by row; `columns` is not 0.
    pub fn new(columns: usize, data: Vec<f64>) -> Self {
        Self { rows: data.len() / columns, columns, data }
    }
}

struct Row<'a>(&'a [f64]);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().copied().map(Number))
    }
}

impl Serialize for Matrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq((0..self.rows).map(|i| Row(&self.data[i * self.columns..(i + 1) * self.columns])))
    }
}

/// Lines of an array as they come: all rows of numbers, equally long, or all numbers. A line is read through
/// [`DeserializeSeed`], so that the place of an error is the line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    data: Vec<f64>,
    lines: usize,
    /// Length of the rows; `None` until the first line, and where lines are numbers.
    columns: Option<usize>,
    /// Whether a line must be a row.
    rows_only: bool,
}

impl Lines {
    /// The matrix, or the numbers if the lines were no rows.
    pub(super) fn into_matrix(self) -> Result<Matrix, Vec<f64>> {
        match self.columns {
            None if self.lines > 0 => Err(self.data),
            columns => Ok(Matrix { rows: self.lines, columns: columns.unwrap_or(0), data: self.data }),
        }
    }

    fn number<E: Error>(&mut self, x: f64) -> Result<(), E> {
        if self.columns.is_some() {
            let detail = "this is a number where the lines before are rows; write it as an array";
            return Err(E::custom(detail));
        }
        self.data.push(x);
        self.lines += 1;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for &mut Lines {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.rows_only { deserializer.deserialize_seq(self) } else { deserializer.deserialize_any(self) }
    }
}

impl<'de> Visitor<'de> for &mut Lines {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.rows_only { "a row, which is an array of numbers" } else { "a number or a row" })
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<(), E> {
        self.number(x)
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<(), E> {
        self.number(x as f64)
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<(), E> {
        self.number(x as f64)
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        match Number::from_name(name) {
            Some(Number(x)) => self.number(x),
            None => Err(E::invalid_value(Unexpected::Str(name), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if self.columns.is_none() && self.lines > 0 {
            return Err(A::Error::custom("this is a row where the lines before are numbers"));
        }
        let start = self.data.len();
        let mut elements = Elements::default();
        while let Some(Number(x)) = seq.next_element()? {
            elements.another()?;
            self.data.push(x);
        }
        let (row, found) = (self.lines, self.data.len() - start);
        self.lines += 1;
        match self.columns.replace(found) {
            Some(columns) if columns != found => Err(A::Error::custom(format_args!(
                "row {row} holds {found} numbers, but the rows before hold {columns}; all rows must be equally long"
            ))),
            _ => Ok(()),
        }
    }
}

struct MatrixVisitor;

impl<'de> Visitor<'de> for MatrixVisitor {
    type Value = Matrix;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows, such as [[1, 2], [3, 4]]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Matrix, A::Error> {
        let mut rows = Lines { rows_only: true, ..Lines::default() };
        let mut elements = Elements::default();
        while seq.next_element_seed(&mut rows)?.is_some() {
            elements.another()?;
        }
        Ok(Matrix { rows: rows.lines, columns: rows.columns.unwrap_or(0), data: rows.data })
    }
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(MatrixVisitor)
    }
}

/// `[...]`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vector(pub Vec<f64>);

impl Serialize for Vector {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Row(&self.0).serialize(serializer)
    }
}

struct VectorVisitor;

impl<'de> Visitor<'de> for VectorVisitor {
    type Value = Vector;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vector, A::Error> {
        let mut data = Vec::new();
        let mut elements = Elements::default();
        while let Some(Number(x)) = seq.next_element()? {
            elements.another()?;
            data.push(x);
        }
        Ok(Vector(data))
    }
}

impl<'de> Deserialize<'de> for Vector {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(VectorVisitor)
    }
}

impl PartialSchema for Vector {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(Ref::from_schema_name(Number::name()))
            .description(Some("An array of numbers."))
            .into()
    }
}

impl ToSchema for Vector {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Number::name().into_owned(), Number::schema()));
    }
}

impl PartialSchema for Matrix {
    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(ArrayBuilder::new().items(Ref::from_schema_name(Number::name())))
            .description(Some("An array of rows, all equally long."))
            .into()
    }
}

impl ToSchema for Matrix {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Number::name().into_owned(), Number::schema()));
    }
}
