//! Taking in a request body, no larger and no slower than allowed.

use std::ops::Range;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::api::{Kind, Problem};

use super::budget::Budget;

/// Room that is made for a body before it comes, whatever its `Content-Length` promises.
const FIRST_RESERVATION: u64 = 1 << 20;

/// How long a body may take to get going, and how many bytes must come per second after that, on the whole. Slower ones hold
/// a connection for next to nothing; a telephone modem was faster.
const START: Duration = Duration::from_secs(10);
const SLOWEST: u32 = 1024;

/// A body in memory, with its share of the budget.
#[derive(Debug)]
pub struct Held {
    bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// What lies in `range` of it. The room stays as large until it is dropped.
    #[must_use]
    pub fn part(mut self, range: Range<usize>) -> Self {
        self.bytes = self.bytes.slice(range);
        self
    }

    /// The same room with other bytes in it, which are no more.
    #[must_use]
    pub fn replaced(self, bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), ..self }
    }
}

impl std::ops::Deref for Held {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The whole body.
///
/// # Errors
/// 413 past `limit` bytes, 408 past `deadline` or when it dribbles, 429 past the budget, 400 when the body breaks off.
pub async fn collect(
    body: &mut Body,
    limit: usize,
    budget: &Budget,
    deadline: Instant,
) -> Result<Held, Problem> {
    // hyper takes the lower bound from `Content-Length`; it is 0 for a chunked body.
    let announced = body.size_hint().lower();
    if announced > limit as u64 {
        return Err(too_large(limit, announced));
    }
    let begun = Instant::now();
    let mut room = None;
    let mut gathered = Gathered::default();
    while !body.is_end_stream() {
        let due = deadline.min(begun + allowance(gathered.len()));
        let frame = timeout_at(due, body.frame()).await.map_err(|_| too_slow(gathered.len()))?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|error| broken(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        let length = gathered.len() + data.len();
        if length > limit {
            return Err(too_large(limit, length as u64));
        }
        budget.cover(&mut room, length)?;
        gathered.push(data, announced);
    }
    Ok(Held { bytes: gathered.into_bytes(), _room: room })
}

/// What has come of a body.
enum Gathered {
    /// One piece, which stays in the buffer of its connection.
    One(Bytes),
    /// Several, put together.
    More(Vec<u8>),
}

impl Default for Gathered {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl Gathered {
    fn len(&self) -> usize {
        match self {
            Self::One(piece) => piece.len(),
            Self::More(pieces) => pieces.len(),
        }
    }

    /// Adds a piece of a body of which so many bytes were `announced`.
    fn push(&mut self, piece: Bytes, announced: u64) {
        match self {
            Self::One(first) if first.is_empty() => *first = piece,
            Self::One(first) => {
                let mut pieces = Vec::with_capacity(announced.min(FIRST_RESERVATION) as usize);
                pieces.extend_from_slice(first);
                pieces.extend_from_slice(&piece);
                *self = Self::More(pieces);
            }
            Self::More(pieces) => pieces.extend_from_slice(&piece),
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::One(piece) => piece,
            Self::More(pieces) => pieces.into(),
        }
    }
}

/// The time within which more than `received` bytes must have come.
fn allowance(received: usize) -> Duration {
    START + Duration::from_secs(received as u64) / SLOWEST
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
            "Only {received} bytes of the body came in time. Send it faster: within the setting `timeout`, and after {} s \
             never below {SLOWEST} bytes per second.",
            START.as_secs()
        ),
    )
}

fn broken(error: &axum::Error) -> Problem {
    Problem::new(Kind::MALFORMED_BODY, format!("The body broke off before its end: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_must_come_at_no_less_than_the_slowest_rate() {
        assert_eq!(allowance(0), Duration::from_secs(10));
        assert_eq!(allowance(512), Duration::from_millis(10_500));
        assert_eq!(allowance(60 << 10), Duration::from_secs(70));
        assert!(allowance(usize::MAX) > Duration::from_hours(1));
    }
}
