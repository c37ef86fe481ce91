//! The routes of UM-Bridge as the document describes them.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::api::umbridge::{
    ApplyHessianCall, ApplyJacobianCall, EvaluateCall, GradientCall, Info, InputSizes, ModelCall, ModelInfo,
    Output, OutputSizes, Outputs,
};

/// How UM-Bridge has every error, whatever it is.
pub(super) fn add_errors(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("UmBridgeErrorAnswer"))).build();
    let response = ResponseBuilder::new()
        .description("What cannot be answered, for whatever reason: an error of the protocol.")
        .content("application/json", content)
        .build();
    operation.responses.responses.insert("400".to_owned(), RefOr::T(response));
}

/// UM-Bridge: which models are there?
///
/// The version of the protocol, and the models: `expression`, which `config` defines, and those that the server was started with.
#[utoipa::path(
    get,
    path = "/Info",
    operation_id = "umbridge_info",
    tag = "um-bridge",
    responses((
        status = 200, description = "Version and models.", body = Info,
        example = json!({"protocolVersion": 1.0, "models": ["expression", "decay"]})
    ))
)]
#[allow(dead_code)]
fn info() {}

/// UM-Bridge: what does a model support?
///
/// Expressions and graphs support every action, an MLP `Evaluate`.
#[utoipa::path(
    post,
    path = "/ModelInfo",
    operation_id = "umbridge_model_info",
    tag = "um-bridge",
    request_body(content = ModelCall<'static>, description = "The model.", example = json!({"name": "expression"})),
    responses((
        status = 200, description = "The actions.", body = ModelInfo,
        example = json!({"support": {"Evaluate": true, "Gradient": true, "ApplyJacobian": true, "ApplyHessian": true}})
    ))
)]
#[allow(dead_code)]
fn model_info() {}

/// UM-Bridge: how long are the inputs?
///
/// Every model has one input vector, with a number for each input in the order that it declares.
#[utoipa::path(
    post,
    path = "/InputSizes",
    operation_id = "umbridge_input_sizes",
    tag = "um-bridge",
    request_body(content = ModelCall<'static>, description = "The model.", example = json!({"name": "expression", "config": {}})),
    responses((status = 200, description = "Lengths.", body = InputSizes, example = json!({"inputSizes": [5]})))
)]
#[allow(dead_code)]
fn input_sizes() {}

/// UM-Bridge: how long are the outputs?
///
/// Every model has one output vector, with a number for each output.
#[utoipa::path(
    post,
    path = "/OutputSizes",
    operation_id = "umbridge_output_sizes",
    tag = "um-bridge",
    request_body(content = ModelCall<'static>, description = "The model.", example = json!({"name": "expression", "config": {}})),
    responses((status = 200, description = "Lengths.", body = OutputSizes, example = json!({"outputSizes": [1]})))
)]
#[allow(dead_code)]
fn output_sizes() {}

/// UM-Bridge: evaluate a model
///
/// The outputs at the inputs. The model `expression` is the one that `config` defines, as `/v1/models` takes it; it is prepared
/// at the first call and kept like one that was posted there.
#[utoipa::path(
    post,
    path = "/Evaluate",
    operation_id = "umbridge_evaluate",
    tag = "um-bridge",
    request_body(
        content = EvaluateCall<'static>, description = "The model and its inputs.",
        example = json!({"name": "expression", "input": [[2.0, 3.0]], "config": {"expression": "x*y", "inputs": ["x", "y"]}})
    ),
    responses((status = 200, description = "The outputs.", body = Outputs, example = json!({"output": [[6.0]]})))
)]
#[allow(dead_code)]
fn evaluate() {}

/// UM-Bridge: gradient
///
/// `sens` times the Jacobian.
#[utoipa::path(
    post,
    path = "/Gradient",
    operation_id = "umbridge_gradient",
    tag = "um-bridge",
    request_body(
        content = GradientCall<'static>, description = "The model, its inputs, and what each output counts.",
        example = json!({
            "name": "expression", "outWrt": 0, "inWrt": 0, "input": [[2.0, 3.0]], "sens": [1.0],
            "config": {"expression": "x*y", "inputs": ["x", "y"]}
        })
    ),
    responses((status = 200, description = "The gradient.", body = Output, example = json!({"output": [3.0, 2.0]})))
)]
#[allow(dead_code)]
fn gradient() {}

/// UM-Bridge: Jacobian times a vector
///
/// The derivative of the outputs in the direction `vec`.
#[utoipa::path(
    post,
    path = "/ApplyJacobian",
    operation_id = "umbridge_apply_jacobian",
    tag = "um-bridge",
    request_body(
        content = ApplyJacobianCall<'static>, description = "The model, its inputs, and a direction.",
        example = json!({
            "name": "expression", "outWrt": 0, "inWrt": 0, "input": [[2.0, 3.0]], "vec": [1.0, 0.0],
            "config": {"expression": "x*y", "inputs": ["x", "y"]}
        })
    ),
    responses((status = 200, description = "The product.", body = Output, example = json!({"output": [3.0]})))
)]
#[allow(dead_code)]
fn apply_jacobian() {}

/// UM-Bridge: Hessian times a vector
///
/// The Hessian of the outputs' sum, weighted by `sens`, times `vec`.
#[utoipa::path(
    post,
    path = "/ApplyHessian",
    operation_id = "umbridge_apply_hessian",
    tag = "um-bridge",
    request_body(
        content = ApplyHessianCall<'static>, description = "The model, its inputs, the outputs' weights, and a direction.",
        example = json!({
            "name": "expression", "outWrt": 0, "inWrt1": 0, "inWrt2": 0, "input": [[2.0, 3.0]], "sens": [1.0],
            "vec": [1.0, 0.0], "config": {"expression": "x*y", "inputs": ["x", "y"]}
        })
    ),
    responses((status = 200, description = "The product.", body = Output, example = json!({"output": [0.0, 1.0]})))
)]
#[allow(dead_code)]
fn apply_hessian() {}
