//! Paths that speak a protocol of their own, which has its own form of errors.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use crate::api::{Problem, tesseract, umbridge};

use super::problems::Written;

/// How errors are told at some paths.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    paths: &'static [&'static str],
    /// Status and JSON.
    tell: fn(&Problem) -> (u16, Vec<u8>),
}

const DIALECTS: &[Dialect] = &[
    Dialect {
        paths: &[
            "/Info",
            "/ModelInfo",
            "/InputSizes",
            "/OutputSizes",
            "/Evaluate",
            "/Gradient",
            "/ApplyJacobian",
            "/ApplyHessian",
        ],
        tell: umbridge::error,
    },
    Dialect {
        paths: &["/apply", "/jacobian", "/jacobian_vector_product", "/vector_jacobian_product", "/health"],
        tell: tesseract::error,
    },
];

/// The dialect at `path`, where it is another than problems.
pub fn at(path: &str) -> Option<&'static Dialect> {
    DIALECTS.iter().find(|dialect| dialect.paths.contains(&path))
}

impl Dialect {
    /// `response`, with what was a problem told in this dialect. Headers, such as when to try again, stay.
    pub fn translate(&self, mut response: Response) -> Response {
        let Some(Written(problem)) = response.extensions().get::<Written>() else { return response };
        let (status, body) = (self.tell)(problem);
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        *response.body_mut() = Body::from(body);
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.remove(header::CONTENT_ENCODING);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
