//! Following a request that is recorded, from its head to the end of its answer.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::server::connections::Peer;
use crate::server::problems::Told;
use crate::server::request_id;
use crate::server::trace_context::Position;
use crate::server::watched::{Watcher, watch};

use super::account::Account;
use super::export::Spans;
use super::record::Record;

/// Characters of a path that are kept; the routes have some twenty.
const LONGEST_PATH: usize = 256;

/// Middleware: records the request, if the trace that it is a part of is recorded.
pub async fn record(State(spans): State<Arc<Spans>>, mut request: Request, next: Next) -> Response {
    let position = request.extensions().get::<Position>().filter(|position| position.own.is_recorded());
    let Some(&position) = position else { return next.run(request).await };
    let mut recording = Recording { spans, record: Some(begin(&request, position)) };
    if let Some(record) = &recording.record {
        request.extensions_mut().insert(Arc::clone(&record.account));
    }
    let response = next.run(request).await;
    if let Some(record) = &mut recording.record {
        record.status = Some(response.status());
        if let Some(Told(kind)) = response.extensions().get() {
            record.account.problem(*kind);
        }
    }
    watch(response, recording)
}

fn begin(request: &Request, position: Position) -> Record {
    let begun = Instant::now();
    Record {
        position,
        method: request.method().clone(),
        route: request.extensions().get().map(|path: &MatchedPath| path.as_str().into()),
        path: request.uri().path().chars().take(LONGEST_PATH).collect(),
        version: request.version(),
        id: request_id::of(request.headers()).map(str::to_owned),
        peer: request.extensions().get().map(|Peer(address)| *address),
        date: SystemTime::now(),
        begun,
        ended: begun,
        status: None,
        has_ended: false,
        account: Arc::new(Account::with_timeline()),
    }
}

/// A request under way.
struct Recording {
    spans: Arc<Spans>,
    /// `None` once it is sent.
    record: Option<Record>,
}

impl Watcher for Recording {
    fn complete(&mut self) {
        if let Some(record) = &mut self.record {
            record.has_ended = true;
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(record) = self.record.take() {
            self.spans.send(Record { ended: Instant::now(), ..record });
        }
    }
}
