//! What a computation takes and gives, checked before the body is read: JSON, CBOR or MessagePack both ways, and files.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use crate::api::array::ArrayEncoding;
use crate::api::format::Format;
use crate::api::interchange::file::{AcceptedFile, FileFormat};
use crate::api::picture::PictureFormat;
use crate::api::{Kind, Problem};

/// The formats of a body and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    /// By `Content-Type`.
    pub body: Format,
    /// By `Accept`; the body's own where that leaves the choice.
    pub answer: Format,
    /// A file that `Accept` names and weighs no less.
    pub file: Option<AcceptedFile>,
    /// What a picture is written as, where the answer is one.
    pub picture: PictureFormat,
    /// How arrays are written, where the answer holds some.
    pub arrays: ArrayEncoding,
}

/// The formats of a request whose answer is a stream of events, and those are JSON.
///
/// # Errors
/// 415 for a body of another format.
pub fn formats_of_events(parts: &Parts) -> Result<Formats, Problem> {
    let body = content_type(parts)?;
    check_content_encoding(&parts.headers)?;
    Ok(Formats { body, ..Formats::default() })
}

/// The formats of a request whose answer is a picture.
///
/// # Errors
/// 415 for a body of another format, 406 when the picture may be of none.
pub fn formats_of_pictures(parts: &Parts) -> Result<Formats, Problem> {
    let body = content_type(parts)?;
    check_content_encoding(&parts.headers)?;
    let picture = accepted_picture(&parts.headers)?;
    Ok(Formats { body, picture, ..Formats::default() })
}

/// # Errors
/// 415 for a body of another format, 406 when the answer may be of none.
pub fn formats(parts: &Parts) -> Result<Formats, Problem> {
    let body = content_type(parts)?;
    check_content_encoding(&parts.headers)?;
    let (answer, file) = accepted(&parts.headers, body)?;
    Ok(Formats { body, answer, file, ..Formats::default() })
}

/// JSON both ways, whatever the headers say: for protocols whose clients say nothing.
///
/// # Errors
/// None.
pub fn json_alone(_: &Parts) -> Result<Formats, Problem> {
    Ok(Formats::default())
}

/// Whether the answer is to be a stream of events: where `Accept` names them and weighs nothing else more.
pub fn wants_events(headers: &HeaderMap) -> bool {
    let Some(accept) = accept(headers) else { return false };
    let events = weight(&accept, |exact| exact == EVENTS, None);
    let outweighs = |format: &Format| {
        let is = |exact: &str| Format::of(exact) == Some(*format);
        weight(&accept, is, ANY) <= events
    };
    events > 0.0 && Format::ALL.iter().all(outweighs)
}

/// Whether metrics are to be OpenMetrics: where `Accept` names them, and does not weigh plain text more.
pub fn wants_open_metrics(headers: &HeaderMap) -> bool {
    let Some(accept) = accept(headers) else { return false };
    let named = weight(&accept, |exact| exact == OPEN_METRICS, None);
    named > 0.0 && named >= weight(&accept, |exact| exact == "text/plain", None)
}

const OPEN_METRICS: &str = "application/openmetrics-text";

/// Whether the answer is to be a page: where `Accept` names HTML, as browsers do and programs do not.
pub fn wants_html(headers: &HeaderMap) -> bool {
    accept(headers).is_some_and(|accept| weight(&accept, |exact| exact == "text/html", None) > 0.0)
}

const EVENTS: &str = "text/event-stream";
/// The range of all formats.
const ANY: Option<&str> = Some("application/*");

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn content_type(parts: &Parts) -> Result<Format, Problem> {
    let content_type = text(&parts.headers, &header::CONTENT_TYPE);
    if let Some(format) = content_type.and_then(format_of) {
        return Ok(format);
    }
    let found = match content_type {
        Some(other) => format!("not {other}"),
        None => "and the request has no Content-Type".to_owned(),
    };
    let host = text(&parts.headers, &header::HOST).unwrap_or("localhost:8080");
    let path = parts.uri.path();
    Err(Problem::new(
        Kind::UNSUPPORTED_MEDIA_TYPE,
        format!(
            "This path takes application/json, application/cbor and application/msgpack, {found}. With curl, give the \
             body with --json instead of -d or --data: curl --json @request.json http://{host}{path}"
        ),
    ))
}

/// The format of a `Content-Type`; text is in UTF-8 where a charset is named.
fn format_of(content_type: &str) -> Option<Format> {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let charset = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    Format::of(&essence).filter(|_| charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8")))
}

/// All `Accept` headers as one; `None` if there is none.
pub(super) fn accept(headers: &HeaderMap) -> Option<String> {
    let ranges: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    (!ranges.is_empty()).then(|| ranges.join(", "))
}

fn check_content_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    match text(headers, &header::CONTENT_ENCODING) {
        None | Some("" | "identity") => Ok(()),
        Some(encoding) => Err(Problem::new(
            Kind::UNSUPPORTED_MEDIA_TYPE,
            format!("The body's content encoding is {encoding}; send it without one."),
        )),
    }
}

/// The format that `Accept` weighs most, and the file. Among equals it is the body's, then the first of all formats.
fn accepted(headers: &HeaderMap, body: Format) -> Result<(Format, Option<AcceptedFile>), Problem> {
    let Some(accept) = accept(headers) else { return Ok((body, None)) };
    let candidates = std::iter::once(body).chain(Format::ALL);
    let is = |format: Format| move |exact: &str| Format::of(exact) == Some(format);
    let (format, of_format) =
        heaviest(candidates.map(|format| (format, weight(&accept, is(format), ANY)))).unwrap_or((body, 0.0));
    let is = |file: FileFormat| move |exact: &str| FileFormat::of(exact) == Some(file);
    // Ranges such as */* never mean a file.
    let files = FileFormat::ALL.into_iter().map(|file| (file, weight(&accept, is(file), None)));
    match heaviest(files) {
        Some((file, weight)) if weight > 0.0 && weight >= of_format => {
            Ok((format, Some(AcceptedFile { format: file, or_members: of_format > 0.0 })))
        }
        _ if of_format > 0.0 => Ok((format, None)),
        _ => Err(Problem::new(
            Kind::NOT_ACCEPTABLE,
            format!(
                "The answer is application/json, application/cbor or application/msgpack, or of an MLP a file, \
                 application/vnd.safetensors or application/onnx, which `Accept: {accept}` rules out."
            ),
        )),
    }
}

/// The format of a picture that `Accept` weighs most.
fn accepted_picture(headers: &HeaderMap) -> Result<PictureFormat, Problem> {
    let Some(accept) = accept(headers) else { return Ok(PictureFormat::default()) };
    let weigh = |format: PictureFormat| {
        let media_type = format.media_type();
        let range = media_type.split_once('/').map(|(kind, _)| format!("{kind}/*"));
        (format, weight(&accept, |exact| exact == media_type, range.as_deref()))
    };
    match heaviest(PictureFormat::ALL.into_iter().map(weigh)) {
        Some((format, weight)) if weight > 0.0 => Ok(format),
        _ => Err(Problem::new(
            Kind::NOT_ACCEPTABLE,
            format!(
                "The answer is image/svg+xml or text/vnd.graphviz, which `Accept: {accept}` rules out. Name one of the two."
            ),
        )),
    }
}

/// Of equal weights the first one is kept.
fn heaviest<T>(weighed: impl Iterator<Item = (T, f64)>) -> Option<(T, f64)> {
    weighed.reduce(|best, other| if other.1 > best.1 { other } else { best })
}

/// RFC 9110, section 12.5.1: the most specific range that covers the type decides; a weight of 0 rules it out. `within` is
/// the range of the type such as `application/*`; without it no range with a `*` counts.
fn weight(accept: &str, is: impl Fn(&str) -> bool, within: Option<&str>) -> f64 {
    let of_range = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let specificity = match parts.next()?.to_ascii_lowercase().as_str() {
            "*/*" if within.is_some() => 1,
            range if within == Some(range) => 2,
            exact if is(exact) => 3,
            _ => return None,
        };
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.eq_ignore_ascii_case("q"))
            .map_or(1.0, |(_, weight)| weight.parse().unwrap_or(0.0));
        Some((specificity, weight))
    };
    let ranges = accept.split(',').filter_map(of_range);
    ranges.max_by(|a, b| a.0.cmp(&b.0).then(f64::total_cmp(&a.1, &b.1))).map_or(0.0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_by_their_several_names() {
        for (name, format) in [
            ("application/json", Format::Json),
            ("Application/JSON", Format::Json),
            ("application/json; charset=utf-8", Format::Json),
            ("application/json;charset=\"UTF-8\"", Format::Json),
            ("application/vnd.api+json", Format::Json),
            ("application/cbor", Format::Cbor),
            ("application/msgpack", Format::MessagePack),
            ("application/x-msgpack", Format::MessagePack),
            ("application/vnd.msgpack", Format::MessagePack),
        ] {
            assert_eq!(format_of(name), Some(format), "{name}");
        }
        for no in [
            "",
            "text/json",
            "application/jsonx",
            "application/+json",
            "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
        ] {
            assert_eq!(format_of(no), None, "{no}");
        }
    }

    #[test]
    fn events_are_for_those_who_name_them() {
        let wants = |accept: &str| {
            wants_events(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]))
        };
        for yes in [
            "text/event-stream",
            "Text/Event-Stream; q=0.9, */*;q=0.1",
            "application/json, text/event-stream",
        ] {
            assert!(wants(yes), "{yes}");
        }
        for no in [
            "*/*",
            "text/*",
            "application/json",
            "text/event-stream;q=0",
            "text/event-stream;q=0.5, application/json",
        ] {
            assert!(!wants(no), "{no}");
        }
        assert!(!wants_events(&HeaderMap::new()));
    }

    #[test]
    fn a_page_is_for_those_who_name_html() {
        let wants = |accept: &str| {
            wants_html(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]))
        };
        for yes in ["text/html", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"] {
            assert!(wants(yes), "{yes}");
        }
        for no in ["*/*", "text/*", "text/plain", "application/json", "text/html;q=0"] {
            assert!(!wants(no), "{no}");
        }
        assert!(!wants_html(&HeaderMap::new()));
    }

    #[test]
    fn the_most_specific_range_decides() {
        let accepted = |accept: &str, body| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]);
            accepted(&headers, body).ok().map(|(format, _)| format)
        };
        for yes in [
            "*/*",
            "application/json",
            "application/*;q=0.1",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "application/json, */*;q=0",
        ] {
            assert_eq!(accepted(yes, Format::Json), Some(Format::Json), "{yes}");
        }
        for no in ["text/html", "*/*;q=0", "application/xml", ""] {
            assert_eq!(accepted(no, Format::Json), None, "{no}");
        }
        assert_eq!(accepted("*/*", Format::Cbor), Some(Format::Cbor));
        assert_eq!(accepted("application/json", Format::Cbor), Some(Format::Json));
        assert_eq!(
            accepted("application/msgpack, application/json;q=0.5", Format::Json),
            Some(Format::MessagePack)
        );
        assert_eq!(accepted("application/json;q=0, */*", Format::Json), Some(Format::Cbor));
    }

    #[test]
    fn a_picture_is_for_the_eye_unless_named_otherwise() {
        let picture = |accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]);
            accepted_picture(&headers).ok()
        };
        let (svg, dot) = (Some(PictureFormat::Svg), Some(PictureFormat::Dot));
        for (accept, expected) in [
            ("*/*", svg),
            ("image/*", svg),
            ("image/svg+xml", svg),
            ("image/avif,image/webp,*/*;q=0.8", svg),
            ("text/vnd.graphviz", dot),
            ("Text/*", dot),
            ("text/vnd.graphviz, */*;q=0.1", dot),
            ("image/svg+xml;q=0, */*", dot),
            ("image/png", None),
            ("application/json", None),
        ] {
            assert_eq!(picture(accept), expected, "{accept}");
        }
        assert_eq!(accepted_picture(&HeaderMap::new()).ok(), svg);
    }

    #[test]
    fn a_file_is_meant_only_by_its_name() {
        let file = |accept: &str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a header"))]);
            accepted(&headers, Format::Json).expect("acceptable").1
        };
        let wanted = |format, or_members| Some(AcceptedFile { format, or_members });
        for (accept, expected) in [
            ("application/onnx", wanted(FileFormat::Onnx, false)),
            ("Application/ONNX", wanted(FileFormat::Onnx, false)),
            ("application/vnd.safetensors", wanted(FileFormat::Safetensors, false)),
            ("application/x-safetensors", wanted(FileFormat::Safetensors, false)),
            ("application/onnx, */*", wanted(FileFormat::Onnx, true)),
            ("application/json;q=0.5, application/onnx", wanted(FileFormat::Onnx, true)),
            ("application/onnx;q=0.5, application/x-safetensors", wanted(FileFormat::Safetensors, false)),
            ("application/json, application/onnx;q=0.5", None),
            ("application/json, application/onnx;q=0", None),
            ("*/*", None),
            ("application/*", None),
        ] {
            assert_eq!(file(accept), expected, "{accept}");
        }
    }
}
