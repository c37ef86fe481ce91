//! Which path answers what.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::routing::{MethodRouter, get, post};

use crate::api::{self, umbridge};

use super::answer::Answer;
use super::endpoint::Endpoint;
#[cfg(feature = "mcp")]
use super::mcp;
use super::metrics::exposition;
use super::service::Service;
use super::{compute, layers, models, negotiate, pages, problems, service, stream, tesseract};

/// The operations of the API: the one place where a new one is added.
pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::new("/v1/evaluate", api::evaluate::answer).nearest(),
    Endpoint::new("/v1/gradient", api::gradient::answer).nearest(),
    Endpoint::new("/v1/jacobian", api::jacobian::answer),
    Endpoint::new("/v1/hessian", api::hessian::answer),
    Endpoint::new("/v1/jvp", api::jvp::answer),
    Endpoint::new("/v1/vjp", api::vjp::answer),
    Endpoint::new("/v1/hvp", api::hvp::answer),
    Endpoint::new("/v1/train", api::train::answer).with_events(),
    Endpoint::new("/v1/fit", api::fit::answer),
    Endpoint::new("/v1/convert", api::convert::answer),
    Endpoint::new("/v1/draw", api::draw::answer).with_pictures(),
    Endpoint::new("/v1/models", api::models::answer),
    Endpoint::new("/ModelInfo", umbridge::model_info).with_json_alone().nearest(),
    Endpoint::new("/InputSizes", umbridge::input_sizes).with_json_alone().nearest(),
    Endpoint::new("/OutputSizes", umbridge::output_sizes).with_json_alone().nearest(),
    Endpoint::new("/Evaluate", umbridge::evaluate).with_json_alone().nearest(),
    Endpoint::new("/Gradient", umbridge::gradient).with_json_alone().nearest(),
    Endpoint::new("/ApplyJacobian", umbridge::apply_jacobian).with_json_alone().nearest(),
    Endpoint::new("/ApplyHessian", umbridge::apply_hessian).with_json_alone().nearest(),
    Endpoint::new("/apply", api::tesseract::apply).with_arrays().nearest(),
    Endpoint::new("/jacobian", api::tesseract::jacobian).with_arrays().nearest(),
    Endpoint::new("/jacobian_vector_product", api::tesseract::jacobian_vector_product)
        .with_arrays()
        .nearest(),
    Endpoint::new("/vector_jacobian_product", api::tesseract::vector_jacobian_product)
        .with_arrays()
        .nearest(),
];

/// The routes of the service itself.
fn service_routes() -> [(&'static str, MethodRouter<Arc<Service>>); 15] {
    [
        ("/", get(pages::start)),
        ("/docs", get(pages::docs)),
        ("/page/{*name}", get(pages::file)),
        ("/healthz", get(service::healthz)),
        ("/readyz", get(service::readyz)),
        ("/info", get(service::info)),
        ("/metrics", get(exposition::metrics)),
        ("/v1/models", get(models::list)),
        ("/Info", get(models::umbridge_info)),
        ("/health", get(tesseract::health)),
        ("/v1/ops", get(async || Answer::from(api::ops::answer()))),
        ("/openapi.yaml", get(service::openapi_yaml)),
        ("/openapi.json", get(service::openapi_json)),
        ("/problems", get(problems::list)),
        ("/problems/{slug}", get(problems::describe)),
    ]
}

/// The pattern of every route.
pub fn patterns(operations: &[Endpoint]) -> Vec<&'static str> {
    let services = service_routes().map(|(path, _)| path);
    let operations = operations.iter().map(|endpoint| endpoint.path).filter(|path| !services.contains(path));
    let others = [
        #[cfg(feature = "mcp")]
        mcp::PATH,
    ];
    services.into_iter().chain(operations).chain(others).collect()
}

/// All routes, with the middleware around them.
pub fn router(service: &Arc<Service>, operations: &[Endpoint]) -> Router {
    let mut router = Router::new();
    for (path, methods) in service_routes() {
        router = router.route(path, methods);
    }
    for &endpoint in operations {
        let handler = move |State(service): State<Arc<Service>>, request: Request| async move {
            if endpoint.has_events && negotiate::wants_events(request.headers()) {
                Box::pin(stream::answer(&service, endpoint.operation, request)).await
            } else {
                compute::answer(&service, &endpoint, request).await
            }
        };
        router = router.route(endpoint.path, post(handler));
    }
    #[cfg(feature = "mcp")]
    if service.settings.mcp {
        let exchange = Arc::new(mcp::Exchange::new(service, operations));
        router = router.route(mcp::PATH, post(move |request| Arc::clone(&exchange).answer(request)));
    }
    let router =
        router.fallback(problems::not_found).method_not_allowed_fallback(problems::method_not_allowed);
    layers::wrap(router.with_state(Arc::clone(service)), service)
}
