//! Items as serde's visitors take them.

use std::borrow::Cow;

use cbor4ii::core::utils::SliceReader;
use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer, MapDeserializer, StrDeserializer};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::error::{Error, Step};
use super::items::{Item, Items};
use crate::api::reading::Elements;

/// How deep arrays and maps may lie within each other, as in JSON.
const DEEPEST: u8 = 128;

/// How `serde_json` calls a value that is kept as its text.
const RAW_JSON: &str = "$serde_json::private::RawValue";

/// Reads a body of which values live as long as `'de`.
pub(in crate::api) struct Reader<'de, 't> {
    items: Items<'de, 't>,
    depth: u8,
}

impl<'de, 't> Reader<'de, 't> {
    /// Of a body in CBOR.
    pub fn cbor(body: &'de [u8]) -> Self {
        Self::new(Items::Cbor(SliceReader::new(body)))
    }

    /// Of a body in `MessagePack`.
    pub fn message_pack(body: &'de [u8]) -> Self {
        Self::new(Items::MessagePack(body))
    }

    /// Of the transcript of a body in JSON, in which no value has its text.
    pub fn transcript(transcript: &'t [u8]) -> Self {
        Self::new(Items::Transcript(SliceReader::new(transcript)))
    }

    fn new(items: Items<'de, 't>) -> Self {
        Self { items, depth: 0 }
    }

    /// Reads one value.
    pub fn read<T: Deserialize<'de>>(&mut self) -> Result<T, Error> {
        T::deserialize(self)
    }

    /// Whether all has been read.
    pub fn is_at_end(&mut self) -> bool {
        self.items.is_empty()
    }

    fn descend(&mut self) -> Result<(), Error> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(Error::malformed("it nests too deeply")) } else { Ok(()) }
    }

    /// Reads one value of any kind that nobody wants.
    fn skip(&mut self) -> Result<(), Error> {
        let (len, each) = match self.items.next()? {
            Item::Array(len) => (len, 1),
            Item::Map(len) => (len, 2),
            _ => return Ok(()),
        };
        self.descend()?;
        let (mut left, mut count) = (Left(len), Elements::default());
        while left.another(&mut self.items)? {
            count.another::<Error>()?;
            for _ in 0..each {
                self.skip()?;
            }
        }
        self.depth -= 1;
        Ok(())
    }
}

/// For visitors that take only one kind of item: what they would not take anyway is not compiled for them.
macro_rules! only {
    ($kind:ident: $($method:ident($($argument:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $(_: $argument,)* visitor: V) -> Result<V::Value, Error> {
            self.$kind(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Reader<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(value) = self.items.skip_double() {
            return visitor.visit_f64(value);
        }
        match self.items.next()? {
            Item::Array(len) => self.elements(len, visitor),
            Item::Map(len) => self.members(len, visitor),
            item => item.visit(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.items.skip_null()? { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == RAW_JSON && matches!(self.items, Items::Transcript(_)) {
            // The place of an error is never in it, nor does what it says matter to find one.
            self.skip()?;
            return visitor.visit_map(MapDeserializer::new([(RAW_JSON, "null")].into_iter()));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.skip()?;
        visitor.visit_unit()
    }

    /// By name: no variant on the wire has anything in it.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.items.next()? {
            Item::Text(name) => visitor.visit_enum(CowStrDeserializer::new(name)),
            other => Err(other.unexpected(&visitor)),
        }
    }

    only! { single:
        deserialize_bool() deserialize_char() deserialize_unit() deserialize_unit_struct(&'static str)
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_str() deserialize_string() deserialize_identifier() deserialize_bytes() deserialize_byte_buf()
    }
    only! { array: deserialize_seq() deserialize_tuple(usize) deserialize_tuple_struct(&'static str, usize) }
    only! { map: deserialize_map() deserialize_struct(&'static str, &'static [&'static str]) }
}

impl<'de> Reader<'de, '_> {
    fn single<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        self.items.next()?.visit(visitor)
    }

    fn array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.items.next()? {
            Item::Array(len) => self.elements(len, visitor),
            other => Err(other.unexpected(&visitor)),
        }
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        match self.items.next()? {
            Item::Map(len) => self.members(len, visitor),
            other => Err(other.unexpected(&visitor)),
        }
    }

    fn elements<V: Visitor<'de>>(&mut self, len: Option<usize>, visitor: V) -> Result<V::Value, Error> {
        self.descend()?;
        let mut array = Array { reader: self, left: Left(len), index: 0 };
        let value = visitor.visit_seq(&mut array)?;
        array.left.none(&mut array.reader.items)?;
        array.reader.depth -= 1;
        Ok(value)
    }

    fn members<V: Visitor<'de>>(&mut self, len: Option<usize>, visitor: V) -> Result<V::Value, Error> {
        self.descend()?;
        let mut map = Map { reader: self, left: Left(len), key: Cow::Borrowed("") };
        let value = visitor.visit_map(&mut map)?;
        map.left.none(&mut map.reader.items)?;
        map.reader.depth -= 1;
        Ok(value)
    }
}

/// How many elements are still to come, if that is known.
struct Left(Option<usize>);

impl Left {
    /// Whether one more follows, which is counted.
    #[inline]
    fn another(&mut self, items: &mut Items<'_, '_>) -> Result<bool, Error> {
        match &mut self.0 {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None => {
                let ends = items.skip_end()?;
                if ends {
                    self.0 = Some(0);
                }
                Ok(!ends)
            }
        }
    }

    /// What nobody asked for is too much.
    fn none(&mut self, items: &mut Items<'_, '_>) -> Result<(), Error> {
        if self.another(items)? {
            Err(Error::custom("there are more elements than expected"))
        } else {
            Ok(())
        }
    }
}

struct Array<'r, 'de, 't> {
    reader: &'r mut Reader<'de, 't>,
    left: Left,
    index: usize,
}

impl<'de> SeqAccess<'de> for Array<'_, 'de, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        let index = self.index;
        let within = |error: Error| error.within(Step::Element(index));
        if !self.left.another(&mut self.reader.items).map_err(within)? {
            return Ok(None);
        }
        self.index += 1;
        seed.deserialize(&mut *self.reader).map(Some).map_err(within)
    }

    fn size_hint(&self) -> Option<usize> {
        self.left.0
    }
}

struct Map<'r, 'de, 't> {
    reader: &'r mut Reader<'de, 't>,
    left: Left,
    key: Cow<'de, str>,
}

impl<'de> MapAccess<'de> for Map<'_, 'de, '_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Error> {
        if !self.left.another(&mut self.reader.items)? {
            return Ok(None);
        }
        let Item::Text(key) = self.reader.items.next()? else {
            return Err(Error::malformed("the name of a member is no string"));
        };
        self.key = key;
        let key = match &self.key {
            Cow::Borrowed(key) => seed.deserialize(BorrowedStrDeserializer::new(key)),
            Cow::Owned(key) => seed.deserialize(StrDeserializer::new(key)),
        };
        key.map(Some).map_err(|error: Error| error.within(Step::Member(self.key.to_string())))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(&mut *self.reader).map_err(|error| error.within(Step::Member(self.key.to_string())))
    }

    fn size_hint(&self) -> Option<usize> {
        self.left.0
    }
}
