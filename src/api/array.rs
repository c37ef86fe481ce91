//! Arrays as Tesseract writes them (<https://docs.pasteurlabs.ai/projects/tesseract-core>): an object with the lengths of the
//! dimensions, the type of the numbers and a buffer of them; or a plain number or nested list.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::choice::{self, Choice};
use super::faults::quote;
use super::matrix::Lines;
use super::number::{self, Number};
use super::reading::Elements;
use super::text::Text;
use super::value::Value;
use super::values::Values;

/// Numbers in as many dimensions as `shape` has lengths, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Array {
    /// The length of each dimension; none of a single number.
    pub shape: Vec<usize>,
    /// As many numbers as the lengths' product.
    pub numbers: Vec<f64>,
}

/// How the numbers of an array are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum ArrayEncoding {
    /// As numbers, in lists within lists.
    #[default]
    Json,
    /// As the base64 of their bytes, the lowest first.
    Base64,
}

impl ArrayEncoding {
    /// The media type of an answer with such arrays.
    pub fn media_type(self) -> &'static str {
        match self {
            ArrayEncoding::Json => "application/json",
            ArrayEncoding::Base64 => "application/json+base64",
        }
    }

    fn name(self) -> &'static str {
        match self {
            ArrayEncoding::Json => "json",
            ArrayEncoding::Base64 => "base64",
        }
    }
}

impl From<Value> for Array {
    fn from(value: Value) -> Self {
        match value {
            Value::Number(x) => Self { shape: Vec::new(), numbers: vec![x] },
            Value::Samples(numbers) => Self { shape: vec![numbers.len()], numbers },
        }
    }
}

macro_rules! element_types {
    ($($name:ident $wire:literal $type:ty;)*) => {
        /// The type of an array's numbers: one of `NumPy`'s that become doubles.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
        #[schema(rename_all = "lowercase")]
        #[allow(missing_docs)]
        pub enum ElementType {
            $($name),*
        }

        impl Choice for ElementType {
            type Value = Self;
            const ALL: &'static [(&'static str, Self)] = &[$(($wire, Self::$name)),*];
            fn of(value: Self) -> Self {
                value
            }
        }

        #[allow(clippy::cast_lossless, clippy::unnecessary_cast, reason = "not for every type")]
        impl ElementType {
            fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)*
                }
            }

            /// Bytes of a number.
            fn size(self) -> usize {
                match self {
                    $(Self::$name => size_of::<$type>(),)*
                }
            }

            /// The numbers in `bytes`, the lowest byte of each first.
            fn read(self, bytes: &[u8]) -> Vec<f64> {
                match self {
                    $(Self::$name => {
                        let (numbers, _) = bytes.as_chunks();
                        numbers.iter().map(|number| <$type>::from_le_bytes(*number) as f64).collect()
                    })*
                }
            }

            /// What becomes of `x` in this type.
            fn cast(self, x: f64) -> f64 {
                match self {
                    $(Self::$name => x as $type as f64,)*
                }
            }
        }
    };
}

element_types! {
    Float64 "float64" f64;
    Float32 "float32" f32;
    Int64 "int64" i64;
    Int32 "int32" i32;
    Int16 "int16" i16;
    Int8 "int8" i8;
    Uint64 "uint64" u64;
    Uint32 "uint32" u32;
    Uint16 "uint16" u16;
    Uint8 "uint8" u8;
}

impl ElementType {
    /// `x` in this type; `None` where that would be another number by more than rounding.
    fn fit(self, x: f64) -> Option<f64> {
        let cast = self.cast(x);
        let fits = match self {
            ElementType::Float64 | ElementType::Float32 => cast.is_finite() == x.is_finite(),
            _ => cast == x,
        };
        fits.then_some(cast)
    }
}

impl<'de> Deserialize<'de> for ElementType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer)
    }
}

/// What a buffer of numbers is on the wire: text that encodes them, or themselves.
#[derive(Debug)]
enum Buffer<'a> {
    Text(Cow<'a, str>),
    Numbers(Array),
}

/// The only kind of object there is.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(rename_all = "lowercase")]
enum ObjectType {
    Array,
}

/// An array with its shape and the type of its numbers.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TesseractArray)]
pub struct EncodedArray<'a> {
    /// Always `array`.
    #[serde(default)]
    #[allow(dead_code, reason = "says nothing")]
    object_type: Option<ObjectType>,
    /// The length of each dimension; none of a single number.
    shape: Vec<usize>,
    /// The type of the numbers.
    dtype: ElementType,
    /// The numbers.
    #[serde(borrow, deserialize_with = "super::object::required")]
    data: ArrayData<'a>,
}

/// The numbers of an array.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TesseractArrayData)]
struct ArrayData<'a> {
    /// A string in base64, or lists of numbers.
    #[serde(borrow)]
    buffer: Buffer<'a>,
    /// How the buffer is written.
    #[serde(borrow)]
    #[schema(value_type = ArrayEncoding)]
    encoding: Text<'a>,
    /// Refused with a reason.
    #[serde(borrow, default)]
    #[schema(ignore)]
    compression: Option<Text<'a>>,
}

impl EncodedArray<'_> {
    fn decode(self) -> Result<Array, String> {
        let Self { shape, dtype, data: ArrayData { buffer, encoding, compression }, .. } = self;
        if let Some(compression) = compression {
            return Err(format!(
                "buffers compressed by {} are not read; leave `compression` out",
                quote(&compression)
            ));
        }
        let numbers = match (&*encoding, buffer) {
            // The client of older releases says `raw`.
            ("json" | "raw", buffer) => numbers(buffer, dtype)?,
            ("base64", Buffer::Text(text)) => decode_base64(&text, dtype)?,
            ("base64", Buffer::Numbers(_)) => {
                return Err("the encoding is base64, of which a string is expected in `buffer`".to_owned());
            }
            ("binref" | "cuda_ipc", _) => {
                return Err(format!(
                    "the encoding {} points to a file or memory of the client, which this server does not read; send \
                     the numbers as json or base64",
                    &*encoding
                ));
            }
            (other, _) => {
                return Err(format!("there is no encoding {}; use json or base64", quote(other)));
            }
        };
        let expected = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
        if expected != Some(numbers.len()) {
            let found = numbers.len();
            return Err(format!(
                "the buffer holds {found} numbers, which do not make up the shape {}",
                show(&shape)
            ));
        }
        Ok(Array { shape, numbers })
    }
}

/// `shape` as JSON, shortened where it is long.
pub(super) fn show(shape: &[usize]) -> String {
    let lengths: Vec<String> = shape.iter().take(8).map(usize::to_string).collect();
    format!("[{}{}]", lengths.join(", "), if shape.len() > 8 { ", …" } else { "" })
}

fn numbers(buffer: Buffer<'_>, dtype: ElementType) -> Result<Vec<f64>, String> {
    let mut numbers = match buffer {
        Buffer::Numbers(array) => array.numbers,
        Buffer::Text(name) => match Number::from_name(&name) {
            Some(Number(x)) => vec![x],
            None => return Err(format!("the encoding is json, of which {} is expected", number::EXPECTED)),
        },
    };
    for x in &mut numbers {
        *x = dtype
            .fit(*x)
            .ok_or_else(|| format!("{x} is no {}; change the number or the `dtype`", dtype.name()))?;
    }
    Ok(numbers)
}

fn decode_base64(text: &str, dtype: ElementType) -> Result<Vec<f64>, String> {
    let bytes = STANDARD.decode(text).map_err(|error| format!("the buffer is not base64: {error}"))?;
    if !bytes.len().is_multiple_of(dtype.size()) {
        return Err(format!(
            "the buffer holds {} bytes, and a {} has {}",
            bytes.len(),
            dtype.name(),
            dtype.size()
        ));
    }
    Ok(dtype.read(&bytes))
}

impl<'de: 'a, 'a> Deserialize<'de> for Buffer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BufferVisitor)
    }
}

struct BufferVisitor;

impl<'de> Visitor<'de> for BufferVisitor {
    type Value = Buffer<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string in base64, a number, or lists of numbers")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Buffer<'de>, E> {
        Ok(Buffer::Numbers(Value::Number(x).into()))
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<Buffer<'de>, E> {
        self.visit_f64(x as f64)
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<Buffer<'de>, E> {
        self.visit_f64(x as f64)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Buffer<'de>, E> {
        Ok(Buffer::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Buffer<'de>, E> {
        Ok(Buffer::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Buffer<'de>, A::Error> {
        lists(seq).map(Buffer::Numbers)
    }
}

/// An array of numbers or of rows. More dimensions no model has.
fn lists<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Array, A::Error> {
    let (mut lines, mut elements) = (Lines::default(), Elements::default());
    while seq.next_element_seed(&mut lines)?.is_some() {
        elements.another()?;
    }
    Ok(match lines.into_matrix() {
        Err(numbers) => Value::Samples(numbers).into(),
        Ok(matrix) if matrix.rows == 0 => Value::Samples(Vec::new()).into(),
        Ok(matrix) => Array { shape: vec![matrix.rows, matrix.columns], numbers: matrix.data },
    })
}

impl<'de> Deserialize<'de> for Array {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArrayVisitor)
    }
}

struct ArrayVisitor;

impl<'de> Visitor<'de> for ArrayVisitor {
    type Value = Array;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, lists of numbers, or an array object with `shape`, `dtype` and `data`")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Array, E> {
        Ok(Value::Number(x).into())
    }

    fn visit_i64<E>(self, x: i64) -> Result<Array, E> {
        Ok(Value::Number(x as f64).into())
    }

    fn visit_u64<E>(self, x: u64) -> Result<Array, E> {
        Ok(Value::Number(x as f64).into())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Array, E> {
        Number::from_name(name)
            .map(|Number(x)| Value::Number(x).into())
            .ok_or_else(|| E::invalid_value(Unexpected::Str(name), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Array, A::Error> {
        lists(seq)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Array, A::Error> {
        EncodedArray::deserialize(MapAccessDeserializer::new(map))?.decode().map_err(A::Error::custom)
    }
}

impl PartialSchema for Buffer<'_> {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(ObjectBuilder::new().schema_type(Type::String))
            .item(ObjectBuilder::new().schema_type(Type::Number))
            .item(list_schema())
            .description(Some("A string in base64, a number, or lists of numbers."))
            .into()
    }
}

impl ToSchema for Buffer<'_> {
    fn name() -> Cow<'static, str> {
        "TesseractBuffer".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Value::schemas(schemas);
    }
}

/// Lists of numbers, or lists of such lists.
fn list_schema() -> ArrayBuilder {
    let number = || Ref::from_schema_name(Number::name());
    let line = OneOfBuilder::new().item(number()).item(ArrayBuilder::new().items(number()));
    ArrayBuilder::new().items(line)
}

impl PartialSchema for Array {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(Ref::from_schema_name(EncodedArray::name()))
            .item(Ref::from_schema_name(Number::name()))
            .item(list_schema())
            .description(Some("An array object; or a number, or lists of numbers."))
            .into()
    }
}

impl ToSchema for Array {
    fn name() -> Cow<'static, str> {
        "TesseractArrayLike".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((EncodedArray::name().into_owned(), EncodedArray::schema()));
        EncodedArray::schemas(schemas);
        Value::schemas(schemas);
    }
}

/// Arrays by name, in the order in which they are given. A name that comes twice is kept here, as in [`Values`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrays<'a>(pub Vec<(Text<'a>, Array)>);

impl<'a> Arrays<'a> {
    /// As arrays.
    pub fn of(values: Values<'a>) -> Self {
        Self(values.0.into_iter().map(|(name, value)| (name, value.into())).collect())
    }
}

struct ArraysVisitor;

impl<'de> Visitor<'de> for ArraysVisitor {
    type Value = Arrays<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object from names to arrays")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Arrays<'de>, A::Error> {
        let (mut entries, mut elements) = (Vec::new(), Elements::default());
        while let Some(name) = map.next_key()? {
            elements.another()?;
            entries.push((name, map.next_value()?));
        }
        Ok(Arrays(entries))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Arrays<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ArraysVisitor)
    }
}

impl PartialSchema for Arrays<'_> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(Ref::from_schema_name(Array::name())))
            .description(Some("Arrays by name. No name comes twice."))
            .into()
    }
}

impl ToSchema for Arrays<'_> {
    fn name() -> Cow<'static, str> {
        "TesseractArrays".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Array::name().into_owned(), Array::schema()));
        Array::schemas(schemas);
    }
}

/// Arrays of an answer, by name.
#[derive(Debug)]
pub struct Written<'w>(pub &'w Arrays<'w>, pub ArrayEncoding);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Arrays(arrays), encoding) = self;
        let mut members = serializer.serialize_map(Some(arrays.len()))?;
        for (name, array) in arrays {
            members.serialize_entry(&**name, &Object(array, *encoding))?;
        }
        members.end()
    }
}

/// An array as an object.
struct Object<'w>(&'w Array, ArrayEncoding);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Array", 4)?;
        members.serialize_field("object_type", "array")?;
        members.serialize_field("shape", &self.0.shape)?;
        members.serialize_field("dtype", ElementType::Float64.name())?;
        members.serialize_field("data", &Data(self.0, self.1))?;
        members.end()
    }
}

struct Data<'w>(&'w Array, ArrayEncoding);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Array { shape, numbers }, encoding) = self;
        let mut members = serializer.serialize_struct("Data", 2)?;
        match encoding {
            ArrayEncoding::Json => members.serialize_field("buffer", &Nested { shape, numbers })?,
            ArrayEncoding::Base64 => members.serialize_field("buffer", &Base64(numbers))?,
        }
        members.serialize_field("encoding", encoding.name())?;
        members.end()
    }
}

/// Numbers in lists within lists; there are no more than two dimensions.
struct Nested<'w> {
    shape: &'w [usize],
    numbers: &'w [f64],
}

impl Serialize for Nested<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.shape {
            [] => Number(self.numbers[0]).serialize(serializer),
            [_] => serializer.collect_seq(self.numbers.iter().copied().map(Number)),
            [_, rest @ ..] => {
                let length = rest.iter().product::<usize>().max(1);
                let rows = self.numbers.chunks(length);
                serializer.collect_seq(rows.map(|numbers| Nested { shape: rest, numbers }))
            }
        }
    }
}

struct Base64<'w>(&'w [f64]);

impl Serialize for Base64<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.0.iter().flat_map(|x| x.to_le_bytes()).collect();
        serializer.collect_str(&Base64Display::new(&bytes, &STANDARD))
    }
}
