//! Named values, in the order in which the request gives them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::text::Text;
use super::value::Value;

/// The members of an object whose keys are the names of inputs, parameters or columns. A name that comes twice is kept
/// here and refused where the names are resolved, together with all other faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inputs<'a>(pub Vec<(Text<'a>, Value)>);

struct InputsVisitor;

impl<'de> Visitor<'de> for InputsVisitor {
    type Value = Inputs<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from names to numbers or arrays of numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Inputs<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key()? {
            entries.push((name, map.next_value()?));
        }
        Ok(Inputs(entries))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Inputs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InputsVisitor)
    }
}

impl PartialSchema for Inputs<'_> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(Ref::from_schema_name(Value::name())))
            .description(Some(
                "Values by name. All arrays are equally long; a number counts for every sample. No name comes twice.",
            ))
            .into()
    }
}

impl ToSchema for Inputs<'_> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Values".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Value::name().into_owned(), Value::schema()));
        Value::schemas(schemas);
    }
}
