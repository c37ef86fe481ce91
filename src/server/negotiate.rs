//! What a computation takes and gives: JSON both ways, checked before the body is read.

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};

use crate::api::{Kind, Problem};

/// # Errors
/// 415 for a body that is not plain JSON, 406 when the answer may not be JSON.
pub fn check(parts: &Parts) -> Result<(), Problem> {
    check_content_type(parts)?;
    check_content_encoding(&parts.headers)?;
    check_accept(&parts.headers)
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn check_content_type(parts: &Parts) -> Result<(), Problem> {
    let content_type = text(&parts.headers, &header::CONTENT_TYPE);
    if content_type.is_some_and(is_json) {
        return Ok(());
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
            "This path takes application/json, {found}. With curl, give the body with --json instead of -d or \
             --data: curl --json @request.json http://{host}{path}"
        ),
    ))
}

/// `application/json` or `application/...+json`, in UTF-8 where a charset is named.
fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json = essence.strip_prefix("application/").is_some_and(|subtype| {
        subtype == "json" || subtype.ends_with("+json") && subtype.len() > "+json".len()
    });
    let charset = parts
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .map(|(_, value)| value.trim().trim_matches('"'));
    json && charset.is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
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

fn check_accept(headers: &HeaderMap) -> Result<(), Problem> {
    let ranges: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    if ranges.is_empty() || accepts_json(&ranges.join(",")) {
        return Ok(());
    }
    Err(Problem::new(
        Kind::NOT_ACCEPTABLE,
        format!("The answer is application/json, which `Accept: {}` rules out.", ranges.join(", ")),
    ))
}

/// RFC 9110, section 12.5.1: the most specific range that covers the type decides, and a weight of 0 rules it out.
fn accepts_json(accept: &str) -> bool {
    accept
        .split(',')
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let specificity = match parts.next()?.to_ascii_lowercase().as_str() {
                "application/json" => 3,
                "application/*" => 2,
                "*/*" => 1,
                _ => return None,
            };
            let weight = parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.eq_ignore_ascii_case("q"))
                .map_or(1.0, |(_, weight)| weight.parse().unwrap_or(0.0));
            Some((specificity, weight))
        })
        .max_by(|a, b| a.0.cmp(&b.0).then(f64::total_cmp(&a.1, &b.1)))
        .is_some_and(|(_, weight)| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_by_its_several_names() {
        for yes in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/vnd.api+json",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        for no in [
            "",
            "text/json",
            "application/jsonx",
            "application/+json",
            "application/json; charset=latin1",
            "application/x-www-form-urlencoded",
        ] {
            assert!(!is_json(no), "{no}");
        }
    }

    #[test]
    fn the_most_specific_range_decides() {
        for yes in [
            "*/*",
            "application/json",
            "application/*;q=0.1",
            "text/html, application/xhtml+xml, */*;q=0.8",
            "application/json, */*;q=0",
        ] {
            assert!(accepts_json(yes), "{yes}");
        }
        for no in ["text/html", "application/json;q=0, */*", "*/*;q=0", "application/xml", ""] {
            assert!(!accepts_json(no), "{no}");
        }
    }
}
