//! The HTTP below the exporter: one connection to the collector, kept while it lasts.
//!
//! The clients that OpenTelemetry brings are a second HTTP stack beside the server's, or threads that block. All that is
//! needed here is one POST after another to one address.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{HttpClient, HttpError};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::{info, warn};

/// How long one POST may take; OpenTelemetry's usual bound.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read. Collectors say little.
const LONGEST_ANSWER: usize = 64 << 10;

/// A client of one collector.
#[derive(Debug, Default)]
pub struct Client {
    connection: Mutex<Option<SendRequest<Full<Bytes>>>>,
    /// Whether the log has said that the collector takes nothing, which is said once.
    is_failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = match timeout(PATIENCE, self.post(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs()).into()),
        };
        match &answer {
            Ok(response) if response.status().is_success() => self.succeeded(),
            Ok(response) => self.failed(&format!("it answered {}", response.status())),
            Err(error) => self.failed(&error.to_string()),
        }
        answer
    }
}

impl Client {
    async fn post(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (mut parts, body) = request.into_parts();
        let authority = parts.uri.authority().ok_or("an address without a host")?.clone();
        let mut kept = self.connection.lock().await;
        let mut connection = match ready(kept.take()).await {
            Some(connection) => connection,
            None => connect(authority.host(), authority.port_u16().unwrap_or(80)).await?,
        };
        parts.headers.insert(header::HOST, HeaderValue::from_str(authority.as_str())?);
        // Only the path stands in the first line.
        let path = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
        parts.uri = Uri::from(path);
        let response = connection.send_request(Request::from_parts(parts, Full::new(body))).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, LONGEST_ANSWER).collect().await?.to_bytes();
        *kept = Some(connection);
        Ok(Response::from_parts(parts, body))
    }

    fn failed(&self, error: &str) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            warn!(error, "the collector takes no spans; those that are lost are in the metrics");
        }
    }

    fn succeeded(&self) {
        if self.is_failing.swap(false, Ordering::Relaxed) {
            info!("the collector takes spans again");
        }
    }
}

/// `connection`, if it is still one.
async fn ready(connection: Option<SendRequest<Full<Bytes>>>) -> Option<SendRequest<Full<Bytes>>> {
    let mut connection = connection?;
    connection.ready().await.ok().map(|()| connection)
}

async fn connect(host: &str, port: u16) -> Result<SendRequest<Full<Bytes>>, HttpError> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, port)).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends when the sender is dropped; what goes wrong with it the sender is told.
    tokio::spawn(connection);
    Ok(sender)
}
