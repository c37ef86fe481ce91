//! What routing and middleware do to every request.

use std::num::NonZeroUsize;

use gradd::api::Kind;
use gradd::server::Settings;
use gradd::server::keys::{Key, Keys};
use reqwest::Method;
use reqwest::header::{ACCEPT_ENCODING, ALLOW};

use crate::helpers::{TestApp, client, problem, settings};

#[tokio::test]
async fn an_unknown_path_is_a_404() {
    let app = TestApp::spawn().await;
    let problem = problem(app.get("/v1/nonsense").await, Kind::NOT_FOUND).await;
    assert!(problem["detail"].as_str().expect("text").contains("/v1/nonsense"));
    assert_eq!(problem.get("request_id"), None);
}

#[tokio::test]
async fn another_method_is_a_405_with_allow() {
    let app = TestApp::spawn_with(settings()).await;
    for (method, path, allowed) in [
        (Method::GET, "/echo", "POST"),
        (Method::DELETE, "/echo", "POST"),
        (Method::POST, "/healthz", "GET,HEAD"),
    ] {
        let response = app.client.request(method, app.url(path)).send().await.expect("an answer");
        assert_eq!(response.headers()[ALLOW], allowed, "{path}");
        problem(response, Kind::METHOD_NOT_ALLOWED).await;
    }
}

#[tokio::test]
async fn request_ids_are_taken_or_made() {
    let app = TestApp::spawn_with(settings()).await;
    let with = |id: &'static str| app.post("/echo", "1").header("x-request-id", id).send();

    let kept = with("3f0c/a-1").await.expect("an answer");
    assert_eq!(kept.headers()["x-request-id"], "3f0c/a-1");

    let first = app.get("/healthz").await.headers()["x-request-id"].clone();
    let second = app.get("/nonsense").await.headers()["x-request-id"].clone();
    assert!(!first.is_empty() && !second.is_empty());
    assert_ne!(first, second);

    let unfit = "\u{1b}[31mred";
    for unfit in [unfit.replace('\u{1b}', ""), "x".repeat(129), "two words".to_owned()] {
        let request = app.post("/echo", "1").header("x-request-id", &unfit);
        let made = request.send().await.expect("an answer");
        assert_ne!(made.headers()["x-request-id"], unfit.as_str());
    }
}

#[tokio::test]
async fn every_answer_forbids_browsers_to_sniff_frame_and_run_it() {
    let keys = Keys::new(vec![Key::generate("alice").expect("a fit name").1]).expect("one");
    let locked = Settings { keys, cors_origins: vec!["*".to_owned()], ..settings() };
    let limited = Settings { rate_limit: 1, ..settings() };
    let small = Settings { max_body_bytes: NonZeroUsize::MIN, ..settings() };
    let (app, locked) = (TestApp::spawn_with(settings()).await, TestApp::spawn_with(locked).await);
    let (limited, small) = (TestApp::spawn_with(limited).await, TestApp::spawn_with(small).await);
    let preflight =
        locked.client.request(Method::OPTIONS, locked.url("/echo")).header("origin", "https://a.b");
    let preflight = preflight.header("access-control-request-method", "POST");
    let form = app.client.post(app.url("/echo")).body("a=1");
    for (status, response) in [
        (200, app.get("/").await),
        (200, app.get("/openapi.yaml").await),
        (200, app.send("/echo", "1").await),
        (200, preflight.send().await.expect("an answer")),
        (401, locked.send("/echo", "1").await),
        (404, app.get("/nonsense").await),
        (405, app.get("/echo").await),
        (413, small.send("/echo", "12").await),
        (415, form.send().await.expect("an answer")),
        (200, limited.send("/echo", "1").await),
        (429, limited.send("/echo", "1").await),
        (500, app.send("/panic", "1").await),
    ] {
        assert_eq!(response.status(), status);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            assert_eq!(response.headers()[name], value, "of {status}");
        }
    }
}

/// The client undoes the compression and drops the header that tells of it, so these ask with a plain one.
async fn encoding(app: &TestApp, body: String) -> Option<String> {
    let client = client().no_gzip().build().expect("a client");
    let request = client.post(app.url("/echo")).header("content-type", "application/json").body(body);
    let response = request.header(ACCEPT_ENCODING, "gzip").send().await.expect("an answer");
    response.headers().get("content-encoding").map(|value| value.to_str().expect("text").to_owned())
}

#[tokio::test]
async fn large_answers_are_compressed_and_small_ones_are_not() {
    let app = TestApp::spawn_with(settings()).await;
    assert_eq!(encoding(&app, "1".repeat(10_000)).await.as_deref(), Some("gzip"));
    assert_eq!(encoding(&app, "1".repeat(100)).await, None);
    let body = "[1,2,3]".repeat(1000);
    assert_eq!(app.send("/echo", body.clone()).await.text().await.expect("text"), body);

    let plain = TestApp::spawn_with(Settings { compression: false, ..settings() }).await;
    assert_eq!(encoding(&plain, "1".repeat(10_000)).await, None);
}

#[tokio::test]
async fn browsers_of_other_origins_are_let_in_on_request_only() {
    let origin = "https://example.org";
    let allowed = async |cors_origins: &[&str]| {
        let cors_origins = cors_origins.iter().map(|&origin| origin.to_owned()).collect();
        let app = TestApp::spawn_with(Settings { cors_origins, ..settings() }).await;
        let response = app.post("/echo", "1").header("origin", origin).send().await.expect("an answer");
        let allowed = response.headers().get("access-control-allow-origin");
        allowed.map(|value| value.to_str().expect("text").to_owned())
    };
    assert_eq!(allowed(&[]).await, None);
    assert_eq!(allowed(&["https://other.example"]).await, None);
    assert_eq!(allowed(&["https://other.example", origin]).await.as_deref(), Some(origin));
    assert_eq!(allowed(&["*"]).await.as_deref(), Some("*"));
}

#[tokio::test]
async fn a_preflight_request_is_answered() {
    let app = TestApp::spawn_with(Settings { cors_origins: vec!["*".to_owned()], ..settings() }).await;
    let request = app
        .client
        .request(Method::OPTIONS, app.url("/echo"))
        .header("origin", "https://example.org")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["access-control-allow-methods"], "*");
    assert_eq!(response.headers()["access-control-allow-headers"], "content-type");
}
