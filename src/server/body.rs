//! Taking in a request body, no larger and no slower than allowed, and getting rid of one that is not wanted.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};

use crate::api::{Kind, Problem};

/// Room that is made for a body before it comes, whatever its `Content-Length` promises.
const FIRST_RESERVATION: u64 = 1 << 20;

/// How long the rest of a refused body is still read, so that the client gets to read the refusal.
const LINGER: Duration = Duration::from_secs(2);

/// A 413 when the body's announced length is above `limit`.
pub fn check_announced(body: &Body, limit: usize) -> Result<(), Problem> {
    // hyper takes the lower bound from `Content-Length`; it is 0 for a chunked body.
    let announced = body.size_hint().lower();
    if announced > limit as u64 { Err(too_large(limit, announced)) } else { Ok(()) }
}

/// The whole body.
///
/// # Errors
/// 413 past `limit` bytes, 408 past `deadline`, 400 when the body breaks off.
pub async fn collect(body: &mut Body, limit: usize, deadline: Instant) -> Result<Bytes, Problem> {
    check_announced(body, limit)?;
    let reserve = body.size_hint().lower().min(FIRST_RESERVATION) as usize;
    let mut bytes = Vec::with_capacity(reserve);
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| too_slow(bytes.len()))?;
        let Some(frame) = frame else { return Ok(bytes.into()) };
        let frame = frame.map_err(|error| broken(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        let length = bytes.len() + data.len();
        if length > limit {
            return Err(too_large(limit, length as u64));
        }
        bytes.extend_from_slice(data);
    }
}

/// Reads and drops what is left of a refused body, for a moment. Closing a connection on unread bytes resets it,
/// and a reset makes many clients lose the answer that says why. A client that waits for `100 Continue` has sent
/// nothing yet and would only be asked to by reading.
pub fn linger(headers: &HeaderMap, mut body: Body) {
    if body.is_end_stream() || headers.contains_key(header::EXPECT) {
        return;
    }
    tokio::spawn(timeout(LINGER, async move { while let Some(Ok(_)) = body.frame().await {} }));
}

fn too_large(limit: usize, actual: u64) -> Problem {
    let detail = format!(
        "The body has {actual} bytes or more and the limit is {limit}. Split the request, or raise the setting \
         `max_body_bytes`."
    );
    Problem::new(Kind::BODY_TOO_LARGE, detail).beyond("max_body_bytes", limit as u64, actual)
}

fn too_slow(received: usize) -> Problem {
    Problem::new(
        Kind::BODY_TIMEOUT,
        format!(
            "Only {received} bytes of the body came before the deadline. Send it faster, or raise the setting `timeout`."
        ),
    )
}

fn broken(error: &axum::Error) -> Problem {
    Problem::new(Kind::MALFORMED_JSON, format!("The body broke off before its end: {error}."))
}
