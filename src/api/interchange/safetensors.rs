//! Weights and biases as a safetensors file: the length of a header, a JSON header with the place of each tensor, and their
//! numbers. <https://huggingface.co/docs/safetensors/index#format>

use std::collections::BTreeMap;
use std::fmt;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::api::faults::{Faults, list, quote};
use crate::api::mlp::LayerParameters;
use crate::api::problem::Problem;
use crate::nn;

use super::file::{base64_schema, from_base64, little_endian};

/// Bytes of a header beside those for tensors: no one's metadata is that long, and what is parsed takes several times the
/// memory of its text.
const LONGEST_METADATA: usize = 1 << 20;
/// Bytes of a header for one layer, which has two tensors.
const LONGEST_LAYER: usize = 1 << 10;
/// In which numbers of bytes a header is counted, so that the tensors behind it are aligned.
const ALIGNMENT: usize = 8;

/// The file. Own code and not the crate's, which keeps metadata in a hash map: the same request would not always get the
/// same bytes.
pub(super) fn write(mlp: &nn::Mlp, description: String, layers: &[LayerParameters]) -> Vec<u8> {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({"format": "pt", "mlp": description}));
    let mut data = Vec::with_capacity(mlp.parameters() * size_of::<f64>());
    let mut add = |name: String, shape: &[usize], numbers: &[f64]| {
        let start = data.len();
        data.extend(little_endian(numbers));
        header.insert(name, json!({"dtype": "F64", "shape": shape, "data_offsets": [start, data.len()]}));
    };
    for (i, LayerParameters { weight, bias }) in layers.iter().enumerate() {
        add(format!("layers.{i}.weight"), &[weight.rows, weight.columns], &weight.data);
        add(format!("layers.{i}.bias"), &[bias.0.len()], &bias.0);
    }
    let mut header = serde_json::Value::Object(header).to_string().into_bytes();
    header.resize(header.len().next_multiple_of(ALIGNMENT), b' ');
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// A file with weights and biases, in base64; in binary formats its bytes may stand there as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights(pub Vec<u8>);

struct WeightsVisitor;

impl serde::de::Visitor<'_> for WeightsVisitor {
    type Value = Weights;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a safetensors file in base64")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Weights, E> {
        from_base64(text).map(Weights).map_err(E::custom)
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Weights, E> {
        Ok(Weights(bytes.to_vec()))
    }
}

impl<'de> Deserialize<'de> for Weights {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WeightsVisitor)
    }
}

impl PartialSchema for Weights {
    fn schema() -> RefOr<Schema> {
        base64_schema("A safetensors file with weights and biases, in base64.")
    }
}

impl ToSchema for Weights {
    fn name() -> std::borrow::Cow<'static, str> {
        "Weights".into()
    }
}

/// The parameters of `mlp` from the file `bytes` that the request has at `place`, flat; or everything that does not fit.
///
/// Tensors are called `layers.N.weight` and `layers.N.bias`, or without `layers.` as in PyTorch's `nn.Sequential`. The
/// numbers need not follow each other, because modules without parameters count, too: in their order they are the layers.
pub(in crate::api) fn read(mlp: &nn::Mlp, bytes: &[u8], place: &str) -> Result<Vec<f64>, Problem> {
    let spans = mlp.spans();
    check_header(bytes, spans.len(), place)?;
    let file = SafeTensors::deserialize(bytes).map_err(|error| {
        let error = error.to_string().trim_end_matches('.').to_owned();
        let detail =
            format!("This is no whole safetensors file: {error}. Save it again, and send all of its bytes.");
        Problem::at(place, detail)
    })?;
    let (prefix, modules) = modules(&file, place)?;
    if modules.len() != spans.len() {
        let names: Vec<String> = modules.keys().map(|number| format!("{prefix}{number}")).collect();
        let detail = format!(
            "There are weights and biases for {} layers ({}), but the model has {}.",
            names.len(),
            list(names.iter().map(String::as_str)),
            spans.len()
        );
        return Err(Problem::at(place, detail));
    }
    let mut faults = Faults::default();
    let mut flat = Vec::with_capacity(mlp.parameters());
    for (span, (number, Module { weight, bias })) in spans.iter().zip(modules) {
        let parts = [("weight", weight, vec![span.units, span.inputs]), ("bias", bias, vec![span.units])];
        for (part, tensor, shape) in parts {
            match check(tensor.as_ref(), &shape) {
                Ok(tensor) => append(tensor, &mut flat),
                Err(what) => {
                    faults.add(
                        || place.to_owned(),
                        || format!("{} {what}", quote(&format!("{prefix}{number}.{part}"))),
                    );
                }
            }
        }
    }
    faults.into_result()?;
    Ok(flat)
}

/// Refuses a header that is longer than these layers need. A length that is no number of bytes of the file is left to the
/// reader.
fn check_header(bytes: &[u8], layers: usize, place: &str) -> Result<(), Problem> {
    let most = LONGEST_METADATA.saturating_add(layers.saturating_mul(LONGEST_LAYER));
    match bytes.first_chunk().map(|length| u64::from_le_bytes(*length)) {
        Some(length) if length > most as u64 && length <= bytes.len() as u64 => {
            let detail = format!(
                "The header of the safetensors file has {length} bytes; for this model at most {most} are read. Save it \
                 without other tensors and metadata."
            );
            Err(Problem::at(place, detail))
        }
        _ => Ok(()),
    }
}

/// The tensors of one layer.
#[derive(Default)]
struct Module<'f> {
    weight: Option<TensorView<'f>>,
    bias: Option<TensorView<'f>>,
}

/// The tensors by the numbers of their modules, and what is before the numbers.
fn modules<'f>(
    file: &SafeTensors<'f>,
    place: &str,
) -> Result<(&'static str, BTreeMap<u32, Module<'f>>), Problem> {
    let mut tensors: Vec<(&str, TensorView<'f>)> = file.iter().collect();
    // The reader keeps them in a hash map, and faults are told in a fixed order.
    tensors.sort_by(|a, b| a.0.cmp(b.0));
    let prefix = if tensors.iter().any(|(name, _)| name.starts_with("layers.")) { "layers." } else { "" };
    let mut faults = Faults::default();
    let mut modules: BTreeMap<u32, Module<'f>> = BTreeMap::new();
    for (name, tensor) in tensors {
        let parts = name.strip_prefix(prefix).and_then(|rest| rest.split_once('.'));
        // A number is written in one way only, so that no two names mean the same tensor.
        let number =
            parts.and_then(|(text, _)| text.parse::<u32>().ok().filter(|number| number.to_string() == text));
        match (number, parts) {
            (Some(number), Some((_, "weight"))) => modules.entry(number).or_default().weight = Some(tensor),
            (Some(number), Some((_, "bias"))) => modules.entry(number).or_default().bias = Some(tensor),
            _ => faults.add(
                || place.to_owned(),
                || {
                    format!(
                        "The tensor {} does not belong here; the names are `{prefix}0.weight`, `{prefix}0.bias` and so on.",
                        quote(name)
                    )
                },
            ),
        }
    }
    faults.into_result()?;
    Ok((prefix, modules))
}

/// The tensor, if it is there with this shape and numbers that are read; otherwise the end of a sentence about it.
fn check<'t, 'f>(tensor: Option<&'t TensorView<'f>>, shape: &[usize]) -> Result<&'t TensorView<'f>, String> {
    let Some(tensor) = tensor else {
        return Err(format!("is missing; it has the shape {shape:?}, and may be all zeros."));
    };
    if tensor.shape() != shape {
        return Err(format!("has the shape {:?}, but the layer needs {shape:?}.", tensor.shape()));
    }
    if !matches!(tensor.dtype(), Dtype::F32 | Dtype::F64) {
        return Err(format!("has numbers of type {}; save it as F64 or F32.", tensor.dtype()));
    }
    Ok(tensor)
}

fn append(tensor: &TensorView<'_>, flat: &mut Vec<f64>) {
    let (doubles, _) = tensor.data().as_chunks::<8>();
    let (singles, _) = tensor.data().as_chunks::<4>();
    match tensor.dtype() {
        Dtype::F64 => flat.extend(doubles.iter().map(|bytes| f64::from_le_bytes(*bytes))),
        _ => flat.extend(singles.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)))),
    }
}
