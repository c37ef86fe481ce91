//! Numbers on the wire.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// An `f64`: a JSON number, or, since JSON has no other way to write them, one of the strings `"NaN"`, `"Infinity"` and
/// `"-Infinity"`, as in `ProtoJSON`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Number(pub f64);

/// What a [`Number`] may look like, for messages.
pub(super) const EXPECTED: &str = r#"a number, "NaN", "Infinity" or "-Infinity""#;

impl Number {
    /// The value of a string that stands for a number.
    pub(super) fn from_name(name: &str) -> Option<Number> {
        match name {
            "NaN" => Some(Number(f64::NAN)),
            "Infinity" => Some(Number(f64::INFINITY)),
            "-Infinity" => Some(Number(f64::NEG_INFINITY)),
            _ => None,
        }
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            x if x.is_finite() => serializer.serialize_f64(x),
            x if x.is_nan() => serializer.serialize_str("NaN"),
            x if x > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_f64<E>(self, x: f64) -> Result<Number, E> {
        Ok(Number(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Number, E> {
        Ok(Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Number, E> {
        Ok(Number(x as f64))
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Number, E> {
        Number::from_name(name).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(name), &self))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

impl PartialSchema for Number {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new()
            .schema_type(Type::Number)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)));
        let name = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(["NaN", "Infinity", "-Infinity"]))
            .description(Some("A number that JSON cannot write."));
        OneOfBuilder::new()
            .item(number)
            .item(name)
            .description(Some("A double-precision number; values that JSON cannot write travel as strings."))
            .into()
    }
}

impl ToSchema for Number {}
