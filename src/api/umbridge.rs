//! UM-Bridge, protocol 1.0 (<https://um-bridge-benchmarks.readthedocs.io>): models whose inputs and outputs are vectors of numbers
//! without names. Each action is one of this API's own, with the inputs in the order that the model declares.
//!
//! A model has one input vector and one output vector. The model [`EXPRESSION`] is whatever `config` defines.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::columns::Columns;
use super::context::{Context, Reply};
use super::faults::{Faults, quote};
use super::hvp::{self, HvpRequest};
use super::jvp::{self, JvpRequest};
use super::matrix::Matrix;
use super::mlp_outputs;
use super::model::Scalar;
use super::models::{Form, Models, Prepared, Stored};
use super::non_finite::NonFinite;
use super::problem::{Kind, Problem};
use super::text::Text;
use super::value::Value;
use super::values::Values;
use super::vjp::{self, VjpRequest};
use super::{count, evaluate};

/// The model that `config` defines.
pub const EXPRESSION: &str = "expression";

/// What it is with an empty `config`: the neuron of the lecture, so that every server answers every action.
static NEURON: LazyLock<Arc<Stored>> = LazyLock::new(|| {
    let definition = br#"{"expression": "tanh(x1*w1 + x2*w2 + b)", "inputs": ["x1", "x2", "w1", "w2", "b"]}"#;
    Arc::new(Stored::new(definition, &Context::default()).expect("a model"))
});

/// A model, for what is asked of it without values.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ModelCall<'a> {
    /// A name of `/Info`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub name: Text<'a>,
    /// For the model `expression` its definition, as `/v1/models` takes it; the lecture's neuron unless given. Empty for others.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
}

/// A model and its inputs.
#[derive(Debug, Deserialize, ToSchema)]
pub struct EvaluateCall<'a> {
    /// As in `/ModelInfo`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub name: Text<'a>,
    /// As in `/ModelInfo`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
    /// One vector: a number for each input, in the order that the model declares.
    pub input: Vec<Vec<f64>>,
}

/// A model, its inputs, and the weights of its outputs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct GradientCall<'a> {
    /// As in `/ModelInfo`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub name: Text<'a>,
    /// As in `/ModelInfo`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
    /// One vector: a number for each input.
    pub input: Vec<Vec<f64>>,
    /// Always 0: there is one output vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub out_wrt: usize,
    /// Always 0: there is one input vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub in_wrt: usize,
    /// What each output counts.
    pub sens: Vec<f64>,
}

/// A model, its inputs, and a direction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyJacobianCall<'a> {
    /// As in `/ModelInfo`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub name: Text<'a>,
    /// As in `/ModelInfo`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
    /// One vector: a number for each input.
    pub input: Vec<Vec<f64>>,
    /// Always 0: there is one output vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub out_wrt: usize,
    /// Always 0: there is one input vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub in_wrt: usize,
    /// How fast each input moves.
    pub vec: Vec<f64>,
}

/// A model, its inputs, the weights of its outputs, and a direction.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApplyHessianCall<'a> {
    /// As in `/ModelInfo`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub name: Text<'a>,
    /// As in `/ModelInfo`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Box<RawValue>>,
    /// One vector: a number for each input.
    pub input: Vec<Vec<f64>>,
    /// Always 0: there is one output vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub out_wrt: usize,
    /// Always 0: there is one input vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub in_wrt1: usize,
    /// Always 0: there is one input vector.
    #[serde(deserialize_with = "count::required")]
    #[schema(maximum = 0)]
    pub in_wrt2: usize,
    /// What each output counts.
    pub sens: Vec<f64>,
    /// How fast each input moves.
    pub vec: Vec<f64>,
}

/// The version of the protocol, and the names of the models.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeInfo)]
pub struct Info {
    #[serde(rename = "protocolVersion")]
    protocol_version: f64,
    models: Vec<String>,
}

/// What a model can be asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeModelInfo)]
pub struct ModelInfo {
    support: Support,
}

/// Actions by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeSupport)]
#[serde(rename_all = "PascalCase")]
#[allow(clippy::struct_excessive_bools, reason = "the protocol's")]
struct Support {
    evaluate: bool,
    gradient: bool,
    apply_jacobian: bool,
    apply_hessian: bool,
}

/// Lengths of the input vectors.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeInputSizes)]
pub struct InputSizes {
    #[serde(rename = "inputSizes")]
    input_sizes: [usize; 1],
}

/// Lengths of the output vectors.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeOutputSizes)]
pub struct OutputSizes {
    #[serde(rename = "outputSizes")]
    output_sizes: [usize; 1],
}

/// Output vectors.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeOutputs)]
pub struct Outputs {
    output: [Vec<f64>; 1],
}

/// One vector.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeOutput)]
pub struct Output {
    output: Vec<f64>,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeErrorAnswer)]
pub struct ErrorAnswer {
    error: CallError,
}

/// An error of the protocol.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UmBridgeCallError)]
struct CallError {
    /// `ModelNotFound`, `UnsupportedFeature`, `InvalidInput`, `InvalidOutput`, or the kind of a problem of this API.
    r#type: String,
    /// What is wrong, where, and what to do about it.
    message: String,
}

/// `GET /Info`.
pub fn info(models: &Models) -> Info {
    let named = models.named();
    let models =
        std::iter::once(EXPRESSION).chain(named.keys().map(String::as_str)).map(str::to_owned).collect();
    Info { protocol_version: 1.0, models }
}

/// `POST /ModelInfo`.
pub fn model_info(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: ModelCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    let differentiable = matches!(model.form, Form::Scalar(_));
    let support = Support {
        evaluate: true,
        gradient: differentiable,
        apply_jacobian: differentiable,
        apply_hessian: differentiable,
    };
    context.reply(&ModelInfo { support })
}

/// `POST /InputSizes`.
pub fn input_sizes(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: ModelCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    context.reply(&InputSizes { input_sizes: [inputs_of(&model)] })
}

/// `POST /OutputSizes`.
pub fn output_sizes(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: ModelCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    context.reply(&OutputSizes { output_sizes: [outputs_of(&model)] })
}

/// `POST /Evaluate`: the outputs.
pub fn evaluate(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: EvaluateCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    let input = vector(call.input, &model)?;
    let output = match &model.form {
        Form::Scalar(prepared) => {
            let inputs = Some(named(&prepared.input_names(), &input));
            let scalar = Scalar::Prepared(Arc::clone(prepared));
            numbers(evaluate::scalar_outputs(scalar, inputs, None, NonFinite::Error, context)?)
        }
        Form::Mlp(mlp, _) => {
            let data = Columns::of_rows(Matrix::new(input.len(), input));
            mlp_outputs::outputs(mlp, Some(data), NonFinite::Error, context)?.0.data
        }
    };
    context.reply(&Outputs { output: [output] })
}

/// `POST /Gradient`: `sens` times the Jacobian.
pub fn gradient(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: GradientCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    let prepared = differentiable(&model, "Gradient")?;
    check_zero(&[("/outWrt", call.out_wrt), ("/inWrt", call.in_wrt)])?;
    let input = vector(call.input, &model)?;
    check_length("/sens", "output", &call.sens, outputs_of(&model))?;
    let names = prepared.input_names();
    let request = VjpRequest {
        inputs: Some(named(&names, &input)),
        wrt: Some(names.iter().map(|name| Text((*name).into())).collect()),
        cotangents: named(&prepared.output_names(), &call.sens),
        ..VjpRequest::default()
    };
    let output = numbers(vjp::vjp(Scalar::Prepared(Arc::clone(prepared)), request, context)?.gradients);
    context.reply(&Output { output })
}

/// `POST /ApplyJacobian`: the Jacobian times `vec`.
pub fn apply_jacobian(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: ApplyJacobianCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    let prepared = differentiable(&model, "ApplyJacobian")?;
    check_zero(&[("/outWrt", call.out_wrt), ("/inWrt", call.in_wrt)])?;
    let input = vector(call.input, &model)?;
    check_length("/vec", "input", &call.vec, input.len())?;
    let names = prepared.input_names();
    let request = JvpRequest {
        inputs: Some(named(&names, &input)),
        tangents: named(&names, &call.vec),
        ..JvpRequest::default()
    };
    let output = numbers(jvp::jvp(Scalar::Prepared(Arc::clone(prepared)), request, context)?.tangents);
    context.reply(&Output { output })
}

/// `POST /ApplyHessian`: the Hessian of `sens` times the outputs, times `vec`.
pub fn apply_hessian(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: ApplyHessianCall<'_> = context.decode(body)?;
    let model = find(&call.name, call.config.as_deref(), context)?;
    let prepared = differentiable(&model, "ApplyHessian")?;
    check_zero(&[("/outWrt", call.out_wrt), ("/inWrt1", call.in_wrt1), ("/inWrt2", call.in_wrt2)])?;
    let input = vector(call.input, &model)?;
    check_length("/sens", "output", &call.sens, outputs_of(&model))?;
    check_length("/vec", "input", &call.vec, input.len())?;
    let names = prepared.input_names();
    let mut output = vec![0.0; input.len()];
    // One output at a time, since they count differently.
    for (name, weight) in prepared.output_names().into_iter().zip(&call.sens) {
        if *weight == 0.0 {
            continue;
        }
        let request = HvpRequest {
            inputs: Some(named(&names, &input)),
            outputs: Some(vec![Text(name.into())]),
            wrt: Some(names.iter().map(|name| Text((*name).into())).collect()),
            tangents: named(&names, &call.vec),
            ..HvpRequest::default()
        };
        let products = hvp::hvp(Scalar::Prepared(Arc::clone(prepared)), request, context)?.hvp;
        output.iter_mut().zip(numbers(products)).for_each(|(sum, product)| *sum += weight * product);
    }
    context.reply(&Output { output })
}

/// An error as clients of the protocol read it, which know no other status than 400.
pub fn error(problem: &Problem) -> (u16, Vec<u8>) {
    let kind = problem.kind();
    let r#type = match kind {
        Kind::UNKNOWN_MODEL => "ModelNotFound".to_owned(),
        Kind::UNSUPPORTED_ACTION => "UnsupportedFeature".to_owned(),
        Kind::NON_FINITE => "InvalidOutput".to_owned(),
        Kind::MALFORMED_BODY | Kind::INVALID_REQUEST | Kind::SYNTAX => "InvalidInput".to_owned(),
        other => camel(other.slug),
    };
    let places = problem.errors.iter().filter(|fault| fault.detail != problem.detail).map(|fault| {
        let place = fault.pointer.as_deref().unwrap_or_default();
        format!("\n{place}: {}", fault.detail)
    });
    let message = std::iter::once(problem.detail.clone()).chain(places).collect();
    let answer = ErrorAnswer { error: CallError { r#type, message } };
    // Another method is another route, which has nobody who speaks the protocol.
    let status = if kind == Kind::METHOD_NOT_ALLOWED { kind.status } else { 400 };
    (status, serde_json::to_vec(&answer).expect("strings"))
}

/// `DeadlineExceeded` for `deadline-exceeded`.
fn camel(slug: &str) -> String {
    slug.split('-')
        .flat_map(|word| {
            word.chars().enumerate().map(|(i, c)| if i == 0 { c.to_ascii_uppercase() } else { c })
        })
        .collect()
}

/// The model that is called so.
fn find(name: &str, config: Option<&RawValue>, context: &Context) -> Result<Arc<Stored>, Problem> {
    let config = config.map_or("", RawValue::get).trim();
    // It is JSON, so that braces around nothing are an empty object.
    let within = config.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let is_empty = matches!(config, "" | "null") || within.is_some_and(|members| members.trim().is_empty());
    if name == EXPRESSION {
        if is_empty {
            return Ok(Arc::clone(&NEURON));
        }
        return context
            .models
            .prepare(config.as_bytes(), context)
            .map_err(|problem| problem.below("/config"));
    }
    let model = context.models.find(name).map_err(|_| {
        let names =
            info(&context.models).models.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
        Problem::new(
            Kind::UNKNOWN_MODEL,
            format!(
                "There is no model {}; there are {names}. The model `expression` takes any from `config`.",
                quote(name)
            ),
        )
    })?;
    if !is_empty {
        let detail = format!("The model {} takes no `config`; only `expression` does.", quote(name));
        return Err(Problem::at("/config", detail));
    }
    Ok(model)
}

fn inputs_of(model: &Stored) -> usize {
    match &model.form {
        Form::Scalar(prepared) => prepared.inputs.len(),
        Form::Mlp(_, size) => size.inputs,
    }
}

fn outputs_of(model: &Stored) -> usize {
    match &model.form {
        Form::Scalar(prepared) => prepared.outputs(),
        Form::Mlp(_, size) => size.outputs,
    }
}

fn differentiable<'m>(model: &'m Stored, action: &str) -> Result<&'m Arc<Prepared>, Problem> {
    model.differentiable(|| {
        format!("The model is an MLP, which supports Evaluate but not {action}. An expression or a graph supports it.")
    })
}

/// The one input vector.
fn vector(mut input: Vec<Vec<f64>>, model: &Stored) -> Result<Vec<f64>, Problem> {
    let expected = inputs_of(model);
    if input.len() != 1 {
        let detail = format!(
            "The model has 1 input vector, of {expected} numbers; `input` holds {} vectors. Write [[...]].",
            input.len()
        );
        return Err(Problem::at("/input", detail));
    }
    let input = input.remove(0);
    if input.len() != expected {
        let names = match &model.form {
            Form::Scalar(prepared) => {
                format!(" ({})", super::faults::list(prepared.input_names().into_iter()))
            }
            Form::Mlp(..) => String::new(),
        };
        let detail =
            format!("The input vector has {} numbers; the model has {expected} inputs{names}.", input.len());
        return Err(Problem::at("/input/0", detail));
    }
    Ok(input)
}

fn check_zero(members: &[(&str, usize)]) -> Result<(), Problem> {
    let mut faults = Faults::default();
    for (place, index) in members.iter().filter(|(_, index)| *index != 0) {
        let detail =
            format!("The model has 1 input vector and 1 output vector, so that the index is 0, not {index}.");
        faults.add(|| (*place).to_owned(), || detail);
    }
    faults.into_result()
}

fn check_length(place: &str, of: &str, vector: &[f64], expected: usize) -> Result<(), Problem> {
    if vector.len() == expected {
        return Ok(());
    }
    let member = &place[1..];
    let found = vector.len();
    Err(Problem::at(
        place,
        format!("`{member}` has {found} numbers; there is one for each {of}, which are {expected}."),
    ))
}

fn named<'n>(names: &[&'n str], numbers: &[f64]) -> Values<'n> {
    let mut values = Values::default();
    names.iter().zip(numbers).for_each(|(name, x)| values.push(*name, Value::Number(*x)));
    values
}

fn numbers(values: Values<'_>) -> Vec<f64> {
    values.0.iter().flat_map(|(_, value)| value.numbers().iter().copied()).collect()
}
