//! What a prepared model is.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::values::Values;

/// A model that requests can name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModelDescription {
    /// The name of a model that the server was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `sha256:` and the hash of the definition's bytes: what requests send as `model`.
    pub model: String,
    /// How it is written.
    pub form: ModelForm,
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Names of the inputs, in the order in which protocols without names give them. Those of an MLP have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<String>,
    /// Numbers for inputs to which a request gives no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Values<'_>>)]
    pub defaults: Option<Values<'static>>,
    /// Names of the outputs. Those of an MLP have none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<String>,
    /// How large it is.
    pub size: ModelSize,
    /// How often each op occurs in an expression or a graph.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ops: BTreeMap<&'static str, usize>,
}

/// How large a model is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct ModelSize {
    /// Inputs, with those that have defaults; of an MLP the width of a row.
    pub inputs: usize,
    /// Outputs.
    pub outputs: usize,
    /// Nodes of an expression or a graph, leaves included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodes: Option<usize>,
    /// Weights and biases of an MLP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<usize>,
}

/// How a model is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelForm {
    /// A text.
    Expression,
    /// Nodes in JSON.
    Graph,
    /// A multi-layer perceptron.
    Mlp,
}

/// The models that a server was started with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ModelList {
    /// By name.
    pub models: Vec<ModelDescription>,
}
