//! Matrices on the wire: an array of rows.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::number::{self, Number};

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

/// Reads the next row onto the end of `data` and returns its length. The lengths are compared in here, so that the
/// place of the error is the row.
pub(super) struct RowSeed<'a> {
    pub(super) data: &'a mut Vec<f64>,
    pub(super) row: usize,
    pub(super) columns: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<usize, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a row, which is an array of which each element is {}", number::EXPECTED)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
        let start = self.data.len();
        while let Some(Number(x)) = seq.next_element()? {
            self.data.push(x);
        }
        let found = self.data.len() - start;
        match self.columns {
            Some(columns) if columns != found => Err(A::Error::custom(format_args!(
                "row {} holds {found} numbers, but row 0 holds {columns}; all rows must be equally long",
                self.row
            ))),
            _ => Ok(found),
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
        let mut data = Vec::new();
        let (mut rows, mut columns) = (0, None);
        while let Some(found) = seq.next_element_seed(RowSeed { data: &mut data, row: rows, columns })? {
            columns = Some(found);
            rows += 1;
        }
        Ok(Matrix { rows, columns: columns.unwrap_or(0), data })
    }
}

impl<'de> Deserialize<'de> for Matrix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(MatrixVisitor)
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
