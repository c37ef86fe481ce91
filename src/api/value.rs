//! The value of an input or output: a number, or an array of samples.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::engine::{Binding, Column};

use super::number::{self, Number};
use super::reading::Elements;

/// A number, or an array that holds one number per sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The same for all samples.
    Number(f64),
    /// One per sample.
    Samples(Vec<f64>),
}

impl Value {
    /// As the engine takes it.
    pub fn binding(&self) -> Binding<'_> {
        match self {
            Value::Number(x) => Binding::Number(*x),
            Value::Samples(samples) => Binding::Samples(samples),
        }
    }

    /// How many samples there are; `None` for a number.
    pub fn samples(&self) -> Option<usize> {
        match self {
            Value::Number(_) => None,
            Value::Samples(samples) => Some(samples.len()),
        }
    }

    /// The number, or the samples in order.
    pub fn numbers(&self) -> &[f64] {
        match self {
            Value::Number(x) => std::slice::from_ref(x),
            Value::Samples(samples) => samples,
        }
    }

    /// As [`numbers`](Self::numbers), to be changed.
    pub fn numbers_mut(&mut self) -> &mut [f64] {
        match self {
            Value::Number(x) => std::slice::from_mut(x),
            Value::Samples(samples) => samples,
        }
    }
}

impl From<Column> for Value {
    fn from(column: Column) -> Self {
        match column {
            Column::Number(x) => Value::Number(x),
            Column::Samples(samples) => Value::Samples(samples),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Number(x) => Number(*x).serialize(serializer),
            Value::Samples(samples) => serializer.collect_seq(samples.iter().copied().map(Number)),
        }
    }
}

/// A visitor by hand where `#[serde(untagged)]` would do: this one keeps the place of an error and fills the buffer
/// directly.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or an array of them", number::EXPECTED)
    }

    fn visit_f64<E>(self, x: f64) -> Result<Value, E> {
        Ok(Value::Number(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Value, E> {
        Ok(Value::Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Value, E> {
        Ok(Value::Number(x as f64))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Value, E> {
        Number::from_name(name)
            .map(|Number(x)| Value::Number(x))
            .ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut samples = Vec::new();
        let mut elements = Elements::default();
        while let Some(Number(x)) = seq.next_element()? {
            elements.another()?;
            samples.push(x);
        }
        Ok(Value::Samples(samples))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl PartialSchema for Value {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(Number::name()))
            .item(ArrayBuilder::new().items(Ref::from_schema_name(Number::name())))
            .description(Some("A number, or an array that holds one number per sample."))
            .into()
    }
}

impl ToSchema for Value {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Number::name().into_owned(), Number::schema()));
    }
}
