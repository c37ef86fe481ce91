//! The pages for people with a browser, and the files that they are made of.

use std::collections::BTreeSet;

use gradd::api::Kind;
use reqwest::{Response, StatusCode};

use crate::helpers::{TestApp, client, problem};

/// What browsers send when a person goes to an address.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// The whole page, compressed as it goes over the wire.
const MOST_BYTES: usize = 500_000;

/// Asks as a browser does, and leaves the body as it came over the wire.
async fn browse(app: &TestApp, path: &str, encoding: &str) -> Response {
    let client = client().no_gzip().build().expect("a client");
    let request = client.get(app.url(path)).header("accept", BROWSER).header("accept-encoding", encoding);
    request.send().await.expect("an answer")
}

/// What a file names in `href`, `src`, `import` and `fetch`, as paths; names without a folder are in that of the page.
fn named_in(path: &str, text: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let marks = ["href=\"", "src=\"", "from \"", "import \"", "fetch(\""];
    let quoted =
        marks.iter().flat_map(|mark| text.split(mark).skip(1)).filter_map(|rest| rest.split('"').next());
    quoted
        .filter(|name| !name.is_empty() && !name.starts_with('#'))
        .map(|name| match name.strip_prefix("./") {
            Some(beside) => format!("{folder}/{beside}"),
            None => format!("/{name}"),
        })
        .collect()
}

#[tokio::test]
async fn browsers_get_the_playground_and_programs_the_greeting() {
    let app = TestApp::spawn().await;
    let page = browse(&app, "/", "identity").await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["vary"], "accept");
    assert!(page.text().await.expect("text").starts_with("<!DOCTYPE html>"));
    let greeting = app.get("/").await;
    assert_eq!(greeting.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(greeting.headers()["vary"], "accept");
}

#[tokio::test]
async fn everything_that_a_page_names_is_there_and_small() {
    let app = TestApp::spawn().await;
    let mut open = vec!["/".to_owned(), "/docs".to_owned()];
    let mut seen = BTreeSet::new();
    let mut bytes = 0;
    while let Some(path) = open.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let response = browse(&app, &path, "identity").await;
        assert_eq!(response.status(), 200, "{path}");
        let content_type = response.headers()["content-type"].to_str().expect("text").to_owned();
        let of_name = match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
            _ if path.starts_with("/v1/") => "application/json",
            "" => "text/html; charset=utf-8",
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "yaml" => "application/yaml",
            "svg" => "image/svg+xml",
            "csv" => "text/csv; charset=utf-8",
            _ => "application/json",
        };
        assert_eq!(content_type, of_name, "{path}");
        let text = response.text().await.expect("text");
        // What libraries say in their comments is no link.
        if !path.contains("/vendor/") {
            open.extend(named_in(&path, &text));
        }
        bytes += browse(&app, &path, "gzip").await.bytes().await.expect("a body").len();
    }
    for part in [
        "/page/main.js",
        "/page/style.css",
        "/page/vendor/dagre.esm.js",
        "/page/docs.js",
        "/page/data/iris.csv",
    ] {
        assert!(seen.contains(part), "{part} is not among {seen:?}");
    }
    println!("{} files, {bytes} bytes compressed", seen.len());
    assert!(bytes < MOST_BYTES, "{bytes} bytes");
}

#[tokio::test]
async fn a_page_loads_nothing_from_elsewhere_and_has_no_script_inside() {
    let app = TestApp::spawn().await;
    for path in ["/", "/docs"] {
        let page = browse(&app, path, "identity").await;
        let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
        assert!(policy.starts_with("default-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(page.headers()["x-content-type-options"], "nosniff");
        assert_eq!(page.headers()["referrer-policy"], "no-referrer");
        let text = page.text().await.expect("text");
        for forbidden in ["<script>", "style=", "onclick", "http://", "https://", "href=\"/", "src=\"/"] {
            assert!(!text.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let app = TestApp::spawn().await;
    let first = browse(&app, "/page/style.css", "gzip").await;
    assert_eq!(first.headers()["cache-control"], "no-cache");
    assert_eq!(first.headers()["content-encoding"], "gzip");
    let tag = first.headers()["etag"].clone();
    for (known, status) in [
        (tag.to_str().expect("text"), StatusCode::NOT_MODIFIED),
        ("W/\"other\", *", StatusCode::NOT_MODIFIED),
        ("W/\"other\"", StatusCode::OK),
    ] {
        let request = app.client.get(app.url("/page/style.css")).header("if-none-match", known);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), status, "{known}");
        assert_eq!(answer.headers()["etag"], tag);
        assert_eq!(answer.bytes().await.expect("a body").is_empty(), status == StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn other_names_are_not_found_wherever_they_point() {
    let app = TestApp::spawn().await;
    for path in [
        "/page/none.js",
        "/page/",
        "/page/..%2f..%2fmod.rs",
        "/page/%2e%2e/pages.rs",
        "/page/%2fetc%2fpasswd",
    ] {
        problem(app.get(path).await, Kind::NOT_FOUND).await;
    }
}

#[test]
fn the_data_are_those_of_the_examples() {
    assert_eq!(include_str!("../../src/server/page/data/iris.csv"), include_str!("../../examples/iris.csv"));
    assert_eq!(
        include_str!("../../src/server/page/data/misra1a.json"),
        include_str!("../../examples/misra1a.json")
    );
}
