//! Ranges by the names of parameters.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::train::fit;

use super::faults::{Faults, quote};
use super::non_finite::show;
use super::number::Number;
use super::object::Object;
use super::problem::Problem;
use super::text::Text;
use super::{pointer, suggest};

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

/// One range per parameter, each with the start within.
pub(super) fn resolve(
    given: BoundsByName<'_>,
    names: &[&str],
    start: &[f64],
) -> Result<Vec<fit::Bounds>, Problem> {
    let mut faults = Faults::default();
    let mut bounds = vec![None; names.len()];
    for (name, range) in given.0 {
        let place = || pointer::join("/bounds", &*name);
        let Some(position) = names.iter().position(|known| *known == &*name) else {
            faults.add(place, || {
                format!(
                    "There is no parameter {}{}",
                    quote(&name),
                    suggest::ending(&name, names.iter().copied())
                )
            });
            continue;
        };
        let lower = range.lower.map_or(f64::NEG_INFINITY, |Number(x)| x);
        let upper = range.upper.map_or(f64::INFINITY, |Number(x)| x);
        let (shown, at) = (quote(&name), start[position]);
        if bounds[position].replace(fit::Bounds { lower, upper }).is_some() {
            faults.add(place, || format!("{shown} has bounds twice."));
        } else if lower.is_nan() || upper.is_nan() || lower >= upper {
            faults.add(place, || {
                let (lower, upper) = (show(lower), show(upper));
                format!(
                    "The lower bound of {shown} is {lower}, not below its upper bound {upper}. To hold a parameter fixed, give it as a number in `data`."
                )
            });
        } else if at < lower || at > upper {
            faults.add(
                || pointer::join("/parameters", &*name),
                || {
                    let (at, lower, upper) = (show(at), show(lower), show(upper));
                    format!("{shown} starts from {at}, outside its bounds {lower} and {upper}; start within, or widen them.")
                },
            );
        }
    }
    faults.into_result()?;
    Ok(bounds.into_iter().map(|bounds| bounds.unwrap_or(fit::Bounds::NONE)).collect())
}
