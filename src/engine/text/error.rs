//! What is wrong with a text, and where.

use crate::engine::interrupt::Interrupted;

/// A fault of an expression's text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{kind}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The line, or a window of a long one, over a caret that points at the fault.
    pub excerpt: String,
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ParseErrorKind {
    /// The text does not follow the grammar.
    #[error("{0}")]
    Syntax(String),
    /// Brackets and calls are nested deeper than the limit.
    #[error("brackets are nested deeper than {limit}")]
    Nesting {
        /// The limit.
        limit: usize,
    },
    /// The text makes more nodes than the limit.
    #[error("the expression has more than {limit} nodes")]
    Nodes {
        /// The limit.
        limit: usize,
    },
    /// The parser was told to stop.
    #[error(transparent)]
    Interrupted(Interrupted),
}

/// The characters of a long line that are shown on each side of the caret.
const WINDOW: usize = 40;

impl ParseError {
    /// A fault at byte `offset` of `source`.
    pub(super) fn at(source: &str, offset: usize, kind: ParseErrorKind) -> Self {
        let before = &source[..offset];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let line_text = source[line_start..].split('\n').next().unwrap_or_default();
        let column = before[line_start..].chars().count();
        let first = column.saturating_sub(WINDOW);
        let mut excerpt: String = line_text.chars().skip(first).take(2 * WINDOW).collect();
        excerpt = excerpt.replace('\t', " ").trim_end().to_owned();
        excerpt.push('\n');
        excerpt.extend(std::iter::repeat_n(' ', column - first));
        excerpt.push('^');
        Self { kind, line: before.matches('\n').count() + 1, column: column + 1, excerpt }
    }
}
