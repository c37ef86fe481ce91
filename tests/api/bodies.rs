//! Bodies and media types: what is let through to the operations, and what is not.

use std::num::NonZeroUsize;
use std::time::Duration;

use gradd::api::Kind;
use gradd::server::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::{TestApp, problem, settings, within};

fn small_bodies() -> Settings {
    Settings { max_body_bytes: NonZeroUsize::new(1000).expect("not zero"), ..settings() }
}

#[tokio::test]
async fn bytes_reach_the_operation_as_they_are() {
    let app = TestApp::spawn_with(settings()).await;
    for body in [b"{\"a\": [1, 2".to_vec(), vec![0xff, 0xfe, b'"'], Vec::new()] {
        let response = app.send("/echo", body.clone()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.bytes().await.expect("a body"), body);
    }
}

#[tokio::test]
async fn a_body_announced_too_large_is_a_413() {
    let app = TestApp::spawn_with(small_bodies()).await;
    assert_eq!(app.send("/echo", "1".repeat(1000)).await.status(), 200);
    let problem = problem(app.send("/echo", "1".repeat(1001)).await, Kind::BODY_TOO_LARGE).await;
    assert_eq!(problem["limit"], 1000);
    assert_eq!(problem["actual"], 1001);
    assert_eq!(problem["setting"], "max_body_bytes");
}

#[tokio::test]
async fn a_much_too_large_body_still_gets_its_answer() {
    let app = TestApp::spawn_with(small_bodies()).await;
    // More than the buffers of a socket pair hold: the client is still writing when the refusal comes.
    let problem = problem(app.send("/echo", vec![b'1'; 32 << 20]).await, Kind::BODY_TOO_LARGE).await;
    assert_eq!(problem["actual"], 32 << 20);
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_a_413() {
    let app = TestApp::spawn_with(small_bodies()).await;
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let head = "POST /echo HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("to write");
    for _ in 0..3 {
        stream.write_all(format!("190\r\n{}\r\n", "1".repeat(400)).as_bytes()).await.expect("to write");
    }
    stream.write_all(b"0\r\n\r\n").await.expect("to write");
    let answer = read(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    assert!(answer.contains("\"limit\":1000,\"actual\":1200,\"setting\":\"max_body_bytes\""), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_a_408() {
    let app = TestApp::spawn_with(Settings { timeout: Duration::from_millis(100), ..settings() }).await;
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let head = "POST /echo HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n12";
    stream.write_all(head.as_bytes()).await.expect("to write");
    let answer = read(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("/problems/request-timeout"), "{answer}");
}

#[tokio::test]
async fn a_client_that_asks_first_is_refused_before_it_sends() {
    let app = TestApp::spawn_with(small_bodies()).await;
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let head = "POST /echo HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\
                Expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("to write");
    let answer = read(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

/// All that comes until the server closes the connection.
async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    within(stream.read_to_end(&mut answer)).await.expect("to read");
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn another_content_type_is_a_415_that_names_the_remedy() {
    let app = TestApp::spawn_with(settings()).await;
    for content_type in [Some("application/x-www-form-urlencoded"), Some("text/plain"), None] {
        let mut request = app.client.post(app.url("/echo")).body("{}");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let problem = problem(request.send().await.expect("an answer"), Kind::UNSUPPORTED_MEDIA_TYPE).await;
        let detail = problem["detail"].as_str().expect("text");
        let command = format!("curl --json @request.json http://{}/echo", app.address);
        assert!(detail.contains(&command), "{detail}");
        assert!(detail.contains(content_type.unwrap_or("no Content-Type")), "{detail}");
    }
}

#[tokio::test]
async fn json_types_with_parameters_pass() {
    let app = TestApp::spawn_with(settings()).await;
    for content_type in ["application/json; charset=utf-8", "application/vnd.example+json"] {
        let request = app.client.post(app.url("/echo")).header("content-type", content_type).body("{}");
        assert_eq!(request.send().await.expect("an answer").status(), 200, "{content_type}");
    }
}

#[tokio::test]
async fn a_compressed_body_is_a_415() {
    let app = TestApp::spawn_with(settings()).await;
    let request = app.post("/echo", "{}").header("content-encoding", "gzip");
    problem(request.send().await.expect("an answer"), Kind::UNSUPPORTED_MEDIA_TYPE).await;
}

#[tokio::test]
async fn an_accept_header_without_json_is_a_406() {
    let app = TestApp::spawn_with(settings()).await;
    let accept = |accept: &'static str| app.post("/echo", "{}").header("accept", accept).send();
    let problem = problem(accept("text/html").await.expect("an answer"), Kind::NOT_ACCEPTABLE).await;
    assert!(problem["detail"].as_str().expect("text").contains("text/html"), "{problem}");
    for fine in ["*/*", "text/html, application/json;q=0.5"] {
        assert_eq!(accept(fine).await.expect("an answer").status(), 200, "{fine}");
    }
}

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let app = TestApp::spawn_with(small_bodies()).await;
    let mut stream = TcpStream::connect(app.address).await.expect("a connection");
    let request = |body: &str, last: bool| {
        let close = if last { "Connection: close\r\n" } else { "" };
        let length = body.len();
        format!(
            "POST /echo HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\n{close}Content-Length: \
             {length}\r\n\r\n{body}"
        )
    };
    // All at once; a refused one among them must not take the connection with it.
    let refused = "GET /nonsense HTTP/1.1\r\nHost: gradd\r\n\r\n";
    let pipeline = [
        request("\"one\"", false),
        refused.to_owned(),
        request("\"two\"", false),
        request("\"three\"", true),
    ];
    stream.write_all(pipeline.concat().as_bytes()).await.expect("to write");
    let answer = read(&mut stream).await;
    let places = ["\"one\"", "/problems/not-found", "\"two\"", "\"three\""].map(|part| answer.find(part));
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
}
