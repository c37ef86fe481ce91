//! `MessagePack` (<https://github.com/msgpack/msgpack/blob/master/spec.md>), without extensions.

use std::borrow::Cow;

use rmp::Marker;

use super::error::Error;
use super::items::Item;

#[inline]
pub(super) fn item<'de>(rest: &mut &'de [u8]) -> Result<Item<'de>, Error> {
    let [first] = take(rest)?;
    Ok(match Marker::from_u8(first) {
        Marker::F64 => Item::Float(f64::from_be_bytes(take(rest)?)),
        Marker::F32 => Item::Float(f32::from_be_bytes(take(rest)?).into()),
        Marker::FixPos(value) => Item::Unsigned(value.into()),
        Marker::U8 => Item::Unsigned(u8::from_be_bytes(take(rest)?).into()),
        Marker::U16 => Item::Unsigned(u16::from_be_bytes(take(rest)?).into()),
        Marker::U32 => Item::Unsigned(u32::from_be_bytes(take(rest)?).into()),
        Marker::U64 => Item::Unsigned(u64::from_be_bytes(take(rest)?)),
        Marker::FixNeg(value) => Item::Signed(value.into()),
        Marker::I8 => Item::Signed(i8::from_be_bytes(take(rest)?).into()),
        Marker::I16 => Item::Signed(i16::from_be_bytes(take(rest)?).into()),
        Marker::I32 => Item::Signed(i32::from_be_bytes(take(rest)?).into()),
        Marker::I64 => Item::Signed(i64::from_be_bytes(take(rest)?)),
        Marker::FixStr(len) => text(bytes(rest, len.into())?)?,
        Marker::Str8 => text(long(rest, length_8)?)?,
        Marker::Str16 => text(long(rest, length_16)?)?,
        Marker::Str32 => text(long(rest, length_32)?)?,
        Marker::Bin8 => Item::Bytes(Cow::Borrowed(long(rest, length_8)?)),
        Marker::Bin16 => Item::Bytes(Cow::Borrowed(long(rest, length_16)?)),
        Marker::Bin32 => Item::Bytes(Cow::Borrowed(long(rest, length_32)?)),
        Marker::FixArray(len) => Item::Array(Some(len.into())),
        Marker::Array16 => Item::Array(Some(length_16(rest)?)),
        Marker::Array32 => Item::Array(Some(length_32(rest)?)),
        Marker::FixMap(len) => Item::Map(Some(len.into())),
        Marker::Map16 => Item::Map(Some(length_16(rest)?)),
        Marker::Map32 => Item::Map(Some(length_32(rest)?)),
        Marker::Null => Item::Null,
        Marker::False => Item::Bool(false),
        Marker::True => Item::Bool(true),
        Marker::Reserved => return Err(Error::malformed(format!("the byte {first:#04x} begins no item"))),
        _ => return Err(Error::malformed("an item is an extension, of which none is known here")),
    })
}

#[inline]
pub(super) fn skip_double(rest: &mut &[u8]) -> Option<f64> {
    let (&[0xcb, ref bytes @ ..], after) = rest.split_first_chunk::<9>()? else { return None };
    *rest = after;
    Some(f64::from_be_bytes(*bytes))
}

#[inline]
pub(super) fn skip_null(rest: &mut &[u8]) -> Result<bool, Error> {
    match rest.split_first() {
        None => Err(Error::end()),
        Some((&first, after)) => {
            let null = Marker::from_u8(first) == Marker::Null;
            if null {
                *rest = after;
            }
            Ok(null)
        }
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Error> {
    let (taken, after) = rest.split_first_chunk().ok_or_else(Error::end)?;
    *rest = after;
    Ok(*taken)
}

fn bytes<'de>(rest: &mut &'de [u8], len: usize) -> Result<&'de [u8], Error> {
    let (taken, after) = rest.split_at_checked(len).ok_or_else(Error::end)?;
    *rest = after;
    Ok(taken)
}

fn long<'de>(rest: &mut &'de [u8], len: fn(&mut &[u8]) -> Result<usize, Error>) -> Result<&'de [u8], Error> {
    let len = len(rest)?;
    bytes(rest, len)
}

fn length_8(rest: &mut &[u8]) -> Result<usize, Error> {
    Ok(u8::from_be_bytes(take(rest)?).into())
}

fn length_16(rest: &mut &[u8]) -> Result<usize, Error> {
    Ok(u16::from_be_bytes(take(rest)?).into())
}

fn length_32(rest: &mut &[u8]) -> Result<usize, Error> {
    Ok(u32::from_be_bytes(take(rest)?) as usize)
}

fn text(bytes: &[u8]) -> Result<Item<'_>, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Item::Text(Cow::Borrowed(text))),
        Err(_) => Err(Error::malformed("a string is not UTF-8")),
    }
}
