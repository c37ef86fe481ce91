//! The formats that bodies and answers come in.

use serde::{Deserialize, Serialize};

use super::binary::Reader;
use super::decode;
use super::problem::{Kind, Problem};

/// How a body is written. Problems are always JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// RFC 8259.
    #[default]
    Json,
    /// RFC 8949: the same members with numbers in binary, several times faster to read where there are many.
    Cbor,
    /// As CBOR, in the format of that name.
    MessagePack,
}

impl Format {
    /// Every format, in the order of preference where a client has none.
    pub const ALL: [Format; 3] = [Format::Json, Format::Cbor, Format::MessagePack];

    /// Its media type in answers.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Json => "application/json",
            Format::Cbor => "application/cbor",
            Format::MessagePack => "application/msgpack",
        }
    }

    /// The format of a media type without parameters, in lower case.
    pub fn of(media_type: &str) -> Option<Self> {
        let subtype = media_type.strip_prefix("application/")?;
        match subtype {
            "json" => Some(Format::Json),
            "cbor" => Some(Format::Cbor),
            "msgpack" | "x-msgpack" | "vnd.msgpack" => Some(Format::MessagePack),
            _ => match subtype.strip_suffix("+json") {
                Some(name) if !name.is_empty() => Some(Format::Json),
                _ => None,
            },
        }
    }

    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "JSON",
            Format::Cbor => "CBOR",
            Format::MessagePack => "MessagePack",
        }
    }

    /// Decodes `body`, an object, or names the place where that fails.
    pub fn decode<'de, T: Deserialize<'de>>(self, body: &'de [u8]) -> Result<T, Problem> {
        match self {
            Format::Json => decode::json(body),
            Format::Cbor => decode::binary(self, Reader::cbor(body)),
            Format::MessagePack => decode::binary(self, Reader::message_pack(body)),
        }
    }

    /// Encodes `body`.
    pub fn encode<T: Serialize>(self, body: &T) -> Result<Vec<u8>, Problem> {
        let failed = |error: &dyn std::fmt::Display| {
            Problem::new(Kind::INTERNAL, format!("The answer could not be written: {error}."))
        };
        // A type is compiled for JSON, and once for all other formats.
        let any: &dyn erased_serde::Serialize = body;
        match self {
            Format::Json => serde_json::to_vec(body).map_err(|error| failed(&error)),
            Format::Cbor => cbor4ii::serde::to_vec(Vec::new(), &any).map_err(|error| failed(&error)),
            // With the names of members, which other languages expect.
            Format::MessagePack => rmp_serde::to_vec_named(&any).map_err(|error| failed(&error)),
        }
    }
}
