//! The parameters of an MLP as a request gives them: layer by layer, or as a file.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::nn;

use super::interchange::safetensors::{self, Weights};
use super::mlp::{LayerParameters, flatten};
use super::object::Object;
use super::problem::Problem;

/// Weights and biases.
#[derive(Clone, Debug, PartialEq)]
pub enum Parameters {
    /// One per layer, first to last.
    Layers(Vec<LayerParameters>),
    /// A file.
    File(ParametersFile),
}

/// A file with the tensors `layers.0.weight`, `layers.0.bias` and so on, or with the names of PyTorch's `nn.Sequential`, in
/// double or single precision.
#[derive(Clone, Debug, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ParametersFile {
    /// A safetensors file in base64.
    pub safetensors: Weights,
}

struct ParametersVisitor;

impl<'de> Visitor<'de> for ParametersVisitor {
    type Value = Parameters;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array with the weight and bias of each layer, or an object with `safetensors`")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Parameters, A::Error> {
        ParametersFile::deserialize(MapAccessDeserializer::new(map)).map(Parameters::File)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Parameters, A::Error> {
        let mut layers = Vec::new();
        while let Some(Object(layer)) = seq.next_element()? {
            layers.push(layer);
        }
        Ok(Parameters::Layers(layers))
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ParametersVisitor)
    }
}

impl Parameters {
    /// One flat vector for `mlp`, or everything that does not fit. `place` is where the request has them.
    pub(super) fn flatten(&self, mlp: &nn::Mlp, place: &str) -> Result<Vec<f64>, Problem> {
        match self {
            Parameters::Layers(layers) => flatten(mlp, layers, place),
            Parameters::File(file) => {
                safetensors::read(mlp, &file.safetensors.0, &format!("{place}/safetensors"))
            }
        }
    }
}

impl PartialSchema for Parameters {
    fn schema() -> RefOr<Schema> {
        OneOfBuilder::new()
            .item(ArrayBuilder::new().items(Ref::from_schema_name(LayerParameters::name())))
            .item(Ref::from_schema_name(ParametersFile::name()))
            .description(Some("Weights and biases, layer by layer or as a file."))
            .into()
    }
}

impl ToSchema for Parameters {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((LayerParameters::name().into_owned(), LayerParameters::schema()));
        LayerParameters::schemas(schemas);
        schemas.push((ParametersFile::name().into_owned(), ParametersFile::schema()));
        ParametersFile::schemas(schemas);
    }
}
