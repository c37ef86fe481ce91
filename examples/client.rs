//! The story of `examples/README.md` with reqwest: a gradient, a training run that is cut off and goes on, a fit, a problem.
//!
//! ```sh
//! cargo run --example client
//! ```
//!
//! Needs a running gradd: at `$GRADD`, or else at <http://127.0.0.1:8080>.
#![forbid(unsafe_code)]

use std::error::Error;

use reqwest::header::ACCEPT;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    // Only because reqwest is built here without a TLS library of its own.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let server = std::env::var("GRADD").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let gradd = Gradd { server, client: reqwest::Client::new() };

    let neuron = gradd.post("/v1/gradient", &serde_json::from_str(include_str!("neuron.json"))?).await?;
    println!("output {:.6}", number(&neuron["outputs"]["output"]));
    for (name, derivative) in neuron["gradients"].as_object().into_iter().flatten() {
        println!("d/d{name} {:.6}", number(derivative));
    }

    // A run of 60 steps is left at its first checkpoint; the state that this holds goes on from there, on any server.
    let mut training: Value = serde_json::from_str(include_str!("moons.json"))?;
    training["epochs"] = json!(60);
    training["checkpoint"] = json!({"steps": 40});
    training["state"] = gradd.first_checkpoint(&training).await?;
    println!("left at step {}", training["state"]["step"]);
    let trained = gradd.post("/v1/train", &training).await?;
    let (loss, accuracy) = (number(&trained["loss"]), number(&trained["metrics"]["accuracy"]));
    println!("at step {}: loss {loss:.6}, accuracy {accuracy:.2}", trained["steps"]);

    let fit = gradd.post("/v1/fit", &serde_json::from_str(include_str!("misra1a.json"))?).await?;
    let fitted = |name: &str| (number(&fit["parameters"][name]), number(&fit["standard_errors"][name]));
    let (b1, error) = fitted("b1");
    println!("b1 = {b1:.4} +- {error:.4}");
    let (b2, error) = fitted("b2");
    println!("b2 = {b2:.8} +- {error:.8}");

    match gradd.post("/v1/gradient", &json!({"expression": "tahn(x)", "inputs": {"x": 1}})).await {
        Ok(answer) => Err(format!("there is no tahn, but an answer: {answer}").into()),
        Err(problem) => {
            println!("{problem}");
            Ok(())
        }
    }
}

struct Gradd {
    server: String,
    client: reqwest::Client,
}

impl Gradd {
    /// The answer to `body`.
    ///
    /// # Errors
    /// A problem (RFC 9457) as a text, or what went wrong on the way.
    async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let response = self.client.post(format!("{}{path}", self.server)).json(body).send().await?;
        let is_success = response.status().is_success();
        let answer = response.json().await?;
        if is_success { Ok(answer) } else { Err(told(&answer).into()) }
    }

    /// The state in the first checkpoint of a run. The server stops the run when this hangs up.
    async fn first_checkpoint(&self, training: &Value) -> Result<Value> {
        let request = self.client.post(format!("{}/v1/train", self.server)).json(training);
        let mut response = request.header(ACCEPT, "text/event-stream").send().await?;
        if !response.status().is_success() {
            return Err(told(&response.json().await?).into());
        }
        let (mut bytes, mut event) = (Vec::new(), String::new());
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = bytes.drain(..=end).collect();
                let line = std::str::from_utf8(&line)?.trim_end();
                if let Some(name) = line.strip_prefix("event: ") {
                    name.clone_into(&mut event);
                } else if let Some(data) = line.strip_prefix("data: ") {
                    let mut data: Value = serde_json::from_str(data)?;
                    match event.as_str() {
                        "checkpoint" => return Ok(data["state"].take()),
                        "problem" => return Err(told(&data).into()),
                        _ => {}
                    }
                }
            }
        }
        Err("the run ended without a checkpoint".into())
    }
}

/// A problem on one line; its `errors` name the places in the request.
fn told(problem: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (status, kind, fault) = (&problem["status"], text(&problem["type"]), &problem["errors"][0]);
    if fault.is_null() {
        return format!("{status} {kind}: {}", text(&problem["detail"]));
    }
    format!("{status} {kind} at {}: {}", text(&fault["pointer"]), text(&fault["detail"]))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}
