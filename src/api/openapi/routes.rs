//! The operations as the document describes them. Doc comments become the text of the document.

use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{tesseract, umbridge};
use crate::api::convert::{ConvertRequest, ConvertResponse};
use crate::api::draw::DrawRequest;
use crate::api::evaluate::{EvaluateRequest, EvaluateResponse};
use crate::api::fit::{FitRequest, FitResponse};
use crate::api::gradient::{GradientRequest, GradientResponse};
use crate::api::hessian::HessianResponse;
use crate::api::hvp::{HvpRequest, HvpResponse};
use crate::api::jacobian::JacobianResponse;
use crate::api::jvp::{JvpRequest, JvpResponse};
use crate::api::matrices::MatrixRequest;
use crate::api::models::{ModelDefinition, ModelDescription, ModelList};
use crate::api::ops::OpsResponse;
use crate::api::problem::Problem;
use crate::api::progress::{Checkpoint, Progress};
use crate::api::tesseract::ErrorAnswer as TesseractError;
use crate::api::train::{TrainRequest, TrainResponse};
use crate::api::umbridge::ErrorAnswer;
use crate::api::vjp::{VjpRequest, VjpResponse};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "gradd",
        description = "Gradients over HTTP. A model comes in as exactly one of a text `expression`, a JSON `graph`, a small \
                       `mlp`, and the name of a `model` that the server has; out come outputs, exact gradients, and on request updated weights.\n\nCalls are pure: the \
                       answer depends on the request alone, bit for bit (but for the member `timing` of a training run), so \
                       that repeating one is safe. Nothing is \
                       kept between calls. Unknown members are refused. Numbers round-trip exactly; `NaN`, `Infinity` \
                       and `-Infinity` travel as strings.\n\nEvery error is a problem after RFC 9457, with JSON \
                       pointers (RFC 6901) to all faults of the request that were found.",
    ),
    tags(
        (name = "computations", description = "Outputs, gradients, training, fits, files and pictures."),
        (name = "reference", description = "What computations can use."),
        (name = "um-bridge", description = "The same for clients of UM-Bridge, whose protocol these paths speak."),
        (name = "tesseract", description = "One of the server's models as a Tesseract, where the setting `tesseract` names it."),
        (name = "service", description = "The state of the server.")
    ),
    paths(
        evaluate, gradient, jacobian, hessian, jvp, vjp, hvp, train, fit, convert, draw, prepare, models, ops, healthz, readyz, info,
        metrics, openapi_yaml, openapi_json, umbridge::info, umbridge::model_info, umbridge::input_sizes,
        umbridge::output_sizes, umbridge::evaluate, umbridge::gradient, umbridge::apply_jacobian, umbridge::apply_hessian,
        tesseract::apply, tesseract::jacobian, tesseract::jacobian_vector_product, tesseract::vector_jacobian_product,
        tesseract::health
    ),
    components(schemas(Problem, Progress, Checkpoint, ErrorAnswer, TesseractError))
)]
pub(super) struct Document;

/// Compute outputs
///
/// Computes the outputs of an expression or a graph at the given inputs, or of an MLP for the given rows. An input may be
/// an array of samples; the outputs that depend on it are arrays as well.
#[utoipa::path(
    post,
    path = "/v1/evaluate",
    operation_id = "evaluate",
    tag = "computations",
    request_body(content = EvaluateRequest<'static>, description = "The model and its values."),
    responses((status = 200, description = "The outputs.", body = EvaluateResponse<'static>))
)]
#[allow(dead_code)]
fn evaluate() {}

/// Compute outputs and gradients
///
/// Computes outputs and the gradient of the objective by reverse-mode automatic differentiation. The objective is the sum
/// of all outputs over all samples (or the mean over samples), for an MLP its loss. With `sgd` the answer has the values
/// after one step of gradient descent, with `trace` the data and grad of every node.
#[utoipa::path(
    post,
    path = "/v1/gradient",
    operation_id = "gradient",
    tag = "computations",
    request_body(content = GradientRequest<'static>, description = "The model, its values, and what is wanted."),
    responses((status = 200, description = "Outputs and gradients.", body = GradientResponse<'static>))
)]
#[allow(dead_code)]
fn gradient() {}

/// Differentiate every output for every input
///
/// Computes the Jacobian of an expression or a graph: the derivative of each output with respect to each input. Where an output is
/// an array, there is one for each sample, also with respect to an input that is a number. Forward or reverse mode, whichever
/// takes fewer sweeps; columns, or rows, that share no entry share a sweep.
#[utoipa::path(
    post,
    path = "/v1/jacobian",
    operation_id = "jacobian",
    tag = "computations",
    request_body(content = MatrixRequest<'static>, description = "The model and its values."),
    responses((status = 200, description = "Outputs and their derivatives.", body = JacobianResponse<'static>))
)]
#[allow(dead_code)]
fn jacobian() {}

/// Differentiate an output twice
///
/// Computes the Hessian of one output of an expression or a graph, with its gradient. Where the output is an array, there is one
/// for each sample, also with respect to an input that is a number. Forward over reverse mode; columns that share no entry
/// share a sweep. Symmetric to the bit.
#[utoipa::path(
    post,
    path = "/v1/hessian",
    operation_id = "hessian",
    tag = "computations",
    request_body(content = MatrixRequest<'static>, description = "The model and its values."),
    responses((status = 200, description = "An output with its first and second derivatives.", body = HessianResponse<'static>))
)]
#[allow(dead_code)]
fn hessian() {}

/// Multiply the Jacobian by a tangent
///
/// Computes the derivatives of all outputs in one direction, by forward mode: the Jacobian-vector product.
#[utoipa::path(
    post,
    path = "/v1/jvp",
    operation_id = "jvp",
    tag = "computations",
    request_body(content = JvpRequest<'static>, description = "The model, its values and their tangents."),
    responses((status = 200, description = "Outputs and their tangents.", body = JvpResponse<'static>))
)]
#[allow(dead_code)]
fn jvp() {}

/// Multiply a cotangent by the Jacobian
///
/// Computes the gradient of the outputs' sum weighted by cotangents, by reverse mode: the vector-Jacobian product.
#[utoipa::path(
    post,
    path = "/v1/vjp",
    operation_id = "vjp",
    tag = "computations",
    request_body(content = VjpRequest<'static>, description = "The model, its values and the outputs' cotangents."),
    responses((status = 200, description = "Outputs and weighted gradients.", body = VjpResponse<'static>))
)]
#[allow(dead_code)]
fn vjp() {}

/// Multiply the Hessian by a tangent
///
/// Computes the derivative of the gradient in one direction, by forward over reverse mode: the Hessian-vector product, for a few
/// times the work of the gradient however many inputs there are.
#[utoipa::path(
    post,
    path = "/v1/hvp",
    operation_id = "hvp",
    tag = "computations",
    request_body(content = HvpRequest<'static>, description = "The model, its values and their tangents."),
    responses((status = 200, description = "Outputs, gradients, and the tangents of the gradients.", body = HvpResponse<'static>))
)]
#[allow(dead_code)]
fn hvp() {}

/// Train a model
///
/// Makes many optimizer steps on an MLP, or on the parameters of an expression or graph, with the optimizers and learning-rate
/// schedules of PyTorch, validation and early stopping. The answer holds the trained parameters, the course of the loss,
/// metrics, and the `state` from which the same request goes on bit for bit, on any server. A run that diverges answers with
/// its last good `state`.
#[utoipa::path(
    post,
    path = "/v1/train",
    operation_id = "train",
    tag = "computations",
    request_body(content = TrainRequest<'static>, description = "The model, its data, and how to train."),
    responses((status = 200, description = "The trained parameters.", body = TrainResponse<'static>))
)]
#[allow(dead_code)]
fn train() {}

/// Fit a model to data
///
/// Finds the parameters that minimise the sum of squares of (target - model)/sigma, by a Levenberg-Marquardt method in a
/// trust region with the exact Jacobian, within bounds if there are any. The answer holds parameters, standard errors,
/// covariance, and how good the fit is. A fit that does not converge, or whose parameters the data do not determine, is a
/// problem that says so.
#[utoipa::path(
    post,
    path = "/v1/fit",
    operation_id = "fit",
    tag = "computations",
    request_body(content = FitRequest<'static>, description = "The model, its data, and where to start."),
    responses((status = 200, description = "The fitted parameters.", body = FitResponse<'static>))
)]
#[allow(dead_code)]
fn fit() {}

/// Convert an MLP
///
/// Gives the weights and biases of an MLP, layer by layer, and on request the MLP as a file: safetensors with PyTorch's
/// names, or ONNX. Parameters may come in as a safetensors file. With `Accept: application/vnd.safetensors` or
/// `application/onnx` the answer is the file alone, here and where an MLP is trained or updated.
#[utoipa::path(
    post,
    path = "/v1/convert",
    operation_id = "convert",
    tag = "computations",
    request_body(content = ConvertRequest<'static>, description = "The MLP, and the file that is wanted."),
    responses((status = 200, description = "Its parameters.", body = ConvertResponse))
)]
#[allow(dead_code)]
fn convert() {}

/// Draw a computation graph
///
/// Draws the computation graph of an expression or a graph as micrograd does: a box with label, data and grad for each value,
/// a circle for each op, from left to right. Values over samples are told by their mean. An MLP is drawn by its layers. Of a
/// graph with more nodes than the server's setting `max_drawn_nodes`, the inputs and what is nearest to the outputs are drawn,
/// and boxes that count the others. Infinities and NaN are drawn as they are. `Accept` chooses between SVG, which is answered
/// unless it says otherwise, and the language of Graphviz.
#[utoipa::path(
    post,
    path = "/v1/draw",
    operation_id = "draw",
    tag = "computations",
    request_body(content = DrawRequest<'static>, description = "The model, and values for its inputs."),
    responses((
        status = 200,
        description = "The picture.",
        content((String = "image/svg+xml"), (String = "text/vnd.graphviz"))
    ))
)]
#[allow(dead_code)]
fn draw() {}

/// Prepare a model
///
/// Takes a model in without values, checks it and compiles what it can, so that requests may name it in place of sending it:
/// `"model": "sha256:..."`, the hash of the body as it was posted. For clients that ask for the same function again and
/// again. Nothing is promised: a prepared model is kept in memory, by the server that it was posted to, until others need the
/// room or the server ends. A request that names one that is gone gets 404 and posts it again.
#[utoipa::path(
    post,
    path = "/v1/models",
    operation_id = "prepare",
    tag = "computations",
    request_body(content = ModelDefinition<'static>, description = "The model."),
    responses((status = 200, description = "What it is, and the name by which requests have it.", body = ModelDescription))
)]
#[allow(dead_code)]
fn prepare() {}

/// List the models
///
/// Lists the models that the server was started with, by the names under which requests have them. Those that were posted are not
/// among them.
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "models",
    tag = "reference",
    responses((
        status = 200,
        description = "The models that have names.",
        body = ModelList,
        example = json!({"models": [{
            "name": "decay", "model": "sha256:3b1a7f0f27a5f0a5d9c0c6d5a2a50c3a7d2f5d0d6f34cf3f4c31a0bb8ae5b6c1", "form": "expression",
            "inputs": ["t"], "defaults": {"a": 2.5, "b": 1.3}, "outputs": ["output"],
            "size": {"inputs": 3, "outputs": 1, "nodes": 6}, "ops": {"exp": 1, "mul": 2, "neg": 1}
        }]})
    ))
)]
#[allow(dead_code)]
fn models() {}

/// List all ops
///
/// Lists every operation that expressions and graphs can use: names, operands, formula, derivative, domain, and the
/// convention where the derivative does not exist.
#[utoipa::path(
    get,
    path = "/v1/ops",
    operation_id = "ops",
    tag = "reference",
    responses((status = 200, description = "The op table.", body = OpsResponse))
)]
#[allow(dead_code)]
fn ops() {}

/// Is the server alive?
///
/// Answers as long as the process does.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "healthz",
    tag = "service",
    responses((status = 200, description = "The process answers.", body = Status, example = json!({"status": "ok"})))
)]
#[allow(dead_code)]
fn healthz() {}

/// Does the server take computations?
///
/// Fails once the server shuts down, so that load balancers send new requests elsewhere.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "service",
    responses(
        (status = 200, description = "It takes computations.", body = Status, example = json!({"status": "ready"}))
    )
)]
#[allow(dead_code)]
fn readyz() {}

/// What is this server?
///
/// Version, commit, load, and every limit and setting under its name.
#[utoipa::path(
    get,
    path = "/info",
    operation_id = "info",
    tag = "service",
    responses((
        status = 200,
        description = "Version, load and settings.",
        body = Info,
        example = json!({
            "name": "gradd", "version": "0.1.0", "commit": null, "slots": {"short": {"total": 2, "running": 0, "waiting": 0}, "long": {"total": 2, "running": 1, "waiting": 0}},
            "settings": {"max_nodes": 10_000_000, "max_steps": 1_000_000, "timeout": 60.0}
        })
    ))
)]
#[allow(dead_code)]
fn info() {}

/// How busy is the server?
///
/// Counters, gauges and histograms for Prometheus: requests by route and status, problems, lanes, stages, memory, process.
/// As OpenMetrics 1.0 where `Accept` names it, else as Prometheus' text 0.0.4.
#[utoipa::path(
    get,
    path = "/metrics",
    operation_id = "metrics",
    tag = "service",
    responses((
        status = 200,
        description = "The metrics as they are now.",
        content((String = "text/plain"), (String = "application/openmetrics-text"))
    ))
)]
#[allow(dead_code)]
fn metrics() {}

/// This document as YAML
///
/// The OpenAPI document of the running version.
#[utoipa::path(
    get,
    path = "/openapi.yaml",
    operation_id = "openapi_yaml",
    tag = "reference",
    responses((status = 200, description = "The document.", body = serde_json::Value, content_type = "application/yaml"))
)]
#[allow(dead_code)]
fn openapi_yaml() {}

/// This document as JSON
///
/// The OpenAPI document of the running version.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "openapi_json",
    tag = "reference",
    responses((status = 200, description = "The document.", body = serde_json::Value, content_type = "application/json"))
)]
#[allow(dead_code)]
fn openapi_json() {}

/// The state of the server in a word.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
struct Status {
    /// `ok` or `ready`.
    status: String,
}

/// Version, load and settings.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
struct Info {
    /// `gradd`
    name: String,
    /// Of the package.
    version: String,
    /// The commit it was built from, where the build was told.
    commit: Option<String>,
    /// How busy it is.
    slots: Slots,
    /// Every setting by its name; lengths in bytes, durations in seconds.
    settings: serde_json::Map<String, serde_json::Value>,
}

/// How busy the server is.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
struct Slots {
    /// Computations of up to some ten milliseconds, and those whose length is not known yet.
    short: Lane,
    /// Longer ones.
    long: Lane,
}

/// How full a lane is.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
struct Lane {
    /// Compute slots there are.
    total: usize,
    /// Slots in which a computation runs.
    running: usize,
    /// Requests that wait for a slot.
    waiting: usize,
}
