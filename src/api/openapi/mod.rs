//! The OpenAPI document: generated from the wire types, so that it cannot say anything else than the service does.
//!
//! [`routes`] describes the operations, [`problems`] adds every error that each can answer, [`examples`] adds requests
//! with their answers, which a test posts and compares, [`formats`] the media types beside JSON, [`links`] what an answer
//! is sent on to, [`models`] that of some members exactly one is given, [`security`] the API keys.
//! [`tools`] are the operations as assistants see them.

pub mod examples;
mod formats;
mod links;
mod models;
mod problems;
mod routes;
mod security;
pub(in crate::api) mod tesseract;
pub mod tools;
pub(in crate::api) mod umbridge;

use utoipa::OpenApi as _;
use utoipa::openapi::{License, OpenApi};

/// The document.
pub fn document() -> OpenApi {
    let mut document = routes::Document::openapi();
    document.info.license = Some(License::new("MIT OR Apache-2.0"));
    document.info.license.as_mut().expect("just set").identifier = Some("MIT OR Apache-2.0".to_owned());
    examples::add(&mut document);
    formats::add(&mut document);
    formats::add_events(&mut document);
    problems::add(&mut document);
    security::add(&mut document);
    links::add(&mut document);
    models::add(&mut document);
    tesseract::add_encodings(&mut document);
    document
}

/// The document as YAML.
///
/// # Panics
/// Never: strings, numbers and lists can always be written.
pub fn yaml() -> String {
    named(document().to_yaml().expect("strings, numbers and lists"))
}

/// The document as JSON.
///
/// # Panics
/// Never: strings, numbers and lists can always be written.
pub fn json() -> String {
    named(document().to_pretty_json().expect("strings, numbers and lists"))
}

/// The library spells the format of counts with a hyphen; in OpenAPI's registry it is `uint64`.
fn named(document: String) -> String {
    document.replace("u-int64", "uint64")
}
