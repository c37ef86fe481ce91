//! Whole numbers on the wire. JSON Schema calls `32.0` an integer, and clients that know floats only write it so.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// For `#[serde(deserialize_with)]` on an `Option<u64>` or `Option<usize>` field.
pub(super) fn optional<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    match Option::<Count>::deserialize(deserializer)? {
        None => Ok(None),
        Some(count) => narrow(count).map(Some),
    }
}

/// For `#[serde(deserialize_with)]` on a `u64` or `usize` field.
pub(super) fn required<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    narrow(Count::deserialize(deserializer)?)
}

fn narrow<T: TryFrom<u64>, E: Error>(Count(count): Count) -> Result<T, E> {
    T::try_from(count).map_err(|_| E::invalid_value(Unexpected::Unsigned(count), &CountVisitor))
}

struct Count(u64);

struct CountVisitor;

impl Visitor<'_> for CountVisitor {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number, 0 or more")
    }

    fn visit_u64<E>(self, x: u64) -> Result<Count, E> {
        Ok(Count(x))
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<Count, E> {
        u64::try_from(x).map(Count).map_err(|_| E::invalid_value(Unexpected::Signed(x), &self))
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<Count, E> {
        // 2^53: above it, a float no longer says which whole number was meant.
        if x.fract() == 0.0 && (0.0..=9_007_199_254_740_992.0).contains(&x) {
            Ok(Count(x as u64))
        } else {
            Err(E::invalid_value(Unexpected::Float(x), &self))
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}
