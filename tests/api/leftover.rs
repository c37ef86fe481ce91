//! Bodies that are left unread: what becomes of them, of the connection, and of the next request on it.

use std::num::NonZeroUsize;
use std::time::Duration;

use gradd::server::Settings;
use gradd::server::keys::{Key, Keys};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::helpers::{Gate, OpenOnDrop, TestApp, settings, within};
use crate::rude::{read, read_some, sent};

/// A server and the head of a request that it refuses whatever its body is, up to the fields that tell of the body.
struct Refusal {
    status: u16,
    app: TestApp,
    head: String,
    _busy: Option<OpenOnDrop>,
}

const HEAD: &str = "POST /echo HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\n";

/// Enough to be refused with 413 where it is the limit.
const SMALL: usize = 1000;

async fn refusal(status: u16, name: &str) -> Refusal {
    let (secret, key) = Key::generate("alice").expect("a fit name");
    let elsewhere: Key = format!("{key} /v1/evaluate").parse().expect("a line");
    let keys = Keys::new(vec![elsewhere]).expect("one");
    let settings = match status {
        401 | 403 => Settings { keys, ..settings() },
        413 => Settings { max_body_bytes: NonZeroUsize::new(SMALL - 1).expect("not zero"), ..settings() },
        429 => Settings { rate_limit: 1, rate_window: Duration::from_hours(1), ..settings() },
        // 430 stands for the other 429.
        430 => Settings { compute_slots: 1, queue: 0, ..settings() },
        _ => settings(),
    };
    let mut app = TestApp::spawn_with(settings).await;
    let head = match status {
        403 => HEAD.replace("\r\nHost", &format!("\r\nAuthorization: Bearer {secret}\r\nHost")),
        404 => HEAD.replace("/echo", "/nonsense"),
        405 => HEAD.replace("POST", "PUT"),
        406 => HEAD.replace("\r\nHost", "\r\nAccept: text/html\r\nHost"),
        415 => HEAD.replace("json", "nonsense"),
        _ => HEAD.to_owned(),
    };
    let mut busy = None;
    if status == 429 {
        assert_eq!(app.send("/echo", "1").await.status(), 200);
    }
    if matches!(status, 430 | 503) {
        busy = Some(OpenOnDrop(Gate::new(name)));
        app.begin("/gate", name.to_owned());
        app.wait_for_load(1, 0).await;
    }
    if status == 503 {
        app.shut_down();
        within(async { while app.get("/readyz").await.status() != 503 {} }).await;
    }
    Refusal { status: if status == 430 { 429 } else { status }, app, head, _busy: busy }
}

const STATUSES: [u16; 10] = [401, 403, 404, 405, 406, 413, 415, 429, 430, 503];

impl Refusal {
    /// A connection on which the head was sent, and its answer.
    async fn of(&self, fields: &str) -> (TcpStream, String) {
        let mut stream = sent(&self.app, &format!("{}{fields}\r\n", self.head)).await;
        let answer = read_some(&mut stream).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {} ", self.status)),
            "{} {fields}: {answer}",
            self.status
        );
        (stream, answer)
    }
}

fn says_close(answer: &str) -> bool {
    answer.to_ascii_lowercase().contains("\r\nconnection: close\r\n")
}

/// A body that would be a request if it were taken for one.
fn body(length: usize) -> String {
    let request = "GET /openapi.yaml HTTP/1.1\r\nHost: gradd\r\n\r\n";
    request.repeat(length / request.len() + 1)[..length].to_owned()
}

const NEXT: &str = "GET /healthz HTTP/1.1\r\nHost: gradd\r\n\r\n";

/// Most clients keep their connection, and many send a body in a packet of its own.
#[tokio::test]
async fn after_a_refusal_a_short_body_may_come_and_the_next_request_after_it() {
    for status in STATUSES {
        let refusal = refusal(status, &format!("short {status}")).await;
        let (mut stream, answer) = refusal.of(&format!("Content-Length: {SMALL}\r\n")).await;
        assert!(!says_close(&answer), "{answer}");
        // Long enough for a connection to be closed.
        sleep(Duration::from_millis(50)).await;
        stream.write_all(body(SMALL).as_bytes()).await.expect("to write");
        stream.write_all(NEXT.as_bytes()).await.expect("to write");
        let answer = read_some(&mut stream).await;
        assert!(answer.ends_with(r#"{"status":"ok"}"#), "after {status}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn after_a_refusal_of_a_long_body_the_connection_is_closed_as_the_answer_says() {
    for status in STATUSES {
        let refusal = refusal(status, &format!("long {status}")).await;
        let long = body(1 << 20);
        let chunked = format!("{SMALL:x}\r\n{}\r\n0\r\n\r\n", body(SMALL));
        for (field, body) in [
            (format!("Content-Length: {}\r\n", long.len()), long),
            ("Transfer-Encoding: chunked\r\n".to_owned(), chunked),
        ] {
            if status == 413 && field.starts_with("Transfer") {
                // Only its bytes tell that it is too large.
                continue;
            }
            let (mut stream, answer) = refusal.of(&field).await;
            assert!(says_close(&answer), "{answer}");
            // It is read to its end, so that the answer is not lost; what follows is not taken for a request.
            stream.write_all(body.as_bytes()).await.expect("to write");
            let _ = stream.write_all(NEXT.as_bytes()).await;
            assert_eq!(read(&mut stream).await, "", "after {status} {field}");
        }
    }
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_not_asked_for_one_that_is_refused() {
    for status in STATUSES {
        let refusal = refusal(status, &format!("asked {status}")).await;
        let fields = format!("Content-Length: {SMALL}\r\nExpect: 100-continue\r\n");
        let (mut stream, answer) = refusal.of(&fields).await;
        assert!(says_close(&answer) && !answer.contains("100 Continue"), "{answer}");
        assert_eq!(read(&mut stream).await, "", "after {status}");
    }
}

#[tokio::test]
async fn the_rest_of_a_refused_body_is_not_waited_for_long() {
    let refusal = refusal(404, "").await;
    for length in [SMALL, 1 << 20] {
        let (mut stream, _) = refusal.of(&format!("Content-Length: {length}\r\n")).await;
        assert_eq!(read(&mut stream).await, "");
    }
}

#[tokio::test]
async fn a_chunked_body_that_was_read_does_not_cost_the_connection() {
    let app = TestApp::spawn_with(settings()).await;
    let mut stream =
        sent(&app, &format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\n\"a\"\r\n0\r\n\r\n")).await;
    let answer = read_some(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && !says_close(&answer), "{answer}");
    stream.write_all(NEXT.as_bytes()).await.expect("to write");
    assert!(read_some(&mut stream).await.ends_with(r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn a_body_that_is_too_slow_costs_the_connection() {
    let app = TestApp::spawn_with(Settings { timeout: Duration::from_millis(100), ..settings() }).await;
    let mut stream = sent(&app, &format!("{HEAD}Content-Length: 10\r\n\r\n12")).await;
    let answer = read_some(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && says_close(&answer), "{answer}");
}
