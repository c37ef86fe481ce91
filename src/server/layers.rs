//! The middleware that every request passes, from the outside in.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::response::Response;
use tower::ServiceBuilder;
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate, SizeAbove};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use tracing::{Span, debug_span, field, info, info_span};

use super::admission::Admission;
use super::around::{Around, AroundLayer};
use super::connections::Peer;
use super::leftover::Leftover;
use super::metrics::requests::{Observation, Requests};
use super::service::Service;
use super::settings::Ratio;
use super::spans::Recorder;
use super::trace_context::Position;
use super::{Settings, leftover, problems, rates, request_id, server_timing, trace_context};

/// Answers below this many bytes fit a network packet or two as they are.
const SMALLEST_COMPRESSED: u64 = 1024;

/// Puts the middleware around `router`, as one stack: a router that is given layer after layer boxes and clones every one of
/// them for every request.
pub fn wrap(router: Router, service: &Arc<Service>) -> Router {
    let settings = &service.settings;
    let compresses = settings.compression;
    let compression = CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(
        DefaultPredicate::new()
            .and(SizeAbove::new(SMALLEST_COMPRESSED))
            .and(move |_: StatusCode, _: Version, _: &HeaderMap, _: &Extensions| compresses),
    );
    let cors = (!settings.cors_origins.is_empty()).then(|| cors(&settings.cors_origins));
    let frame = Frame {
        requests: Arc::clone(&service.requests),
        begun: service.spans.is_some().then_some(settings.otlp_sampling_ratio),
        transport_security: transport_security(settings),
    };
    let recorder = service.spans.clone().map(|spans| AroundLayer(Recorder(spans)));
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(log_answer)
        // A 5xx is in the answer's line; where there is more to tell, the place that knows has told it.
        .on_failure(());
    router.layer(
        ServiceBuilder::new()
            .layer(AroundLayer(frame))
            .layer(SetRequestIdLayer::new(request_id::HEADER, request_id::Counter::default()))
            .layer(PropagateRequestIdLayer::new(request_id::HEADER))
            .layer(trace)
            .option_layer(recorder)
            .option_layer(cors)
            .layer(AroundLayer(Admission(Arc::clone(service))))
            .layer(compression)
            .layer(CatchPanicLayer::custom(problems::panicked)),
    )
}

/// The outermost middleware: counts and measures, finds the place in a trace, drains and hardens.
#[derive(Clone)]
struct Frame {
    requests: Arc<Requests>,
    /// Of the traces that begin here, how many are recorded, if any.
    begun: Option<Ratio>,
    transport_security: Option<HeaderValue>,
}

/// What the frame keeps of a request until it is answered.
struct Framed {
    observation: Observation,
    position: Option<Position>,
    leftover: Leftover,
    transport_security: Option<HeaderValue>,
}

impl Around for Frame {
    type Kept = Framed;

    fn before(&self, request: &mut Request) -> Result<Framed, Response> {
        let observation = self.requests.begin(request);
        request_id::drop_unfit(request.headers_mut());
        let position = trace_context::place(request, self.begun);
        let transport_security = self.transport_security.clone();
        Ok(Framed { observation, position, leftover: leftover::drain(request), transport_security })
    }

    fn after(framed: Framed, mut response: Response) -> Response {
        let Framed { observation, position, leftover, transport_security } = framed;
        leftover.tell(&mut response);
        let headers = response.headers_mut();
        if let Some(position) = position {
            trace_context::tell(position, headers);
        }
        harden(headers, transport_security);
        observation.watch(response)
    }
}

/// What browsers must not do with an answer. A page that needs more brings a policy of its own.
const HARDENING: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

fn harden(headers: &mut HeaderMap, transport_security: Option<HeaderValue>) {
    for (name, value) in HARDENING {
        headers.entry(name).or_insert(value);
    }
    if let Some(value) = transport_security {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
}

/// What browsers are told over TLS (RFC 6797): not to come in the clear again. In the clear it means nothing.
fn transport_security(settings: &Settings) -> Option<HeaderValue> {
    let seconds = settings.hsts_max_age.as_secs();
    let is_told = seconds > 0 && !settings.tls_certificate.as_os_str().is_empty();
    is_told.then(|| HeaderValue::try_from(format!("max-age={seconds}")).ok()).flatten()
}

/// Whether this is asked for every few seconds, by machines.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

fn span(request: &Request) -> Span {
    let id = request_id::of(request.headers());
    let path = request.uri().path();
    // Probes and scrapes come every few seconds; at the usual level they would drown everything else.
    if is_probe(path) {
        return debug_span!("request", id, method = %request.method(), path);
    }
    // The name of the API key is known only once the request is let in.
    let peer = request.extensions().get().map(|Peer(address)| field::display(address));
    let trace =
        request.extensions().get::<Position>().map(|position| format!("{:032x}", position.own.trace_id));
    info_span!("request", id, trace, peer, method = %request.method(), path, key = field::Empty)
}

fn log_answer<B>(response: &axum::http::Response<B>, latency: Duration, span: &Span) {
    if !span.is_disabled() {
        info!(status = response.status().as_u16(), milliseconds = latency.as_secs_f64() * 1e3, "answered");
    }
}

fn cors(origins: &[String]) -> CorsLayer {
    let layer = CorsLayer::new()
        .allow_methods(Any)
        // "*" would leave out Authorization, which a browser has to be allowed by name.
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            request_id::HEADER,
            header::RETRY_AFTER,
            header::WWW_AUTHENTICATE,
            rates::LEFT,
            rates::POLICY,
            server_timing::HEADER,
            trace_context::HEADER,
            #[cfg(feature = "mcp")]
            super::mcp::SESSION,
        ]);
    if origins.iter().any(|origin| origin == "*") {
        return layer.allow_origin(Any);
    }
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    layer.allow_origin(origins)
}
