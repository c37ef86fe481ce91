//! The routes of a Tesseract as the document describes them.

use serde_json::json;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use crate::api::array::{ArrayEncoding, Arrays};
use crate::api::problem::Kind;
use crate::api::tesseract::{ApplyCall, JacobianCall, JacobianVectorCall, VectorJacobianCall};

/// What `GET /health` can answer beside its result.
const HEALTH: &[Kind] =
    &[Kind::UNAUTHORIZED, Kind::FORBIDDEN, Kind::NOT_FOUND, Kind::RATE_LIMITED, Kind::INTERNAL];
/// What computations can, in addition.
const COMPUTATION: &[Kind] = &[
    Kind::NOT_ACCEPTABLE,
    Kind::BODY_TIMEOUT,
    Kind::BODY_TOO_LARGE,
    Kind::INVALID_REQUEST,
    Kind::DRAINING,
    Kind::DEADLINE_EXCEEDED,
];

/// Whether an operation is one of a Tesseract.
pub(super) fn is_one(operation: &Operation) -> bool {
    operation.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "tesseract"))
}

/// Adds every error in the protocol's form, and of computations the second media type.
pub(super) fn complete(operation: &mut Operation) {
    let computes = operation.request_body.is_some();
    let kinds = HEALTH.iter().chain(if computes { COMPUTATION } else { &[] });
    for kind in kinds {
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name("TesseractErrorAnswer"))).build();
        let response =
            ResponseBuilder::new().description(kind.title).content("application/json", content).build();
        operation.responses.responses.insert(kind.status.to_string(), RefOr::T(response));
    }
    if computes && let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
        let RefOr::T(mut content) = answer.content[ArrayEncoding::Json.media_type()].clone() else { return };
        content.example = None;
        answer.content.insert(ArrayEncoding::Base64.media_type().to_owned(), RefOr::T(content));
    }
}

/// Adds what clients look up before they choose an encoding. One member alone: the library does not keep their order.
pub(super) fn add_encodings(document: &mut OpenApi) {
    let formats = ("x-supported-output-formats".to_owned(), json!(["json", "json+base64"]));
    document.extensions = Some(Extensions::from_iter([formats]));
}

/// Tesseract: apply the model
///
/// The outputs at the inputs, of the model that the setting `tesseract` names; without it, 404. An input is a number, of shape
/// [], or one number per sample, of shape [n]; outputs that depend on samples have shape [n] as well. An MLP has one input `x`
/// of shape [n, inputs] and one output `y` of shape [n, outputs].
#[utoipa::path(
    post,
    path = "/apply",
    operation_id = "tesseract_apply",
    tag = "tesseract",
    request_body(
        content = ApplyCall<'static>, description = "The inputs.",
        example = json!({"inputs": {"t": {
            "object_type": "array", "shape": [2], "dtype": "float64", "data": {"buffer": [0.0, 1.0], "encoding": "json"}
        }}})
    ),
    responses((
        status = 200, description = "The outputs.", body = Arrays<'static>,
        example = json!({"output": {
            "object_type": "array", "shape": [2], "dtype": "float64",
            "data": {"buffer": [2.5, 0.6813294825850315], "encoding": "json"}
        }})
    ))
)]
#[allow(dead_code)]
fn apply() {}

/// Tesseract: Jacobian
///
/// For each of `jac_outputs` and `jac_inputs` the derivatives, in an array of the output's shape followed by the input's: for
/// samples a matrix, which is zero beside its diagonal.
#[utoipa::path(
    post,
    path = "/jacobian",
    operation_id = "tesseract_jacobian",
    tag = "tesseract",
    request_body(
        content = JacobianCall<'static>, description = "The inputs, and which derivatives are wanted.",
        example = json!({"inputs": {"t": 0.0}, "jac_inputs": ["t"], "jac_outputs": ["output"]})
    ),
    responses((
        status = 200, description = "By output, and then by input.", body = BTreeMap<String, Arrays<'static>>,
        example = json!({"output": {"t": {
            "object_type": "array", "shape": [], "dtype": "float64", "data": {"buffer": -3.25, "encoding": "json"}
        }}})
    ))
)]
#[allow(dead_code)]
fn jacobian() {}

/// Tesseract: Jacobian times a vector
///
/// How fast each of `jvp_outputs` moves when the inputs move by `tangent_vector`, sample by sample.
#[utoipa::path(
    post,
    path = "/jacobian_vector_product",
    operation_id = "tesseract_jacobian_vector_product",
    tag = "tesseract",
    request_body(
        content = JacobianVectorCall<'static>, description = "The inputs, and how they move.",
        example = json!({
            "inputs": {"t": 0.0}, "jvp_inputs": ["t"], "jvp_outputs": ["output"], "tangent_vector": {"t": 2.0}
        })
    ),
    responses((
        status = 200, description = "By output, in its shape.", body = Arrays<'static>,
        example = json!({"output": {
            "object_type": "array", "shape": [], "dtype": "float64", "data": {"buffer": -6.5, "encoding": "json"}
        }})
    ))
)]
#[allow(dead_code)]
fn jacobian_vector_product() {}

/// Tesseract: a vector times the Jacobian
///
/// The derivative of the outputs' sum, each times its member of `cotangent_vector`, for each of `vjp_inputs`: per sample, and of
/// an input that is a number summed over the samples.
#[utoipa::path(
    post,
    path = "/vector_jacobian_product",
    operation_id = "tesseract_vector_jacobian_product",
    tag = "tesseract",
    request_body(
        content = VectorJacobianCall<'static>, description = "The inputs, and what the outputs count.",
        example = json!({
            "inputs": {"t": 0.0}, "vjp_inputs": ["t"], "vjp_outputs": ["output"], "cotangent_vector": {"output": 1.0}
        })
    ),
    responses((
        status = 200, description = "By input, in its shape.", body = Arrays<'static>,
        example = json!({"t": {
            "object_type": "array", "shape": [], "dtype": "float64", "data": {"buffer": -3.25, "encoding": "json"}
        }})
    ))
)]
#[allow(dead_code)]
fn vector_jacobian_product() {}

/// Tesseract: is it there?
///
/// Answers where the setting `tesseract` names a model, 404 elsewhere.
#[utoipa::path(
    get,
    path = "/health",
    operation_id = "tesseract_health",
    tag = "tesseract",
    responses((
        status = 200, description = "It is.", body = BTreeMap<String, String>, example = json!({"status": "ok"})
    ))
)]
#[allow(dead_code)]
fn health() {}
