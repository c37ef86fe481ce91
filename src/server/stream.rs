//! Computations that tell how far they are: the answer as server-sent events.
//!
//! What goes wrong before the first event is a plain problem with its status. After that the status is out, and the last
//! event is `result` or `problem`. Between events a comment every 15 seconds keeps proxies from closing the connection. A
//! client that hangs up drops the stream, which stops the computation.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::api::events::{Event, Events};
use crate::api::{Operation, Problem};

use super::answer::Answer;
use super::compute::Admitted;
use super::metrics::Requests;
use super::service::Service;
use super::spans::Account;
use super::workers::LAST_WORDS;
use super::{negotiate, request_id};

/// Events that may wait for a slow client; what does not fit is not told.
const WAITING: usize = 16;
const HEARTBEAT: Duration = Duration::from_secs(15);
/// nginx holds answers back unless it is told not to.
const NO_BUFFERING: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// Answers `request` by the events of `operation` on its body.
pub async fn answer(service: &Arc<Service>, operation: Operation, request: Request) -> Response {
    let (parts, mut body) = request.into_parts();
    let admitted = tokio::select! {
        admitted = Admitted::new(service, negotiate::formats_of_events, &parts, &mut body) => admitted,
        problem = service.drain.ended() => Err(problem),
    };
    drop(body);
    match admitted {
        Ok(admitted) => {
            let (requests, account) = (Arc::clone(&service.requests), admitted.account());
            let witness =
                Witness { requests, account, request_id: request_id::of(&parts.headers).map(str::to_owned) };
            respond(Running::new(admitted, operation), witness).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Who is told of a problem that comes as an event.
#[derive(Clone)]
struct Witness {
    requests: Arc<Requests>,
    account: Arc<Account>,
    request_id: Option<String>,
}

impl Witness {
    /// The event that tells the client.
    fn event(self, problem: Problem) -> Event {
        self.requests.problem(problem.kind());
        self.account.problem(problem.kind());
        Event::new("problem", &Problem { request_id: self.request_id, ..problem })
    }
}

async fn respond(mut running: Running, witness: Witness) -> Response {
    let first = match running.next().await {
        Some(Told::Ended(Err(problem))) => return problem.into_response(),
        first => first,
    };
    let lines = stream::unfold((first, running, 0u64), move |(first, mut running, id)| {
        let witness = witness.clone();
        async move {
            let told = match first {
                Some(first) => Some(first),
                None => running.next().await,
            };
            let event = match told? {
                Told::Event(event) => event,
                Told::Ended(Ok(reply)) => {
                    Event { name: "result", data: String::from_utf8_lossy(&reply.body).into_owned() }
                }
                Told::Ended(Err(problem)) => witness.event(problem),
            };
            let line = Line::default().id(id.to_string()).event(event.name).data(event.data);
            Some((Ok::<_, Infallible>(line), (None, running, id + 1)))
        }
    });
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("still at work");
    ([NO_BUFFERING], Sse::new(lines).keep_alive(heartbeat)).into_response()
}

type End = Result<Answer, Problem>;

enum Told {
    Event(Event),
    Ended(End),
}

/// A computation and what it tells.
struct Running {
    events: mpsc::Receiver<Event>,
    /// `None` once it has ended.
    work: Option<Pin<Box<dyn Future<Output = End> + Send>>>,
    end: Option<End>,
}

impl Running {
    fn new(admitted: Admitted, operation: Operation) -> Self {
        let (sender, events) = mpsc::channel(WAITING);
        let sink = Events::new(move |event| sender.try_send(event).is_ok());
        let service = Arc::clone(admitted.service());
        let interrupt = admitted.interrupt();
        let work = async move {
            let mut reply = pin!(admitted.run(operation, Some(sink)));
            let problem = tokio::select! {
                reply = &mut reply => return reply,
                problem = service.drain.ended() => problem,
            };
            // It is stopped as by a deadline, and has as long to tell its last checkpoint.
            interrupt.cancel();
            match timeout(LAST_WORDS, reply).await {
                Ok(Ok(reply)) => Ok(reply),
                _ => Err(problem),
            }
        };
        Self { events, work: Some(Box::pin(work)), end: None }
    }

    /// What is told next; the end comes after all events.
    async fn next(&mut self) -> Option<Told> {
        if let Some(work) = &mut self.work {
            tokio::select! {
                biased;
                Some(event) = self.events.recv() => return Some(Told::Event(event)),
                end = work => self.end = Some(end),
            }
            self.work = None;
        }
        match self.events.try_recv() {
            Ok(event) => Some(Told::Event(event)),
            Err(_) => self.end.take().map(Told::Ended),
        }
    }
}
