//! RFC 9457 problems: the one form of every error that leaves the service.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

use super::train_state::TrainState;

/// The kinds of problem. `slug` is the last segment of the stable `type` URI, `/problems/{slug}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name.
    pub slug: &'static str,
    /// HTTP status, always 4xx or 5xx.
    pub status: u16,
    /// One short sentence, the same for every problem of the kind.
    pub title: &'static str,
    /// What it means and what to do about it: the page behind the `type` URI.
    pub remedy: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:literal $slug:literal $title:literal $remedy:literal;)*) => {
        impl Kind {
            $(
                #[doc = $title]
                pub const $name: Kind = Kind { slug: $slug, status: $status, title: $title, remedy: $remedy };
            )*
            /// Every kind there is.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];
        }
    };
}

kinds! {
    MALFORMED_BODY = 400 "malformed-body" "The body cannot be read."
        "The body is not what its Content-Type says, or broke off before its end. For JSON the detail gives \
         line and column. JSON has no comments, no trailing commas, and no bare NaN or Infinity; its text is \
         UTF-8.";
    UNAUTHORIZED = 401 "unauthorized" "The request has no valid API key."
        "This server asks for an API key. Send it as `Authorization: Bearer KEY`; with curl, \
         --oauth2-bearer KEY. Whoever runs the server hands out keys and withdraws them.";
    FORBIDDEN = 403 "forbidden" "The API key does not open this path."
        "The key is known, but was made for other paths, which the detail names. Ask whoever runs the \
         server for a key that opens this one.";
    FOREIGN_ORIGIN = 403 "foreign-origin" "The page that asks is of an origin that may not."
        "A browser sent the request for a page whose origin is not among those that the server is set to \
         answer. Its operator can add the origin to the setting `cors_origins`.";
    NOT_FOUND = 404 "not-found" "There is nothing at this path."
        "Check the path for typing errors and a trailing slash. GET / names the routes, GET /openapi.yaml \
         describes them.";
    UNKNOWN_MODEL = 404 "unknown-model" "The server has no such model."
        "`model` names a model that the server was started with, or by its hash one that was posted to /v1/models. \
         GET /v1/models lists the names. Posted models are kept in memory, each replica its own and the unused ones \
         not for long: post the definition again, and send the request once more.";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "This path does not take this method."
        "The Allow header of the answer names the methods. Computations are POST requests with a JSON \
         body.";
    NOT_ACCEPTABLE = 406 "not-acceptable" "No representation matches the Accept header."
        "Leave the Accept header out, or let it include application/json, application/cbor or \
         application/msgpack. The answer for an MLP may also be a file, application/vnd.safetensors or \
         application/onnx.";
    BODY_TIMEOUT = 408 "request-timeout" "The request did not arrive in time."
        "The body came in too slowly. Send it again over a faster connection, or raise the setting \
         `timeout`.";
    BODY_TOO_LARGE = 413 "body-too-large" "The body is larger than the limit."
        "`actual` is what was announced or had arrived, `limit` what is allowed. Split the request, or \
         raise the setting `max_body_bytes`.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type" "The body is not of a media type this path takes."
        "Send JSON as `Content-Type: application/json`, CBOR as application/cbor or MessagePack as \
         application/msgpack, not compressed. With curl, use --json instead of -d or --data.";
    INVALID_REQUEST = 422 "invalid-request" "The request cannot be meant as it stands."
        "The JSON is well-formed but says something that makes no sense. `errors` holds the faults, each \
         with a JSON pointer (RFC 6901) to its place in the body and what is expected there.";
    SYNTAX = 422 "syntax" "The expression cannot be parsed."
        "`errors` gives line and column of the fault, and the detail shows the place and what was expected \
         there.";
    UNSUPPORTED_ACTION = 422 "unsupported-action" "The model does not do that."
        "The protocol has the action, but this model does not support it. The detail says what it supports, and which \
         models support the action.";
    LIMIT_EXCEEDED = 422 "limit-exceeded" "The request asks for more than a limit allows."
        "`actual` is what the request asks for, `limit` what is allowed, `setting` the name of the setting \
         to raise. GET /info lists the limits of this server.";
    NON_FINITE = 422 "non-finite" "A result is not a finite number."
        "A value overflowed, or left the domain of an op. The detail names the first node that made it. \
         Change the inputs, use a stable op such as log1p or logsumexp, or send \"non_finite\": \"allow\" \
         to receive such values as the strings \"NaN\", \"Infinity\" and \"-Infinity\".";
    DIVERGED = 422 "diverged" "The training run diverged."
        "The loss or a parameter stopped being a finite number. Lower the learning rate, clip the gradient, \
         scale the data, or choose another initialisation. `state` holds the last parameters that were finite: \
         post it as `state` of a gentler request to go on from there.";
    NOT_CONVERGED = 422 "not-converged" "The fit did not converge."
        "The detail says how far it came. Start nearer to the solution, raise `max_evaluations`, or send \
         \"not_converged\": \"allow\" to receive the best parameters found.";
    NOT_IDENTIFIABLE = 422 "not-identifiable" "The data do not determine all parameters."
        "Some parameters can change without a change of the fit, so that there is no one best value. \
         `errors` points to them. Hold some of them fixed as numbers in `data`, write the model with \
         fewer parameters, or start elsewhere.";
    BUSY = 429 "busy" "All compute slots are taken and the queue is full."
        "The server does as much at once as it is set to. Try again after the number of seconds in \
         Retry-After, or ask another replica. Its operator can raise the settings `compute_slots` and \
         `queue`.";
    RATE_LIMITED = 429 "rate-limited" "Too many requests of one caller."
        "Each API key, or each address where there are no keys, may send so many requests in a while: the \
         fields RateLimit-Policy and RateLimit of every answer tell the rule and what is left. Try again after \
         the number of seconds in Retry-After. An array of samples in one request counts once.";
    INTERNAL = 500 "internal" "The server failed; the fault is ours."
        "A defect of the server. Nothing needs to change in the request. Please report it with the \
         `request_id`, which finds the log lines.";
    DRAINING = 503 "draining" "The server is shutting down."
        "The server is being stopped or replaced. Ask another replica, or try again in a moment. \
         Computations are pure, so repeating one is safe.";
    DEADLINE_EXCEEDED = 504 "deadline-exceeded" "The computation passed its deadline and was stopped."
        "The computation was stopped and nothing of it remains. Ask for less in one request (fewer \
         samples, steps or nodes), or raise the setting `timeout`.";
}

/// One fault of a request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Fault {
    /// What is wrong at this place, and the remedy.
    pub detail: String,
    /// RFC 6901 pointer into the request body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Line of the expression text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column of the expression text in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// A problem, ready to be sent as `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Problem {
    /// Stable URI reference of the kind of problem.
    pub r#type: Cow<'static, str>,
    /// The kind in one sentence.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// What happened here and what to do about it.
    pub detail: String,
    /// Every fault that was found, up to a bound.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The limit that was passed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What the request asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actual: Option<u64>,
    /// The setting that holds the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setting: Option<Cow<'static, str>>,
    /// Id of the request, in problems that are the server's own fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The last state of a training run that diverged, from which it can go on with another request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Box<TrainState<'static>>>,
    /// Seconds after which a new try makes sense: the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<u64>,
    /// What a key must be like: the `WWW-Authenticate` header.
    #[serde(skip)]
    pub challenge: Option<&'static str>,
}

impl Problem {
    /// A problem of `kind` with its particular `detail`.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            r#type: Cow::Owned(format!("/problems/{}", kind.slug)),
            title: Cow::Borrowed(kind.title),
            status: kind.status,
            detail: detail.into(),
            errors: Vec::new(),
            limit: None,
            actual: None,
            setting: None,
            request_id: None,
            state: None,
            retry_after: None,
            challenge: None,
        }
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> Kind {
        let slug = self.r#type.trim_start_matches("/problems/");
        Kind::ALL.iter().copied().find(|kind| kind.slug == slug).unwrap_or(Kind::INTERNAL)
    }

    /// A 422 with one fault at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(Kind::INVALID_REQUEST, detail.clone());
        problem.errors.push(Fault { detail, pointer: Some(pointer.into()), ..Fault::default() });
        problem
    }

    /// The same problem of a part of the request, which is at `place` in the whole.
    #[must_use]
    pub fn below(mut self, place: &str) -> Self {
        for fault in &mut self.errors {
            if let Some(pointer) = &mut fault.pointer {
                pointer.insert_str(0, place);
            }
        }
        self
    }

    /// A limit that was passed: `actual` of what `setting` bounds by `limit`.
    pub fn limit(setting: &'static str, limit: u64, actual: u64, detail: impl Into<String>) -> Self {
        Self::new(Kind::LIMIT_EXCEEDED, detail).beyond(setting, limit, actual)
    }

    /// The same problem, saying which limit was passed and by how much.
    #[must_use]
    pub fn beyond(self, setting: &'static str, limit: u64, actual: u64) -> Self {
        Self { limit: Some(limit), actual: Some(actual), setting: Some(Cow::Borrowed(setting)), ..self }
    }
}
