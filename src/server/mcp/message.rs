//! A message of JSON-RPC in two parts: its arguments, which may be large and stay as they are, and the rest, which may not.

use std::borrow::Cow;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api::{Kind, Problem};

/// Bytes that a message may have beside its arguments.
const MOST_BESIDE: usize = 64 << 10;

/// What has to be known of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What is asked for.
    pub method: String,
    /// The id of the request as it is written.
    pub id: Option<String>,
    /// The id of the request that is cancelled, as it is written.
    pub cancelled: Option<String>,
    /// Where the arguments lie.
    pub arguments: Option<Range<usize>>,
    /// The message with an empty object in their place.
    pub rest: Vec<u8>,
}

#[derive(Deserialize)]
struct Written<'m> {
    #[serde(borrow, default)]
    method: Cow<'m, str>,
    #[serde(borrow)]
    id: Option<&'m RawValue>,
    #[serde(borrow)]
    params: Option<Params<'m>>,
}

#[derive(Deserialize)]
struct Params<'m> {
    #[serde(borrow)]
    arguments: Option<&'m RawValue>,
    #[serde(borrow, rename = "requestId")]
    request_id: Option<&'m RawValue>,
}

impl Message {
    /// # Errors
    /// 400 when `text` is not a message, 413 when it is long beside its arguments.
    pub fn read(text: &[u8]) -> Result<Self, Problem> {
        let Written { method, id, params } =
            serde_json::from_slice(text).map_err(|error| malformed(&error))?;
        let (arguments, cancelled) =
            params.map_or((None, None), |params| (params.arguments, params.request_id));
        let arguments = arguments.map(|arguments| place(text, arguments.get()));
        let beside = text.len() - arguments.as_ref().map_or(0, Range::len);
        if beside > MOST_BESIDE {
            return Err(too_long(beside));
        }
        let rest = match &arguments {
            Some(Range { start, end }) => [&text[..*start], b"{}", &text[*end..]].concat(),
            None => text.to_vec(),
        };
        let owned = |id: &RawValue| id.get().to_owned();
        Ok(Self {
            method: method.into_owned(),
            id: id.map(owned),
            cancelled: cancelled.map(owned),
            arguments,
            rest,
        })
    }
}

/// Where `part`, which is borrowed from `whole`, lies in it.
fn place(whole: &[u8], part: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - whole.as_ptr().addr();
    start..start + part.len()
}

fn malformed(error: &serde_json::Error) -> Problem {
    let detail = format!("The body is not one message of JSON-RPC 2.0: {error}.");
    Problem::new(Kind::MALFORMED_BODY, detail)
}

fn too_long(beside: usize) -> Problem {
    let detail = format!(
        "The message has {beside} bytes beside the arguments of its tool; at most {MOST_BESIDE} are read. Leave out what \
         the tool does not need."
    );
    Problem::new(Kind::BODY_TOO_LARGE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_cut_out_as_they_are_written() {
        let text = r#" {"jsonrpc": "2.0", "id": "a", "method": "tools/call",
            "params": {"name": "fit", "arguments" : {"x": [1.50, {"y": "}"}]} , "_meta": {}}}"#;
        let message = Message::read(text.as_bytes()).expect("a message");
        assert_eq!(&text[message.arguments.clone().expect("arguments")], r#"{"x": [1.50, {"y": "}"}]}"#);
        let rest = String::from_utf8(message.rest).expect("text");
        assert!(rest.ends_with(r#""params": {"name": "fit", "arguments" : {} , "_meta": {}}}"#), "{rest}");
        assert_eq!((message.method.as_str(), message.id.as_deref()), ("tools/call", Some(r#""a""#)));
    }

    #[test]
    fn a_message_without_arguments_stays_whole() {
        let text = br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#;
        let message = Message::read(text).expect("a message");
        assert_eq!((message.cancelled.as_deref(), message.arguments), (Some("7"), None));
        assert_eq!(message.rest, text);
    }

    #[test]
    fn what_is_no_message_or_too_long_a_one_is_refused() {
        for text in ["", "{", "[]", "7", "\"a\"", r#"{"method": 1}"#, r#"{"method": "a"} {}"#, "\u{feff}{}"] {
            let problem = Message::read(text.as_bytes()).expect_err(text);
            assert_eq!(problem.kind(), Kind::MALFORMED_BODY, "{text}");
        }
        let twice = r#"{"method": "a", "params": {"arguments": {}, "arguments": {"b": 1}}}"#;
        assert!(Message::read(twice.as_bytes()).is_err());
        let long = format!(r#"{{"method": "{}"}}"#, "a".repeat(MOST_BESIDE));
        assert_eq!(Message::read(long.as_bytes()).expect_err("too long").kind(), Kind::BODY_TOO_LARGE);
        // Nesting takes no stack.
        let deep = format!(r#"{{"method": "a", "params": {{"arguments": {}}}}}"#, "[".repeat(1 << 20));
        assert!(Message::read(deep.as_bytes()).is_err());
    }
}
