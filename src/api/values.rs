//! Named values, in the order in which the request gives them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::reading::Elements;
use super::text::Text;
use super::value::Value;

/// The members of an object whose keys are the names of inputs, parameters or columns. A name that comes twice is kept
/// here and refused where the names are resolved, together with all other faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values<'a>(pub Vec<(Text<'a>, Value)>);

impl<'a> Values<'a> {
    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// Adds one more.
    pub fn push(&mut self, name: impl Into<Cow<'a, str>>, value: Value) {
        self.0.push((Text(name.into()), value));
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (&**name, value)))
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from names to numbers or arrays of numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values<'de>, A::Error> {
        let (mut entries, mut elements) = (Vec::new(), Elements::default());
        while let Some(name) = map.next_key()? {
            elements.another()?;
            entries.push((name, map.next_value()?));
        }
        Ok(Values(entries))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Values<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValuesVisitor)
    }
}

impl PartialSchema for Values<'_> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(Ref::from_schema_name(Value::name())))
            .description(Some(
                "Values by name. All arrays are equally long; a number counts for every sample. No name comes twice.",
            ))
            .into()
    }
}

impl ToSchema for Values<'_> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Value::name().into_owned(), Value::schema()));
        Value::schemas(schemas);
    }
}
