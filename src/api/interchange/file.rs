//! Files with an MLP: which there are, how a request asks for one, and how it travels within an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::api::choice::{self, ActivationName, Choice, LossName};
use crate::api::context::{Context, Reply};
use crate::api::mlp::LayerParameters;
use crate::api::problem::{Kind, Problem};
use crate::api::standardize::Standardize;
use crate::nn;

use super::{onnx, safetensors};

/// What an MLP can be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum FileFormat {
    /// Weights and biases under PyTorch's names, `layers.0.weight` and so on, with the layers as JSON in the metadata.
    Safetensors,
    /// The whole model from `x` to `y`, for onnxruntime and others.
    Onnx,
}

impl FileFormat {
    /// Every file format.
    pub const ALL: [FileFormat; 2] = [FileFormat::Safetensors, FileFormat::Onnx];

    /// Its media type in answers.
    pub fn media_type(self) -> &'static str {
        match self {
            FileFormat::Safetensors => "application/vnd.safetensors",
            FileFormat::Onnx => "application/onnx",
        }
    }

    /// The format of a media type without parameters, in lower case.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type.strip_prefix("application/")? {
            "vnd.safetensors" | "x-safetensors" | "safetensors" => Some(FileFormat::Safetensors),
            "onnx" | "x-onnx" | "vnd.onnx" => Some(FileFormat::Onnx),
            _ => None,
        }
    }

    /// The header `Content-Disposition`, by which a browser or `curl --remote-header-name` names what it saves.
    pub fn disposition(self) -> &'static str {
        match self {
            FileFormat::Safetensors => "attachment; filename=\"model.safetensors\"",
            FileFormat::Onnx => "attachment; filename=\"model.onnx\"",
        }
    }

    fn name(self) -> &'static str {
        <Self as Choice>::ALL.iter().find(|(_, format)| *format == self).expect("every format has a name").0
    }

    /// Writes `mlp` with its weights and biases, and with what it does to its inputs before the first layer.
    pub(in crate::api) fn write(
        self,
        mlp: &nn::Mlp,
        standardize: Option<&nn::Standardize>,
        layers: &[LayerParameters],
    ) -> File {
        let description = describe(mlp, standardize);
        let bytes = match self {
            FileFormat::Safetensors => safetensors::write(mlp, description, layers),
            FileFormat::Onnx => onnx::write(mlp, description, standardize, layers),
        };
        File { format: self, bytes }
    }
}

impl Choice for FileFormat {
    type Value = Self;
    const ALL: &'static [(&'static str, Self)] = &[("safetensors", Self::Safetensors), ("onnx", Self::Onnx)];
    fn of(value: Self) -> Self {
        value
    }
}

impl<'de> Deserialize<'de> for FileFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer)
    }
}

/// A file that `Accept` asks for in place of an answer with members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedFile {
    /// Which one.
    pub format: FileFormat,
    /// Whether `Accept` takes members where there is no such file.
    pub or_members: bool,
}

/// The file that the answer is, or is to have: by `Accept`, or by the request's member `format`.
pub(in crate::api) fn wanted(
    context: &Context,
    format: Option<FileFormat>,
) -> Result<Option<FileFormat>, Problem> {
    match (context.file.map(|accepted| accepted.format), format) {
        (Some(accepted), Some(format)) if accepted != format => {
            let (accepted, format) = (accepted.name(), format.name());
            let detail = format!(
                "`Accept` asks for the file in the format {accepted}, and this for {format}; give one of the two, or the \
                 same."
            );
            Err(Problem::at("/format", detail))
        }
        (accepted, format) => Ok(accepted.or(format)),
    }
}

/// Refuses a file of an expression or a graph.
pub(in crate::api) fn refuse(context: &Context, format: Option<FileFormat>) -> Result<(), Problem> {
    if format.is_some() {
        let detail = "Only an MLP is written to a file; leave `format` out for an expression or a graph.";
        return Err(Problem::at("/format", detail));
    }
    refuse_accepted(context, "an expression or a graph is not written to")
}

/// Refuses an `Accept` that takes nothing but a file, `which` says why there is none.
pub(in crate::api) fn refuse_accepted(context: &Context, which: &str) -> Result<(), Problem> {
    match context.file {
        Some(AcceptedFile { format, or_members: false }) => Err(Problem::new(
            Kind::NOT_ACCEPTABLE,
            format!(
                "`Accept` asks for a file of type {}, which {which}: that is for an MLP at /v1/train, /v1/gradient and \
                 /v1/convert. Let it include application/json.",
                format.media_type()
            ),
        )),
        _ => Ok(()),
    }
}

/// A written file. Within an answer it is a string in base64, in every format.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// What it is.
    pub format: FileFormat,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl File {
    /// The file as the whole answer, if that is what `Accept` asks for.
    pub(in crate::api) fn alone(file: &mut Option<File>, context: &Context) -> Option<Reply> {
        context.file?;
        let File { format, bytes } = file.take()?;
        Some(Reply { content_type: format.media_type(), body: bytes })
    }
}

impl Serialize for File {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(&self.bytes, &STANDARD))
    }
}

impl PartialSchema for File {
    fn schema() -> RefOr<Schema> {
        base64_schema("A file in the format that the request names, in base64.")
    }
}

impl ToSchema for File {
    fn name() -> std::borrow::Cow<'static, str> {
        "File".into()
    }
}

/// The schema of bytes in base64.
pub(super) fn base64_schema(description: &str) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).content_encoding("base64");
    text.description(Some(description)).into()
}

/// The bytes that `text` holds in base64.
pub(super) fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD.decode(text).map_err(|error| {
        format!("this is not base64 ({error}); encode all bytes of the file, without line breaks")
    })
}

/// `mlp` as a request writes it, without its parameters: what makes a file self-describing.
fn describe(mlp: &nn::Mlp, standardize: Option<&nn::Standardize>) -> String {
    let layer = |span: &nn::Span| serde_json::json!({"units": span.units, "activation": ActivationName(span.activation)});
    let layers: Vec<_> = mlp.spans().iter().map(layer).collect();
    let mut description =
        serde_json::json!({"inputs": mlp.inputs(), "layers": layers, "loss": LossName(mlp.loss())});
    if let Some(standardize) = standardize {
        description["standardize"] = serde_json::json!(Standardize::from(standardize));
    }
    description.to_string()
}

/// Numbers as both formats store them: little-endian, one after the other.
pub(super) fn little_endian(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}
