//! What a collector of traces is told. The collector here is a few lines that decode what comes by OpenTelemetry's own
//! definitions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use gradd::api::{Context, Problem, Reply, Stage};
use gradd::server::Settings;
use gradd::server::endpoint::Endpoint;
use gradd::server::settings::Ratio;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as Code;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use reqwest::{RequestBuilder, Response};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::binary::Server;
use crate::helpers::{Gate, OpenOnDrop, TestApp, client, eventually, gate, settings, within};
use crate::metrics::Metrics;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector of traces.
struct Collector {
    endpoint: String,
    taken: Arc<Mutex<Vec<(HeaderMap, ExportTraceServiceRequest)>>>,
}

impl Collector {
    async fn start() -> Self {
        Self::answering(StatusCode::OK).await
    }

    async fn answering(status: StatusCode) -> Self {
        let taken: Arc<Mutex<Vec<_>>> = Arc::default();
        let keep = Arc::clone(&taken);
        let take = move |headers: HeaderMap, body: Bytes| {
            let request = ExportTraceServiceRequest::decode(body).expect("protobuf");
            keep.lock().expect("no panic").push((headers, request));
            async move { status }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { endpoint, taken }
    }

    /// Settings of a server that exports to it.
    fn settings(&self) -> Settings {
        exporting(&self.endpoint)
    }

    /// All spans so far.
    fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().expect("no panic");
        let resources = taken.iter().flat_map(|(_, request)| &request.resource_spans);
        resources.flat_map(|resource| &resource.scope_spans).flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The one span called `name` and those below it, by their beginnings, once they have come.
    async fn tree(&self, name: &str) -> Tree {
        eventually(async || self.spans().iter().any(|span| span.name == name)).await;
        let (mut own, others): (Vec<Span>, Vec<Span>) =
            self.spans().into_iter().partition(|span| span.name == name);
        assert_eq!(own.len(), 1, "{own:#?}");
        let root = own.remove(0);
        let mut stages: Vec<Span> =
            others.into_iter().filter(|span| span.parent_span_id == root.span_id).collect();
        stages.sort_by_key(|span| (span.start_time_unix_nano, span.end_time_unix_nano));
        Tree { root, stages }
    }
}

/// The span of a request with those of its stages.
struct Tree {
    root: Span,
    stages: Vec<Span>,
}

impl Tree {
    fn stage_names(&self) -> Vec<&str> {
        self.stages.iter().map(|span| span.name.as_str()).collect()
    }

    fn stage(&self, name: &str) -> &Span {
        self.stages.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("no {name}"))
    }

    fn attributes(&self) -> BTreeMap<String, String> {
        attributes(&self.root.attributes)
    }

    /// Ids are where they belong, and times nest: stages lie within the request, one after another.
    fn is_well_formed(&self) {
        let mut ids = vec![&self.root.span_id];
        let mut last = self.root.start_time_unix_nano;
        for stage in &self.stages {
            assert_eq!(stage.trace_id, self.root.trace_id);
            assert_eq!(stage.kind(), SpanKind::Internal);
            assert!(last <= stage.start_time_unix_nano, "{stage:#?} begins before what precedes it ends");
            assert!(stage.start_time_unix_nano <= stage.end_time_unix_nano, "{stage:#?}");
            last = stage.end_time_unix_nano;
            assert!(!ids.contains(&&stage.span_id), "two spans have one id");
            ids.push(&stage.span_id);
        }
        assert!(last <= self.root.end_time_unix_nano, "{:#?}", self.root);
        assert_eq!(self.root.kind(), SpanKind::Server);
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => text.clone(),
        Some(Any::IntValue(number)) => number.to_string(),
        Some(Any::BoolValue(truth)) => truth.to_string(),
        other => panic!("{other:?}"),
    };
    pairs.iter().map(|pair| (pair.key.clone(), text(pair))).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

fn exporting(endpoint: &str) -> Settings {
    Settings { otlp_endpoint: endpoint.parse().expect("an address"), ..settings() }
}

/// Within the trace of a caller who records it, or does not.
fn traced(request: RequestBuilder, flags: &str) -> RequestBuilder {
    request.header("traceparent", format!("00-{TRACE}-{CALLER}-{flags}"))
}

async fn sent(request: RequestBuilder) -> Response {
    request.send().await.expect("an answer")
}

/// The fields of the `traceparent` of an answer.
fn told(response: &Response) -> [String; 4] {
    let value = response.headers()["traceparent"].to_str().expect("text");
    let fields: Vec<String> = value.split('-').map(str::to_owned).collect();
    fields.try_into().expect("four fields")
}

fn gradient() -> String {
    json!({"expression": "tanh(w*x)", "inputs": {"w": 2, "x": 1}}).to_string()
}

#[tokio::test]
async fn a_gradient_is_a_span_in_the_trace_of_its_caller_with_its_stages_below() {
    let collector = Collector::start().await;
    let app = TestApp::spawn_real(collector.settings()).await;
    let request = app.post("/v1/gradient?unseen=1", gradient()).header("x-request-id", "mine");
    let response = sent(traced(request, "01")).await;
    assert_eq!(response.status(), 200);
    let [_, trace, span, flags] = told(&response);
    let tree = collector.tree("POST /v1/gradient").await;
    tree.is_well_formed();
    assert_eq!((hexadecimal(&tree.root.trace_id).as_str(), trace.as_str()), (TRACE, TRACE));
    assert_eq!(hexadecimal(&tree.root.span_id), span);
    assert_eq!(hexadecimal(&tree.root.parent_span_id), CALLER);
    assert_eq!(flags, "01");
    assert_eq!(tree.stage_names(), ["decode", "parse", "parse", "compile", "forward", "reverse", "encode"]);
    let expected = [
        ("gradd.nodes", "4"),
        ("gradd.request_id", "mine"),
        ("gradd.samples", "1"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "200"),
        ("http.route", "/v1/gradient"),
        ("network.peer.address", "127.0.0.1"),
        ("network.protocol.version", "1.1"),
        ("url.path", "/v1/gradient"),
        ("url.scheme", "http"),
    ];
    assert_eq!(tree.attributes(), expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
    assert_eq!(tree.root.status.as_ref().map(Status::code), Some(Code::Unset));

    let taken = collector.taken.lock().expect("no panic");
    let (headers, request) = &taken[0];
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let [resource] = &request.resource_spans[..] else { panic!("{request:#?}") };
    let resource = attributes(&resource.resource.as_ref().expect("a resource").attributes);
    assert_eq!(resource["service.name"], "gradd");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn a_request_without_a_trace_begins_one() {
    let collector = Collector::start().await;
    let app = TestApp::spawn_real(collector.settings()).await;
    let [_, trace, span, flags] = told(&sent(app.post("/v1/gradient", gradient())).await);
    let tree = collector.tree("POST /v1/gradient").await;
    assert_eq!((hexadecimal(&tree.root.trace_id), hexadecimal(&tree.root.span_id)), (trace, span));
    assert_eq!((tree.root.parent_span_id.len(), flags.as_str()), (0, "01"));
}

#[tokio::test]
async fn refusals_tell_why() {
    let collector = Collector::start().await;
    let app = TestApp::spawn_with(collector.settings()).await;
    sent(traced(app.post("/nothing/here", "1"), "01")).await;
    let unknown = app.client.request("BREW".parse().expect("a method"), app.url("/echo"));
    sent(traced(unknown, "01")).await;
    sent(traced(app.post("/panic", "1"), "01")).await;
    for (name, status, error, code) in [
        ("POST", "404", "not-found", Code::Unset),
        ("HTTP /echo", "405", "method-not-allowed", Code::Unset),
        ("POST /panic", "500", "internal", Code::Error),
    ] {
        let tree = collector.tree(name).await;
        let attributes = tree.attributes();
        assert_eq!(attributes["http.response.status_code"], status, "{name}");
        assert_eq!(attributes["error.type"], error, "{name}");
        assert_eq!(tree.root.status.as_ref().map(Status::code), Some(code), "{name}");
    }
    let brewed = collector.tree("HTTP /echo").await;
    assert_eq!(brewed.attributes()["http.request.method"], "_OTHER");

    let real = TestApp::spawn_real(collector.settings()).await;
    assert_eq!(sent(traced(real.post("/v1/gradient", "{\"expression\": \"(\"}"), "01")).await.status(), 422);
    let refused = collector.tree("POST /v1/gradient").await;
    refused.is_well_formed();
    assert_eq!(refused.attributes()["error.type"], "syntax");
    // What is not small and right is given to a worker.
    assert_eq!(refused.stage_names(), ["queue", "decode", "parse"]);
}

#[tokio::test]
async fn a_request_that_waits_shows_for_how_long() {
    let collector = Collector::start().await;
    let app = TestApp::spawn_with(Settings { compute_slots: 1, ..collector.settings() }).await;
    let gate = OpenOnDrop(Gate::new("spans"));
    let first = app.begin("/gate", "spans");
    app.wait_for_load(1, 0).await;
    let second = tokio::spawn(traced(app.post("/echo", "1"), "01").send());
    app.wait_for_load(1, 1).await;
    let opened = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_nanos();
    gate.open();
    within(second).await.expect("no panic").expect("an answer");
    within(first).await.expect("no panic");
    let tree = collector.tree("POST /echo").await;
    tree.is_well_formed();
    let queue = tree.stage("queue");
    assert!(u128::from(queue.start_time_unix_nano) < opened);
    assert!(u128::from(queue.end_time_unix_nano) > opened);
}

/// Waits at the gate as a part of a stage.
fn forward(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    context.stage(Stage::Forward, || gate(body, context))
}

#[tokio::test]
async fn what_is_stopped_shows_the_stage_that_took_too_long() {
    let collector = Collector::start().await;
    let hasty = Settings { timeout: Duration::from_millis(100), ..collector.settings() };
    let app = TestApp::spawn_operations(hasty, &[Endpoint::new("/forward", forward)]).await;
    let _gate = OpenOnDrop(Gate::stubborn("spans-stopped"));
    assert_eq!(sent(app.post("/forward", "spans-stopped")).await.status(), 504);
    let tree = collector.tree("POST /forward").await;
    tree.is_well_formed();
    assert_eq!(tree.stage_names(), ["queue", "forward"]);
    let stage = tree.stage("forward");
    assert_eq!(attributes(&stage.attributes)["gradd.unfinished"], "true");
    assert_eq!(stage.end_time_unix_nano, tree.root.end_time_unix_nano);
    assert_eq!(tree.attributes()["error.type"], "deadline-exceeded");
}

/// A training run of so many steps, as a stream of events.
fn training(app: &TestApp, steps: usize) -> RequestBuilder {
    let request = json!({"expression": "(a*t - y)**2", "parameters": {"a": 0}, "steps": steps,
                         "data": {"t": [1, 2], "y": [2, 4]}, "optimizer": {"sgd": {"learning_rate": 1e-9}}});
    app.post("/v1/train", request.to_string()).header("accept", "text/event-stream")
}

#[tokio::test]
async fn the_span_of_a_stream_lasts_until_its_last_event() {
    let collector = Collector::start().await;
    let app = TestApp::spawn_real(collector.settings()).await;
    let events = sent(traced(training(&app, 7), "01")).await.text().await.expect("text");
    assert!(events.contains("event: result") || events.contains("event:result"), "{events}");
    let tree = collector.tree("POST /v1/train").await;
    tree.is_well_formed();
    assert_eq!(tree.stage_names(), ["queue", "decode", "parse", "parse", "compile", "steps", "encode"]);
    let attributes = tree.attributes();
    assert_eq!((&*attributes["gradd.steps"], attributes.get("error.type")), ("7", None));
}

#[tokio::test]
async fn a_stream_tells_of_its_problem_and_of_a_client_that_hangs_up() {
    let collector = Collector::start().await;
    let timeout = Duration::from_millis(300);
    let hasty = TestApp::spawn_real(Settings { timeout, ..collector.settings() }).await;
    let stopped = sent(traced(training(&hasty, 1_000_000), "01")).await;
    assert_eq!(stopped.status(), 200);
    assert!(stopped.text().await.expect("text").contains("/problems/deadline-exceeded"));
    let tree = collector.tree("POST /v1/train").await;
    let attributes = tree.attributes();
    assert_eq!(attributes["error.type"], "deadline-exceeded");
    assert_eq!(attributes["http.response.status_code"], "200");

    let collector = Collector::start().await;
    let app = TestApp::spawn_real(collector.settings()).await;
    let mut left = sent(traced(training(&app, 1_000_000), "01")).await;
    left.chunk().await.expect("a chunk").expect("an event");
    assert!(collector.spans().is_empty(), "told before it is over");
    drop(left);
    let tree = collector.tree("POST /v1/train").await;
    assert_eq!(tree.attributes()["error.type"], "hang_up");
    tree.is_well_formed();
    assert_eq!(tree.stage("steps").end_time_unix_nano, tree.root.end_time_unix_nano);
}

#[tokio::test]
async fn what_is_not_sampled_is_not_sent() {
    let collector = Collector::start().await;
    let none = Ratio::new(0.0).expect("a ratio");
    let mut app = TestApp::spawn_with(Settings { otlp_sampling_ratio: none, ..collector.settings() }).await;
    let not_by_caller = sent(traced(app.post("/echo", "1"), "00")).await;
    let not_by_us = sent(app.post("/echo", "1")).await;
    for answer in [&not_by_caller, &not_by_us] {
        assert_eq!(told(answer)[3], "00");
    }
    assert!(!app.get("/healthz").await.headers().contains_key("traceparent"), "a probe begins no trace");
    sent(traced(app.client.get(app.url("/readyz")), "01")).await;
    app.shut_down();
    app.stopped().await;
    let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET /readyz"], "only what the caller records");
}

#[tokio::test]
async fn without_a_collector_nothing_is_recorded() {
    let app = TestApp::spawn().await;
    sent(traced(app.post("/v1/gradient", gradient()), "01")).await;
    assert!(!sent(app.post("/v1/gradient", gradient())).await.headers().contains_key("traceparent"));
    let metrics = Metrics::of(&app).await;
    for outcome in ["exported", "failed", "dropped"] {
        assert_eq!(metrics.get(&format!("gradd_spans_total{{outcome=\"{outcome}\"}}")), 0.0);
    }
}

#[tokio::test]
async fn spans_are_counted_and_what_the_collector_refuses_has_failed() {
    for (status, outcome) in [(StatusCode::OK, "exported"), (StatusCode::BAD_REQUEST, "failed")] {
        let collector = Collector::answering(status).await;
        let app = TestApp::spawn_with(collector.settings()).await;
        assert_eq!(sent(app.post("/echo", "1")).await.status(), 200);
        // The request and its stay in the queue, which is short.
        let series = format!("gradd_spans_total{{outcome=\"{outcome}\"}}");
        eventually(async || Metrics::of(&app).await.has(&series, 2.0)).await;
    }
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_is_no_concern_of_a_request() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let away = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("an address")
    };
    for address in [hanging.local_addr().expect("an address"), away] {
        let mut app = TestApp::spawn_with(exporting(&format!("http://{address}"))).await;
        // More than wait.
        for _ in 0..1200 {
            assert_eq!(sent(app.post("/echo", "1")).await.status(), 200);
        }
        if address != away {
            let metrics = Metrics::of(&app).await;
            assert!(
                metrics.get("gradd_spans_total{outcome=\"dropped\"}") >= 2.0 * (1200.0 - 1024.0 - 64.0 - 1.0)
            );
        }
        app.shut_down();
        // What cannot be sent is left after two seconds.
        timeout(Duration::from_secs(10), app.stopped()).await.expect("to stop all the same");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_standard_variables_are_followed_secrets_are_not_told_and_the_end_sends_what_is_left() {
    let collector = Collector::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hush"),
        ("OTEL_SERVICE_NAME", "gradients"),
        ("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=gradd-0,service.name=overridden"),
    ];
    let mut server = Server::start_with(&environment, &[]);
    let client = client().build().expect("a client");
    let url = |path: &str| format!("http://{}{path}", server.address);
    let info = sent(client.get(url("/info"))).await.text().await.expect("text");
    assert!(info.contains(&collector.endpoint) && !info.contains("hush"), "{info}");
    assert_eq!(sent(client.post(url("/v1/gradient")).json(&json!({}))).await.status(), 422);
    server.signal("-TERM");
    assert_eq!(server.exit().code(), Some(0));
    assert!(!server.log().contains("hush"), "{}", server.log());

    let names: Vec<String> = collector.spans().into_iter().map(|span| span.name).collect();
    assert!(names.contains(&"GET /info".to_owned()) && names.contains(&"POST /v1/gradient".to_owned()));
    let taken = collector.taken.lock().expect("no panic");
    let (headers, request) = &taken[0];
    assert_eq!(headers["authorization"], "Bearer hush");
    let resource = request.resource_spans[0].resource.as_ref().expect("a resource");
    let resource = attributes(&resource.attributes);
    assert_eq!((&*resource["service.name"], &*resource["k8s.pod.name"]), ("gradients", "gradd-0"));
}
