//! One message and its answer, around the SDK.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Collected, Full};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::time::Instant;

use crate::api::format::Format;
use crate::api::{Kind, Problem};
use crate::server::body::{self, Held};
use crate::server::endpoint::Endpoint;
use crate::server::negotiate;
use crate::server::service::Service;
use crate::server::spans::Account;

use super::call::Call;
use super::calls::Calls;
use super::message::Message;
use super::tools::Tools;

/// The name of a session. It is not known to the server: it only tells the requests of one client from those of others.
pub const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Longer ones are not ours.
const LONGEST_SESSION: usize = 128;
/// Bytes of a message that are looked through so quickly that it may be done on an async thread.
const QUICKLY_READ: usize = 1 << 15;

/// What answers messages.
pub struct Exchange {
    service: Arc<Service>,
    calls: Arc<Calls>,
    sdk: StreamableHttpService<Tools, NeverSessionManager>,
}

impl Exchange {
    /// The tools among `operations`, for assistants.
    pub fn new(service: &Arc<Service>, operations: &[Endpoint]) -> Self {
        let tools = Tools::new(service, operations);
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            // The server goes by many names. Browsers, which rebinding a name could deceive, tell their page's origin with
            // every POST, and that is checked here.
            .disable_allowed_hosts()
            .with_max_request_body_bytes(service.settings.max_body_bytes.get());
        let sdk = StreamableHttpService::new(move || Ok(tools.clone()), Arc::default(), config);
        Self { service: Arc::clone(service), calls: Arc::default(), sdk }
    }

    /// Answers a message.
    pub async fn answer(self: Arc<Self>, request: Request) -> Response {
        self.pass(request).await.unwrap_or_else(IntoResponse::into_response)
    }

    async fn pass(&self, request: Request) -> Result<Response, Problem> {
        let deadline = Instant::now() + self.service.settings.timeout;
        let (mut parts, mut body) = request.into_parts();
        self.check_origin(&parts.headers)?;
        let formats = negotiate::formats_of_events(&parts)?;
        if formats.body != Format::Json {
            let detail = "Messages of the Model Context Protocol are JSON; send them as application/json.";
            return Err(Problem::new(Kind::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let limit = self.service.settings.max_body_bytes.get();
        let body = body::collect(&mut body, limit, &self.service.budget, deadline).await?;
        let (message, body) = read(body).await?;
        let session = session(&parts.headers);
        match message.method.as_str() {
            "tools/call" => {
                let arguments = match message.arguments {
                    Some(place) => body.part(place),
                    None => body.replaced(b"{}".to_vec()),
                };
                let under_way = self.calls.begin(session.zip(message.id));
                let account = Account::of(&parts.extensions);
                parts.extensions.insert(Call::new(arguments, formats, deadline, account, under_way));
            }
            "notifications/cancelled" => {
                if let Some(name) = session.zip(message.cancelled) {
                    self.calls.cancel(&name);
                }
            }
            _ => {}
        }
        let call = parts.extensions.get::<Call>().cloned();
        let rest: Full<Bytes> = message.rest.into();
        let (mut parts, body) = self.sdk.handle(Request::from_parts(parts, rest)).await.into_parts();
        let Ok(bytes) = body.collect().await.map(Collected::to_bytes);
        check(&parts, &bytes)?;
        if message.method == "initialize" && parts.status == StatusCode::OK {
            parts.headers.insert(SESSION, new_session());
        }
        Ok(Response::from_parts(parts, Bytes::from_owner(Sent { bytes, _call: call }).into()))
    }

    /// # Errors
    /// 403 for a page of an origin that CORS does not allow. Programs have none.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let allowed = &self.service.settings.cors_origins;
        if allowed.iter().any(|allowed| allowed == "*" || origin == allowed.as_str()) {
            return Ok(());
        }
        let detail = format!(
            "A page of the origin {} may not call tools here. Whoever runs the server can add it to the setting \
             `cors_origins`.",
            origin.to_str().unwrap_or("that it names")
        );
        Err(Problem::new(Kind::FOREIGN_ORIGIN, detail))
    }
}

/// The message in a body.
async fn read(body: Held) -> Result<(Message, Held), Problem> {
    if body.len() <= QUICKLY_READ {
        return Ok((Message::read(&body)?, body));
    }
    let reading = tokio::task::spawn_blocking(move || Ok((Message::read(&body)?, body)));
    reading.await.unwrap_or_else(|_| Err(Problem::new(Kind::INTERNAL, "The message could not be read.")))
}

/// The session that the client names.
fn session(headers: &HeaderMap) -> Option<String> {
    let name = headers.get(SESSION)?.to_str().ok()?;
    (name.len() <= LONGEST_SESSION).then(|| name.to_owned())
}

/// A name for a session that nobody can guess.
fn new_session() -> HeaderValue {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system has randomness");
    HeaderValue::try_from(format!("{:032x}", u128::from_ne_bytes(bytes))).expect("digits")
}

/// # Errors
/// What the SDK refuses before it has read a message: it does so in plain text, where this service has problems.
fn check(parts: &Parts, text: &[u8]) -> Result<(), Problem> {
    let kind = match parts.status {
        StatusCode::BAD_REQUEST => Kind::MALFORMED_BODY,
        StatusCode::NOT_ACCEPTABLE => Kind::NOT_ACCEPTABLE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UNSUPPORTED_MEDIA_TYPE,
        StatusCode::INTERNAL_SERVER_ERROR => Kind::INTERNAL,
        _ => return Ok(()),
    };
    if parts.headers.get(header::CONTENT_TYPE).is_some_and(|media_type| media_type == "application/json") {
        return Ok(());
    }
    Err(Problem::new(kind, format!("{}.", String::from_utf8_lossy(text).trim_end_matches('.'))))
}

/// An answer, with the call whose room it takes.
struct Sent {
    bytes: Bytes,
    _call: Option<Call>,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
