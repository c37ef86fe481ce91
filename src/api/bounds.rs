//! Ranges by the names of parameters.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::number::Number;
use super::object::Object;
use super::text::Text;

/// The range of a parameter, both ends included. A missing end is open.
#[derive(Clone, Copy, Debug, PartialEq, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// The least value.
    #[serde(default)]
    pub lower: Option<Number>,
    /// The greatest value, above the least one.
    #[serde(default)]
    pub upper: Option<Number>,
}

/// Bounds by parameter, in the order of the request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoundsByName<'a>(pub Vec<(Text<'a>, Bounds)>);

struct BoundsVisitor;

impl<'de> Visitor<'de> for BoundsVisitor {
    type Value = BoundsByName<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from names of parameters to bounds such as {\"lower\": 0}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<BoundsByName<'de>, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key()? {
            let Object(bounds) = map.next_value()?;
            entries.push((name, bounds));
        }
        Ok(BoundsByName(entries))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for BoundsByName<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BoundsVisitor)
    }
}

impl PartialSchema for BoundsByName<'_> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(Ref::from_schema_name(Bounds::name())))
            .description(Some("Bounds by the names of parameters. No name comes twice."))
            .into()
    }
}

impl ToSchema for BoundsByName<'_> {
    fn name() -> std::borrow::Cow<'static, str> {
        "BoundsByName".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Bounds::name().into_owned(), Bounds::schema()));
        Bounds::schemas(schemas);
    }
}
