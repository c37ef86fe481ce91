//! Request ids: taken from the client's `x-request-id` where it is fit to be logged, made otherwise.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tower_http::request_id::{MakeRequestId, RequestId};

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Ids longer than this are replaced; a UUID has 36 characters, a W3C trace context 55.
const LONGEST: usize = 128;

/// Makes ids that are unique within a process and, by a random prefix, very likely between processes.
#[derive(Clone, Copy, Debug)]
pub struct Counter {
    prefix: u64,
}

impl Default for Counter {
    fn default() -> Self {
        // The keys of `RandomState` are the one source of randomness that the standard library has.
        Self { prefix: RandomState::new().build_hasher().finish() }
    }
}

impl MakeRequestId for Counter {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = HeaderValue::from_str(&format!("{:016x}-{number:08x}", self.prefix)).ok()?;
        Some(RequestId::new(id))
    }
}

/// Drops an id that is too long or holds more than letters, digits and `-_.:/+=`, so that nothing odd gets into the logs. A
/// fresh one is then made.
pub fn drop_unfit(headers: &mut HeaderMap) {
    let fit = |id: &HeaderValue| {
        let bytes = id.as_bytes();
        (1..=LONGEST).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
    };
    if !headers.get_all(&HEADER).iter().all(fit) {
        headers.remove(&HEADER);
    }
}

/// The id of a request that has passed the middleware.
pub fn of(headers: &HeaderMap) -> Option<&str> {
    headers.get(&HEADER).and_then(|id| id.to_str().ok())
}
