//! Plain numbers on the wire: settings, which are never infinite. Binary formats tell `1` from `1.0`, clients do not.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// For `#[serde(deserialize_with)]` on an `f64` field.
pub(super) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Real::deserialize(deserializer).map(|Real(x)| x)
}

/// For `#[serde(deserialize_with)]` on an `Option<f64>` field.
pub(super) fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Option::<Real>::deserialize(deserializer)?.map(|Real(x)| x))
}

/// For `#[serde(deserialize_with)]` on a `[f64; 2]` field. Read as an array, since readers stop after the second number and
/// take a third for a fault of the format.
pub(super) fn pair<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[f64; 2], D::Error> {
    match Vec::deserialize(deserializer)?.as_slice() {
        [Real(first), Real(second)] => Ok([*first, *second]),
        numbers => Err(D::Error::custom(format_args!("expected two numbers, found {}", numbers.len()))),
    }
}

struct Real(f64);

struct RealVisitor;

impl Visitor<'_> for RealVisitor {
    type Value = Real;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Real, E> {
        Ok(Real(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Real, E> {
        Ok(Real(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Real, E> {
        Ok(Real(x as f64))
    }
}

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RealVisitor)
    }
}
