//! Text into tokens.

use super::error::{ParseError, ParseErrorKind};

/// A token and the byte at which it begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spanned<'s> {
    pub token: Token<'s>,
    pub offset: usize,
}

/// The smallest parts of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Token<'s> {
    Number(f64),
    Name(&'s str),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// `;` or the end of a line.
    Separator,
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Number(value) => write!(f, "the number {value}"),
            Token::Name(name) => write!(f, "`{name}`"),
            Token::Symbol(symbol) => write!(f, "`{symbol}`"),
            Token::Separator => f.write_str("the end of the statement"),
            Token::End => f.write_str("the end of the expression"),
        }
    }
}

/// Longer symbols first, so that `**` is not read as two `*`.
const SYMBOLS: [&str; 19] =
    ["**", "<=", ">=", "==", "!=", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",", "<", ">", "=", ";"];

#[derive(Clone)]
pub struct Lexer<'s> {
    source: &'s str,
    offset: usize,
}

impl<'s> Lexer<'s> {
    pub fn new(source: &'s str) -> Self {
        Self { source, offset: 0 }
    }

    pub fn next(&mut self) -> Result<Spanned<'s>, ParseError> {
        self.skip_blanks();
        let offset = self.offset;
        let rest = &self.source[offset..];
        let Some(first) = rest.chars().next() else {
            return Ok(Spanned { token: Token::End, offset });
        };
        let token = if first == '\n' {
            self.offset += 1;
            Token::Separator
        } else if first.is_ascii_digit()
            || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            self.number(rest)?
        } else if is_name_start(first) {
            let end = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
            self.offset += end;
            Token::Name(&rest[..end])
        } else if let Some(symbol) = SYMBOLS.iter().find(|s| rest.starts_with(**s)) {
            self.offset += symbol.len();
            if *symbol == ";" { Token::Separator } else { Token::Symbol(symbol) }
        } else {
            return Err(self.fault(offset, unexpected_character(first)));
        };
        Ok(Spanned { token, offset })
    }

    fn skip_blanks(&mut self) {
        let bytes = self.source.as_bytes();
        while let Some(&byte) = bytes.get(self.offset) {
            match byte {
                b' ' | b'\t' | b'\r' => self.offset += 1,
                b'#' => {
                    let rest = &self.source[self.offset..];
                    self.offset += rest.find('\n').unwrap_or(rest.len());
                }
                _ => break,
            }
        }
    }

    fn number(&mut self, rest: &'s str) -> Result<Token<'s>, ParseError> {
        let bytes = rest.as_bytes();
        let digits = |mut i: usize| {
            while bytes.get(i).is_some_and(u8::is_ascii_digit) {
                i += 1;
            }
            i
        };
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') {
            end = digits(end + 1);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = end + 1 + sign;
            // `2e` is the number 2 beside the name e, which the parser refuses with a hint.
            if bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
                end = digits(exponent);
            }
        }
        let text = &rest[..end];
        let value: f64 = text.parse().expect("digits, point and exponent make a number");
        if value.is_infinite() {
            let message =
                format!("the number {text} is too large for a double; write inf if you mean infinity");
            return Err(self.fault(self.offset, message));
        }
        self.offset += end;
        Ok(Token::Number(value))
    }

    fn fault(&self, offset: usize, message: String) -> ParseError {
        ParseError::at(self.source, offset, ParseErrorKind::Syntax(message))
    }
}

fn is_name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn unexpected_character(c: char) -> String {
    let hint = match c {
        '{' | '}' => "; group with round brackets ( )",
        '×' | '·' | '∗' => "; multiply with *",
        '÷' => "; divide with /",
        '−' | '–' => "; subtract with the ASCII minus -",
        '%' => "; there is no remainder",
        '&' | '|' | '!' | '?' => "; choose with where(condition, a, b)",
        '"' | '\'' => "; names stand without quotes",
        '.' => "; a number has a digit beside its point",
        _ => "",
    };
    format!("unexpected character `{}`{hint}", c.escape_debug())
}
