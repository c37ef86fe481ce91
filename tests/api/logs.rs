//! What the logs say. Logging is set up once per process, so the server of these tests runs in a process of its own.

use std::process::Command;

use gradd::server::keys::{Key, Keys};
use gradd::server::settings::LogFormat;
use gradd::server::{Settings, telemetry};
use serde_json::Value;

use crate::helpers::{TestApp, settings};

/// Runs in the process that [`log_lines`] starts.
#[tokio::test]
#[ignore = "sets up logging for the whole process; the other tests here start it"]
async fn a_server_that_logs() {
    let settings = Settings { log_format: LogFormat::Json, compute_slots: 1, ..settings() };
    telemetry::init(&settings);
    let app = TestApp::spawn_with(settings).await;
    for (path, id) in [("/echo", "fine"), ("/panic", "broken")] {
        let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let request = app.post(path, "1").header("x-request-id", id).header("traceparent", traceparent);
        request.send().await.expect("an answer");
    }
    app.get("/healthz").await;
}

/// Runs in the process that the test of secrets starts, which hands it a key.
#[tokio::test]
#[ignore = "sets up logging for the whole process; the other tests here start it"]
async fn a_server_that_logs_everything() {
    let variable = |name| std::env::var(name).expect("set by the other test");
    let (text, line) = (variable("TEST_KEY"), variable("TEST_LINE"));
    let settings = Settings {
        log_level: "trace".to_owned(),
        keys: Keys::from_lines(&[format!("{line} /echo /panic")]).expect("a line"),
        ..settings()
    };
    telemetry::init(&settings);
    let app = TestApp::spawn_with(settings).await;
    for (path, key) in [("/echo", &*text), ("/panic", &text), ("/echo", &format!("{text}x"))] {
        app.post(path, "1").bearer_auth(key).send().await.expect("an answer");
    }
    let other = app.client.post(app.url("/only/others")).bearer_auth(&text);
    assert_eq!(other.send().await.expect("an answer").status(), 403);
    app.post(&format!("/echo?key={text}"), text).send().await.expect("an answer");
}

/// What the test called `name`, run as a process of its own, writes to standard error.
fn log_of(name: &str, environment: &[(&str, &str)]) -> String {
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", name, "--ignored", "--nocapture"])
        .envs(environment.iter().copied())
        .output()
        .expect("to run");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).expect("text")
}

fn log_lines() -> Vec<Value> {
    let text = log_of("logs::a_server_that_logs", &[]);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn answers_and_panics_are_logged_with_the_request_id_and_probes_are_not() {
    let lines = log_lines();
    let find = |message: &str, id: &str| {
        let fits = |line: &&Value| {
            line["message"].as_str().is_some_and(|text| text.contains(message)) && line["span"]["id"] == id
        };
        lines.iter().find(fits).unwrap_or_else(|| panic!("no {message:?} of {id} in {lines:#?}"))
    };
    let answered = find("answered", "fine");
    assert_eq!(answered["status"], 200);
    assert_eq!(answered["span"]["path"], "/echo");
    assert_eq!(answered["span"]["peer"], "127.0.0.1");
    assert_eq!(answered["span"]["trace"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(find("answered", "broken")["status"], 500);
    let panic = find("panic: on purpose", "broken");
    assert_eq!(panic["level"], "ERROR");
    assert!(panic["place"].as_str().expect("text").contains("helpers.rs"), "{panic}");
    assert!(panic["backtrace"].as_str().expect("text").contains("panicking"), "{panic}");
    assert!(!lines.iter().any(|line| line["span"]["path"] == "/healthz"), "{lines:#?}");
}

#[test]
fn the_log_has_the_name_of_a_key_and_never_the_key() {
    let (text, key) = Key::generate("alice").expect("a fit name");
    let line = key.to_string();
    let log = log_of("logs::a_server_that_logs_everything", &[("TEST_KEY", &text), ("TEST_LINE", &line)]);
    assert!(log.contains("key=\"alice\"") && log.contains("status=401"), "{log}");
    let refused = log.lines().find(|line| line.contains("status=403")).expect("a line");
    assert!(refused.contains("key=\"alice\""), "{refused}");
    assert!(log.contains("TRACE"), "everything is logged: {log}");
    assert!(log.contains("stage=\"queue\""), "stages are logged: {log}");
    let digest = line.split(':').nth(1).expect("a digest");
    for secret in [text.as_str(), &text[6..], digest] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}
