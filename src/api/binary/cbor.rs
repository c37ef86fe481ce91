//! CBOR (RFC 8949), without tags but for large integers.

use std::borrow::Cow;

use cbor4ii::core::dec::{self, Decode, Read};
use cbor4ii::core::utils::SliceReader;
use cbor4ii::core::{error, major, marker, types};
use half::f16;

use super::error::Error;
use super::items::Item;

impl From<error::DecodeError<error::Never>> for Error {
    #[cold]
    fn from(error: error::DecodeError<error::Never>) -> Self {
        match error {
            error::DecodeError::Eof { .. } => Self::end(),
            error::DecodeError::RequireUtf8 { .. } => Self::malformed("a string is not UTF-8"),
            other => Self::malformed(other.to_string()),
        }
    }
}

fn peek(reader: &mut SliceReader<'_>) -> Result<u8, Error> {
    let Ok(next) = reader.fill(1);
    next.as_ref().first().copied().ok_or_else(Error::end)
}

#[inline]
pub(super) fn item<'de>(reader: &mut SliceReader<'de>) -> Result<Item<'de>, Error> {
    let first = peek(reader)?;
    Ok(match first {
        marker::F64 => Item::Float(f64::decode(reader)?),
        marker::F32 => Item::Float(f32::decode(reader)?.into()),
        marker::F16 => Item::Float(f16::from_bits(types::F16::decode(reader)?.0).into()),
        marker::FALSE | marker::TRUE => Item::Bool(bool::decode(reader)?),
        marker::NULL | marker::UNDEFINED => {
            reader.advance(1);
            Item::Null
        }
        _ => match dec::if_major(first) {
            major::UNSIGNED => Item::Unsigned(u64::decode(reader)?),
            major::NEGATIVE => {
                let value = i128::decode(reader)?;
                // One that is too small becomes a double, as in JSON.
                i64::try_from(value).map_or(Item::Float(value as f64), Item::Signed)
            }
            major::BYTES => Item::Bytes(types::Bytes::<Cow<'de, [u8]>>::decode(reader)?.0),
            major::STRING => Item::Text(Cow::decode(reader)?),
            major::ARRAY => Item::Array(types::Array::len(reader)?),
            major::MAP => Item::Map(types::Map::len(reader)?),
            // Likewise those that are too large.
            _ if first == 0xc2 => Item::Float(u128::decode(reader)? as f64),
            _ if first == 0xc3 => Item::Float(i128::decode(reader)? as f64),
            major::TAG => return Err(Error::malformed("an item has a tag, which is not known here")),
            _ => return Err(Error::malformed(format!("the byte {first:#04x} begins no item"))),
        },
    })
}

#[inline]
pub(super) fn skip_double(reader: &mut SliceReader<'_>) -> Option<f64> {
    let Ok(next) = reader.fill(9);
    let &[marker::F64, ref bytes @ ..] = next.as_ref().first_chunk::<9>()? else { return None };
    let value = f64::from_be_bytes(*bytes);
    reader.advance(9);
    Some(value)
}

#[inline]
pub(super) fn skip_null(reader: &mut SliceReader<'_>) -> Result<bool, Error> {
    let null = matches!(peek(reader)?, marker::NULL | marker::UNDEFINED);
    reader.advance(null.into());
    Ok(null)
}

#[inline]
pub(super) fn skip_end(reader: &mut SliceReader<'_>) -> Result<bool, Error> {
    Ok(dec::is_break(reader)?)
}

pub(super) fn is_empty(reader: &mut SliceReader<'_>) -> bool {
    peek(reader).is_err()
}
