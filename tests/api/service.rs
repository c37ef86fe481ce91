//! The service routes: health, readiness, information, greeting, pages of problems.

use gradd::api::Kind;
use gradd::server::Settings;
use gradd::server::endpoint::Endpoint;
use serde_json::{Value, json};

use crate::helpers::{TestApp, problem, settings};

#[tokio::test]
async fn health_and_readiness_answer() {
    let app = TestApp::spawn().await;
    for (path, status) in [("/healthz", "ok"), ("/readyz", "ready")] {
        let response = app.get(path).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.json::<Value>().await.expect("JSON"), json!({"status": status}));
    }
}

#[tokio::test]
async fn info_tells_version_slots_and_every_setting() {
    let app = TestApp::spawn_with(Settings { compute_slots: 3, queue: 5, ..settings() }).await;
    let info: Value = app.get("/info").await.json().await.expect("JSON");
    assert_eq!(info["name"], "gradd");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let idle = json!({"total": 3, "running": 0, "waiting": 0});
    assert_eq!(info["slots"], json!({"short": idle, "long": idle}));
    let told = info["settings"].as_object().expect("an object");
    assert_eq!(told.len(), Settings::KEYS.len());
    for key in Settings::KEYS {
        assert!(told.contains_key(key.name), "{} is missing", key.name);
    }
    assert_eq!(told["queue"], 5);
    assert_eq!(told["max_body_bytes"], 64 << 20);
    assert_eq!(told["timeout"], 60);
}

#[tokio::test]
async fn the_greeting_names_the_routes() {
    let app = TestApp::spawn().await;
    let response = app.get("/").await;
    assert!(response.headers()["content-type"].to_str().expect("text").starts_with("text/plain"));
    let text = response.text().await.expect("text");
    for part in ["/v1/gradient", "/v1/train", "/openapi.yaml", "curl --json"] {
        assert!(text.contains(part), "{part} is missing from {text}");
    }
}

#[tokio::test]
async fn every_kind_of_problem_has_its_page() {
    let app = TestApp::spawn().await;
    let list = app.get("/problems").await.text().await.expect("text");
    for kind in Kind::ALL {
        let path = format!("/problems/{}", kind.slug);
        assert!(list.contains(&path), "{path} is missing from {list}");
        let response = app.get(&path).await;
        assert_eq!(response.status(), 200, "{path}");
        let page = response.text().await.expect("text");
        assert!(page.contains(kind.title) && page.contains(kind.remedy), "{page}");
    }
    let unknown = problem(app.get("/problems/nonsense").await, Kind::NOT_FOUND).await;
    assert!(unknown["detail"].as_str().expect("text").contains("malformed-body"), "{unknown}");
}

#[tokio::test]
async fn the_openapi_document_describes_every_route() {
    let app = TestApp::spawn().await;
    let yaml = app.get("/openapi.yaml").await;
    assert_eq!(yaml.headers()["content-type"], "application/yaml");
    assert!(yaml.text().await.expect("text").starts_with("openapi: 3.1"));
    let document: Value = app.get("/openapi.json").await.json().await.expect("JSON");
    let paths = document["paths"].as_object().expect("an object");
    for Endpoint { path, .. } in gradd::server::routes::OPERATIONS {
        assert!(paths.contains_key(*path), "{path} is not described");
    }
    for (path, item) in paths {
        // Without a model that is one, these are 404.
        if item.as_object().expect("methods").values().any(|method| method["tags"] == json!(["tesseract"])) {
            continue;
        }
        let method = if item.get("post").is_some() { "POST" } else { "GET" };
        let request = app.client.request(method.parse().expect("a method"), app.url(path));
        let status = request.send().await.expect("an answer").status();
        assert!(!matches!(status.as_u16(), 404 | 405), "{method} {path} is described, but answers {status}");
    }
}
