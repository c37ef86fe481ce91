//! From the bytes of a body to a wire type, or to a problem that names the place.

use serde::Deserialize;

use super::binary::{self, Reader};
use super::faults::quote;
use super::format::Format;
use super::object::Object;
use super::problem::{Fault, Kind, Problem};
use super::{pointer, suggest};

/// Longest message of the JSON reader that is passed on; it may quote the request.
const LONGEST_MESSAGE: usize = 300;

/// Decodes `body`, a JSON object. Runs on the worker: a body may be large.
///
/// A second pass, taken only after an error, finds the pointer to the place: keeping track of it all the time would
/// cost more than the decoding.
pub(super) fn json<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Problem> {
    if body.trim_ascii().is_empty() {
        return Err(Problem::new(
            Kind::MALFORMED_BODY,
            "The body is empty. Post a JSON object, for instance with \
             curl --json '{\"expression\": \"x**2\", \"inputs\": {\"x\": 3}}'.",
        ));
    }
    let text = std::str::from_utf8(body).map_err(|error| not_utf8(body, error.valid_up_to()))?;
    match serde_json::from_str(text) {
        Ok(Object(value)) => Ok(value),
        Err(error) => Err(explain::<T>(text, &error)),
    }
}

/// Decodes what `reader` reads, a map in `format`.
pub(super) fn binary<'de, T: Deserialize<'de>>(
    format: Format,
    mut reader: Reader<'de, '_>,
) -> Result<T, Problem> {
    match reader.read() {
        Ok(Object(value)) if reader.is_at_end() => Ok(value),
        Ok(_) => Err(trailing(format)),
        Err(error) if error.is_malformed() => Err(unreadable(format, &error)),
        Err(error) => Err(misfit(error.pointer(), &error.to_string())),
    }
}

fn trailing(format: Format) -> Problem {
    let detail = format!("There are bytes after the end of the {} object.", format.name());
    Problem::new(Kind::MALFORMED_BODY, detail)
}

/// The bytes end too early, or are none of the format.
fn unreadable(format: Format, error: &binary::Error) -> Problem {
    let detail = format!("The body cannot be read as {}: {error}.", format.name());
    let fault = Fault { detail: detail.clone(), pointer: Some(error.pointer()), ..Fault::default() };
    Problem { errors: vec![fault], ..Problem::new(Kind::MALFORMED_BODY, detail) }
}

/// The body is well formed, but not what is expected at `place`.
fn misfit(mut place: String, message: &str) -> Problem {
    let (detail, member) = reword(message);
    if let Some(member) = member {
        pointer::push(&mut place, member);
    }
    Problem::at(place, detail)
}

fn not_utf8(body: &[u8], offset: usize) -> Problem {
    let before = String::from_utf8_lossy(&body[..offset]);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    malformed(line, column, "invalid UTF-8; JSON is always sent as UTF-8")
}

fn malformed(line: usize, column: usize, what: &str) -> Problem {
    let detail = format!("The body is not valid JSON at line {line}, column {column}: {what}.");
    let fault = Fault { detail: detail.clone(), line: Some(line), column: Some(column), pointer: None };
    Problem { errors: vec![fault], ..Problem::new(Kind::MALFORMED_BODY, detail) }
}

fn explain<'de, T: Deserialize<'de>>(text: &'de str, error: &serde_json::Error) -> Problem {
    let (line, column) = place(text, error);
    let message = message(error);
    // The reader files this under syntax, but the JSON is well formed. Its limit on nesting is never reached: no wire type
    // nests deeper than a few levels, and what is unknown is refused before it is read.
    if message.starts_with("number out of range") {
        return Problem::at(
            pointer_in::<T>(text),
            "The number is too large for double precision, which ends at 1.7976931348623157e308.",
        );
    }
    match error.classify() {
        serde_json::error::Category::Data => misfit(pointer_in::<T>(text), &message),
        serde_json::error::Category::Eof => {
            malformed(line, column, &format!("{message}; the body ends too early, perhaps it was cut off"))
        }
        _ => malformed(line, column, &message),
    }
}

/// The pointer to where decoding `text` fails.
fn pointer_in<'de, T: Deserialize<'de>>(text: &str) -> String {
    let transcript = binary::transcribe(text);
    match Reader::transcript(&transcript).read::<Object<T>>() {
        Ok(_) => String::new(),
        Err(error) => error.pointer(),
    }
}

/// Line and column in characters, from 1; the reader counts columns in bytes.
fn place(text: &str, error: &serde_json::Error) -> (usize, usize) {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let column = line[..line.floor_char_boundary(error.column())].chars().count();
    (error.line().max(1), column.max(1))
}

/// The reader's message without its own line and column.
fn message(error: &serde_json::Error) -> String {
    let mut message = error.to_string();
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}

/// Serde's message as a sentence for a person, and the member it is about where the path does not name it.
fn reword(message: &str) -> (String, Option<&str>) {
    let words = || message.split('`').skip(1).step_by(2);
    let mut names = words();
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (word, known) = split_known(rest);
        return (format!("There is no field {} here{}", quote(word), known), None);
    }
    if let Some(rest) = message.strip_prefix("unknown variant `") {
        let (word, known) = split_known(rest);
        return (format!("{} is not known here{}", quote(word), known), None);
    }
    if message.starts_with("missing field `") {
        let name = names.next().unwrap_or_default();
        return (format!("The field `{name}` is missing."), None);
    }
    if message.starts_with("duplicate field `") {
        let name = names.next().unwrap_or_default();
        return (format!("The field `{name}` is given twice."), Some(name));
    }
    let mut text = match message.split_once(", expected ") {
        Some((found, expected)) => {
            let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
            format!("Expected {}, found {}", in_json(expected), shorten(in_json(found)))
        }
        None => shorten(message),
    };
    if let Some(first) = text.get(..1).map(str::to_uppercase) {
        text.replace_range(..1, &first);
    }
    text.push('.');
    (text, None)
}

/// Serde's words for types, as JSON calls them.
fn in_json(word: &str) -> &str {
    match word {
        "a sequence" | "sequence" => "an array",
        "map" => "an object",
        _ => word.strip_prefix("floating point ").unwrap_or(word),
    }
}

/// From ``word`, expected one of `a`, `b` ``: the word, and the end of a sentence that lists what is known.
fn split_known(rest: &str) -> (&str, String) {
    let (word, expected) = rest.rsplit_once("`, expected ").unwrap_or((rest.trim_end_matches('`'), ""));
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let listed = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match (suggest::nearest(word, known.iter().copied()), known.is_empty()) {
        (_, true) => (word, ".".to_owned()),
        (Some(meant), _) => (word, format!("; did you mean `{meant}`? Known are {listed}.")),
        (None, _) => (word, format!("; known are {listed}.")),
    }
}

fn shorten(message: &str) -> String {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        None => message.to_owned(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}
