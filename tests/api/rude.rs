//! Slow and rude clients: what they get, and that others are served meanwhile.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use gradd::server::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::helpers::{Gate, OpenOnDrop, TestApp, eventually, settings, within};

fn most(max_connections: usize) -> Settings {
    Settings { max_connections: NonZeroUsize::new(max_connections).expect("not zero"), ..settings() }
}

/// A short patience with those that do nothing.
fn impatient(settings: Settings) -> Settings {
    Settings { idle_timeout: Duration::from_millis(300), ..settings }
}

async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

/// A connection on which `text` was sent.
pub async fn sent(app: &TestApp, text: &str) -> TcpStream {
    let mut stream = connect(app.address).await;
    stream.write_all(text.as_bytes()).await.expect("to write");
    stream
}

pub fn post(path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// All that comes until the server closes the connection, which a reset may be as well.
pub async fn read(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = within(stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub async fn read_some(stream: &mut TcpStream) -> String {
    let mut answer = vec![0; 1 << 16];
    let length = within(stream.read(&mut answer)).await.expect("to read");
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

async fn is_served(app: &TestApp) {
    let mut stream = sent(app, &post("/echo", "\"fine\"").replace("Host", "Connection: close\r\nHost")).await;
    let answer = read(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\"fine\""), "{answer}");
}

#[tokio::test]
async fn idle_connections_make_room_when_all_are_taken() {
    let app = TestApp::spawn_with(most(2)).await;
    let mut silent = connect(app.address).await;
    let mut idle = sent(&app, &post("/echo", "1")).await;
    assert!(read_some(&mut idle).await.starts_with("HTTP/1.1 200 "));
    is_served(&app).await;
    assert_eq!((read(&mut silent).await, read(&mut idle).await), (String::new(), String::new()));
}

#[tokio::test]
async fn heads_that_never_end_make_room_as_well() {
    let app = TestApp::spawn_with(most(3)).await;
    let mut dribblers = Vec::new();
    for _ in 0..3 {
        dribblers.push(sent(&app, "POST /echo HTTP/1.1\r\nHost: gr").await);
    }
    is_served(&app).await;
}

#[tokio::test]
async fn running_requests_keep_their_connections_when_all_are_taken() {
    let app = TestApp::spawn_with(most(1)).await;
    let gate = OpenOnDrop(Gate::new("crowded"));
    let mut running = sent(&app, &post("/gate", "crowded")).await;
    eventually(async || gate.state().begun == 1).await;
    let mut waiting = sent(&app, &post("/echo", "\"waited\"")).await;
    // Longer than an idle connection would be let be.
    sleep(Duration::from_millis(1500)).await;
    assert_eq!(gate.state().interrupted, 0);
    gate.open();
    assert!(read(&mut running).await.ends_with("\"passed\""), "answered, and then closed");
    assert!(read_some(&mut waiting).await.contains("\"waited\""));
}

#[tokio::test]
async fn a_head_that_dribbles_is_cut_off_and_others_are_served() {
    let app = TestApp::spawn_with(impatient(settings())).await;
    let mut dribblers = Vec::new();
    for _ in 0..50 {
        dribblers.push(connect(app.address).await);
    }
    let dribble = async {
        for byte in b"POST /echo HTTP/1.1\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".iter().cycle() {
            let mut alive = 0;
            for stream in &mut dribblers {
                alive += usize::from(stream.write_all(&[*byte]).await.is_ok());
            }
            if alive == 0 {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    within(async { tokio::join!(dribble, is_served(&app)) }).await;
}

#[tokio::test]
async fn a_body_that_dribbles_takes_no_slot() {
    let app = TestApp::spawn_with(Settings { compute_slots: 1, queue: 0, ..settings() }).await;
    let head = post("/echo", "1").replace("Length: 1\r\n", "Length: 9\r\n");
    let mut slow = sent(&app, &head).await;
    for byte in b"2345678" {
        slow.write_all(&[*byte]).await.expect("to write");
        is_served(&app).await;
    }
    slow.write_all(b"9").await.expect("to write");
    assert!(read_some(&mut slow).await.ends_with("123456789"));
}

#[tokio::test]
async fn an_answer_that_is_not_taken_is_given_up() {
    let app = TestApp::spawn_with(impatient(most(1))).await;
    // More than the buffers of a socket pair hold.
    let large = "1".repeat(32 << 20);
    let mut stream = sent(&app, &post("/echo", &large)).await;
    is_served(&app).await;
    let taken = read(&mut stream).await;
    assert!(taken.starts_with("HTTP/1.1 200 ") && taken.len() < large.len(), "{} bytes", taken.len());
}

#[tokio::test]
async fn a_half_closed_connection_counts_as_hung_up() {
    let app = TestApp::spawn_with(settings()).await;
    let gate = OpenOnDrop(Gate::new("half closed"));
    let mut stream = sent(&app, &post("/gate", "half closed")).await;
    eventually(async || gate.state().begun == 1).await;
    stream.shutdown().await.expect("to close one half");
    eventually(async || gate.state().interrupted == 1).await;
    app.wait_for_load(0, 0).await;
}

#[tokio::test]
async fn huge_heads_are_refused() {
    let app = TestApp::spawn_with(settings()).await;
    let long = format!("GET / HTTP/1.1\r\nHost: gradd\r\nX-Long: {}\r\n\r\n", "a".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nHost: gradd\r\n{}\r\n", "X-Many: a\r\n".repeat(1000));
    let path = format!("GET /{} HTTP/1.1\r\nHost: gradd\r\n\r\n", "a".repeat(1 << 20));
    for head in [long, many, path] {
        let mut stream = connect(app.address).await;
        // The refusal may come before all of it is written.
        let (mut reader, mut writer) = stream.split();
        let mut answer = Vec::new();
        let (_, read) = within(async {
            tokio::join!(writer.write_all(head.as_bytes()), reader.read_to_end(&mut answer))
        })
        .await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 431 ") || read.is_err(), "{answer}");
    }
    is_served(&app).await;
}

#[tokio::test]
async fn a_content_length_that_is_wrong_harms_only_its_connection() {
    let app = TestApp::spawn_with(settings()).await;
    let length = |length: &str| post("/echo", "123").replace("Length: 3", &format!("Length: {length}"));

    for nonsense in ["-1", "3, 4", "3\r\nContent-Length: 4", "0x3", "99999999999999999999999"] {
        let answer = read(&mut sent(&app, &length(nonsense)).await).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{nonsense}: {answer}");
    }
    // Announced too much: the body breaks off when the client goes.
    let mut short = sent(&app, &length("10")).await;
    short.shutdown().await.expect("to close one half");
    let answer = read(&mut short).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // Announced too little: what is left is no request.
    let answer = read(&mut sent(&app, &format!("{} nonsense\r\n\r\n", length("1"))).await).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("HTTP/1.1 400 "), "{answer}");
    // Announced in two ways: never as two requests, whichever a proxy before us believes.
    let both = "POST /echo HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\
                Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\r\n7\r\n0\r\n\r\nGET /info HTTP/1.1\r\n\r\n";
    let answer = read(&mut sent(&app, both).await).await;
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    is_served(&app).await;
}

#[tokio::test]
async fn a_pipeline_that_nobody_reads_waits_and_is_answered_in_order() {
    let app = TestApp::spawn_with(settings()).await;
    let requests: Vec<String> = (0..2000).map(|i| post("/echo", &format!("\"number {i}\""))).collect();
    let mut stream = connect(app.address).await;
    let (mut reader, mut writer) = stream.split();
    let all = requests.concat();
    let write = writer.write_all(all.as_bytes());
    let read = async {
        is_served(&app).await;
        let mut answers = String::new();
        let mut buffer = vec![0; 1 << 16];
        while !answers.contains("\"number 1999\"") {
            let length = reader.read(&mut buffer).await.expect("to read");
            assert_ne!(length, 0, "closed after {} bytes", answers.len());
            answers.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        answers
    };
    let (written, answers) = within(async { tokio::join!(write, read) }).await;
    written.expect("to write");
    let places: Vec<usize> =
        (0..2000).map(|i| answers.find(&format!("\"number {i}\"")).expect("an answer")).collect();
    assert!(places.is_sorted());
}
