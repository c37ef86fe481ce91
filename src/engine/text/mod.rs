//! Expressions as text: statements separated by `;` or newline, in Python's arithmetic.
//!
//! [`lexer`] cuts the source into tokens, [`parser`] turns them into [`code`], from which [`machine`] makes a
//! [`Graph`](super::Graph), all without recursion, and [`error`] says what is wrong where. Names that no statement has assigned are inputs of the graph; the constants `pi`,
//! `e`, `tau` and `inf` stand back behind an assigned name or an input of the same name.

#![forbid(unsafe_code)]

mod code;
mod error;
mod lexer;
mod machine;
mod parser;

pub use error::{ParseError, ParseErrorKind};
pub use parser::{ParseLimits, Program, UNNAMED_OUTPUT, parse, parse_until};
