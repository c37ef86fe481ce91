//! A body of another format as JSON, to find the place of an error in it. A reader that keeps track of where it is, for every
//! type and every format, would be a twelfth of the program.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::reading::Elements;

/// What no JSON reader takes, wherever a value is expected.
const BROKEN: &str = "!";

/// What `deserializer` reads, up to where it fails: there the transcript is no JSON any more.
pub(super) fn transcribe<'de, D: Deserializer<'de>>(deserializer: D) -> String {
    let mut text = String::new();
    if Transcriber(&mut text).deserialize(deserializer).is_err() {
        text.push_str(BROKEN);
    }
    text
}

/// Writes one value.
struct Transcriber<'t>(&'t mut String);

impl<'de> DeserializeSeed<'de> for Transcriber<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Transcriber<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.push_str(if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<(), E> {
        self.0.push_str(&value.to_string());
        Ok(())
    }

    /// What is not finite is written as requests in JSON write it.
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match value {
            _ if value.is_finite() => self.0.push_str(&format!("{value:?}")),
            _ if value.is_nan() => self.0.push_str("\"NaN\""),
            _ if value > 0.0 => self.0.push_str("\"Infinity\""),
            _ => self.0.push_str("\"-Infinity\""),
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.0.push_str(&serde_json::Value::from(value).to_string());
        Ok(())
    }

    fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<(), E> {
        self.visit_str(&String::from_utf8_lossy(value))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.push_str("null");
        Ok(())
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.deserialize(deserializer)
    }

    // A comma is written before it is known whether anything follows, so that what is broken is broken in the next element, as
    // in the body; at the end it is taken back.

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        self.0.push('[');
        let mut count = Elements::default();
        while elements.next_element_seed(Transcriber(self.0))?.is_some() {
            count.another()?;
            self.0.push(',');
        }
        close(self.0, ']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        self.0.push('{');
        let mut count = Elements::default();
        while members.next_key_seed(Transcriber(self.0))?.is_some() {
            count.another()?;
            self.0.push(':');
            members.next_value_seed(Transcriber(self.0))?;
            self.0.push(',');
        }
        close(self.0, '}');
        Ok(())
    }
}

fn close(text: &mut String, bracket: char) {
    if text.ends_with(',') {
        text.pop();
    }
    text.push(bracket);
}
