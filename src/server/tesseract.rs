//! What Tesseract's clients say in headers, and ask beside computations.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::request::Parts;

use crate::api::array::ArrayEncoding;
use crate::api::{Kind, Problem};

use super::negotiate::{Formats, accept};
use super::service::{Service, Status};

/// JSON both ways, with arrays as `Accept` wants them.
///
/// # Errors
/// 406 when they may be in none of the two encodings.
pub fn formats(parts: &Parts) -> Result<Formats, Problem> {
    let Some(accept) = accept(&parts.headers) else { return Ok(Formats::default()) };
    match encoding(&accept) {
        Some(arrays) => Ok(Formats { arrays, ..Formats::default() }),
        None => Err(Problem::new(
            Kind::NOT_ACCEPTABLE,
            format!(
                "The answer is application/json or application/json+base64, without compression and in no GPU's memory, \
                 which `Accept: {accept}` rules out. json+binref would be files that this server does not write."
            ),
        )),
    }
}

/// The encoding of the range that weighs most, the first among equals.
fn encoding(accept: &str) -> Option<ArrayEncoding> {
    let weighed = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let encoding = match parts.next()?.to_ascii_lowercase().as_str() {
            "*/*" | "application/*" => ArrayEncoding::default(),
            range => [ArrayEncoding::Json, ArrayEncoding::Base64]
                .into_iter()
                .find(|it| it.media_type() == range)?,
        };
        let mut weight = 1.0;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            match (name.trim().to_ascii_lowercase().as_str(), value.trim().trim_matches('"')) {
                ("q", value) => weight = value.parse().unwrap_or(0.0),
                ("gpu_transport" | "compression", other) if other != "none" => return None,
                _ => {}
            }
        }
        (weight > 0.0).then_some((encoding, weight))
    });
    let heavier =
        |best: (ArrayEncoding, f64), other: (ArrayEncoding, f64)| if other.1 > best.1 { other } else { best };
    weighed.reduce(heavier).map(|(encoding, _)| encoding)
}

/// `GET /health`: there is a Tesseract, and it answers.
pub async fn health(State(service): State<Arc<Service>>) -> Result<Json<Status>, Problem> {
    service.models.tesseract().map(|_| Json(Status::OK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_written_as_the_heaviest_range_says() {
        let (json, base64) = (Some(ArrayEncoding::Json), Some(ArrayEncoding::Base64));
        for (accept, expected) in [
            ("*/*", json),
            ("application/*; gpu_transport=none", json),
            ("application/json", json),
            ("application/json+base64", base64),
            ("Application/JSON+Base64; gpu_transport=none; compression=\"none\"", base64),
            ("application/json;q=0.5, application/json+base64", base64),
            ("application/json, application/json+base64", json),
            ("application/json+binref, application/json+base64;q=0.1", base64),
            ("application/json+binref", None),
            ("application/json+base64; compression=lz4", None),
            ("application/*; gpu_transport=cuda_ipc", None),
            ("application/json;q=0", None),
            ("text/html", None),
        ] {
            assert_eq!(encoding(accept), expected, "{accept}");
        }
    }
}
