//! A body in JSON as CBOR, to be read by the reader that tells the place of an error. One of JSON that keeps track of where it is,
//! for every type, would be a twelfth of the program.

use std::fmt;

use cbor4ii::core::enc::Encode;
use cbor4ii::core::types;
use cbor4ii::core::utils::BufWriter;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::api::reading::Elements;

/// The CBOR of `text`, up to where that is no JSON.
pub(in crate::api) fn transcribe(text: &str) -> Vec<u8> {
    let mut written = BufWriter::new(Vec::new());
    // The JSON reader has already told what is wrong.
    let _ = Transcriber(&mut written).deserialize(&mut serde_json::Deserializer::from_str(text));
    written.into_inner()
}

/// Writes one value.
struct Transcriber<'t>(&'t mut BufWriter);

impl Transcriber<'_> {
    fn write<E: Error>(self, value: impl Encode) -> Result<(), E> {
        value.encode(self.0).map_err(E::custom)
    }
}

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
        self.write(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.write(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.write(value)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.write(types::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        types::Array::unbounded(self.0).map_err(A::Error::custom)?;
        let mut count = Elements::default();
        while elements.next_element_seed(Transcriber(self.0))?.is_some() {
            count.another()?;
        }
        types::Array::end(self.0).map_err(A::Error::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        types::Map::unbounded(self.0).map_err(A::Error::custom)?;
        let mut count = Elements::default();
        while members.next_key_seed(Transcriber(self.0))?.is_some() {
            count.another()?;
            members.next_value_seed(Transcriber(self.0))?;
        }
        types::Map::end(self.0).map_err(A::Error::custom)
    }
}
