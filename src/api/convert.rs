//! `POST /v1/convert`: an MLP from any form into any other.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::context::{Context, Reply};
use super::cost::Cost;
use super::interchange::file::{self, File, FileFormat};
use super::mlp::{LayerParameters, Mlp, unflatten};
use super::object;
use super::problem::Problem;

/// The MLP to convert.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConvertRequest {
    /// A multi-layer perceptron; without `parameters` they are drawn.
    #[serde(deserialize_with = "object::required")]
    pub mlp: Mlp,
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
    let ConvertRequest { mlp: wire, format } = context.decode_for_file(body)?;
    let format = file::wanted(context, format)?;
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
