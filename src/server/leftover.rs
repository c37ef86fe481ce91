//! What an answer leaves unread of its request's body.
//!
//! A refusal mostly comes before the body. Closing a connection on unread bytes resets it, and a reset makes many clients
//! lose the answer that says why, or the request that they send next. So what is left is read and dropped for a moment.
//! Where that may not be all of it, the answer says that the connection will be closed (RFC 9112, section 9.6).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;
use tokio::time::timeout;

/// How long what is left is still read.
const LINGER: Duration = Duration::from_secs(2);
/// Bytes that come within that time over any line, so that the connection can be kept.
const LITTLE: u64 = 64 << 10;

/// Bytes that the handlers have left of a body, at most.
#[derive(Debug)]
pub struct Leftover(Option<Arc<AtomicU64>>);

/// Drains what will be left of the body of `request`.
pub fn drain(request: &mut Request) -> Leftover {
    if request.body().is_end_stream() {
        return Leftover(None);
    }
    let left = Arc::new(AtomicU64::new(0));
    let is_held_back = request.headers().contains_key(header::EXPECT);
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = Body::new(Lent { body, is_held_back, is_read: false, left: Arc::clone(&left) });
    Leftover(Some(left))
}

impl Leftover {
    /// Tells in the answer if the connection will be closed on what was left.
    pub fn tell(&self, response: &mut Response) {
        let Self(Some(left)) = self else { return };
        let is_too_slow = response.status() == StatusCode::REQUEST_TIMEOUT;
        if is_too_slow || left.load(Ordering::Relaxed) > LITTLE {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// A body that is drained when its reader drops it.
struct Lent {
    body: Body,
    /// The client waits for `100 Continue`, which the first read sends.
    is_held_back: bool,
    /// Its end was seen. A chunked body does not know when it has come to its end.
    is_read: bool,
    /// Told on dropping: bytes that are still to come, at most.
    left: Arc<AtomicU64>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.is_held_back = false;
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.is_read = matches!(frame, Poll::Ready(None | Some(Err(_))));
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.is_read || self.body.is_end_stream() {
            return;
        }
        let mut body = std::mem::take(&mut self.body);
        // Whether a client that was not asked for its body sends it nevertheless cannot be known.
        let left = if self.is_held_back { None } else { body.size_hint().upper() };
        self.left.store(left.unwrap_or(u64::MAX), Ordering::Relaxed);
        // There is no runtime when the last connections go with it.
        if let (false, Ok(runtime)) = (self.is_held_back, Handle::try_current()) {
            runtime.spawn(timeout(LINGER, async move { while let Some(Ok(_)) = body.frame().await {} }));
        }
    }
}
