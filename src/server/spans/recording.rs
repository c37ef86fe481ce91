//! Following a request that is recorded, from its head to the end of its answer.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::extract::{MatchedPath, Request};
use axum::response::Response;

use crate::server::around::Around;
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

/// Middleware: records requests, where the trace that they are a part of is recorded.
#[derive(Clone, Debug)]
pub struct Recorder(pub Arc<Spans>);

impl Around for Recorder {
    type Kept = Option<Recording>;

    fn before(&self, request: &mut Request) -> Result<Option<Recording>, Response> {
        let position = request.extensions().get::<Position>().filter(|position| position.own.is_recorded());
        let Some(&position) = position else { return Ok(None) };
        let record = begin(request, position);
        request.extensions_mut().insert(Arc::clone(&record.account));
        Ok(Some(Recording { spans: Arc::clone(&self.0), record: Some(record) }))
    }

    fn after(recording: Option<Recording>, response: Response) -> Response {
        let Some(mut recording) = recording else { return response };
        if let Some(record) = &mut recording.record {
            record.status = Some(response.status());
            if let Some(Told(kind)) = response.extensions().get() {
                record.account.problem(*kind);
            }
        }
        watch(response, recording)
    }
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
pub struct Recording {
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
