//! Middleware: lets in who may ask, and writes into the log who it was.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Span;

use super::access::Caller;
use super::body;
use super::service::Service;

/// Answers `request` if it may be asked.
pub async fn admit(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if service.access.is_open(path) {
        return next.run(request).await;
    }
    match service.access.caller(path, request.headers()) {
        Ok(caller) => {
            if let Caller::Key(name) = &caller {
                Span::current().record("key", name);
            }
            next.run(request).await
        }
        Err(problem) => {
            let (parts, body) = request.into_parts();
            body::linger(&parts.headers, body);
            problem.into_response()
        }
    }
}
