//! The body of an answer with a watcher, which hears whether all of it was taken and goes away with it.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

/// Something that lasts as long as an answer is being sent.
pub trait Watcher: Send + Unpin + 'static {
    /// The whole body was taken; where this is not told before the drop, the client has gone.
    fn complete(&mut self);
}

/// `response` with `watcher`.
pub fn watch<W: Watcher>(response: Response, watcher: W) -> Response {
    response.map(|body| Body::new(Watched { watcher, body }))
}

struct Watched<W: Watcher> {
    /// Goes first, so that what the end of the body sets off does not happen before it.
    watcher: W,
    body: Body,
}

impl<W: Watcher> HttpBody for Watched<W> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) {
            self.watcher.complete();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl<W: Watcher> Drop for Watched<W> {
    fn drop(&mut self) {
        // Of a body whose length is known nobody asks for the end.
        if self.body.is_end_stream() {
            self.watcher.complete();
        }
    }
}
