//! Problems as responses, the problems of routing itself, and the pages that their `type` points to.

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use crate::api::{Kind, Problem};

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(&self)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response.extensions_mut().insert(Told(self.kind()));
        response.extensions_mut().insert(Written(self));
        response
    }
}

/// What kind of problem a response is.
#[derive(Clone, Copy, Debug)]
pub struct Told(pub Kind);

/// The problem that a response was written from.
#[derive(Clone)]
pub struct Written(pub Problem);

/// `response`, with the request's `id` in it if it is a 500: there a person needs it to find the log lines.
pub fn name_the_request(response: Response, id: Option<&HeaderValue>) -> Response {
    match response.extensions().get::<Written>() {
        Some(Written(problem)) if problem.status == Kind::INTERNAL.status => {
            let request_id = id.and_then(|id| id.to_str().ok()).map(str::to_owned);
            Problem { request_id, ..problem.clone() }.into_response()
        }
        _ => response,
    }
}

/// What a panic outside of the workers is answered with.
#[allow(clippy::needless_pass_by_value)]
pub fn panicked(_payload: Box<dyn std::any::Any + Send>) -> Response {
    Problem::new(Kind::INTERNAL, "The request could not be handled. Please report it with the request id.")
        .into_response()
}

/// Any path that is not routed.
pub async fn not_found(uri: Uri) -> Problem {
    Problem::new(Kind::NOT_FOUND, format!("There is nothing at {}. GET / names the routes.", uri.path()))
}

/// A routed path, another method. The router adds `Allow`.
pub async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Kind::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}; the Allow header names what it takes.", uri.path()),
    )
}

/// `GET /problems/{slug}`: what a kind of problem means.
pub async fn describe(Path(slug): Path<String>) -> Result<String, Problem> {
    let kind = Kind::ALL.iter().find(|kind| kind.slug == slug).ok_or_else(|| {
        let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.slug).collect();
        Problem::new(
            Kind::NOT_FOUND,
            format!("No problem is called {slug:?}. There are: {}.", known.join(", ")),
        )
    })?;
    Ok(format!("{}\n\nslug:   {}\nstatus: {}\n\n{}\n", kind.title, kind.slug, kind.status, kind.remedy))
}

/// `GET /problems`: all kinds of problems.
pub async fn list() -> String {
    let line = |kind: &Kind| format!("{}  /problems/{:<24} {}\n", kind.status, kind.slug, kind.title);
    Kind::ALL.iter().map(line).collect::<Vec<_>>().concat()
}
