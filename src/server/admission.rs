//! Middleware: lets in who may ask and has not asked too often, writes into the log who it was, and words problems as the
//! path and the request have them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Span;

use super::access::Caller;
use super::connections::Peer;
use super::service::Service;
use super::{dialect, problems, request_id};

/// Answers `request` if it may be asked, in the dialect of its path.
pub async fn admit(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let dialect = dialect::at(request.uri().path());
    let response = answer(&service, request, next).await;
    match dialect {
        Some(dialect) => dialect.translate(response),
        None => response,
    }
}

async fn answer(service: &Service, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if service.access.is_open(path) {
        return ask(request, next).await;
    }
    let caller = service.access.caller(request.headers());
    if let Ok(Caller::Key(key)) = &caller {
        Span::current().record("key", key.name());
    }
    // Who has no valid key is counted by address, so that guessing is limited as well.
    let mut counted = service.rates.count(caller.as_ref().ok(), address(&request));
    let admitted = counted.check().and(caller).and_then(|caller| caller.may_ask(path));
    let mut response = match admitted {
        Ok(()) => ask(request, next).await,
        Err(problem) => problem.into_response(),
    };
    counted.tell(response.headers_mut());
    response
}

/// The answer of what lies within, which does not know the request's id.
async fn ask(request: Request, next: Next) -> Response {
    let id = request.headers().get(request_id::HEADER).cloned();
    problems::name_the_request(next.run(request).await, id.as_ref())
}

fn address(request: &Request) -> IpAddr {
    request.extensions().get().map_or(Ipv4Addr::UNSPECIFIED.into(), |Peer(address)| *address)
}
