//! Draining.

use std::time::Duration;

use gradd::api::Kind;
use gradd::server::Settings;

use crate::helpers::{Gate, OpenOnDrop, TestApp, eventually, problem, settings, within};

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let mut app = TestApp::spawn_with(Settings { grace: Duration::from_hours(1), ..settings() }).await;
    assert_eq!(app.send("/echo", "1").await.status(), 200);
    app.shut_down();
    app.stopped().await;
    assert!(app.client.get(app.url("/healthz")).send().await.is_err());
}

#[tokio::test]
async fn running_and_waiting_requests_finish_while_new_ones_are_refused() {
    let grace = Duration::from_hours(1);
    let mut app = TestApp::spawn_with(Settings { compute_slots: 1, grace, ..settings() }).await;
    let gate = OpenOnDrop(Gate::new("drained"));
    let admitted = [app.begin("/gate", "drained"), app.begin("/gate", "drained")];
    app.wait_for_load(1, 1).await;

    app.shut_down();
    eventually(async || app.get("/readyz").await.status() == 503).await;
    problem(app.get("/readyz").await, Kind::DRAINING).await;
    assert_eq!(app.get("/healthz").await.status(), 200, "alive, though not ready");
    let refused = app.send("/echo", "1").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, Kind::DRAINING).await;

    gate.open();
    for request in admitted {
        assert_eq!(within(request).await.expect("no panic").status(), 200);
    }
    app.stopped().await;
}

#[tokio::test]
async fn what_outlives_the_grace_period_is_stopped() {
    let grace = Duration::from_millis(100);
    let mut app = TestApp::spawn_with(Settings { grace, ..settings() }).await;
    let gate = OpenOnDrop(Gate::new("outlives"));
    let request = app.begin("/gate", "outlives");
    app.wait_for_load(1, 0).await;
    app.shut_down();
    problem(within(request).await.expect("no panic"), Kind::DRAINING).await;
    eventually(async || gate.state().interrupted == 1).await;
    app.stopped().await;
}
