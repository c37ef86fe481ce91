//! Every error that an operation can answer, with an example of each kind.

use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::{tesseract, umbridge};
use crate::api::problem::{Fault, Kind, Problem};

/// What a computation can answer beside its result.
const COMPUTATION: &[Kind] = &[
    Kind::MALFORMED_BODY,
    Kind::UNAUTHORIZED,
    Kind::FORBIDDEN,
    Kind::UNKNOWN_MODEL,
    Kind::NOT_ACCEPTABLE,
    Kind::BODY_TIMEOUT,
    Kind::BODY_TOO_LARGE,
    Kind::UNSUPPORTED_MEDIA_TYPE,
    Kind::INVALID_REQUEST,
    Kind::SYNTAX,
    Kind::LIMIT_EXCEEDED,
    Kind::NON_FINITE,
    Kind::BUSY,
    Kind::RATE_LIMITED,
    Kind::INTERNAL,
    Kind::DRAINING,
    Kind::DEADLINE_EXCEEDED,
];

/// Adds the problems to every operation.
pub(super) fn add(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        if let Some(operation) = &mut item.post {
            if tesseract::is_one(operation) {
                tesseract::complete(operation);
                continue;
            }
            if !path.starts_with("/v1/") {
                umbridge::add_errors(operation);
                continue;
            }
            let mut kinds = COMPUTATION.to_vec();
            if path == "/v1/models" {
                kinds.retain(|kind| *kind != Kind::UNKNOWN_MODEL);
            }
            if path == "/v1/train" {
                kinds.push(Kind::DIVERGED);
            }
            if path == "/v1/fit" {
                kinds.extend([Kind::NOT_CONVERGED, Kind::NOT_IDENTIFIABLE]);
            }
            add_to(operation, &kinds);
        }
        if let Some(operation) = &mut item.get {
            let kinds: &[Kind] = match path.as_str() {
                "/readyz" => &[Kind::INTERNAL, Kind::DRAINING],
                "/info" | "/metrics" | "/v1/ops" | "/v1/models" => {
                    &[Kind::UNAUTHORIZED, Kind::FORBIDDEN, Kind::RATE_LIMITED, Kind::INTERNAL]
                }
                "/Info" => {
                    umbridge::add_errors(operation);
                    continue;
                }
                "/health" => {
                    tesseract::complete(operation);
                    continue;
                }
                _ => &[Kind::INTERNAL],
            };
            add_to(operation, kinds);
        }
    }
}

fn add_to(operation: &mut Operation, kinds: &[Kind]) {
    let mut statuses: Vec<u16> = kinds.iter().map(|kind| kind.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let of_status: Vec<Kind> = kinds.iter().copied().filter(|kind| kind.status == status).collect();
        operation.responses.responses.insert(status.to_string(), RefOr::T(response(&of_status)));
    }
}

fn response(kinds: &[Kind]) -> Response {
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let example = |kind: &Kind| {
        let value = serde_json::to_value(example(*kind)).expect("a problem is strings and numbers");
        (kind.slug, RefOr::T(ExampleBuilder::new().summary(kind.title).value(Some(value)).build()))
    };
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(kinds.iter().map(example))
        .build();
    let mut response =
        ResponseBuilder::new().description(titles.join(" ")).content("application/problem+json", content);
    if kinds.contains(&Kind::RATE_LIMITED) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
        response = response
            .header("Retry-After", header(seconds, "Seconds after which a new try makes sense."))
            .header(
                "RateLimit-Policy",
                header(text(), "The rule, such as `\"requests\";q=60;w=60`, where there is one."),
            )
            .header("RateLimit", header(text(), "What is left of it, such as `\"requests\";r=0;t=60`."));
    }
    if kinds.contains(&Kind::UNAUTHORIZED) {
        response = response.header("WWW-Authenticate", header(text(), "`Bearer`, after RFC 6750."));
    }
    response.build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn header(schema: ObjectBuilder, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// A problem of `kind` as the service would answer it.
fn example(kind: Kind) -> Problem {
    let at = |pointer: &str, detail: &str| Problem::at(pointer, detail);
    match kind {
        Kind::MALFORMED_BODY => {
            let detail = "The body is not valid JSON at line 1, column 17: EOF while parsing a string; the body ends too \
                          early, perhaps it was cut off.";
            let fault = Fault { detail: detail.to_owned(), line: Some(1), column: Some(17), pointer: None };
            Problem { errors: vec![fault], ..Problem::new(kind, detail) }
        }
        Kind::INVALID_REQUEST => {
            at("/graph/nodes/3/op", "There is no op `tanhh`; did you mean `tanh`? GET /v1/ops lists all ops.")
        }
        Kind::SYNTAX => {
            let detail = "the expression ends where a value is expected";
            let fault = Fault {
                detail: detail.to_owned(),
                pointer: Some("/expression".to_owned()),
                line: Some(1),
                column: Some(6),
            };
            Problem {
                errors: vec![fault],
                ..Problem::new(kind, format!("Line 1, column 6: {detail}.\nx1 + \n     ^"))
            }
        }
        Kind::LIMIT_EXCEEDED => Problem::limit(
            "max_samples",
            1_000_000,
            2_000_000,
            "The batch has 2000000 samples; at most 1000000 are allowed in one request.",
        ),
        Kind::NON_FINITE => {
            let detail = "The value of the `log` node `y` is -Infinity, where `x` is 0.0.";
            let fault = Fault {
                detail: detail.to_owned(),
                pointer: Some("/expression".to_owned()),
                ..Fault::default()
            };
            let remedy = crate::api::non_finite::REMEDY;
            Problem { errors: vec![fault], ..Problem::new(kind, format!("{detail} {remedy}")) }
        }
        Kind::NOT_IDENTIFIABLE => {
            let faults = at("/parameters/c", "The data do not determine `c`.").errors;
            let detail = "The model does not depend on `c` at the parameters of the fit, so that any value fits as well. Hold \
                          such a parameter fixed as a number in `data`, leave it out, or start elsewhere.";
            Problem { errors: faults, ..Problem::new(kind, detail) }
        }
        Kind::BODY_TOO_LARGE => {
            let detail = "The body has 70000000 bytes; at most 67108864 are read.";
            let limit = Problem::limit("max_body_bytes", 67_108_864, 70_000_000, detail);
            Problem {
                limit: limit.limit,
                actual: limit.actual,
                setting: limit.setting,
                ..Problem::new(kind, detail)
            }
        }
        _ => Problem::new(kind, detail(kind)),
    }
}

/// What happened, for kinds that say no more than that.
fn detail(kind: Kind) -> &'static str {
    match kind {
        Kind::DIVERGED => {
            "The run diverged at step 12: the loss became Infinity after a loss of 1.2e308 in the step before. Lower \
             `learning_rate`, `clip` the gradient, start from smaller parameters, or bring the data to a scale near 1. \
             `state` holds the run after step 11, to go on from."
        }
        Kind::NOT_CONVERGED => {
            "The fit did not converge within 5 evaluations: it came to `a` = 2.1, `b` = 0.3 with a residual sum of squares \
             of 0.52 and a relative offset of 0.04. Start nearer to the solution, raise `max_evaluations`, or send \
             \"not_converged\": \"allow\" to receive the fit as it is."
        }
        Kind::UNSUPPORTED_MEDIA_TYPE => {
            "This path takes application/json, not application/x-www-form-urlencoded. With curl, give the body with \
             --json instead of -d or --data."
        }
        Kind::NOT_ACCEPTABLE => "The answer is application/json, which `Accept: text/html` rules out.",
        Kind::UNAUTHORIZED => {
            "This path needs an API key. Send it as `Authorization: Bearer KEY`; whoever runs the server can make one with \
             `gradd key NAME`."
        }
        Kind::FORBIDDEN => {
            "The key sensor-7 does not open /v1/train; it opens /v1/evaluate. Ask whoever runs the server for another."
        }
        Kind::UNKNOWN_MODEL => {
            "There is no model `decai`; did you mean `decay`? GET /v1/models lists those that there are."
        }
        Kind::BODY_TIMEOUT => "The body did not arrive within 30 s.",
        Kind::BUSY => "All compute slots are taken and the queue is full; try again in 2 s.",
        Kind::RATE_LIMITED => {
            "60 requests within 60 s are allowed, and these are used up. Try again in 1 s, and ask for more in one request: \
             arrays of samples instead of single points."
        }
        Kind::DRAINING => "The server is shutting down; ask another replica.",
        Kind::DEADLINE_EXCEEDED => {
            "The computation took longer than the server's `timeout` allows; ask for less in one request."
        }
        _ => "The request could not be handled. Please report it with the request id.",
    }
}
