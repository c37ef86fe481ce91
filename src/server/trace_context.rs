//! W3C Trace Context: the trace that a request is a part of, taken from its `traceparent` and told in log and answer.
//!
//! <https://www.w3.org/TR/trace-context/>. A request without one, or with one that is not well-formed, is in no trace, unless
//! spans are exported: then it begins one.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::layers::is_probe;
use super::settings::Ratio;

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("traceparent");

/// A place in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Of the whole trace; not 0.
    pub trace_id: u128,
    /// Of the span within it; not 0.
    pub span_id: u64,
    /// Bit 0: the caller may have recorded the trace.
    pub flags: u8,
}

impl TraceContext {
    /// That of the caller, in the headers of its request.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(HEADER).iter();
        let (value, None) = (values.next()?, values.next()) else { return None };
        Self::parse(value.to_str().ok()?)
    }

    /// Reads `version-trace-span-flags`, in lower-case hexadecimal. Of a later version than 00 more may follow.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.splitn(5, '-');
        let mut field = |digits: usize| {
            let field = fields.next()?;
            let is_hexadecimal = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            (field.len() == digits && field.bytes().all(is_hexadecimal)).then_some(field)
        };
        let version = field(2)?;
        let trace_id = u128::from_str_radix(field(32)?, 16).ok()?;
        let span_id = u64::from_str_radix(field(16)?, 16).ok()?;
        let flags = u8::from_str_radix(field(2)?, 16).ok()?;
        let is_known = version != "ff" && (version != "00" || fields.next().is_none());
        (is_known && trace_id != 0 && span_id != 0).then_some(Self { trace_id, span_id, flags })
    }

    /// The span of a request that begins a trace, recorded in so many of all cases.
    fn root(recorded: Ratio) -> Option<Self> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok()?;
        let trace_id = u128::from_le_bytes(id);
        let flags = u8::from(is_recorded(trace_id, recorded));
        Some(Self { trace_id, span_id: span_id()?, flags }).filter(|_| trace_id != 0)
    }

    /// A span of this server in the same trace.
    fn child(self) -> Option<Self> {
        // Of later versions other flags are not known here, and must not be passed on.
        Some(Self { span_id: span_id()?, flags: self.flags & 1, ..self })
    }

    /// Whether the trace is recorded, as who began it has decided.
    pub fn is_recorded(self) -> bool {
        self.flags & 1 == 1
    }
}

fn span_id() -> Option<u64> {
    getrandom::u64().ok().filter(|id| *id != 0)
}

/// By the trace's id, as OpenTelemetry's `TraceIdRatioBased` has it, so that servers with the same ratio agree.
fn is_recorded(trace_id: u128, recorded: Ratio) -> bool {
    let end = recorded.get() * (1u64 << 63) as f64;
    trace_id as u64 >> 1 < end as u64
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace_id, self.span_id, self.flags)
    }
}

/// Where a request is in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The span of the request here.
    pub own: TraceContext,
    /// That of the caller; `None` where the trace begins here.
    pub parent: Option<u64>,
}

impl Position {
    /// That of `request`. What brings no trace begins one, if traces are `begun` here, recorded in so many of all cases; but
    /// probes and scrapes, which come every few seconds, do not.
    fn of(request: &Request, begun: Option<Ratio>) -> Option<Self> {
        if let Some(caller) = TraceContext::of(request.headers()) {
            return Some(Self { own: caller.child()?, parent: Some(caller.span_id) });
        }
        let recorded = begun.filter(|_| !is_probe(request.uri().path()))?;
        Some(Self { own: TraceContext::root(recorded)?, parent: None })
    }
}

/// Gives the request a span of its own, in the trace of its caller or one that is `begun` here.
pub fn place(request: &mut Request, begun: Option<Ratio>) -> Option<Position> {
    let position = Position::of(request, begun)?;
    request.extensions_mut().insert(position);
    Some(position)
}

/// Tells it in the answer.
pub fn tell(position: Position, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(position.own.to_string()) {
        headers.insert(HEADER, value);
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanKind, TraceId};
    use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample as _};

    use super::*;

    /// The example of the specification.
    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let context = TraceContext::parse(EXAMPLE).expect("well-formed");
        assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!((context.span_id, context.flags), (0x00f0_67aa_0ba9_02b7, 1));
        assert_eq!(context.to_string(), EXAMPLE);
        let child = context.child().expect("randomness");
        assert_eq!((child.trace_id, child.flags), (context.trace_id, 1));
        assert_ne!(child.span_id, context.span_id);
    }

    #[test]
    fn what_is_recorded_is_what_opentelemetry_would_record() {
        let ids = (0..200u128).map(|i| (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
        let mut recorded = 0;
        for (id, ratio) in ids.flat_map(|id| [0.0, 0.1, 0.5, 1.0].map(|ratio| (id, ratio))) {
            let sampler = Sampler::TraceIdRatioBased(ratio);
            let theirs = sampler.should_sample(None, TraceId::from(id), "", &SpanKind::Server, &[], &[]);
            let ours = is_recorded(id, Ratio::new(ratio).expect("a ratio"));
            assert_eq!(ours, theirs.decision == SamplingDecision::RecordAndSample, "{id:x} {ratio}");
            recorded += usize::from(ours);
        }
        assert!((280..360).contains(&recorded), "{recorded} of 200 and 100 and 20");
    }

    #[test]
    fn what_is_not_well_formed_is_no_trace() {
        let later = EXAMPLE.replacen("00", "cc", 1) + "-what-the-future-will-be-like";
        assert!(TraceContext::parse(&later).is_some(), "a later version may have more");
        for bad in [
            String::new(),
            EXAMPLE.to_uppercase(),
            EXAMPLE.replacen("00", "ff", 1),
            EXAMPLE.to_owned() + "-more",
            EXAMPLE.to_owned() + "-",
            EXAMPLE.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            EXAMPLE.replace("00f067aa0ba902b7", &"0".repeat(16)),
            EXAMPLE.replace("-01", "-+1"),
            EXAMPLE.replace("-01", ""),
            EXAMPLE.replace("-00f", "-0f"),
        ] {
            assert_eq!(TraceContext::parse(&bad), None, "{bad}");
        }
    }
}
