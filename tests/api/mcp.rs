//! Tools over the Model Context Protocol, called by the client of its SDK, in the protocol's newest version and in older ones.

use std::collections::BTreeMap;
use std::fs;

use gradd::api::{Kind, openapi};
use gradd::server::Settings;
use gradd::server::keys::{Key, Keys};
use reqwest::Response;
use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock, ProtocolVersion, Tool};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RoleClient, RunningService, ServiceError};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use serde_json::{Value, json};

use crate::helpers::{TestApp, client, eventually, problem, settings, within};

const NAMES: [&str; 5] = ["gradient", "evaluate", "train", "fit", "draw"];

fn with_mcp() -> Settings {
    Settings { mcp: true, ..settings() }
}

/// The handshake of versions until 2025, and none, as since.
fn lifecycles() -> [ClientLifecycleMode; 2] {
    let preferred_versions = vec![ProtocolVersion::V_2026_07_28];
    [ClientLifecycleMode::Initialize, ClientLifecycleMode::Discover { preferred_versions }]
}

type Assistant = RunningService<RoleClient, ()>;

async fn connect(app: &TestApp, lifecycle: ClientLifecycleMode) -> Assistant {
    try_connect(app, lifecycle, None).await.expect("to be served")
}

async fn try_connect(
    app: &TestApp,
    lifecycle: ClientLifecycleMode,
    key: Option<&str>,
) -> Result<Assistant, String> {
    let mut config = StreamableHttpClientTransportConfig::with_uri(app.url("/mcp"));
    if let Some(key) = key {
        config = config.auth_header(key);
    }
    let transport = StreamableHttpClientTransport::with_client(client().build().expect("a client"), config);
    within(().serve_with_lifecycle(transport, lifecycle)).await.map_err(|error| format!("{error:?}"))
}

fn call(tool: &'static str, arguments: &Value) -> CallToolRequestParams {
    let arguments = arguments.as_object().expect("an object").clone();
    CallToolRequestParams::new(tool).with_arguments(arguments)
}

async fn result(assistant: &Assistant, tool: &'static str, arguments: &Value) -> CallToolResult {
    within(assistant.call_tool(call(tool, arguments))).await.expect("a result")
}

fn text(result: &CallToolResult) -> &str {
    let [ContentBlock::Text(text)] = result.content.as_slice() else { panic!("not one text: {result:?}") };
    &text.text
}

/// The answer, which is there as text and as values.
async fn answer(assistant: &Assistant, tool: &'static str, arguments: &Value) -> Value {
    let result = result(assistant, tool, arguments).await;
    assert_eq!(result.is_error, Some(false), "{result:?}");
    let answer = result.structured_content.clone().expect("values");
    assert_eq!(serde_json::from_str::<Value>(text(&result)).expect("JSON"), answer);
    answer
}

/// What an assistant is told that called wrongly.
async fn refusal(assistant: &Assistant, tool: &'static str, arguments: &Value) -> (String, Value) {
    let result = result(assistant, tool, arguments).await;
    assert_eq!(result.is_error, Some(true), "{result:?}");
    (text(&result).to_owned(), result.structured_content.clone().expect("a problem"))
}

fn neuron() -> Value {
    json!({
        "expression": "tanh(x1*w1 + x2*w2 + b)",
        "inputs": {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.881373587019543}
    })
}

/// A run that takes far longer than any test.
fn endless() -> Value {
    json!({
        "expression": "(a*exp(-b*t) - y)^2", "parameters": {"a": 1, "b": 0.1},
        "data": {"t": vec![1.0; 1000], "y": vec![0.5; 1000]}, "optimizer": {"adam": {"learning_rate": 1e-9}},
        "steps": 1_000_000
    })
}

fn message(method: &str, id: Option<u64>, params: &Value) -> Value {
    let mut message = json!({"jsonrpc": "2.0", "method": method, "params": params});
    if let Some(id) = id {
        message["id"] = json!(id);
    }
    message
}

/// A message as a program without an SDK sends it.
fn post(app: &TestApp, message: &Value) -> reqwest::RequestBuilder {
    app.post("/mcp", message.to_string()).header("accept", "application/json, text/event-stream")
}

async fn send(app: &TestApp, message: &Value) -> Response {
    post(app, message).send().await.expect("an answer")
}

#[tokio::test]
async fn the_tools_are_listed_with_schemas_that_stand_alone() {
    let app = TestApp::spawn_real(with_mcp()).await;
    for lifecycle in lifecycles() {
        let assistant = connect(&app, lifecycle).await;
        let server = assistant.peer_info().expect("it has introduced itself");
        assert!(server.instructions.as_ref().is_some_and(|text| text.contains("exact derivatives")));
        let tools: BTreeMap<String, Tool> = within(assistant.list_all_tools())
            .await
            .expect("a list")
            .into_iter()
            .map(|tool| (tool.name.to_string(), tool))
            .collect();
        assert_eq!(tools.len(), NAMES.len());
        for name in NAMES {
            let tool = &tools[name];
            let hints = tool.annotations.as_ref().expect("hints");
            assert_eq!((hints.read_only_hint, hints.idempotent_hint), (Some(true), Some(true)));
            assert_eq!(hints.open_world_hint, Some(false));
            assert!(tool.title.is_some() && tool.description.as_ref().is_some_and(|text| text.len() > 80));
            check_schema(name, &tool.schema_as_json_value());
        }
    }
}

/// The schema is an object by itself, takes all examples of the document, and refuses what is none of them.
fn check_schema(name: &str, schema: &Value) {
    assert_eq!(schema["type"], "object", "{name}");
    for combination in ["oneOf", "anyOf", "allOf", "$ref"] {
        assert!(schema.get(combination).is_none(), "{name} has {combination} at its top");
    }
    let written = schema.to_string();
    assert!(!written.contains("#/components") && !written.contains("u-int64"), "{name}");
    let validator = jsonschema::draft202012::new(schema).expect("a schema");
    let path = format!("/v1/{name}");
    let examples: Vec<_> = openapi::examples::FILES.iter().filter(|file| file.path == path).collect();
    assert!(!examples.is_empty(), "{name} has no examples");
    for example in examples {
        let request = &example.json()["request"];
        let faults: Vec<_> = validator.iter_errors(request).map(|error| error.to_string()).collect();
        assert!(faults.is_empty(), "{}: {faults:?}", example.source);
    }
    for wrong in [json!([]), json!({"expression": 7}), json!({"graph": {"nodes": [{"op": 1}]}})] {
        assert!(!validator.is_valid(&wrong), "{name} takes {wrong}");
    }
}

#[tokio::test]
async fn a_neuron_has_its_gradient() {
    let app = TestApp::spawn_real(with_mcp()).await;
    for lifecycle in lifecycles() {
        let assistant = connect(&app, lifecycle).await;
        let found = answer(&assistant, "gradient", &neuron()).await;
        assert_eq!(found["outputs"]["output"], std::f64::consts::FRAC_1_SQRT_2);
        // Those of the lecture.
        for (name, expected) in [("x1", -1.5), ("w1", 1.0), ("x2", 0.5), ("w2", 0.0), ("b", 0.5)] {
            let gradient = found["gradients"][name].as_f64().expect("a number");
            assert!((gradient - expected).abs() < 1e-12, "{name}: {gradient}");
        }
        // The same bits as by the route.
        let by_route: Value =
            app.send("/v1/gradient", neuron().to_string()).await.json().await.expect("JSON");
        assert_eq!(found, by_route);
        assert_eq!(answer(&assistant, "evaluate", &neuron()).await["outputs"], by_route["outputs"]);
    }
}

/// Misra1a, from the first of NIST's starts, which is the farther one.
#[tokio::test]
async fn a_problem_of_nist_is_fitted_to_its_certified_values() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/nist-strd/Misra1a.dat");
    let file = fs::read_to_string(path).expect("the file");
    let numbers =
        |line: &str| -> Vec<f64> { line.split_whitespace().filter_map(|word| word.parse().ok()).collect() };
    let (head, data) = file.rsplit_once("Data:").expect("data");
    let of_parameter = |name: &str| {
        let line = head.lines().find_map(|line| line.trim().strip_prefix(name)?.trim().strip_prefix('='));
        numbers(line.expect("a parameter"))
    };
    let (b1, b2) = (of_parameter("b1"), of_parameter("b2"));
    let rows: Vec<Vec<f64>> = data.lines().skip(1).map(numbers).filter(|row| row.len() == 2).collect();
    assert_eq!((b1.len(), b2.len(), rows.len()), (4, 4, 14));
    let column = |k: usize| -> Vec<f64> { rows.iter().map(|row| row[k]).collect() };
    let request = json!({
        "expression": "b1*(1 - exp(-b2*x))", "target": "y", "data": {"y": column(0), "x": column(1)},
        "parameters": {"b1": b1[0], "b2": b2[0]}
    });
    let app = TestApp::spawn_real(with_mcp()).await;
    let assistant = connect(&app, ClientLifecycleMode::Initialize).await;
    let found = answer(&assistant, "fit", &request).await;
    for (name, [_, _, value, error]) in
        [("b1", b1.try_into().expect("four")), ("b2", <[f64; 4]>::try_from(b2).expect("four"))]
    {
        for (member, certified, digits) in [("parameters", value, 1e-8), ("standard_errors", error, 1e-6)] {
            let found = found[member][name].as_f64().expect("a number");
            assert!(
                ((found - certified) / certified).abs() < digits,
                "{member} {name}: {found} for {certified}"
            );
        }
    }
}

#[tokio::test]
async fn training_and_pictures_are_answered() {
    let app = TestApp::spawn_real(with_mcp()).await;
    let assistant = connect(&app, ClientLifecycleMode::Initialize).await;
    let request = json!({
        "expression": "(a*x - y)^2", "parameters": {"a": 0}, "data": {"x": [1, 2], "y": [3, 6]},
        "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 200
    });
    let trained = answer(&assistant, "train", &request).await;
    assert!((trained["parameters"]["a"].as_f64().expect("a number") - 3.0).abs() < 1e-9);

    let picture = result(&assistant, "draw", &neuron()).await;
    assert_eq!((picture.is_error, &picture.structured_content), (Some(false), &None));
    let svg = text(&picture);
    let document = roxmltree::Document::parse(svg).expect("XML");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    assert!(svg.contains("tanh"), "{svg}");
}

#[tokio::test]
async fn a_faulty_call_tells_the_places_and_the_remedy() {
    let app = TestApp::spawn_real(with_mcp()).await;
    for lifecycle in lifecycles() {
        let assistant = connect(&app, lifecycle).await;
        let (text, problem) =
            refusal(&assistant, "gradient", &json!({"expression": "tahn(x)", "inputs": {"x": 1}})).await;
        assert!(text.contains("did you mean tanh?") && text.contains("In /expression"), "{text}");
        assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/syntax"), &json!(422)));
        assert_eq!(problem["errors"][0]["pointer"], "/expression");

        let two = json!({"expression": "x", "inputs": {"x": 1}, "wrt": ["y"], "reduction": "max"});
        let (text, _) = refusal(&assistant, "gradient", &two).await;
        assert!(text.contains("/reduction"), "{text}");
        // Of the models exactly one, which the schema says in words.
        let (text, _) = refusal(&assistant, "gradient", &json!({"inputs": {"x": 1}})).await;
        assert!(text.contains("expression") && text.contains("graph"), "{text}");

        let error = within(assistant.call_tool(call("integrate", &json!({})))).await.expect_err("no tool");
        let ServiceError::McpError(error) = error else { panic!("{error:?}") };
        assert_eq!(error.code.0, -32602);
        assert!(error.message.contains("gradient, evaluate, train, fit, draw"), "{error:?}");
    }
    // Without arguments, as a program may send it.
    let response = send(&app, &message("tools/call", Some(1), &json!({"name": "gradient"}))).await;
    let result: Value = response.json().await.expect("JSON");
    assert_eq!(result["result"]["isError"], true, "{result}");
    assert_eq!(result["result"]["structuredContent"]["type"], "/problems/invalid-request", "{result}");
}

#[tokio::test]
async fn there_are_no_tools_unless_they_are_switched_on() {
    let app = TestApp::spawn().await;
    problem(send(&app, &message("tools/list", Some(1), &json!({}))).await, Kind::NOT_FOUND).await;
    assert!(!app.get("/").await.text().await.expect("text").contains("/mcp"));
    let app = TestApp::spawn_real(with_mcp()).await;
    assert!(app.get("/").await.text().await.expect("text").contains("POST /mcp"));
}

#[tokio::test]
async fn tools_ask_for_the_keys_that_routes_ask_for() {
    let (text, key) = Key::generate("assistant").expect("a key");
    let keys = Keys::new(vec![key]).expect("keys");
    let app = TestApp::spawn_real(Settings { keys, ..with_mcp() }).await;
    for lifecycle in lifecycles() {
        let Err(refusal) = try_connect(&app, lifecycle.clone(), None).await else {
            panic!("let in without a key")
        };
        assert!(refusal.contains("401") || refusal.contains("AuthRequired"), "{refusal}");
        let assistant = try_connect(&app, lifecycle, Some(&text)).await.expect("to be let in");
        assert!(answer(&assistant, "gradient", &neuron()).await["gradients"].is_object());
    }
    let refused = send(&app, &message("tools/list", Some(1), &json!({}))).await;
    problem(refused, Kind::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_call_that_the_client_cancels_frees_its_slot() {
    let app = TestApp::spawn_real(with_mcp()).await;
    for lifecycle in lifecycles() {
        let assistant = connect(&app, lifecycle).await;
        let waiting = async { assistant.call_tool(call("train", &endless())).await };
        tokio::select! {
            result = waiting => panic!("the run is over: {result:?}"),
            () = app.wait_for_load(1, 0) => {}
        }
        // The call was dropped, which the SDK tells the server, in the way of its version.
        app.wait_for_load(0, 0).await;
        assert!(answer(&assistant, "gradient", &neuron()).await["gradients"].is_object());
    }
}

#[tokio::test]
async fn a_notification_cancels_the_call_of_its_session_alone() {
    let app = TestApp::spawn_real(with_mcp()).await;
    let session = async || {
        let params = json!({
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}
        });
        let response = send(&app, &message("initialize", Some(0), &params)).await;
        assert_eq!(response.status(), 200);
        response.headers()["mcp-session-id"].to_str().expect("text").to_owned()
    };
    let (mine, other) = (session().await, session().await);
    assert_ne!(mine, other);
    let params = json!({"name": "train", "arguments": endless()});
    let running = post(&app, &message("tools/call", Some(7), &params)).header("mcp-session-id", &mine);
    let running = tokio::spawn(running.send());
    app.wait_for_load(1, 0).await;

    let cancel = async |session: &str, id: u64| {
        let notification = message("notifications/cancelled", None, &json!({"requestId": id}));
        let response = post(&app, &notification).header("mcp-session-id", session).send().await;
        assert_eq!(response.expect("an answer").status(), 202);
    };
    cancel(&other, 7).await;
    cancel(&mine, 8).await;
    assert_eq!(app.load().await, (1, 0), "neither is this call");
    cancel(&mine, 7).await;
    app.wait_for_load(0, 0).await;
    // The connection was there all the time, and is told.
    let told: Value =
        within(running).await.expect("no panic").expect("an answer").json().await.expect("JSON");
    assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains("cancelled")), "{told}");
    let metrics = app.get("/metrics").await.text().await.expect("text");
    assert!(metrics.contains("gradd_cancellations_total{reason=\"hang_up\"} 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_client_that_closes_its_connection_frees_its_slot() {
    let app = TestApp::spawn_real(with_mcp()).await;
    let params = json!({"name": "train", "arguments": endless()});
    let running = tokio::spawn(post(&app, &message("tools/call", Some(1), &params)).send());
    app.wait_for_load(1, 0).await;
    running.abort();
    app.wait_for_load(0, 0).await;
}

#[tokio::test]
async fn limits_hold_for_tools() {
    let limited = Settings {
        max_body_bytes: 4096.try_into().expect("not zero"),
        max_steps: 10.try_into().expect("not zero"),
        ..with_mcp()
    };
    let app = TestApp::spawn_real(limited).await;
    let arguments = json!({"expression": "x", "inputs": {"x": vec![1; 4096]}});
    let large = message("tools/call", Some(1), &json!({"name": "evaluate", "arguments": arguments}));
    problem(send(&app, &large).await, Kind::BODY_TOO_LARGE).await;
    let assistant = connect(&app, ClientLifecycleMode::Initialize).await;
    let mut run = endless();
    run["data"] = json!({"t": [1], "y": [1]});
    let (text, problem) = refusal(&assistant, "train", &run).await;
    assert_eq!(problem["setting"], "max_steps");
    assert!(text.contains("10"), "{text}");
    // A run may set itself a time.
    let app = TestApp::spawn_real(with_mcp()).await;
    let assistant = connect(&app, ClientLifecycleMode::Initialize).await;
    let mut run = endless();
    run["timeout"] = json!(0.05);
    let (_, problem) = refusal(&assistant, "train", &run).await;
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/deadline-exceeded"), &json!(504)));
}

#[tokio::test]
async fn a_busy_server_says_when_to_try_again() {
    let app = TestApp::spawn_real(Settings { compute_slots: 1, queue: 0, ..with_mcp() }).await;
    let assistant = connect(&app, ClientLifecycleMode::Initialize).await;
    let params = json!({"name": "train", "arguments": endless()});
    let running = tokio::spawn(post(&app, &message("tools/call", Some(1), &params)).send());
    eventually(async || app.loads().await[1] == (1, 0)).await;
    let (text, problem) = refusal(&assistant, "train", &endless()).await;
    assert_eq!(problem["status"], 429);
    let seconds = problem["retry_after"].as_u64().expect("seconds");
    assert!(text.contains(&format!("Try again in {seconds} s.")), "{text}");
    running.abort();
}

#[tokio::test]
async fn what_is_no_message_is_a_problem() {
    let app = TestApp::spawn_real(with_mcp()).await;
    let list = message("tools/list", Some(1), &json!({}));
    problem(app.get("/mcp").await, Kind::METHOD_NOT_ALLOWED).await;
    problem(app.send("/mcp", list.to_string()).await, Kind::NOT_ACCEPTABLE).await;
    problem(send(&app, &json!([list])).await, Kind::MALFORMED_BODY).await;
    let cbor = app.client.post(app.url("/mcp")).body(list.to_string());
    let cbor = cbor.header("content-type", "application/cbor").header("accept", "application/json");
    problem(cbor.send().await.expect("an answer"), Kind::UNSUPPORTED_MEDIA_TYPE).await;
    let version = post(&app, &list).header("mcp-protocol-version", "1999-01-01");
    let problem = problem(version.send().await.expect("an answer"), Kind::MALFORMED_BODY).await;
    assert!(problem["detail"].as_str().is_some_and(|text| text.contains("1999-01-01")), "{problem}");
}

#[tokio::test]
async fn pages_of_other_origins_may_not_call() {
    let list = message("tools/list", Some(1), &json!({}));
    let app = TestApp::spawn_real(with_mcp()).await;
    let from = async |app: &TestApp, origin: &str| {
        post(app, &list).header("origin", origin).send().await.expect("an answer")
    };
    problem(from(&app, "http://rebound.example").await, Kind::FOREIGN_ORIGIN).await;
    problem(from(&app, "null").await, Kind::FOREIGN_ORIGIN).await;
    let cors_origins = vec!["https://app.example".to_owned()];
    let app = TestApp::spawn_real(Settings { cors_origins, ..with_mcp() }).await;
    let response = from(&app, "https://app.example").await;
    let exposed = response.headers()["access-control-expose-headers"].to_str().expect("text").to_owned();
    assert_eq!((response.status().as_u16(), exposed.contains("mcp-session-id")), (200, true));
    problem(from(&app, "https://app.example:8443").await, Kind::FOREIGN_ORIGIN).await;
    let any = Settings { cors_origins: vec!["*".to_owned()], ..with_mcp() };
    assert_eq!(from(&TestApp::spawn_real(any).await, "https://any.example").await.status(), 200);
}

#[tokio::test]
async fn messages_and_the_problems_of_calls_are_counted() {
    let app = TestApp::spawn_real(with_mcp()).await;
    let arguments = json!({"expression": "x +"});
    let faulty = message("tools/call", Some(1), &json!({"name": "evaluate", "arguments": arguments}));
    for _ in 0..2 {
        assert_eq!(send(&app, &faulty).await.status(), 200);
    }
    eventually(async || {
        let metrics = app.get("/metrics").await.text().await.expect("text");
        metrics.contains("gradd_http_requests_total{route=\"/mcp\",status=\"200\"} 2\n")
            && metrics.contains("gradd_problems_total{type=\"syntax\"} 2\n")
    })
    .await;
}

/// Numbers pass as they are written, and many of them as on a route.
#[tokio::test]
async fn large_arguments_and_answers_keep_every_digit() {
    let app = TestApp::spawn_real(with_mcp()).await;
    let assistant = connect(&app, ClientLifecycleMode::Initialize).await;
    let x: Vec<f64> = (0..100_000).map(|i| f64::from(i) / 7.0).collect();
    let found = answer(&assistant, "evaluate", &json!({"expression": "x", "inputs": {"x": x}})).await;
    assert_eq!(found["outputs"]["output"], json!(x));
    eventually(async || {
        let metrics = app.get("/metrics").await.text().await.expect("text");
        let promised: Vec<&str> =
            metrics.lines().filter(|line| line.starts_with("gradd_memory_promised")).collect();
        !promised.is_empty() && promised.iter().all(|line| line.ends_with(" 0"))
    })
    .await;
}
