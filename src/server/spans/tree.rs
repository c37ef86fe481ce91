//! The spans of a request: one for the whole, as the
//! [semantic conventions for HTTP](https://opentelemetry.io/docs/specs/semconv/http/http-spans/) have it, and below it one for
//! each stay in a stage.

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use axum::http::{Method, Version};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator, SpanData, SpanEvents, SpanLinks};

use crate::api::Unit;
use crate::api::timeline::Stint;
use crate::server::service::VERSION;

use super::record::Record;

/// Methods that the conventions know; others could make names without end.
static METHODS: [Method; 9] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::CONNECT,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

/// What the error of a request is called whose client was gone, as in the metrics.
const HANG_UP: &str = "hang_up";

/// Makes spans of records.
#[derive(Debug)]
pub struct Tree {
    scope: InstrumentationScope,
    scheme: &'static str,
    ids: RandomIdGenerator,
}

impl Tree {
    /// For requests that came by `scheme`.
    pub fn new(scheme: &'static str) -> Self {
        let scope = InstrumentationScope::builder("gradd").with_version(VERSION).build();
        Self { scope, scheme, ids: RandomIdGenerator::default() }
    }

    /// The span of a request, and those of its stages.
    pub fn spans(&self, record: &Record) -> Vec<SpanData> {
        let stints = record.account.meter.stints();
        let during = stints.iter().filter(|stint| stint.begun <= record.ended);
        let children = during.map(|stint| self.stage(record, stint));
        std::iter::once(self.request(record)).chain(children).collect()
    }

    fn request(&self, record: &Record) -> SpanData {
        let own = record.position.own;
        let parent = record.position.parent.map_or(SpanId::INVALID, SpanId::from);
        let times = (record.date, date(record, record.ended));
        let span = self.span(record, SpanId::from(own.span_id), parent, times);
        let is_error = record.status.is_some_and(|status| status.is_server_error());
        SpanData {
            parent_span_is_remote: record.position.parent.is_some(),
            span_kind: SpanKind::Server,
            name: name(record).into(),
            attributes: self.attributes(record),
            status: if is_error { Status::error("") } else { Status::Unset },
            ..span
        }
    }

    fn attributes(&self, record: &Record) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("http.request.method", method(record)),
            KeyValue::new("url.path", record.path.clone()),
            KeyValue::new("url.scheme", self.scheme),
            KeyValue::new("network.protocol.version", version(record.version)),
        ];
        let mut tell = |key: &'static str, value: Option<opentelemetry::Value>| {
            attributes.extend(value.map(|value| KeyValue::new(key, value)));
        };
        tell("http.route", record.route.as_ref().map(|route| route.to_string().into()));
        tell("http.response.status_code", record.status.map(|status| i64::from(status.as_u16()).into()));
        tell("error.type", error_type(record).map(Into::into));
        tell("network.peer.address", record.peer.map(|peer| peer.to_string().into()));
        tell("gradd.request_id", record.id.clone().map(Into::into));
        for (unit, key) in
            [(Unit::Nodes, "gradd.nodes"), (Unit::Samples, "gradd.samples"), (Unit::Steps, "gradd.steps")]
        {
            let count = record.account.meter.count_of(unit);
            tell(key, (count > 0).then(|| i64::try_from(count).unwrap_or(i64::MAX).into()));
        }
        attributes
    }

    fn stage(&self, record: &Record, stint: &Stint) -> SpanData {
        let parent = SpanId::from(record.position.own.span_id);
        // A computation that was stopped takes a moment to notice, and thereby longer than its request.
        let ended = stint.ended.filter(|ended| *ended <= record.ended);
        let times = (date(record, stint.begun), date(record, ended.unwrap_or(record.ended)));
        let span = self.span(record, self.ids.new_span_id(), parent, times);
        let unfinished = ended.is_none().then(|| KeyValue::new("gradd.unfinished", true));
        SpanData { name: stint.stage.name().into(), attributes: unfinished.into_iter().collect(), ..span }
    }

    fn span(
        &self,
        record: &Record,
        id: SpanId,
        parent: SpanId,
        (begun, ended): (SystemTime, SystemTime),
    ) -> SpanData {
        let own = record.position.own;
        let flags = TraceFlags::new(own.flags);
        let trace_id = TraceId::from(own.trace_id);
        SpanData {
            span_context: SpanContext::new(trace_id, id, flags, false, TraceState::NONE),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: Cow::Borrowed(""),
            start_time: begun,
            end_time: ended,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: self.scope.clone(),
        }
    }
}

/// `instant` on the calendar, which may be set meanwhile: within a request there is only one clock.
fn date(record: &Record, instant: Instant) -> SystemTime {
    record.date + instant.saturating_duration_since(record.begun)
}

fn method(record: &Record) -> &'static str {
    METHODS.iter().find(|known| **known == record.method).map_or("_OTHER", Method::as_str)
}

/// Such as `POST /v1/gradient`.
fn name(record: &Record) -> String {
    let method = match method(record) {
        "_OTHER" => "HTTP",
        method => method,
    };
    record.route.as_ref().map_or_else(|| method.to_owned(), |route| format!("{method} {route}"))
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_10 => "1.0",
        Version::HTTP_11 => "1.1",
        _ => "2",
    }
}

/// What went wrong: the last segment of a problem's type, or that the client was gone.
fn error_type(record: &Record) -> Option<String> {
    let told = record.account.told().map(|kind| kind.slug.to_owned());
    told.or_else(|| (!record.has_ended).then(|| HANG_UP.to_owned()))
}
