//! `POST /v1/convert`: an MLP from any form into any other.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::context::{Context, Reply};
use super::cost::Cost;
use super::interchange::file::{self, File, FileFormat};
use super::mlp::{LayerParameters, Mlp, unflatten};
use super::model::Model;
use super::object;
use super::problem::Problem;
use super::text::Text;

/// The MLP to convert: exactly one of `mlp` and `model`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertRequest<'a> {
    /// A multi-layer perceptron; without `parameters` they are drawn.
    #[serde(default, deserialize_with = "object::optional")]
    pub mlp: Option<Mlp>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// Asks for the MLP as a `file` as well.
    #[serde(default)]
    #[schema(value_type = Option<FileFormat>)]
    pub format: Option<FileFormat>,
}

/// The MLP's parameters.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConvertResponse {
    /// Weights and biases, one per layer.
    pub parameters: Vec<LayerParameters>,
    /// With `format`: the MLP as a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let ConvertRequest { mlp, model, format } = context.decode_for_file(body)?;
    let format = file::wanted(context, format)?;
    let wire = Model::mlp(mlp, model, context)?;
    let (mlp, parameters) = wire.resolve(&context.limits)?;
    context.admit(Cost::of_answered(2 * mlp.parameters()))?;
    let standardize = wire.preparation(&mlp)?.standardize;
    let parameters = unflatten(&mlp, &parameters);
    let mut file = format.map(|format| format.write(&mlp, standardize.as_ref(), &parameters));
    if let Some(reply) = File::alone(&mut file, context) {
        return Ok(reply);
    }
    context.reply(&ConvertResponse { parameters, file })
}
