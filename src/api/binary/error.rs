//! What is wrong with a body, and where.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::api::pointer;

/// Why reading stopped. On its way out it gathers the place.
#[derive(Debug)]
pub(in crate::api) struct Error(Box<Failure>);

#[derive(Debug)]
struct Failure {
    message: String,
    malformed: bool,
    /// From the inside out.
    place: Vec<Step>,
}

/// One step from a value into it.
#[derive(Debug)]
pub(super) enum Step {
    Element(usize),
    Member(String),
}

impl Error {
    /// The bytes are none of their format.
    #[cold]
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self(Box::new(Failure { message: message.into(), malformed: true, place: Vec::new() }))
    }

    /// There are fewer bytes than they promise.
    #[cold]
    pub(super) fn end() -> Self {
        Self::malformed("it ends too early, perhaps it was cut off")
    }

    /// The same, seen from one step further out.
    #[cold]
    pub(super) fn within(mut self, step: Step) -> Self {
        self.0.place.push(step);
        self
    }

    /// Whether the bytes are none of their format; else they are not what is expected.
    pub(in crate::api) fn is_malformed(&self) -> bool {
        self.0.malformed
    }

    /// The JSON pointer to the place.
    pub(in crate::api) fn pointer(&self) -> String {
        let mut place = String::new();
        for step in self.0.place.iter().rev() {
            match step {
                Step::Element(index) => pointer::push(&mut place, index),
                Step::Member(name) => pointer::push(&mut place, name),
            }
        }
        place
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    #[cold]
    fn custom<T: Display>(message: T) -> Self {
        Self(Box::new(Failure { message: message.to_string(), malformed: false, place: Vec::new() }))
    }

    /// In the words of the JSON reader.
    #[cold]
    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Unit => Self::custom(format_args!("invalid type: null, expected {expected}")),
            _ => Self::custom(format_args!("invalid type: {found}, expected {expected}")),
        }
    }
}
