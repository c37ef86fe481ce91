//! A model on its own, as a file holds it and `/v1/models` takes it.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::graph::Graph;
use crate::api::mlp::Mlp;
use crate::api::object;
use crate::api::text::Text;
use crate::api::values::Values;

/// A model without the values of one request: exactly one of `expression`, `graph` and `mlp`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelDefinition<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph. The values of its inputs are defaults.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// A multi-layer perceptron.
    #[serde(default, deserialize_with = "object::optional")]
    pub mlp: Option<Mlp>,
    /// The inputs of the expression or graph in the order in which protocols without names give them; those without a default,
    /// in the order of their first use, unless given. Each of the others has a default.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub inputs: Option<Vec<Text<'a>>>,
    /// Numbers for inputs to which a request gives no value.
    #[serde(borrow, default)]
    pub defaults: Option<Values<'a>>,
    /// Names of assigned values or ids of nodes that are the outputs, instead of the last statement or the node that no other
    /// uses. A request may name others.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// What it is, for people.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub description: Option<Text<'a>>,
}
