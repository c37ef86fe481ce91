//! How often one caller may ask.

use std::time::Duration;

use gradd::api::Kind;
use gradd::server::Settings;
use gradd::server::keys::{Key, Keys};
use reqwest::Response;

use crate::helpers::{TestApp, eventually, problem, settings};

/// `rate_limit` requests an hour.
fn hourly(rate_limit: usize) -> Settings {
    Settings { rate_limit, rate_window: Duration::from_hours(1), ..settings() }
}

fn told<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

#[tokio::test]
async fn without_a_limit_nothing_is_told() {
    let app = TestApp::spawn_with(settings()).await;
    for _ in 0..100 {
        let response = app.send("/echo", "1").await;
        assert_eq!(response.status(), 200);
        assert_eq!((told(&response, "ratelimit"), told(&response, "ratelimit-policy")), (None, None));
    }
}

#[tokio::test]
async fn answers_count_down_until_one_is_refused() {
    let app = TestApp::spawn_with(hourly(3)).await;
    // An hour for three: 20 minutes for each that is missing, rounded up.
    for left in ["\"requests\";r=2;t=1200", "\"requests\";r=1;t=2400", "\"requests\";r=0;t=3600"] {
        let response = app.send("/echo", "1").await;
        assert_eq!(response.status(), 200);
        assert_eq!(told(&response, "ratelimit"), Some(left));
        assert_eq!(told(&response, "ratelimit-policy"), Some("\"requests\";q=3;w=3600"));
    }
    let refused = app.send("/echo", "1").await;
    let wait: u64 = told(&refused, "retry-after").expect("a time").parse().expect("seconds");
    assert!((1190..=1200).contains(&wait), "{wait}");
    assert_eq!(told(&refused, "ratelimit"), Some("\"requests\";r=0;t=3600"));
    assert_eq!(told(&refused, "ratelimit-policy"), Some("\"requests\";q=3;w=3600"));
    let problem = problem(refused, Kind::RATE_LIMITED).await;
    assert!(problem["detail"].as_str().expect("text").contains(&format!("in {wait} s")), "{problem}");

    for _ in 0..10 {
        assert_eq!(app.get("/healthz").await.status(), 200, "open paths do not count");
    }
}

#[tokio::test]
async fn a_refused_caller_is_served_again_when_a_token_has_come() {
    let limits = Settings { rate_limit: 1, rate_window: Duration::from_secs(1), ..settings() };
    let app = TestApp::spawn_with(limits).await;
    eventually(async || app.send("/echo", "1").await.status() == 429).await;
    eventually(async || app.send("/echo", "1").await.status() == 200).await;
}

#[tokio::test]
async fn each_key_has_its_own_and_no_key_counts_by_address() {
    let [(alice, of_alice), (bob, of_bob)] =
        ["alice", "bob"].map(|name| Key::generate(name).expect("a name"));
    let keys = Keys::new(vec![of_alice, of_bob]).expect("two names");
    let app = TestApp::spawn_with(Settings { keys, ..hourly(2) }).await;
    let status = async |key: &str| {
        app.post("/echo", "1").bearer_auth(key).send().await.expect("an answer").status().as_u16()
    };
    for (key, expected) in [
        (alice.as_str(), 200),
        ("guess 1", 401),
        (&alice, 200),
        (&alice, 429),
        (&bob, 200),
        ("guess 2", 401),
        ("guess 3", 429),
        (&bob, 200),
        (&bob, 429),
    ] {
        assert_eq!(status(key).await, expected, "{key}");
    }
}
