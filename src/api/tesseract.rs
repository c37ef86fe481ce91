//! Tesseract (<https://docs.pasteurlabs.ai/projects/tesseract-core>): one model, whose inputs and outputs are arrays with names.
//! Each endpoint is an operation of this API on the model that the server's setting `tesseract` names.
//!
//! An input is a number, an array of shape `[]`, or one number per sample, an array of shape `[n]`; all outputs that depend on
//! samples have shape `[n]` as well. An MLP has one input `x` of shape `[n, inputs]` and one output `y` of shape `[n, outputs]`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Serialize as SerializeWire};
use utoipa::ToSchema;

use crate::engine::Column;

use super::array::{Array, ArrayEncoding, Arrays, Written, show};
use super::columns::Columns;
use super::context::{Context, Reply};
use super::cost::Cost;
use super::faults::{Faults, quote};
use super::jacobian::{self, JacobianResponse};
use super::jvp::{self, JvpRequest};
use super::matrices::MatrixRequest;
use super::matrix::Matrix;
use super::mlp::Mlp;
use super::model::Scalar;
use super::models::{Form, ModelSize, Prepared};
use super::non_finite::NonFinite;
use super::problem::{Fault, Kind, Problem};
use super::text::Text;
use super::value::Value;
use super::values::Values;
use super::vjp::{self, VjpRequest};
use super::{evaluate, mlp_outputs, pointer, suggest};

/// The names of an MLP's input and output.
const ROWS: &str = "x";
const OUTPUT: &str = "y";

/// What to apply the model to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyCall<'a> {
    /// The model's inputs. One with a default may be left out.
    #[serde(borrow)]
    pub inputs: Arrays<'a>,
}

/// Where to take the Jacobian, and which of its blocks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JacobianCall<'a> {
    /// The model's inputs.
    #[serde(borrow)]
    pub inputs: Arrays<'a>,
    /// Names of the inputs to differentiate for.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub jac_inputs: Vec<Text<'a>>,
    /// Names of the outputs to differentiate.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub jac_outputs: Vec<Text<'a>>,
}

/// Where to multiply the Jacobian with which vector of the inputs.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JacobianVectorCall<'a> {
    /// The model's inputs.
    #[serde(borrow)]
    pub inputs: Arrays<'a>,
    /// Names of the inputs that move.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub jvp_inputs: Vec<Text<'a>>,
    /// Names of the outputs to differentiate.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub jvp_outputs: Vec<Text<'a>>,
    /// How fast each of `jvp_inputs` moves. A number counts for every sample.
    #[serde(borrow)]
    pub tangent_vector: Arrays<'a>,
}

/// Where to multiply which vector of the outputs with the Jacobian.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VectorJacobianCall<'a> {
    /// The model's inputs.
    #[serde(borrow)]
    pub inputs: Arrays<'a>,
    /// Names of the inputs to differentiate for.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub vjp_inputs: Vec<Text<'a>>,
    /// Names of the outputs to differentiate.
    #[serde(borrow)]
    #[schema(value_type = Vec<String>, min_items = 1)]
    pub vjp_outputs: Vec<Text<'a>>,
    /// What each of `vjp_outputs` counts. A number counts for every sample.
    #[serde(borrow)]
    pub cotangent_vector: Arrays<'a>,
}

/// What went wrong.
#[derive(Debug, SerializeWire, ToSchema)]
#[schema(as = TesseractErrorAnswer)]
pub struct ErrorAnswer {
    detail: Detail,
}

/// One text; or where the status is 422, every fault with its place.
#[derive(Debug, SerializeWire, ToSchema)]
#[schema(as = TesseractErrorDetail)]
#[serde(untagged)]
enum Detail {
    Text(String),
    Faults(Vec<CallFault>),
}

/// A fault of a request.
#[derive(Debug, SerializeWire, ToSchema)]
#[schema(as = TesseractFault)]
struct CallFault {
    /// The kind of problem that this API has.
    r#type: String,
    /// `body`, then the members that lead to the place.
    loc: Vec<String>,
    /// What is wrong, and what to do about it.
    msg: String,
}

/// `POST /apply`: the outputs.
pub fn apply(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: ApplyCall<'_> = context.decode(body)?;
    let model = context.models.tesseract()?;
    let outputs = match &model.form {
        Form::Scalar(prepared) => {
            let inputs = Some(values(call.inputs, "/inputs")?);
            let scalar = Scalar::Prepared(Arc::clone(prepared));
            let outputs = evaluate::scalar_outputs(scalar, inputs, None, NonFinite::Error, context);
            Arrays::of(outputs.map_err(|problem| in_place(problem, &[]))?)
        }
        Form::Mlp(mlp, size) => network(mlp, *size, call.inputs, context)?,
    };
    reply(&outputs, context)
}

/// `POST /jacobian`: for each output and input an array of the output's shape and then the input's.
pub fn jacobian(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: JacobianCall<'_> = context.decode(body)?;
    let prepared = differentiable("jacobian", context)?;
    let (jac_inputs, jac_outputs) = (names(call.jac_inputs), names(call.jac_outputs));
    check_named(&[("jac_inputs", &jac_inputs), ("jac_outputs", &jac_outputs)])?;
    let inputs = values(call.inputs, "/inputs")?;
    let by_name: HashMap<&str, Option<usize>> =
        inputs.0.iter().map(|(name, value)| (&**name, value.samples())).collect();
    // A default is a number.
    let lengths: Vec<Option<usize>> =
        jac_inputs.iter().map(|name| by_name.get(&**name).copied().flatten()).collect();
    let samples = inputs.0.iter().map(|(_, value)| value.numbers().len()).max().unwrap_or(1);
    // The block of two arrays is a matrix, though all but its diagonal is zero.
    let columns = lengths.iter().map(|length| length.unwrap_or(1)).fold(0, usize::saturating_add);
    let entries = jac_outputs.len().saturating_mul(samples).saturating_mul(columns);
    context.admit(Cost::of_answered(entries))?;
    let request = MatrixRequest {
        inputs: Some(inputs),
        outputs: Some(jac_outputs),
        wrt: Some(jac_inputs),
        ..MatrixRequest::default()
    };
    let response = jacobian::jacobian(Scalar::Prepared(prepared), request, context)
        .map_err(|problem| in_place(problem, &[("/outputs", "/jac_outputs"), ("/wrt", "/jac_inputs")]))?;
    let blocks = blocks(&response, &lengths);
    written(&Rows { blocks: &blocks, encoding: context.arrays }, context)
}

/// `POST /jacobian_vector_product`: how fast each output moves.
pub fn jacobian_vector_product(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: JacobianVectorCall<'_> = context.decode(body)?;
    let prepared = differentiable("jacobian_vector_product", context)?;
    let (jvp_inputs, jvp_outputs) = (names(call.jvp_inputs), names(call.jvp_outputs));
    check_named(&[("jvp_inputs", &jvp_inputs), ("jvp_outputs", &jvp_outputs)])?;
    check_members(("tangent_vector", &call.tangent_vector), ("jvp_inputs", &jvp_inputs))?;
    let request = JvpRequest {
        inputs: Some(values(call.inputs, "/inputs")?),
        outputs: Some(jvp_outputs),
        tangents: values(call.tangent_vector, "/tangent_vector")?,
        ..JvpRequest::default()
    };
    let places = [("/outputs", "/jvp_outputs"), ("/tangents", "/tangent_vector")];
    let moved = jvp::jvp(Scalar::Prepared(prepared), request, context);
    reply(&Arrays::of(moved.map_err(|problem| in_place(problem, &places))?.tangents), context)
}

/// `POST /vector_jacobian_product`: the derivative of the outputs' weighted sum for each input.
pub fn vector_jacobian_product(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let call: VectorJacobianCall<'_> = context.decode(body)?;
    let prepared = differentiable("vector_jacobian_product", context)?;
    let (vjp_inputs, vjp_outputs) = (names(call.vjp_inputs), names(call.vjp_outputs));
    check_named(&[("vjp_inputs", &vjp_inputs), ("vjp_outputs", &vjp_outputs)])?;
    check_members(("cotangent_vector", &call.cotangent_vector), ("vjp_outputs", &vjp_outputs))?;
    let request = VjpRequest {
        inputs: Some(values(call.inputs, "/inputs")?),
        outputs: Some(vjp_outputs),
        wrt: Some(vjp_inputs),
        cotangents: values(call.cotangent_vector, "/cotangent_vector")?,
        ..VjpRequest::default()
    };
    let places =
        [("/outputs", "/vjp_outputs"), ("/wrt", "/vjp_inputs"), ("/cotangents", "/cotangent_vector")];
    let summed = vjp::vjp(Scalar::Prepared(prepared), request, context);
    reply(&Arrays::of(summed.map_err(|problem| in_place(problem, &places))?.gradients), context)
}

/// An error as `FastAPI` tells it, which clients of the protocol read.
pub fn error(problem: &Problem) -> (u16, Vec<u8>) {
    let kind = problem.kind();
    // There, a body that cannot be read is one that does not fit.
    let status = if kind == Kind::MALFORMED_BODY { Kind::INVALID_REQUEST.status } else { problem.status };
    let detail = if status == Kind::INVALID_REQUEST.status {
        let fault = |pointer: Option<&str>, msg: &str| CallFault {
            r#type: kind.slug.replace('-', "_"),
            loc: place(pointer.unwrap_or_default()),
            msg: msg.to_owned(),
        };
        Detail::Faults(match problem.errors.as_slice() {
            [] => vec![fault(None, &problem.detail)],
            faults => faults.iter().map(|told| fault(told.pointer.as_deref(), &told.detail)).collect(),
        })
    } else {
        Detail::Text(problem.detail.clone())
    };
    (status, serde_json::to_vec(&ErrorAnswer { detail }).expect("strings"))
}

/// `body`, and the segments of a pointer into it.
fn place(pointer: &str) -> Vec<String> {
    let segments = pointer.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"));
    std::iter::once("body".to_owned()).chain(segments).collect()
}

fn reply(arrays: &Arrays<'_>, context: &Context) -> Result<Reply, Problem> {
    written(&Written(arrays, context.arrays), context)
}

fn written<T: Serialize>(answer: &T, context: &Context) -> Result<Reply, Problem> {
    Ok(Reply { content_type: context.arrays.media_type(), ..context.reply(answer)? })
}

/// The model, where it can be differentiated.
fn differentiable(endpoint: &str, context: &Context) -> Result<Arc<Prepared>, Problem> {
    let model = context.models.tesseract()?;
    let detail = || {
        format!("The model is an MLP, which has apply but not {endpoint}. An expression or a graph has it.")
    };
    model.differentiable(detail).map(Arc::clone)
}

/// What is sent as a set: each name once.
fn names(names: Vec<Text<'_>>) -> Vec<Text<'_>> {
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// Refuses members that name nothing.
fn check_named(members: &[(&str, &[Text<'_>])]) -> Result<(), Problem> {
    let mut faults = Faults::default();
    for (member, _) in members.iter().filter(|(_, names)| names.is_empty()) {
        faults.add(|| format!("/{member}"), || format!("`{member}` is empty; name at least one."));
    }
    faults.into_result()
}

/// Refuses a vector that has other members than those that are named.
fn check_members(
    (vector, arrays): (&str, &Arrays<'_>),
    (member, names): (&str, &[Text<'_>]),
) -> Result<(), Problem> {
    let mut faults = Faults::default();
    let (named, given): (HashSet<&str>, HashSet<&str>) =
        (names.iter().map(|name| &**name).collect(), arrays.0.iter().map(|(name, _)| &**name).collect());
    for name in names.iter().filter(|name| !given.contains(&***name)) {
        let detail = || format!("`{member}` names {}, which has no member here; give it one.", quote(name));
        faults.add(|| format!("/{vector}"), detail);
    }
    for (name, _) in arrays.0.iter().filter(|(name, _)| !named.contains(&**name)) {
        let detail = || {
            let ending = suggest::ending(name, named.iter().copied());
            format!("{} is not in `{member}`{ending}", quote(name))
        };
        faults.add(|| pointer::join(&format!("/{vector}"), &**name), detail);
    }
    faults.into_result()
}

/// The arrays at `base`, each a number or one number per sample.
fn values<'a>(arrays: Arrays<'a>, base: &str) -> Result<Values<'a>, Problem> {
    let (mut values, mut faults) = (Values::default(), Faults::default());
    for (name, mut array) in arrays.0 {
        match array.shape.len() {
            0 => values.push(name.0, Value::Number(array.numbers.remove(0))),
            1 => values.push(name.0, Value::Samples(array.numbers)),
            _ => faults.add(
                || pointer::join(base, &*name),
                || {
                    format!(
                        "{} has the shape {}; it is a number, of shape [], or one number per sample, of shape [n].",
                        quote(&name),
                        show(&array.shape)
                    )
                },
            ),
        }
    }
    faults.into_result()?;
    Ok(values)
}

/// The output of an MLP.
fn network(
    mlp: &Mlp,
    size: ModelSize,
    inputs: Arrays<'_>,
    context: &Context,
) -> Result<Arrays<'static>, Problem> {
    let mut faults = Faults::default();
    let mut rows = None;
    for (name, array) in inputs.0 {
        let place = || pointer::join("/inputs", &*name);
        match array.shape.as_slice() {
            _ if &*name != ROWS => {
                faults.add(place, || format!("There is no input {}; an MLP has one, `x`.", quote(&name)));
            }
            _ if rows.is_some() => faults.add(place, || "`x` is given twice.".to_owned()),
            [_, width] if *width == size.inputs => rows = Some(Matrix::new(size.inputs, array.numbers)),
            shape => faults.add(place, || {
                format!("`x` has the shape {}; it takes rows, of shape [n, {}].", show(shape), size.inputs)
            }),
        }
    }
    faults.into_result()?;
    let Some(rows) = rows else {
        let detail = format!("The input `x` is missing: an array of shape [n, {}].", size.inputs);
        return Err(Problem::at("/inputs", detail));
    };
    let (outputs, _) = mlp_outputs::outputs(mlp, Some(Columns::of_rows(rows)), NonFinite::Error, context)
        .map_err(|problem| in_place(problem, &[("/data", "/inputs")]))?;
    let output = Array { shape: vec![outputs.rows, outputs.columns], numbers: outputs.data };
    Ok(Arrays(vec![(Text(OUTPUT.into()), output)]))
}

/// A problem of one of this API's own operations, with the places at which a request of this protocol has the same.
fn in_place(mut problem: Problem, places: &[(&str, &str)]) -> Problem {
    let place = |pointer: &str| {
        let moved = places.iter().find_map(|(from, to)| Some(format!("{to}{}", pointer.strip_prefix(from)?)));
        // The model itself is no part of the request.
        moved
            .unwrap_or_else(|| if pointer.starts_with("/model") { String::new() } else { pointer.to_owned() })
    };
    for Fault { pointer, .. } in &mut problem.errors {
        *pointer = pointer.as_deref().map(place);
    }
    problem
}

/// Blocks of a Jacobian by the names of output and input.
type Blocks = Vec<(String, Arrays<'static>)>;

/// The blocks of a Jacobian for inputs that have so many samples, if any.
fn blocks(response: &JacobianResponse<'_>, lengths: &[Option<usize>]) -> Blocks {
    let entries = &response.jacobian;
    let row = |(row, name): (usize, &String)| {
        let block = |(column, input): (usize, &String)| {
            let block = block(entries.matrix.get(row, column), entries.matrix.output(row), lengths[column]);
            (Text(input.clone().into()), block)
        };
        (name.clone(), Arrays(entries.columns.iter().enumerate().map(block).collect()))
    };
    entries.rows.iter().enumerate().map(row).collect()
}

/// One block, of which `entry` holds what is not always zero: for an array as output one number per sample.
fn block(entry: Option<&Column>, output: &Column, input: Option<usize>) -> Array {
    let at = |sample: usize| match entry {
        None => 0.0,
        Some(Column::Number(x)) => *x,
        Some(Column::Samples(samples)) => samples[sample],
    };
    match (output, input) {
        (Column::Number(_), None) => Value::Number(at(0)).into(),
        // An output without samples depends on no input that has some.
        (Column::Number(_), Some(columns)) => Value::Samples(vec![0.0; columns]).into(),
        (Column::Samples(rows), None) => Value::Samples((0..rows.len()).map(at).collect()).into(),
        (Column::Samples(rows), Some(columns)) => {
            let mut numbers = vec![0.0; rows.len() * columns];
            numbers.iter_mut().step_by(columns + 1).enumerate().for_each(|(sample, x)| *x = at(sample));
            Array { shape: vec![rows.len(), columns], numbers }
        }
    }
}

/// A Jacobian of an answer.
struct Rows<'b> {
    blocks: &'b Blocks,
    encoding: ArrayEncoding,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_map(Some(self.blocks.len()))?;
        for (name, blocks) in self.blocks {
            rows.serialize_entry(name, &Written(blocks, self.encoding))?;
        }
        rows.end()
    }
}
