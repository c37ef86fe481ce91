//! Slots, queue, deadlines, hang-ups and panics.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gradd::api::{Context, Kind, Problem, Reply};
use gradd::server::Settings;
use gradd::server::endpoint::Endpoint;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::helpers::{Gate, OpenOnDrop, TestApp, eventually, gate, problem, settings, within};

fn slots(compute_slots: usize, queue: usize) -> Settings {
    Settings { compute_slots, queue, ..settings() }
}

#[tokio::test]
async fn past_slots_and_queue_requests_are_refused_with_429() {
    let app = TestApp::spawn_with(slots(2, 1)).await;
    let gate = OpenOnDrop(Gate::new("full"));
    let admitted: Vec<_> = (0..3).map(|_| app.begin("/gate", "full")).collect();
    app.wait_for_load(2, 1).await;

    let refused = app.send("/echo", "1").await;
    let retry_after: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=600).contains(&retry_after), "{retry_after}");
    let problem = problem(refused, Kind::BUSY).await;
    assert!(problem["detail"].as_str().expect("text").contains("2 of 2 compute slots"), "{problem}");
    // A slot is taken a moment before the operation begins on its thread.
    eventually(async || gate.state().begun >= 2).await;
    assert_eq!(gate.state().begun, 2, "the third waits");

    gate.open();
    for request in admitted {
        assert_eq!(within(request).await.expect("no panic").status(), 200);
    }
    app.wait_for_load(0, 0).await;
    assert_eq!(app.send("/echo", "1").await.status(), 200);
}

#[tokio::test]
async fn retry_after_grows_with_service_time_and_queue() {
    let app = TestApp::spawn_with(slots(1, 3)).await;
    let slow = OpenOnDrop(Gate::new("slow"));
    let first = app.begin("/gate", "slow");
    app.wait_for_load(1, 0).await;
    // The one measured service time lies between this pause and what the whole test takes.
    tokio::time::sleep(Duration::from_millis(300)).await;
    slow.open();
    assert_eq!(within(first).await.expect("no panic").status(), 200);

    let full = OpenOnDrop(Gate::new("full after slow"));
    let admitted: Vec<_> = (0..4).map(|_| app.begin("/gate", "full after slow")).collect();
    app.wait_for_load(1, 3).await;
    let refused = app.send("/echo", "1").await;
    let retry_after: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!(retry_after >= 2, "four turns of at least 0.3 s each, but Retry-After is {retry_after}");
    full.open();
    for request in admitted {
        assert_eq!(within(request).await.expect("no panic").status(), 200);
    }
}

#[tokio::test]
async fn a_timed_out_request_answers_504_and_keeps_its_slot_until_the_work_ends() {
    let app = TestApp::spawn_with(Settings { timeout: Duration::from_millis(100), ..slots(1, 0) }).await;
    let gate = OpenOnDrop(Gate::stubborn("stubborn"));
    problem(app.send("/gate", "stubborn").await, Kind::DEADLINE_EXCEEDED).await;

    eventually(async || gate.state().interrupted == 1).await;
    assert_eq!(gate.state().ended, 0);
    assert_eq!(app.load().await, (1, 0), "the work still runs, so its slot is taken");
    problem(app.send("/echo", "1").await, Kind::BUSY).await;

    gate.open();
    app.wait_for_load(0, 0).await;
    assert_eq!(app.send("/echo", "1").await.status(), 200);
}

#[tokio::test]
async fn a_request_that_waits_past_its_deadline_is_a_504_and_leaves_the_queue() {
    let app = TestApp::spawn_with(Settings { timeout: Duration::from_millis(200), ..slots(1, 1) }).await;
    let gate = OpenOnDrop(Gate::stubborn("long"));
    let long = app.begin("/gate", "long");
    app.wait_for_load(1, 0).await;
    problem(app.send("/echo", "1").await, Kind::DEADLINE_EXCEEDED).await;
    app.wait_for_load(1, 0).await;
    problem(within(long).await.expect("no panic"), Kind::DEADLINE_EXCEEDED).await;
    gate.open();
    app.wait_for_load(0, 0).await;
}

static COUNTED: AtomicUsize = AtomicUsize::new(0);

#[allow(clippy::unnecessary_wraps)]
fn count(_body: &[u8], _context: &Context) -> Result<Reply, Problem> {
    COUNTED.fetch_add(1, Ordering::Relaxed);
    Ok(Reply { content_type: "application/json", body: b"1".to_vec() })
}

/// The server's timeout is longer than any test, and only the body tells of a shorter one.
#[tokio::test]
async fn a_request_whose_own_timeout_passes_while_it_waits_is_a_504_and_never_begins() {
    let app = TestApp::spawn_operations(
        slots(1, 8),
        &[Endpoint::new("/gate", gate), Endpoint::new("/count", count)],
    )
    .await;
    let short = "own timeout";
    // Bodies of a megabyte begin in the long lane.
    let long = "own timeout ".repeat(100_000);
    let gates = [short, &long].map(|name| OpenOnDrop(Gate::new(name)));
    let running = [short, &long].map(|name| app.begin("/gate", name.to_owned()));
    app.wait_for_load(2, 0).await;

    let request = |length: usize| json!({"of no meaning": "x".repeat(length), "timeout": 0.1});
    let cbor = cbor4ii::serde::to_vec(Vec::new(), &request(10)).expect("a body");
    let message_pack = rmp_serde::to_vec_named(&request(10)).expect("a body");
    for (content_type, body) in [
        ("application/json", request(10).to_string().into_bytes()),
        ("application/cbor", cbor),
        ("application/msgpack", message_pack),
        ("application/json", request(100_000).to_string().into_bytes()),
        ("application/json", request(2 << 20).to_string().into_bytes()),
    ] {
        let request = app.client.post(app.url("/count")).header("content-type", content_type).body(body);
        let found = problem(request.send().await.expect("an answer"), Kind::DEADLINE_EXCEEDED).await;
        assert!(found["detail"].as_str().expect("text").contains("never begun"), "{found}");
        app.wait_for_load(2, 0).await;
    }
    // These wait for their turn, some to be told what is wrong with them.
    let others = [r#"{"timeout": 50}"#, r#"{"timeout": -1}"#, r#"{"timeout": "soon"}"#, "{", ""];
    let others = others.map(|body| app.begin("/count", body));
    app.wait_for_load(2, 5).await;
    assert_eq!(COUNTED.load(Ordering::Relaxed), 0);
    gates.iter().for_each(|gate| gate.open());
    for request in running.into_iter().chain(others) {
        assert_eq!(within(request).await.expect("no panic").status(), 200);
    }
    assert_eq!(COUNTED.load(Ordering::Relaxed), 5);
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_the_work() {
    let app = TestApp::spawn_with(slots(1, 1)).await;
    let gate = OpenOnDrop(Gate::new("hung up"));
    let head = "POST /gate HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\nhung up";
    let mut running = TcpStream::connect(app.address).await.expect("a connection");
    running.write_all(head.as_bytes()).await.expect("to write");
    app.wait_for_load(1, 0).await;
    let mut waiting = TcpStream::connect(app.address).await.expect("a connection");
    waiting.write_all(head.as_bytes()).await.expect("to write");
    app.wait_for_load(1, 1).await;

    drop(waiting);
    app.wait_for_load(1, 0).await;
    drop(running);
    eventually(async || gate.state().interrupted == 1).await;
    app.wait_for_load(0, 0).await;
    assert_eq!(gate.state().begun, 1, "the waiting one never ran");
}

#[tokio::test]
async fn a_panic_is_a_500_with_the_request_id_and_the_slot_comes_back() {
    let app = TestApp::spawn_with(slots(1, 0)).await;
    for attempt in ["first", "second"] {
        let request = app.post("/panic", "1").header("x-request-id", attempt);
        let response = request.send().await.expect("an answer");
        assert_eq!(response.headers()["x-request-id"], attempt);
        let problem = problem(response, Kind::INTERNAL).await;
        assert_eq!(problem["request_id"], attempt);
        app.wait_for_load(0, 0).await;
    }
    assert_eq!(app.send("/echo", "1").await.status(), 200);
}

#[tokio::test]
async fn bodies_that_do_not_fit_into_memory_together_are_refused_with_429() {
    let kibibytes = |count: usize| NonZeroUsize::new(count << 10).expect("not zero");
    let app = TestApp::spawn_with(Settings {
        max_body_bytes: kibibytes(4),
        max_held_bytes: kibibytes(4),
        ..slots(2, 0)
    })
    .await;
    assert_eq!(app.send("/echo", "1".repeat(4 << 10)).await.status(), 200);
    let gate = OpenOnDrop(Gate::new("held"));
    let running = app.begin("/gate", "held");
    app.wait_for_load(1, 0).await;
    problem(app.send("/echo", "1".repeat(4 << 10)).await, Kind::BUSY).await;
    assert_eq!(app.send("/echo", "1".repeat(3 << 10)).await.status(), 200);
    gate.open();
    assert_eq!(within(running).await.expect("no panic").status(), 200);
    app.wait_for_load(0, 0).await;
    assert_eq!(app.send("/echo", "1".repeat(4 << 10)).await.status(), 200);
}
