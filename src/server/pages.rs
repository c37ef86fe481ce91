//! The pages for people: the playground at `/`, the reference at `/docs`, and the files that both are made of.
//!
//! The files lie in `src/server/page/`. A release has them in its binary; a debug build reads them from there on every
//! request, so that a change shows when the page is loaded again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{Embed, EmbeddedFile};

use crate::api::{Kind, Problem};

use super::negotiate;
use super::service::{self, Service};

#[derive(Embed)]
#[folder = "src/server/page/"]
struct Files;

/// A page loads nothing from elsewhere, and runs no script that is written into it.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// Browsers keep a file and ask each time whether it is still the same, so that an upgrade is seen at once.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// The answer to `/` depends on what the client accepts.
const BY_ACCEPT: (HeaderName, HeaderValue) = (header::VARY, HeaderValue::from_static("accept"));

/// `GET /`: the playground for browsers, which name `text/html`; a greeting that names the routes for all others.
pub async fn start(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    if negotiate::wants_html(&headers) {
        ([BY_ACCEPT], named("index.html", &headers)).into_response()
    } else {
        ([BY_ACCEPT], service::greeting(&service.settings)).into_response()
    }
}

/// `GET /docs`: the OpenAPI document to read and to try out.
pub async fn docs(headers: HeaderMap) -> Response {
    named("docs.html", &headers)
}

/// `GET /page/{name}`: a file of the pages.
pub async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    named(&name, &headers)
}

/// The file `name`, or that the client's copy is still good (RFC 9110, section 13.1.2).
fn named(name: &str, headers: &HeaderMap) -> Response {
    let Some(file) = Files::get(name) else {
        let detail = format!("The pages have no file {name:?}. GET / in a browser shows the playground.");
        return Problem::new(Kind::NOT_FOUND, detail).into_response();
    };
    let tag = entity_tag(&file);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    let is_known =
        known.is_some_and(|tags| tags.split(',').any(|known| known.trim() == tag || known.trim() == "*"));
    let validators = [
        (header::ETAG, HeaderValue::try_from(tag).expect("hexadecimal digits in quotes")),
        (header::CACHE_CONTROL, ASK_AGAIN),
    ];
    if is_known {
        return (StatusCode::NOT_MODIFIED, validators).into_response();
    }
    let content = [(header::CONTENT_TYPE, media_type(name)), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (validators, content, Body::from(file.data)).into_response()
}

/// Weak, since the file may go out compressed or as it is.
fn entity_tag(file: &EmbeddedFile) -> String {
    let [a, b, c, d, e, f, g, h, ..] = file.metadata.sha256_hash();
    format!("W/\"{:016x}\"", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}

/// By the ending of its name; there are no others.
fn media_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "csv" => "text/csv; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    })
}
