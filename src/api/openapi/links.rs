//! Where an answer is of use as a part of the next request: the parameters that training or a step gave.

use serde_json::{Value, json};
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::{OpenApi, RefOr};

/// Adds the links to the successful answers.
pub(super) fn add(document: &mut OpenApi) {
    let trained = "$response.body#/parameters";
    let data = json!({"x": "$request.body#/data/x"});
    link(
        document,
        ("train", "evaluate"),
        "Outputs of the trained MLP; `standardize` and `classes` of the answer go with the parameters.",
        json!({"mlp": mlp(trained), "data": data}),
    );
    link(document, ("train", "convert"), "The trained MLP as a file.", json!({"mlp": mlp(trained)}));
    link(
        document,
        ("convert", "convert"),
        "The MLP with its parameters written out; they are answered as they are.",
        json!({"mlp": mlp(trained)}),
    );
    let step = json!({
        "mlp": mlp("$response.body#/updated"), "data": "$request.body#/data", "sgd": "$request.body#/sgd"
    });
    link(document, ("gradient", "gradient"), "The next step of gradient descent.", step);
}

/// The MLP of the request, with other parameters.
fn mlp(parameters: &str) -> Value {
    json!({"inputs": "$request.body#/mlp/inputs", "layers": "$request.body#/mlp/layers", "parameters": parameters})
}

fn link(document: &mut OpenApi, (from, to): (&str, &str), description: &str, request: Value) {
    let item = document.paths.paths.get_mut(&format!("/v1/{from}"));
    let operation = item.and_then(|item| item.post.as_mut()).expect("links start at operations");
    if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
        let link = LinkBuilder::new().operation_id(to).description(description).request_body(Some(request));
        response.links.insert(to.to_owned(), RefOr::T(link.build()));
    }
}
