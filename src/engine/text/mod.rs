//! Expressions as text: statements separated by `;` or newline, in Python's arithmetic.
//!
//! [`lexer`] cuts the source into tokens, [`parser`] turns them into a [`Graph`](super::Graph) without recursion, and
//! [`error`] says what is wrong where. Names that no statement has assigned are inputs of the graph; the constants `pi`,
//! `e`, `tau` and `inf` stand back behind an assigned name or an input of the same name.

#![forbid(unsafe_code)]

mod error;
mod lexer;
mod parser;

pub use error::{ParseError, ParseErrorKind};
pub use parser::{ParseLimits, Program, parse, parse_until};
