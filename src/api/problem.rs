//! RFC 9457 problems: the one form of every error that leaves the service.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;

/// The kinds of problem. `slug` is the last segment of the stable `type` URI, `/problems/{slug}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name.
    pub slug: &'static str,
    /// HTTP status, always 4xx or 5xx.
    pub status: u16,
    /// One short sentence, the same for every problem of the kind.
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:literal $slug:literal $title:literal;)*) => {
        impl Kind {
            $(#[doc = $title] pub const $name: Kind = Kind { slug: $slug, status: $status, title: $title };)*
            /// Every kind there is.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];
        }
    };
}

kinds! {
    MALFORMED_JSON = 400 "malformed-json" "The body is not valid JSON.";
    NOT_FOUND = 404 "not-found" "There is nothing at this path.";
    METHOD_NOT_ALLOWED = 405 "method-not-allowed" "This path does not take this method.";
    NOT_ACCEPTABLE = 406 "not-acceptable" "No representation matches the Accept header.";
    BODY_TIMEOUT = 408 "request-timeout" "The request did not arrive in time.";
    BODY_TOO_LARGE = 413 "body-too-large" "The body is larger than the limit.";
    UNSUPPORTED_MEDIA_TYPE = 415 "unsupported-media-type" "The body is not of a media type this path takes.";
    INVALID_REQUEST = 422 "invalid-request" "The request cannot be meant as it stands.";
    SYNTAX = 422 "syntax" "The expression cannot be parsed.";
    LIMIT_EXCEEDED = 422 "limit-exceeded" "The request asks for more than a limit allows.";
    NON_FINITE = 422 "non-finite" "A result is not a finite number.";
    DIVERGED = 422 "diverged" "The training run diverged.";
    BUSY = 429 "busy" "All compute slots are taken and the queue is full.";
    INTERNAL = 500 "internal" "The server failed; the fault is ours.";
    DRAINING = 503 "draining" "The server is shutting down.";
    DEADLINE_EXCEEDED = 504 "deadline-exceeded" "The computation passed its deadline and was stopped.";
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
    /// Seconds after which a new try makes sense; also the `Retry-After` header.
    #[serde(skip)]
    pub retry_after: Option<u64>,
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
            retry_after: None,
        }
    }

    /// A 422 with one fault at `pointer`.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let mut problem = Self::new(Kind::INVALID_REQUEST, detail.clone());
        problem.errors.push(Fault { detail, pointer: Some(pointer.into()), ..Fault::default() });
        problem
    }

    /// A limit that was passed: `actual` of what `setting` bounds by `limit`.
    pub fn limit(setting: &'static str, limit: u64, actual: u64, detail: impl Into<String>) -> Self {
        Self {
            limit: Some(limit),
            actual: Some(actual),
            setting: Some(Cow::Borrowed(setting)),
            ..Self::new(Kind::LIMIT_EXCEEDED, detail)
        }
    }
}
