//! The items that a body consists of, whatever its format.

use std::borrow::Cow;

use cbor4ii::core::utils::SliceReader;
use serde::de::{Error as _, Expected, Unexpected, Visitor};

use super::error::Error;
use super::{cbor, message_pack};

/// A value, or the beginning of one that has others in it.
pub(super) enum Item<'i> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(Cow<'i, str>),
    Bytes(Cow<'i, [u8]>),
    /// So many items follow, or those up to an end.
    Array(Option<usize>),
    /// So many pairs of items follow, or those up to an end.
    Map(Option<usize>),
}

impl<'de> Item<'de> {
    /// For one with no others in it.
    pub fn visit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self {
            Item::Null => visitor.visit_unit(),
            Item::Bool(value) => visitor.visit_bool(value),
            Item::Unsigned(value) => visitor.visit_u64(value),
            Item::Signed(value) => visitor.visit_i64(value),
            Item::Float(value) => visitor.visit_f64(value),
            Item::Text(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            Item::Text(Cow::Owned(text)) => visitor.visit_string(text),
            Item::Bytes(Cow::Borrowed(bytes)) => visitor.visit_borrowed_bytes(bytes),
            Item::Bytes(Cow::Owned(bytes)) => visitor.visit_byte_buf(bytes),
            Item::Array(_) | Item::Map(_) => Err(self.unexpected(&visitor)),
        }
    }

    /// Something else was expected.
    #[cold]
    pub fn unexpected(&self, expected: &dyn Expected) -> Error {
        let found = match self {
            Item::Null => Unexpected::Unit,
            Item::Bool(value) => Unexpected::Bool(*value),
            Item::Unsigned(value) => Unexpected::Unsigned(*value),
            Item::Signed(value) => Unexpected::Signed(*value),
            Item::Float(value) => Unexpected::Float(*value),
            Item::Text(text) => Unexpected::Str(text),
            Item::Bytes(bytes) => Unexpected::Bytes(bytes),
            Item::Array(_) => Unexpected::Seq,
            Item::Map(_) => Unexpected::Map,
        };
        Error::invalid_type(found, expected)
    }

    fn into_owned<'i>(self) -> Item<'i> {
        match self {
            Item::Null => Item::Null,
            Item::Bool(value) => Item::Bool(value),
            Item::Unsigned(value) => Item::Unsigned(value),
            Item::Signed(value) => Item::Signed(value),
            Item::Float(value) => Item::Float(value),
            Item::Text(text) => Item::Text(Cow::Owned(text.into_owned())),
            Item::Bytes(bytes) => Item::Bytes(Cow::Owned(bytes.into_owned())),
            Item::Array(len) => Item::Array(len),
            Item::Map(len) => Item::Map(len),
        }
    }
}

/// What of a body is still to be read.
pub(super) enum Items<'de, 't> {
    Cbor(SliceReader<'de>),
    MessagePack(&'de [u8]),
    /// CBOR that does not live as long as what is read from it.
    Transcript(SliceReader<'t>),
}

#[allow(clippy::match_same_arms, reason = "of readers of different types")]
impl<'de> Items<'de, '_> {
    /// Takes the next item if it is a double, of which there may be many.
    #[inline]
    pub fn skip_double(&mut self) -> Option<f64> {
        match self {
            Items::Cbor(reader) => cbor::skip_double(reader),
            Items::Transcript(reader) => cbor::skip_double(reader),
            Items::MessagePack(rest) => message_pack::skip_double(rest),
        }
    }

    #[inline]
    pub fn next(&mut self) -> Result<Item<'de>, Error> {
        match self {
            Items::Cbor(reader) => cbor::item(reader),
            Items::MessagePack(rest) => message_pack::item(rest),
            Items::Transcript(reader) => cbor::item(reader).map(Item::into_owned),
        }
    }

    /// Takes the next item if it is null. Tells whether it was.
    #[inline]
    pub fn skip_null(&mut self) -> Result<bool, Error> {
        match self {
            Items::Cbor(reader) => cbor::skip_null(reader),
            Items::Transcript(reader) => cbor::skip_null(reader),
            Items::MessagePack(rest) => message_pack::skip_null(rest),
        }
    }

    /// Takes the end of an array or a map that began without a length, if it comes next. Tells whether it did.
    #[inline]
    pub fn skip_end(&mut self) -> Result<bool, Error> {
        match self {
            Items::Cbor(reader) => cbor::skip_end(reader),
            Items::Transcript(reader) => cbor::skip_end(reader),
            // It has lengths always.
            Items::MessagePack(_) => Ok(false),
        }
    }

    pub fn is_empty(&mut self) -> bool {
        match self {
            Items::Cbor(reader) => cbor::is_empty(reader),
            Items::Transcript(reader) => cbor::is_empty(reader),
            Items::MessagePack(rest) => rest.is_empty(),
        }
    }
}
