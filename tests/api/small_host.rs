//! A small host is not brought down by requests that take much memory, whatever is asked at the same time.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::binary::Server;
use crate::helpers::client;

const CAP: u64 = 256 << 20;
const ROUNDS: usize = 3;
const AT_A_TIME: usize = 24;

/// Requests of about a mebibyte that become much more.
fn greedy() -> Vec<(&'static str, String)> {
    let ones = "1,".repeat(500_000) + "1";
    let mut names = String::new();
    let mut chain = String::from(r#"{"graph":{"nodes":[{"id":"x","op":"input","value":1}"#);
    let mut rows = String::from("a,t");
    for i in 0..25_000 {
        let _ = write!(names, r#""v{i}":1,"#);
        let before = if i == 0 { "x".to_owned() } else { format!("n{}", i - 1) };
        let _ = write!(chain, r#",{{"id":"n{i}","op":"neg","inputs":["{before}"]}}"#);
        let _ = write!(rows, "\\n{},{}", i % 7, if i % 2 == 0 { "yes" } else { "no" });
    }
    let sum = (0..25_000).map(|i| format!("v{i}")).collect::<Vec<_>>().join("+");
    let many = |op: &str, operands: usize| format!("{op}({})", vec!["x"; operands].join(","));
    let wide = |units: usize| json!({"inputs": 500, "layers": [{"units": units}], "loss": "mse"});
    let row = |units: usize| json!({"x": [vec![0.5; 500]], "y": [vec![1; units]]});
    vec![
        ("/v1/gradient", json!({"expression": vec!["x"; 500_000].join("+"), "inputs": {"x": 1}}).to_string()),
        ("/v1/gradient", format!(r#"{{"expression":"tanh(x)*2","inputs":{{"x":[{ones}]}}}}"#)),
        (
            "/v1/gradient",
            format!(r#"{{"expression":"a=tanh(x);b=a*x;b+a","inputs":{{"x":[{ones}]}},"trace":true}}"#),
        ),
        ("/v1/evaluate", format!(r#"{{"expression":"x*x","inputs":{{"x":[{ones}]}}}}"#)),
        ("/v1/gradient", chain.clone() + "]}}"),
        ("/v1/gradient", chain + r#"]},"trace":true}"#),
        ("/v1/evaluate", format!(r#"{{"expression":"{sum}","inputs":{{{names}"unused":1}}}}"#)),
        ("/v1/gradient", json!({"expression": many("sum", 350_000), "inputs": {"x": 1}}).to_string()),
        ("/v1/gradient", json!({"expression": many("max", 120_000), "inputs": {"x": 1}}).to_string()),
        (
            "/v1/gradient",
            json!({"mlp": wide(500), "data": row(500), "sgd": {"learning_rate": 0.1, "momentum": 0.9}})
                .to_string(),
        ),
        ("/v1/convert", json!({"mlp": wide(1000), "format": "onnx"}).to_string()),
        (
            "/v1/train",
            json!({"mlp": wide(500), "data": row(500), "optimizer": {"adam": {}}, "steps": 2}).to_string(),
        ),
        (
            "/v1/train",
            json!({"mlp": wide(100), "data": row(100), "optimizer": {"lbfgs": {}}, "steps": 2}).to_string(),
        ),
        (
            "/v1/train",
            format!(
                r#"{{"mlp":{{"inputs":1,"layers":[{{"units":2}}],"loss":"cross_entropy"}},"data":{{"csv":"{rows}","target":"t"}},
                "optimizer":{{"adam":{{}}}},"epochs":1,"batch_size":100}}"#
            ),
        ),
        (
            "/v1/fit",
            format!(
                r#"{{"expression":"p*x","target":"y","parameters":{{"p":0}},"data":{{"x":[{ones}],"y":[{ones}]}}}}"#
            ),
        ),
    ]
}

async fn ask(client: Client, url: String, body: Arc<String>) -> u16 {
    let request = client.post(&url).header("content-type", "application/json").body(body.as_str().to_owned());
    let response = request.send().await.expect("an answer, not the end of the process");
    let status = response.status().as_u16();
    let bytes = response.bytes().await.expect("a whole answer");
    assert!(status == 200 || serde_json::from_slice::<Value>(&bytes).is_ok(), "{status}");
    status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn greedy_requests_together_stay_below_the_cap() {
    let server = Server::start_with(&[("MALLOC_ARENA_MAX", "2")], &["--config", "config/small-host.toml"]);
    let client = client().timeout(Duration::from_mins(2)).build().expect("a client");
    let requests: Vec<_> = greedy().into_iter().map(|(path, body)| (path, Arc::new(body))).collect();
    // Some never read their answers, which then stay in memory.
    let mut silent = Vec::new();
    for _ in 0..10 {
        let body = &requests[1].1;
        let mut stream = TcpStream::connect(&server.address).await.expect("a connection");
        let head = format!(
            "POST /v1/gradient HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.expect("to write");
        stream.write_all(body.as_bytes()).await.expect("to write");
        silent.push(stream);
    }
    let mut answered = [0; 3];
    for _ in 0..ROUNDS {
        let mut running = JoinSet::new();
        for i in 0..AT_A_TIME * requests.len() / 4 {
            let (path, body) = &requests[i % requests.len()];
            running.spawn(ask(client.clone(), format!("http://{}{path}", server.address), Arc::clone(body)));
            if running.len() >= AT_A_TIME {
                count(running.join_next().await.expect("one"), &mut answered);
            }
        }
        while let Some(status) = running.join_next().await {
            count(status, &mut answered);
        }
    }
    drop(silent);
    let peak = server.peak_memory();
    eprintln!("answered 200, 422 and 429: {answered:?}; peak {} MiB", peak >> 20);
    assert!(peak < CAP, "{peak}");
    assert!(answered[0] > 0 && answered[2] > 0, "neither all nor nothing is let in: {answered:?}");
}

fn count(status: Result<u16, tokio::task::JoinError>, answered: &mut [u32; 3]) {
    let status = status.expect("no panic");
    let kinds = [200, 422, 429];
    answered[kinds.iter().position(|&kind| kind == status).expect("a status that was expected")] += 1;
}
