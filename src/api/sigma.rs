//! The standard deviation of measurements: a number, or a column by its name.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::text::Text;

/// A number for all rows, or the name of a column with one number per row.
#[derive(Clone, Debug, PartialEq)]
pub enum Sigma<'a> {
    /// The same for all rows.
    Number(f64),
    /// The column of `data` with this name.
    Column(Text<'a>),
}

struct SigmaVisitor;

impl<'de> Visitor<'de> for SigmaVisitor {
    type Value = Sigma<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or the name of a column of `data`")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Sigma<'de>, E> {
        Ok(Sigma::Number(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Sigma<'de>, E> {
        Ok(Sigma::Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Sigma<'de>, E> {
        Ok(Sigma::Number(x as f64))
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Sigma<'de>, E> {
        Ok(Sigma::Column(Text(Cow::Borrowed(name))))
    }

    fn visit_str<E>(self, name: &str) -> Result<Sigma<'de>, E> {
        Ok(Sigma::Column(Text(Cow::Owned(name.to_owned()))))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Sigma<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SigmaVisitor)
    }
}

impl PartialSchema for Sigma<'_> {
    fn schema() -> RefOr<Schema> {
        let number = ObjectBuilder::new().schema_type(Type::Number).exclusive_minimum(Some(0));
        let name = ObjectBuilder::new().schema_type(Type::String).description(Some("A column of `data`."));
        OneOfBuilder::new()
            .item(number)
            .item(name)
            .description(Some("A number for all rows, or the name of a column with one number per row."))
            .into()
    }
}

impl ToSchema for Sigma<'_> {
    fn name() -> Cow<'static, str> {
        "Sigma".into()
    }
}
