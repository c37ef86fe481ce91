//! A server for one test, and operations whose progress a test controls.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use gradd::api::{Context, Kind, Operation, Problem, Reply};
use gradd::server::endpoint::Endpoint;
use gradd::server::{Application, Settings};
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::rustls::crypto::ring;

/// Nothing here takes this long unless it hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. Dropping it shuts the server down.
pub struct TestApp {
    pub address: SocketAddr,
    pub client: Client,
    shutdown: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
}

/// A client that gives up where something hangs.
pub fn client() -> ClientBuilder {
    // Done before, or done now.
    let _ = ring::default_provider().install_default();
    Client::builder().timeout(PATIENCE).no_proxy()
}

/// Default settings on a free port.
pub fn settings() -> Settings {
    Settings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Settings::default() }
}

impl TestApp {
    /// The real service.
    pub async fn spawn() -> Self {
        Self::spawn_real(settings()).await
    }

    /// The real service, with settings.
    pub async fn spawn_real(settings: Settings) -> Self {
        Self::run(Application::build(settings).await.expect("a free port"))
    }

    /// A server whose only operations are `/echo`, `/gate` and `/panic`.
    pub async fn spawn_with(settings: Settings) -> Self {
        let operations: [(&str, Operation); 3] = [("/echo", echo), ("/gate", gate), ("/panic", panicking)];
        Self::spawn_operations(settings, &operations.map(|(path, operation)| Endpoint::new(path, operation)))
            .await
    }

    /// A server with these operations only.
    pub async fn spawn_operations(settings: Settings, operations: &[Endpoint]) -> Self {
        Self::run(Application::with_operations(settings, operations).await.expect("a free port"))
    }

    /// An application that is already bound.
    pub fn run(application: Application) -> Self {
        let address = application.address();
        let (shutdown, stop) = oneshot::channel::<()>();
        let server = tokio::spawn(application.run_until(async {
            let _ = stop.await;
        }));
        let client = client().build().expect("a client");
        Self { address, client, shutdown: Some(shutdown), server: Some(server) }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.expect("an answer")
    }

    /// A POST whose body claims to be JSON.
    pub fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client.post(self.url(path)).header("content-type", "application/json").body(body)
    }

    pub async fn send(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.post(path, body).send().await.expect("an answer")
    }

    /// Sends a request that runs beside the test.
    pub fn begin(&self, path: &str, body: impl Into<reqwest::Body>) -> JoinHandle<Response> {
        let request = self.post(path, body);
        tokio::spawn(async move { request.send().await.expect("an answer") })
    }

    /// The load of both lanes that `/info` tells, as (running, waiting).
    pub async fn load(&self) -> (u64, u64) {
        let [short, long] = self.loads().await;
        (short.0 + long.0, short.1 + long.1)
    }

    /// The load of the short lane and of the long one.
    pub async fn loads(&self) -> [(u64, u64); 2] {
        let info: Value = self.get("/info").await.json().await.expect("JSON");
        ["short", "long"].map(|lane| {
            let number = |name: &str| info["slots"][lane][name].as_u64().expect("a number");
            (number("running"), number("waiting"))
        })
    }

    pub async fn wait_for_load(&self, running: u64, waiting: u64) {
        eventually(async || self.load().await == (running, waiting)).await;
    }

    /// Asks the server to stop.
    pub fn shut_down(&mut self) {
        let _ = self.shutdown.take().expect("not shut down before").send(());
    }

    /// Waits until the server has stopped.
    pub async fn stopped(&mut self) {
        let server = self.server.take().expect("not waited for before");
        within(server).await.expect("the server does not panic");
    }
}

/// `future`, unless it hangs.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("not to hang")
}

/// Polls until `condition` holds.
pub async fn eventually(mut condition: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    within(poll).await;
}

/// The problem in an answer, after checking that it is one of `kind`.
pub async fn problem(response: Response, kind: Kind) -> Value {
    let status = response.status();
    let content_type = response.headers()["content-type"].clone();
    let text = response.text().await.expect("a body");
    assert_eq!(content_type, "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(problem["type"], format!("/problems/{}", kind.slug), "{text}");
    assert_eq!(status, StatusCode::from_u16(kind.status).expect("a status"), "{text}");
    assert_eq!(problem["status"], kind.status, "{text}");
    assert_eq!(problem["title"], kind.title, "{text}");
    assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{text}");
    problem
}

#[allow(clippy::unnecessary_wraps)]
fn echo(body: &[u8], _context: &Context) -> Result<Reply, Problem> {
    Ok(Reply { content_type: "application/json", body: body.to_vec() })
}

fn panicking(_body: &[u8], _context: &Context) -> Result<Reply, Problem> {
    panic!("on purpose");
}

/// Holds the operation of each `/gate` request whose body is this gate's name, until opened.
pub struct Gate {
    stubborn: bool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    open: bool,
    /// Operations that have begun.
    pub begun: usize,
    /// Operations that have ended.
    pub ended: usize,
    /// Operations that saw their interrupt raised.
    pub interrupted: usize,
}

static GATES: Mutex<Option<HashMap<String, Arc<Gate>>>> = Mutex::new(None);

impl Gate {
    /// A closed gate whose operations stop when they are interrupted.
    pub fn new(name: &str) -> Arc<Self> {
        Self::make(name, false)
    }

    /// A closed gate whose operations notice an interrupt, but go on.
    pub fn stubborn(name: &str) -> Arc<Self> {
        Self::make(name, true)
    }

    fn make(name: &str, stubborn: bool) -> Arc<Self> {
        let gate = Arc::new(Self { stubborn, state: Mutex::default(), changed: Condvar::new() });
        let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        let before = gates.get_or_insert_default().insert(name.to_owned(), Arc::clone(&gate));
        assert!(before.is_none(), "two tests share the gate {name}");
        gate
    }

    pub fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn open(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open = true;
        self.changed.notify_all();
    }

    fn pass(&self, context: &Context) -> Result<(), Problem> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.begun += 1;
        let mut noticed = false;
        while !state.open {
            if let Err(interrupted) = context.interrupt.check() {
                state.interrupted += usize::from(!noticed);
                noticed = true;
                if !self.stubborn {
                    state.ended += 1;
                    return Err(Problem::new(Kind::DEADLINE_EXCEEDED, interrupted.to_string()));
                }
            }
            let waited = self.changed.wait_timeout(state, Duration::from_millis(1));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended += 1;
        Ok(())
    }
}

/// Whatever becomes of the test, its operations must end, or the runtime would wait for them.
pub struct OpenOnDrop(pub Arc<Gate>);

impl std::ops::Deref for OpenOnDrop {
    type Target = Gate;

    fn deref(&self) -> &Gate {
        &self.0
    }
}

impl Drop for OpenOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

/// Waits at the gate that the body names.
pub fn gate(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let name = String::from_utf8_lossy(body);
    let gate = {
        let gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        gates.as_ref().and_then(|gates| gates.get(&*name)).map(Arc::clone).expect("a gate of this name")
    };
    gate.pass(context)?;
    Ok(Reply { content_type: "application/json", body: b"\"passed\"".to_vec() })
}
