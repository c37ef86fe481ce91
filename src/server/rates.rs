//! How often one caller may ask: a token bucket per API key, or per address where there is no key.
//!
//! Answers tell how much is left in the fields of the IETF's draft on them
//! (draft-ietf-httpapi-ratelimit-headers-10): `RateLimit-Policy: "requests";q=60;w=60` is the rule, and
//! `RateLimit: "requests";r=59;t=1` says that 59 requests are left and that in a second it will be all 60.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::api::{Kind, Problem};

use super::Settings;
use super::access::Caller;

/// The field that says what is left.
pub const LEFT: HeaderName = HeaderName::from_static("ratelimit");
/// The field that says what the rule is.
pub const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Addresses are told apart by so many buckets, whatever their number: some 3 MB when all are in use. Who shares one, by a
/// chance that nobody can foresee, also shares its tokens.
const BUCKETS: u64 = 1 << 16;

/// Whose requests are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Bucket {
    Key(String),
    Address(u16),
}

type Limiter = RateLimiter<Bucket, HashMapStateStore<Bucket>, DefaultClock, StateInformationMiddleware>;

/// The buckets, where the settings ask for them.
#[derive(Debug)]
pub struct Rates(Option<Rule>);

#[derive(Debug)]
struct Rule {
    limit: u32,
    window: Duration,
    quota: Quota,
    limiter: Limiter,
    hasher: RandomState,
}

/// What became of one request, and what its answer tells.
#[derive(Debug, Default)]
pub struct Counted {
    refusal: Option<Problem>,
    fields: Option<[(HeaderName, HeaderValue); 2]>,
}

impl Rates {
    /// Rates as `settings` ask.
    pub fn new(settings: &Settings) -> Self {
        let limit = u32::try_from(settings.rate_limit).ok().and_then(NonZeroU32::new);
        Self(limit.and_then(|limit| Rule::new(limit, settings.rate_window)))
    }

    /// Takes a token of `caller`, or of `address` where a key was not asked for or is not known.
    pub fn count(&self, caller: Option<&Caller>, address: IpAddr) -> Counted {
        self.0.as_ref().map(|rule| rule.count(caller, address)).unwrap_or_default()
    }
}

impl Counted {
    /// # Errors
    /// 429 where no token was left.
    pub fn check(&mut self) -> Result<(), Problem> {
        self.refusal.take().map_or(Ok(()), Err)
    }

    /// Writes the fields.
    pub fn tell(self, headers: &mut HeaderMap) {
        headers.extend(self.fields.into_iter().flatten());
    }
}

impl Rule {
    fn new(limit: NonZeroU32, window: Duration) -> Option<Self> {
        let quota = Quota::with_period(window / limit.get())?.allow_burst(limit);
        let limiter = RateLimiter::hashmap(quota).with_middleware();
        Some(Self { limit: limit.get(), window, quota, limiter, hasher: RandomState::new() })
    }

    fn count(&self, caller: Option<&Caller>, address: IpAddr) -> Counted {
        let bucket = match caller {
            Some(Caller::Key(key)) => Bucket::Key(key.name().to_owned()),
            _ => Bucket::Address((self.hasher.hash_one(network(address)) % BUCKETS) as u16),
        };
        match self.limiter.check_key(&bucket) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let refill = self.quota.replenish_interval() * (self.limit - left);
                Counted { refusal: None, fields: Some(self.fields(left, refill)) }
            }
            Err(until) => {
                let wait = seconds(until.wait_time_from(self.limiter.clock().now()));
                Counted { refusal: Some(self.refusal(wait)), fields: Some(self.fields(0, self.window)) }
            }
        }
    }

    fn fields(&self, left: u32, refill: Duration) -> [(HeaderName, HeaderValue); 2] {
        let value = |text: String| HeaderValue::from_str(&text).expect("letters, digits and punctuation");
        [
            (POLICY, value(format!("\"requests\";q={};w={}", self.limit, seconds(self.window)))),
            (LEFT, value(format!("\"requests\";r={left};t={}", seconds(refill)))),
        ]
    }

    fn refusal(&self, wait: u64) -> Problem {
        let detail = format!(
            "{} requests within {} s are allowed, and these are used up. Try again in {wait} s, and ask for more in one \
             request: arrays of samples instead of single points.",
            self.limit,
            seconds(self.window)
        );
        Problem { retry_after: Some(wait), ..Problem::new(Kind::RATE_LIMITED, detail) }
    }
}

/// Whole seconds, rounded up: a second too late is not refused again.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// The network that one subscriber has: an address of IPv4, the 64 leading bits of IPv6.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(address.to_bits()),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        Rates::new(&Settings { rate_limit: 1, rate_window: Duration::from_hours(1), ..Settings::default() })
    }

    #[test]
    fn a_network_counts_as_one_address() {
        for (first, second, same) in [
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("2001:db8::1", "2001:db8::ffff:1", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            let [first, second] = [first, second].map(|text| network(text.parse().expect("an address")));
            assert_eq!(first == second, same);
        }
    }

    #[test]
    fn any_number_of_addresses_takes_bounded_memory() {
        let rates = rates();
        for address in 0..200_000u32 {
            rates.count(None, IpAddr::V4(address.into()));
        }
        let rule = rates.0.expect("a rule");
        assert!(rule.limiter.len() <= BUCKETS as usize, "{}", rule.limiter.len());
    }
}
