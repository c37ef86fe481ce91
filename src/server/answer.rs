//! The body of a successful answer, which keeps its share of the memory until it has been sent.

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::OwnedSemaphorePermit;

use crate::api::interchange::file::FileFormat;
use crate::api::{Meter, Reply};

use super::server_timing;

/// A reply on its way to the client.
#[derive(Debug)]
pub struct Answer {
    /// Its media type.
    pub content_type: &'static str,
    /// Its bytes. A client that is slow to read them keeps them in memory, and their room taken.
    pub body: Bytes,
    /// Where the time went, for its header.
    pub timing: Option<HeaderValue>,
}

struct Kept {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Answer {
    /// `reply`, in `room`.
    pub fn new(mut reply: Reply, room: Option<OwnedSemaphorePermit>) -> Self {
        reply.body.shrink_to_fit();
        let body = Bytes::from_owner(Kept { bytes: reply.body, _room: room });
        Self { content_type: reply.content_type, body, timing: None }
    }

    /// The same answer, telling where the time went.
    #[must_use]
    pub fn timed(self, meter: &Meter) -> Self {
        Self { timing: server_timing::of(meter), ..self }
    }
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::new(reply, None)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let file = FileFormat::of(self.content_type);
        let mut response = ([(header::CONTENT_TYPE, self.content_type)], self.body).into_response();
        if let Some(file) = file {
            let value = HeaderValue::from_static(file.disposition());
            response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
        }
        if let Some(timing) = self.timing {
            response.headers_mut().insert(server_timing::HEADER, timing);
        }
        response
    }
}
