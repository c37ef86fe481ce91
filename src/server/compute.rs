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
use super::endpoint::{Endpoint, Negotiation, Place};
use super::negotiate::Formats;
use super::service::Service;
use super::spans::Account;
use super::workers::Job;

/// Answers `request` by running the operation of `endpoint` on its body.
pub async fn answer(service: &Arc<Service>, endpoint: &Endpoint, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let reply = tokio::select! {
        // In this order: most are done when they are first asked, and need not listen for the end.
        biased;
        reply = compute(service, endpoint, &parts, &mut body) => reply,
        problem = service.drain.ended() => Err(problem),
    };
    reply.into_response()
}

async fn compute(
    service: &Arc<Service>,
    endpoint: &Endpoint,
    parts: &Parts,
    body: &mut Body,
) -> Result<Answer, Problem> {
    let admitted = Admitted::new(service, endpoint.negotiation, parts, body).await?;
    if endpoint.place == Place::Nearest
        && let Some(answer) = admitted.at_once(endpoint.operation)
    {
        return Ok(answer);
    }
    // In a box of its own: what most requests are done without makes no room in their futures.
    Box::pin(admitted.run(endpoint.operation, None)).await
}

/// A request that was let in, with its body.
pub struct Admitted {
    service: Arc<Service>,
    formats: Formats,
    body: Held,
    deadline: Instant,
    interrupt: Interrupt,
    account: Arc<Account>,
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
        Ok(Self::of(service, formats, body, deadline, Account::of(&parts.extensions), under_way))
    }

    /// Lets a request in whose body has been read.
    pub fn with_body(
        service: &Arc<Service>,
        formats: Formats,
        body: Held,
        deadline: Instant,
        account: Arc<Account>,
    ) -> Result<Self, Problem> {
        let under_way = service.drain.enter()?;
        service.workers.check_room()?;
        Ok(Self::of(service, formats, body, deadline, account, under_way))
    }

    fn of(
        service: &Arc<Service>,
        formats: Formats,
        body: Held,
        deadline: Instant,
        account: Arc<Account>,
        under_way: UnderWay,
    ) -> Self {
        let interrupt = Interrupt::at(deadline.into_std());
        let service = Arc::clone(service);
        Self { service, formats, body, deadline, interrupt, account, _under_way: under_way }
    }

    /// Runs `operation` on it without a worker, if it is small.
    fn at_once(&self, operation: Operation) -> Option<Answer> {
        let (body, meter) = (&self.body, &self.account.meter);
        self.service.workers.at_once(operation, self.formats, body, &self.interrupt, meter)
    }

    /// Runs `operation` on it.
    pub async fn run(self, operation: Operation, events: Option<Events>) -> Result<Answer, Problem> {
        let Self { service, formats, body, deadline, interrupt, account, _under_way } = self;
        let meter = Arc::clone(&account.meter);
        let job = Job { operation, formats, events, body, deadline, interrupt, meter };
        service.workers.run(job).await
    }

    /// Stops the operation while somebody still waits for it.
    pub fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// What its span shall tell.
    pub fn account(&self) -> Arc<Account> {
        Arc::clone(&self.account)
    }

    /// The server's part of it.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }
}
