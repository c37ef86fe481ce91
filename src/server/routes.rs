//! Which path answers what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, get, post};

use crate::api::{self, Operation};

use super::answer::Answer;
use super::compute::{Negotiation, Place};
use super::metrics::exposition;
use super::service::Service;
use super::{compute, layers, models, negotiate, pages, problems, service, stream};

/// The operations of the API by path: the one place where a new one is added.
pub const OPERATIONS: &[(&str, Operation)] = &[
    ("/v1/evaluate", api::evaluate::answer),
    ("/v1/gradient", api::gradient::answer),
    ("/v1/jacobian", api::jacobian::answer),
    ("/v1/hessian", api::hessian::answer),
    ("/v1/jvp", api::jvp::answer),
    ("/v1/vjp", api::vjp::answer),
    ("/v1/hvp", api::hvp::answer),
    ("/v1/train", api::train::answer),
    ("/v1/fit", api::fit::answer),
    ("/v1/convert", api::convert::answer),
    ("/v1/draw", api::draw::answer),
    ("/v1/models", api::models::answer),
];

/// Those of them that tell events on the way.
const STREAMS: &[&str] = &["/v1/train"];

/// Those that are done at once when they are small.
const AT_ONCE: &[&str] = &["/v1/evaluate", "/v1/gradient"];

/// Those that answer with a picture.
const PICTURES: &[&str] = &["/v1/draw"];

/// The routes of the service itself.
fn service_routes() -> [(&'static str, MethodRouter<Arc<Service>>); 13] {
    [
        ("/", get(pages::start)),
        ("/docs", get(pages::docs)),
        ("/page/{*name}", get(pages::file)),
        ("/healthz", get(service::healthz)),
        ("/readyz", get(service::readyz)),
        ("/info", get(service::info)),
        ("/metrics", get(exposition::metrics)),
        ("/v1/models", get(models::list)),
        ("/v1/ops", get(async || Answer::from(api::ops::answer()))),
        ("/openapi.yaml", get(service::openapi_yaml)),
        ("/openapi.json", get(service::openapi_json)),
        ("/problems", get(problems::list)),
        ("/problems/{slug}", get(problems::describe)),
    ]
}

/// The pattern of every route.
pub fn patterns<'o>(operations: &[(&'o str, Operation)]) -> Vec<&'o str> {
    let services = service_routes().map(|(path, _)| path);
    let operations = operations.iter().map(|(path, _)| *path).filter(|path| !services.contains(path));
    services.into_iter().chain(operations).collect()
}

/// All routes, with the middleware around them.
pub fn router(service: &Arc<Service>, operations: &[(&str, Operation)]) -> Router {
    let mut router = Router::new();
    for (path, methods) in service_routes() {
        router = router.route(path, methods);
    }
    for &(path, operation) in operations {
        let streams = STREAMS.contains(&path);
        let negotiation: Negotiation =
            if PICTURES.contains(&path) { negotiate::formats_of_pictures } else { negotiate::formats };
        let place = if AT_ONCE.contains(&path) { Place::Nearest } else { Place::Worker };
        let handler = move |State(service): State<Arc<Service>>, request: Request| async move {
            if streams && negotiate::wants_events(request.headers()) {
                stream::answer(&service, operation, request).await
            } else {
                compute::answer(&service, operation, negotiation, place, request).await
            }
        };
        router = router.route(path, post(handler));
    }
    let router =
        router.fallback(problems::not_found).method_not_allowed_fallback(problems::method_not_allowed);
    layers::wrap(router.with_state(Arc::clone(service)), service)
}
