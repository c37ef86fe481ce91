//! What `/metrics` says of what was asked. `tests/prometheus/run` shows it to Prometheus itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use gradd::api::Kind;
use gradd::server::Settings;
use gradd::server::keys::{Key, Keys};
use serde_json::json;

use crate::helpers::{Gate, OpenOnDrop, TestApp, eventually, problem, settings, within};

/// The samples of an answer in the text format, by name and labels.
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub async fn of(app: &TestApp) -> Self {
        let response = app.get("/metrics").await;
        assert_eq!(response.status(), 200);
        let text = response.text().await.expect("text");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            (series.to_owned(), value.parse().expect("a number"))
        };
        Self(lines.map(sample).collect())
    }

    pub fn get(&self, series: &str) -> f64 {
        *self.0.get(series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.0))
    }

    pub fn has(&self, series: &str, value: f64) -> bool {
        self.0.get(series) == Some(&value)
    }
}

const ECHOED: &str = r#"gradd_http_requests_total{route="/echo",status="200"}"#;

#[tokio::test]
async fn requests_are_counted_by_route_and_status_and_measured() {
    let app = TestApp::spawn_with(settings()).await;
    for _ in 0..3 {
        assert_eq!(app.send("/echo", "1").await.status(), 200);
    }
    assert_eq!(app.get("/echo").await.status(), 405);
    assert_eq!(app.send("/panic", "1").await.status(), 500);
    // What is counted is counted once the answer has gone, which its client may see first.
    eventually(async || Metrics::of(&app).await.has(ECHOED, 3.0)).await;
    let metrics = Metrics::of(&app).await;
    let of_route =
        |metric: &str, labels: &str| metrics.get(&format!("gradd_http_request{metric}{{{labels}}}"));
    assert_eq!(of_route("s_total", r#"route="/echo",status="405""#), 1.0);
    assert_eq!(of_route("s_total", r#"route="/panic",status="500""#), 1.0);
    assert_eq!(of_route("_duration_seconds_count", r#"route="/echo",status="200""#), 3.0);
    assert_eq!(of_route("_duration_seconds_bucket", r#"route="/echo",status="200",le="+Inf""#), 3.0);
    assert!(of_route("_duration_seconds_sum", r#"route="/echo",status="200""#) > 0.0);
    assert_eq!(metrics.get("gradd_http_requests_in_flight"), 1.0, "that for the metrics alone");
    assert_eq!(metrics.get(r#"gradd_problems_total{type="internal"}"#), 1.0);
    assert_eq!(metrics.get(r#"gradd_problems_total{type="method-not-allowed"}"#), 1.0);
    assert_eq!(metrics.get(r#"gradd_problems_total{type="busy"}"#), 0.0);
    assert_eq!(metrics.get(r#"gradd_cancellations_total{reason="hang_up"}"#), 0.0);
    assert_eq!(metrics.get(r#"gradd_queue_wait_seconds_count{lane="short"}"#), 4.0);
    assert_eq!(metrics.get(r#"gradd_compute_slot_held_seconds_count{lane="short"}"#), 4.0);
}

#[tokio::test]
async fn slots_queue_and_hang_ups_are_told() {
    let app = TestApp::spawn_with(Settings { compute_slots: 1, queue: 1, ..settings() }).await;
    let gate = OpenOnDrop(Gate::new("metrics"));
    let (running, waiting) = (app.begin("/gate", "metrics"), app.begin("/gate", "metrics"));
    app.wait_for_load(1, 1).await;
    problem(app.send("/echo", "1").await, Kind::BUSY).await;
    let metrics = Metrics::of(&app).await;
    for (gauge, value) in
        [("compute_slots", 1.0), ("compute_slots_in_use", 1.0), ("queue_places", 1.0), ("queue_waiting", 1.0)]
    {
        assert_eq!(metrics.get(&format!(r#"gradd_{gauge}{{lane="short"}}"#)), value, "{gauge}");
    }
    assert_eq!(metrics.get("gradd_http_requests_in_flight"), 3.0);
    assert_eq!(metrics.get(r#"gradd_problems_total{type="busy"}"#), 1.0);
    waiting.abort();
    let gone = r#"gradd_http_requests_total{route="/gate",status="499"}"#;
    eventually(async || Metrics::of(&app).await.has(gone, 1.0)).await;
    assert_eq!(Metrics::of(&app).await.get(r#"gradd_cancellations_total{reason="hang_up"}"#), 1.0);
    gate.open();
    assert_eq!(within(running).await.expect("no panic").status(), 200);
}

#[tokio::test]
async fn no_client_can_make_a_series() {
    let app = TestApp::spawn_with(settings()).await;
    let ask = async |i: usize| {
        let method = format!("M{i}").parse().expect("a method");
        let request = app.client.request(method, app.url(&format!("/nothing/{i}"))).header("x-request-id", i);
        assert_eq!(request.send().await.expect("an answer").status(), 404);
    };
    let unmatched = r#"gradd_http_requests_total{route="unmatched",status="404"}"#;
    ask(0).await;
    eventually(async || Metrics::of(&app).await.has(unmatched, 1.0)).await;
    let before: Vec<String> = Metrics::of(&app).await.0.into_keys().collect();
    for i in 1..20 {
        ask(i).await;
    }
    eventually(async || Metrics::of(&app).await.has(unmatched, 20.0)).await;
    let after: Vec<String> = Metrics::of(&app).await.0.into_keys().collect();
    assert_eq!(before, after);
    assert!(!before.iter().any(|series| series.contains("nothing")), "{before:#?}");
}

#[tokio::test]
async fn work_is_counted_and_its_time_told_by_stage() {
    let app = TestApp::spawn().await;
    // More samples than are done without a worker.
    let gradient = json!({"expression": "tanh(w*x)", "inputs": {"w": 2, "x": vec![1; 300]}});
    assert_eq!(app.send("/v1/gradient", gradient.to_string()).await.status(), 200);
    let training = json!({"expression": "(a*t - y)**2", "parameters": {"a": 0}, "steps": 7,
                          "data": {"t": [1, 2], "y": [2, 4]}, "optimizer": {"sgd": {"learning_rate": 0.01}}});
    assert_eq!(app.send("/v1/train", training.to_string()).await.status(), 200);
    let metrics = Metrics::of(&app).await;
    // w, x, w*x, tanh; a, t, y, a*t, -, 2, ** or its like: what the graph has is for the engine to say.
    assert!(metrics.get("gradd_nodes_total") >= 4.0 + 6.0);
    assert_eq!(metrics.get("gradd_samples_total"), 300.0 + 2.0);
    assert_eq!(metrics.get("gradd_steps_total"), 7.0);
    let mut sum = 0.0;
    for stage in ["decode", "parse", "compile", "forward", "reverse", "steps", "encode"] {
        let seconds = metrics.get(&format!(r#"gradd_stage_seconds_total{{stage="{stage}"}}"#));
        assert!(seconds > 0.0, "{stage}");
        sum += seconds;
    }
    // Stages do not overlap: all of them lie within the time that slots were held.
    let held = metrics.get(r#"gradd_compute_slot_held_seconds_sum{lane="short"}"#);
    assert!(sum <= held, "{sum} s in stages, {held} s in slots");
}

#[tokio::test]
async fn the_format_is_chosen_by_accept() {
    let app = TestApp::spawn().await;
    let prometheus = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    for (accept, expected) in [
        (prometheus, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("text/plain", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;q=0.1, text/plain", "text/plain; version=0.0.4; charset=utf-8"),
    ] {
        let response =
            app.client.get(app.url("/metrics")).header("accept", accept).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], expected, "{accept}");
        let text = response.text().await.expect("text");
        let is_open = expected.starts_with("application");
        assert_eq!(text.ends_with("# EOF\n"), is_open, "{text}");
        let family =
            if is_open { "# TYPE gradd_problems counter\n" } else { "# TYPE gradd_problems_total counter\n" };
        assert!(text.contains(family), "{text}");
        assert!(text.contains(&format!("version=\"{}\"", env!("CARGO_PKG_VERSION"))), "{text}");
    }
}

#[tokio::test]
async fn where_there_are_keys_metrics_need_one_unless_the_path_is_open() {
    let (text, key) = Key::generate("prometheus").expect("a fit name");
    let keys = Keys::from_lines(&[format!("{key} /metrics")]).expect("a line");
    let app = TestApp::spawn_real(Settings { keys: keys.clone(), ..settings() }).await;
    problem(app.get("/metrics").await, Kind::UNAUTHORIZED).await;
    let with_key = app.client.get(app.url("/metrics")).bearer_auth(text).send().await.expect("an answer");
    assert_eq!(with_key.status(), 200);
    let open = Settings { keys, open_paths: vec!["/metrics".to_owned()], ..settings() };
    assert_eq!(TestApp::spawn_real(open).await.get("/metrics").await.status(), 200);
}

/// Names of metrics in a text: words that begin as ours do. Those of recording rules have colons.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !is_part(c));
    words.filter(|word| word.starts_with("gradd_") || word.starts_with("process_")).collect()
}

#[tokio::test]
async fn rules_dashboards_and_documentation_name_metrics_that_exist() {
    let app = TestApp::spawn().await;
    let text = app.get("/metrics").await.text().await.expect("text");
    let types: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let series = |name: &str| {
        let of_histogram =
            |suffix| name.strip_suffix(suffix).is_some_and(|name| types.get(name) == Some(&"histogram"));
        types.contains_key(name) || ["_bucket", "_sum", "_count"].into_iter().any(of_histogram)
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| {
        std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    for path in ["docs/operations.md", "deploy/prometheus/rules.yaml", "deploy/grafana/dashboards/gradd.json"]
    {
        let text = read(path);
        let unknown: Vec<&str> = named(&text).into_iter().filter(|name| !series(name)).collect();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
    let documented = read("docs/operations.md");
    for name in types.keys() {
        assert!(documented.contains(&format!("`{name}`")), "docs/operations.md lacks {name}");
    }
}

#[tokio::test]
async fn an_answer_tells_where_its_time_went() {
    let app = TestApp::spawn().await;
    let gradient = json!({"expression": "tanh(w*x)", "inputs": {"w": 2, "x": 1}});
    let response = app.send("/v1/gradient", gradient.to_string()).await;
    let timing = response.headers()["server-timing"].to_str().expect("text").to_owned();
    let entries: Vec<(&str, f64)> = timing
        .split(", ")
        .map(|entry| {
            let (stage, milliseconds) = entry.split_once(";dur=").expect("a duration");
            (stage, milliseconds.parse().expect("a number"))
        })
        .collect();
    let stages: Vec<&str> = entries.iter().map(|(stage, _)| *stage).collect();
    // So small a request waits for no worker.
    assert_eq!(stages, ["decode", "parse", "compile", "forward", "reverse", "encode"]);
    assert!(entries.iter().all(|(_, milliseconds)| (0.0..20_000.0).contains(milliseconds)), "{timing}");
    assert!(!app.get("/healthz").await.headers().contains_key("server-timing"));
}

#[tokio::test]
async fn an_answer_is_in_the_trace_of_its_request() {
    let app = TestApp::spawn().await;
    let ask = async |traceparent: &str| {
        let request = app.client.get(app.url("/healthz")).header("traceparent", traceparent);
        let response = request.send().await.expect("an answer");
        response.headers().get("traceparent").map(|value| value.to_str().expect("text").to_owned())
    };
    let (trace, caller) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let told = ask(&format!("00-{trace}-{caller}-01")).await.expect("a trace");
    let fields: Vec<&str> = told.split('-').collect();
    assert_eq!((fields[0], fields[1], fields[3]), ("00", trace, "01"));
    assert!(fields[2] != caller && fields[2].len() == 16, "{told}");
    assert_eq!(ask("00-nonsense").await, None);
    assert!(!app.get("/healthz").await.headers().contains_key("traceparent"));
}
