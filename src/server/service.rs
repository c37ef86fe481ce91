//! The service routes: is it alive, is it ready, what is it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;

use crate::api::models::Models;
use crate::api::{Problem, openapi};

use super::Settings;
use super::access::Access;
use super::application::StartError;
use super::budget::Budget;
use super::drain::Drain;
use super::metrics::Requests;
use super::models;
use super::rates::Rates;
use super::spans::Spans;
use super::workers::{Loads, Workers};

/// What the handlers share.
#[derive(Debug)]
pub struct Service {
    /// The settings it was started with.
    pub settings: Settings,
    /// Who may ask.
    pub access: Access,
    /// How often they may.
    pub rates: Rates,
    /// Memory for request bodies.
    pub budget: Budget,
    /// Models that requests may name.
    pub models: Arc<Models>,
    /// Runs the operations.
    pub workers: Workers,
    /// Its end.
    pub drain: Arc<Drain>,
    /// What became of requests.
    pub requests: Arc<Requests>,
    /// Where their spans go, if they are exported.
    pub spans: Option<Arc<Spans>>,
}

/// Version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The commit it was built from, where the build was told.
pub const COMMIT: Option<&str> = match option_env!("GRADD_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};

impl Service {
    /// A service that has nothing to do yet, with routes of these patterns, that tells `spans` of its requests.
    pub fn new(settings: Settings, routes: &[&str], spans: Option<Arc<Spans>>) -> Result<Self, StartError> {
        let prepared = Arc::new(Models::new(settings.max_prepared_bytes).with_tesseract(&settings.tesseract));
        models::load(&settings, &prepared)?;
        Ok(Self {
            spans,
            access: Access::new(&settings)?,
            rates: Rates::new(&settings),
            budget: Budget::new(
                settings.max_held_bytes.get(),
                "The bodies of other requests take all the memory that the setting `max_held_bytes` allows.",
            ),
            workers: Workers::new(&settings, Arc::clone(&prepared)),
            models: prepared,
            settings,
            drain: Arc::default(),
            requests: Arc::new(Requests::new(routes)),
        })
    }
}

/// Answer of `/healthz`, `/readyz` and `/health`.
#[derive(Debug, Serialize)]
pub struct Status {
    status: &'static str,
}

impl Status {
    /// All is well.
    pub const OK: Self = Self { status: "ok" };
}

/// `GET /healthz`: the process answers.
pub async fn healthz() -> Json<Status> {
    Json(Status::OK)
}

/// `GET /readyz`: it takes new computations.
pub async fn readyz(State(service): State<Arc<Service>>) -> Result<Json<Status>, Problem> {
    service.drain.check()?;
    Ok(Json(Status { status: "ready" }))
}

/// Answer of `/info`.
#[derive(Debug, Serialize)]
pub struct Info {
    name: &'static str,
    version: &'static str,
    /// The commit it was built from, where the build was told.
    commit: Option<&'static str>,
    slots: Loads,
    /// Every setting by its name; lengths in bytes, durations in seconds.
    settings: BTreeMap<&'static str, toml::Value>,
}

/// `GET /info`: version, load, and every limit and setting.
pub async fn info(State(service): State<Arc<Service>>) -> Json<Info> {
    Json(Info {
        name: env!("CARGO_PKG_NAME"),
        version: VERSION,
        commit: COMMIT,
        slots: service.workers.load(),
        settings: service.settings.entries().into_iter().collect(),
    })
}

/// `GET /` for programs: a greeting that names the routes.
pub fn greeting(settings: &Settings) -> String {
    let mcp = if settings.mcp { MCP } else { "" };
    [ROUTES, mcp, TRY].concat()
}

const ROUTES: &str = concat!(
    "gradd ",
    env!("CARGO_PKG_VERSION"),
    r#": gradients over HTTP; in a browser this is a playground

  POST /v1/evaluate    outputs
  POST /v1/gradient    outputs and gradients
  POST /v1/jacobian    every output differentiated for every input
  POST /v1/hessian     an output differentiated twice
  POST /v1/jvp         Jacobian times tangent; /v1/vjp cotangent times Jacobian, /v1/hvp Hessian times tangent
  POST /v1/train       many optimizer steps
  POST /v1/fit         nonlinear least squares with standard errors
  POST /v1/convert     an MLP from and to safetensors, and to ONNX
  POST /v1/draw        the computation graph as SVG, or for Graphviz
  POST /v1/models      a model to name in other requests; GET /v1/models lists those that have names
  GET  /v1/ops         every op there is
  GET  /openapi.yaml   the API in full; also /openapi.json, and /docs in a browser
  GET  /healthz /readyz /info /metrics /problems
"#
);

const MCP: &str = "  POST /mcp            tools for assistants, by the Model Context Protocol\n";

const TRY: &str = r#"
Try:

  curl --json '{"expression": "a*b + tanh(a)", "inputs": {"a": 2, "b": -3}}' localhost:8080/v1/gradient
"#;

/// The OpenAPI document, which is the same for every request and therefore written once.
static OPENAPI: LazyLock<(String, String)> = LazyLock::new(|| (openapi::yaml(), openapi::json()));

/// `GET /openapi.yaml`.
pub async fn openapi_yaml() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], OPENAPI.0.as_str())
}

/// `GET /openapi.json`.
pub async fn openapi_json() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI.1.as_str())
}
