//! Middleware: lets in who may ask and has not asked too often, writes into the log who it was, and words problems as the
//! path and the request have them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use tracing::Span;

use super::access::Caller;
use super::around::Around;
use super::connections::Peer;
use super::dialect::Dialect;
use super::rates::Counted;
use super::service::Service;
use super::{dialect, problems, request_id};

/// Lets requests in.
#[derive(Clone, Debug)]
pub struct Admission(pub Arc<Service>);

/// How the answer to a request is told.
pub struct Manner {
    dialect: Option<&'static Dialect>,
    id: Option<HeaderValue>,
    counted: Counted,
}

impl Around for Admission {
    type Kept = Manner;

    fn before(&self, request: &mut Request) -> Result<Manner, Response> {
        let Self(service) = self;
        let path = request.uri().path();
        let id = request.headers().get(request_id::HEADER).cloned();
        let mut manner = Manner { dialect: dialect::at(path), id, counted: Counted::default() };
        if service.access.is_open(path) {
            return Ok(manner);
        }
        let caller = service.access.caller(request.headers());
        if let Ok(Caller::Key(key)) = &caller {
            Span::current().record("key", key.name());
        }
        // Who has no valid key is counted by address, so that guessing is limited as well.
        manner.counted = service.rates.count(caller.as_ref().ok(), address(request));
        let admitted = manner.counted.check().and(caller).and_then(|caller| caller.may_ask(path));
        match admitted {
            Ok(()) => Ok(manner),
            Err(problem) => Err(Self::after(manner, problem.into_response())),
        }
    }

    fn after(manner: Manner, response: Response) -> Response {
        let Manner { dialect, id, counted } = manner;
        let mut response = problems::name_the_request(response, id.as_ref());
        counted.tell(response.headers_mut());
        match dialect {
            Some(dialect) => dialect.translate(response),
            None => response,
        }
    }
}

fn address(request: &Request) -> IpAddr {
    request.extensions().get().map_or(Ipv4Addr::UNSPECIFIED.into(), |Peer(address)| *address)
}
