//! The one path of every computation: admission, body, worker, answer.

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::api::interchange::file::FileFormat;
use crate::api::{Operation, Problem, Reply};

use super::service::Service;
use super::{body, negotiate};

/// Answers `request` by running `operation` on its body.
pub async fn answer(service: &Service, operation: Operation, request: Request) -> Response {
    let deadline = Instant::now() + service.settings.timeout;
    let (parts, mut body) = request.into_parts();
    let reply = tokio::select! {
        reply = compute(service, operation, &parts, &mut body, deadline) => reply,
        problem = service.drain.ended() => Err(problem),
    };
    body::linger(&parts.headers, body);
    reply.into_response()
}

async fn compute(
    service: &Service,
    operation: Operation,
    parts: &Parts,
    body: &mut Body,
    deadline: Instant,
) -> Result<Reply, Problem> {
    let _under_way = service.drain.enter()?;
    let formats = negotiate::formats(parts)?;
    service.workers.check_room()?;
    let limit = service.settings.max_body_bytes.get();
    let held = body::collect(body, limit, &service.budget, deadline).await?;
    service.workers.run(operation, formats, held, deadline).await
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let file = FileFormat::of(self.content_type);
        let mut response = ([(header::CONTENT_TYPE, self.content_type)], self.body).into_response();
        if let Some(file) = file {
            let value = HeaderValue::from_static(file.disposition());
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
        response
    }
}
