//! What the logs say. Logging is set up once per process, so the server of these tests runs in a process of its own.

use std::process::Command;

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
        app.post(path, "1").header("x-request-id", id).send().await.expect("an answer");
    }
    app.get("/healthz").await;
}

fn log_lines() -> Vec<Value> {
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "logs::a_server_that_logs", "--ignored", "--nocapture"])
        .output()
        .expect("to run");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("text");
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
    assert_eq!(find("answered", "broken")["status"], 500);
    let panic = find("panic: on purpose", "broken");
    assert_eq!(panic["level"], "ERROR");
    assert!(panic["place"].as_str().expect("text").contains("helpers.rs"), "{panic}");
    assert!(panic["backtrace"].as_str().expect("text").contains("panicking"), "{panic}");
    assert!(!lines.iter().any(|line| line["span"]["path"] == "/healthz"), "{lines:#?}");
}
