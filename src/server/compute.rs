//! The one path of every computation: admission, body, worker, answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use crate::api::events::Events;
use crate::api::{Operation, Problem};
use crate::engine::Interrupt;

use super::answer::Answer;
use super::body;
use super::body::Held;
use super::drain::UnderWay;
use super::negotiate::Formats;
use super::service::Service;

/// Finds out what a request takes and gives.
pub type Negotiation = fn(&Parts) -> Result<Formats, Problem>;

/// Answers `request` by running `operation` on its body, in the formats that `negotiation` finds.
pub async fn answer(
    service: &Arc<Service>,
    operation: Operation,
    negotiation: Negotiation,
    request: Request,
) -> Response {
    let (parts, mut body) = request.into_parts();
    let reply = tokio::select! {
        reply = compute(service, operation, negotiation, &parts, &mut body) => reply,
        problem = service.drain.ended() => Err(problem),
    };
    reply.into_response()
}

async fn compute(
    service: &Arc<Service>,
    operation: Operation,
    negotiation: Negotiation,
    parts: &Parts,
    body: &mut Body,
) -> Result<Answer, Problem> {
    Admitted::new(service, negotiation, parts, body).await?.run(operation, None).await
}

/// A request that was let in, with its body.
pub struct Admitted {
    service: Arc<Service>,
    formats: Formats,
    body: Held,
    deadline: Instant,
    interrupt: Interrupt,
    _under_way: UnderWay,
}

impl Admitted {
    /// Lets a request in and reads its body, if `formats` finds its headers right.
    pub async fn new(
        service: &Arc<Service>,
        formats: Negotiation,
        parts: &Parts,
        body: &mut Body,
    ) -> Result<Self, Problem> {
        let deadline = Instant::now() + service.settings.timeout;
        let under_way = service.drain.enter()?;
        let formats = formats(parts)?;
        service.workers.check_room()?;
        let limit = service.settings.max_body_bytes.get();
        let body = body::collect(body, limit, &service.budget, deadline).await?;
        let interrupt = Interrupt::at(deadline.into_std());
        Ok(Self { service: Arc::clone(service), formats, body, deadline, interrupt, _under_way: under_way })
    }

    /// Runs `operation` on it.
    pub async fn run(self, operation: Operation, events: Option<Events>) -> Result<Answer, Problem> {
        let (workers, until) = (&self.service.workers, (self.deadline, self.interrupt));
        workers.run(operation, self.formats, events, self.body, until).await
    }

    /// Stops the operation while somebody still waits for it.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// The server's part of it.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }
}
