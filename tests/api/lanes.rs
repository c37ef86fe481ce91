//! Long computations, their bounds and what they leave to short ones.

use std::num::NonZeroUsize;
use std::time::Duration;

use gradd::api::Kind;
use gradd::server::Settings;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::binary::Server;
use crate::helpers::{TestApp, client, eventually, problem, settings};

/// A run that only its deadline ends, of more work than a short computation.
fn training() -> String {
    let column: Vec<u32> = (0..1000).collect();
    json!({"expression": "(a*t - t)**2", "parameters": {"a": 0}, "data": {"t": column},
           "optimizer": {"sgd": {"learning_rate": 1e-12}}, "steps": 1_000_000})
    .to_string()
}

const NEURON: &str = r#"{"expression": "tanh(x1*w1 + x2*w2 + b)",
    "inputs": {"x1": 2, "x2": 0, "w1": -3, "w2": 1, "b": 6.8813735870195432}}"#;

fn one(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("not zero")
}

#[tokio::test]
async fn trainings_in_all_slots_and_more_that_wait_leave_room_for_gradients() {
    let app = TestApp::spawn_real(Settings { compute_slots: 2, queue: 4, ..settings() }).await;
    let mut trainings = JoinSet::new();
    for _ in 0..6 {
        trainings.spawn(app.post("/v1/train", training()).send());
    }
    // They all begin in the short lane.
    eventually(async || app.loads().await[1] == (2, 4)).await;
    for _ in 0..50 {
        let answer: Value = app.send("/v1/gradient", NEURON).await.json().await.expect("JSON");
        assert!((answer["gradients"]["x1"].as_f64().expect("a number") + 1.5).abs() < 1e-12, "{answer}");
    }
    assert_eq!(app.loads().await[1], (2, 4), "all of them still run or wait");
    let refused = problem(app.send("/v1/train", training()).await, Kind::BUSY).await;
    assert!(refused["detail"].as_str().expect("text").contains("for long computations"), "{refused}");
    // A short run is no long computation.
    let short = training().replace("1000000", "1");
    assert_eq!(app.send("/v1/train", short).await.status(), 200);
    trainings.shutdown().await;
    app.wait_for_load(0, 0).await;
}

#[tokio::test]
async fn work_over_the_bound_is_refused_before_it_is_begun() {
    let app = TestApp::spawn_real(Settings { max_work: one(1_000_000), ..settings() }).await;
    let refused = problem(app.send("/v1/train", training()).await, Kind::LIMIT_EXCEEDED).await;
    assert_eq!((&refused["setting"], &refused["limit"]), (&json!("max_work"), &json!(1_000_000)));
    assert!(refused["actual"].as_u64().is_some_and(|actual| actual > 1_000_000_000), "{refused}");
    assert_eq!(app.send("/v1/gradient", NEURON).await.status(), 200);
}

#[tokio::test]
async fn memory_over_the_bound_is_refused_before_it_is_taken() {
    let settings = Settings { max_body_bytes: one(1 << 16), max_memory: one(24 << 16), ..settings() };
    let app = TestApp::spawn_real(settings).await;
    let wide = json!({"mlp": {"inputs": 1000, "layers": [{"units": 1000}], "loss": "mse"},
                      "data": {"x": [vec![0; 1000]], "y": [vec![0; 1000]]}});
    let refused = problem(app.send("/v1/gradient", wide.to_string()).await, Kind::LIMIT_EXCEEDED).await;
    assert_eq!((&refused["setting"], &refused["limit"]), (&json!("max_memory"), &json!(24 << 16)));
    assert_eq!(app.send("/v1/gradient", NEURON).await.status(), 200);
    app.wait_for_load(0, 0).await;
}

#[tokio::test]
async fn a_request_may_set_itself_a_shorter_timeout() {
    let app = TestApp::spawn_real(Settings { timeout: Duration::from_secs(20), ..settings() }).await;
    let with = |timeout: Value| {
        let mut request: Value = serde_json::from_str(&training()).expect("JSON");
        request["timeout"] = timeout;
        request.to_string()
    };
    problem(app.send("/v1/train", with(json!(0.1))).await, Kind::DEADLINE_EXCEEDED).await;
    app.wait_for_load(0, 0).await;
    let longer = problem(app.send("/v1/train", with(json!(20.5))).await, Kind::LIMIT_EXCEEDED).await;
    assert_eq!((&longer["setting"], &longer["limit"]), (&json!("timeout"), &json!(20)));
    for nothing in [json!(0), json!(-1)] {
        let refused = problem(app.send("/v1/train", with(nothing)).await, Kind::INVALID_REQUEST).await;
        assert_eq!(refused["errors"][0]["pointer"], "/timeout");
    }
}

#[tokio::test]
async fn a_training_whose_own_timeout_passes_while_it_waits_leaves_the_queue() {
    let app = TestApp::spawn_real(Settings { compute_slots: 1, queue: 4, ..settings() }).await;
    let mut running = JoinSet::new();
    running.spawn(app.post("/v1/train", training()).send());
    eventually(async || app.loads().await[1] == (1, 0)).await;
    let mut request: Value = serde_json::from_str(&training()).expect("JSON");
    request["timeout"] = json!(0.2);
    problem(app.send("/v1/train", request.to_string()).await, Kind::DEADLINE_EXCEEDED).await;
    eventually(async || app.loads().await == [(0, 0), (1, 0)]).await;
    running.shutdown().await;
    app.wait_for_load(0, 0).await;
}

/// A thousand clients ask for long runs and go away; their computations stop, wherever they are.
#[tokio::test]
async fn after_a_thousand_hang_ups_the_processors_fall_idle() {
    let server = Server::start(&["--queue", "100"]);
    let body = training();
    let request = format!(
        "POST /v1/train HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for _ in 0..10 {
        let mut clients = Vec::new();
        for _ in 0..100 {
            let mut client = TcpStream::connect(&server.address).await.expect("a connection");
            client.write_all(request.as_bytes()).await.expect("to write");
            clients.push(client);
        }
    }
    let client = client().build().expect("a client");
    let idle = json!({"short": 0, "long": 0});
    eventually(async || {
        let info: Value = client
            .get(format!("http://{}/info", server.address))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("JSON");
        let taken = |lane: &str| {
            let number = |name: &str| info["slots"][lane][name].as_u64().expect("a number");
            number("running") + number("waiting")
        };
        json!({"short": taken("short"), "long": taken("long")}) == idle
    })
    .await;
    let before = server.processor_time();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let taken = server.processor_time() - before;
    assert!(taken <= 5, "{taken} hundredths of a second were computed for nobody");
}

/// Those that wait for a long slot keep a thread each. There are threads for all of them, and for the others.
#[tokio::test]
async fn a_full_queue_of_trainings_takes_no_thread_that_gradients_need() {
    let server = Server::start(&["--compute-slots", "1", "--queue", "40"]);
    let client = client().build().expect("a client");
    let post = |path: &str, body: String| {
        let request = client.post(format!("http://{}{path}", server.address));
        request.header("content-type", "application/json").body(body).send()
    };
    let mut trainings = JoinSet::new();
    for _ in 0..41 {
        trainings.spawn(post("/v1/train", training()));
    }
    eventually(async || {
        let info = client.get(format!("http://{}/info", server.address)).send().await.expect("an answer");
        let info: Value = info.json().await.expect("JSON");
        info["slots"]["long"]["waiting"] == 40
    })
    .await;
    for _ in 0..5 {
        assert_eq!(post("/v1/gradient", NEURON.to_owned()).await.expect("an answer").status(), 200);
    }
    trainings.shutdown().await;
}
