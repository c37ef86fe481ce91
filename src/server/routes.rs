//! Which path answers what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{get, post};

use crate::api::{self, Operation};

use super::answer::Answer;
use super::compute::Negotiation;
use super::service::Service;
use super::{compute, layers, negotiate, problems, service, stream};

/// The operations of the API by path: the one place where a new one is added.
pub const OPERATIONS: &[(&str, Operation)] = &[
    ("/v1/evaluate", api::evaluate::answer),
    ("/v1/gradient", api::gradient::answer),
    ("/v1/train", api::train::answer),
    ("/v1/fit", api::fit::answer),
    ("/v1/convert", api::convert::answer),
    ("/v1/draw", api::draw::answer),
];

/// Those of them that tell events on the way.
const STREAMS: &[&str] = &["/v1/train"];

/// Those that answer with a picture.
const PICTURES: &[&str] = &["/v1/draw"];

/// All routes, with the middleware around them.
pub fn router(service: &Arc<Service>, operations: &[(&str, Operation)]) -> Router {
    let mut router = Router::new()
        .route("/", get(service::greeting))
        .route("/healthz", get(service::healthz))
        .route("/readyz", get(service::readyz))
        .route("/info", get(service::info))
        .route("/v1/ops", get(async || Answer::from(api::ops::answer())))
        .route("/openapi.yaml", get(service::openapi_yaml))
        .route("/openapi.json", get(service::openapi_json))
        .route("/problems", get(problems::list))
        .route("/problems/{slug}", get(problems::describe));
    for &(path, operation) in operations {
        let streams = STREAMS.contains(&path);
        let negotiation: Negotiation =
            if PICTURES.contains(&path) { negotiate::formats_of_pictures } else { negotiate::formats };
        let handler = move |State(service): State<Arc<Service>>, request: Request| async move {
            if streams && negotiate::wants_events(request.headers()) {
                stream::answer(&service, operation, request).await
            } else {
                compute::answer(&service, operation, negotiation, request).await
            }
        };
        router = router.route(path, post(handler));
    }
    let router =
        router.fallback(problems::not_found).method_not_allowed_fallback(problems::method_not_allowed);
    layers::wrap(router.with_state(Arc::clone(service)), service)
}
