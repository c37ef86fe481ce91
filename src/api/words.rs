//! Members of `data` that go with a CSV, but may also be columns of numbers: an input can be called `target`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use super::columns::Column;
use super::faults::quote;
use super::number::Number;
use super::reading::Elements;
use super::text::Text;

/// A member that goes with a CSV, or a column of that name.
pub(super) enum Words<'a> {
    Text(Text<'a>),
    List(Vec<Text<'a>>),
    Column(Column),
}

impl<'a> Words<'a> {
    pub(super) fn text<E: Error>(self, name: &str) -> Result<Text<'a>, E> {
        match self {
            Words::Text(text) => Ok(text),
            _ => Err(E::custom(format_args!("`{name}` is the name of a column of the CSV"))),
        }
    }

    pub(super) fn list<E: Error>(self, name: &str) -> Result<Vec<Text<'a>>, E> {
        match self {
            Words::List(names) => Ok(names),
            _ => Err(E::custom(format_args!("`{name}` is an array with names of columns of the CSV"))),
        }
    }

    pub(super) fn column<E: Error>(self, name: &str) -> Result<Column, E> {
        let number = |text: &Text<'_>| {
            let number = Number::from_name(text).map(|Number(x)| x);
            number.ok_or_else(|| {
                E::custom(format_args!("`{name}` holds {}; text goes with a `csv`", quote(text)))
            })
        };
        match self {
            Words::Column(column) => Ok(column),
            Words::Text(text) => number(&text).map(Column::Number),
            Words::List(texts) => texts.iter().map(number).collect::<Result<_, _>>().map(Column::Numbers),
        }
    }
}

/// An element of an array of names or numbers.
enum Word<'a> {
    Text(Text<'a>),
    Number(f64),
}

struct WordVisitor;

impl<'de> Visitor<'de> for WordVisitor {
    type Value = Word<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or the name of a column")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Self::Value, E> {
        Ok(Word::Number(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Self::Value, E> {
        Ok(Word::Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Self::Value, E> {
        Ok(Word::Number(x as f64))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Word::Text(Text(text.into())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Word::Text(Text(text.to_owned().into())))
    }
}

impl<'de> Deserialize<'de> for Word<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, an array of numbers, or with a CSV text")
    }

    fn visit_f64<E>(self, x: f64) -> Result<Self::Value, E> {
        Ok(Words::Column(Column::Number(x)))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Self::Value, E> {
        Ok(Words::Column(Column::Number(x as f64)))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Self::Value, E> {
        Ok(Words::Column(Column::Number(x as f64)))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Words::Text(Text(text.into())))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Words::Text(Text(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut texts, mut numbers) = (Vec::new(), Vec::new());
        let mut elements = Elements::default();
        while let Some(word) = seq.next_element()? {
            elements.another()?;
            match word {
                Word::Number(x) => numbers.push(x),
                Word::Text(text) => match (Number::from_name(&text), numbers.is_empty()) {
                    (Some(Number(x)), false) => numbers.push(x),
                    (_, true) => texts.push(text),
                    _ => return Err(A::Error::custom(format_args!("{} is among numbers", quote(&text)))),
                },
            }
        }
        if numbers.is_empty() {
            return Ok(Words::List(texts));
        }
        let before =
            texts.iter().map(|text| Number::from_name(text).map(|Number(x)| x)).collect::<Option<Vec<_>>>();
        let mut all = before.ok_or_else(|| A::Error::custom("names and numbers are mixed"))?;
        all.extend(numbers);
        Ok(Words::Column(Column::Numbers(all)))
    }
}

impl<'de> Deserialize<'de> for Words<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}
