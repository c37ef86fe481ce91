//! Every node's data and grad, as micrograd's pictures show them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::sweep::Traced;
use crate::engine::{Node, NodeId};

use super::computation::Computation;
use super::context::Limits;
use super::number::Number;
use super::problem::Problem;
use super::value::Value;

/// A node that the outputs depend on.
#[derive(Debug, Serialize, ToSchema)]
pub struct TraceNode {
    /// Its id in the graph, or the name that the expression gave it, or one made up.
    pub id: String,
    /// Its label, if it has one beside the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its op, or `input` or `const`.
    pub op: &'static str,
    /// Its operands.
    pub inputs: Vec<TraceOperand>,
    /// Its value.
    pub data: Value,
    /// The derivative of the objective with respect to it: per sample where its value is, else summed.
    pub grad: Value,
}

/// The id of a node, or a constant that has no name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TraceOperand {
    /// The id of a node.
    #[schema(title = "Id")]
    Id(String),
    /// A constant.
    #[schema(title = "Constant")]
    Number(Number),
}

/// Refuses a trace of more nodes times samples than a batch may have samples.
pub(super) fn check_size(nodes: usize, samples: Option<usize>, limits: &Limits) -> Result<(), Problem> {
    let numbers = nodes.saturating_mul(samples.unwrap_or(1));
    if numbers <= limits.max_samples.max(limits.max_nodes) {
        return Ok(());
    }
    let detail = format!(
        "A trace of {nodes} nodes over {} samples has {numbers} values of nodes; at most {} are answered. Trace fewer samples.",
        samples.unwrap_or(1),
        limits.max_samples
    );
    Err(Problem::limit("max_samples", limits.max_samples as u64, numbers as u64, detail))
}

/// The trace in the order of the graph. Constants without a name appear as operands alone.
pub(super) fn nodes(computation: &Computation<'_>, trace: Vec<Traced>) -> Vec<TraceNode> {
    trace
        .into_iter()
        .filter(|traced| !is_bare_constant(computation, traced.node))
        .map(|Traced { node, data, grad }| {
            let Named { id, label, op, inputs } = named(computation, node);
            TraceNode { id, label, op, inputs, data: data.into(), grad: grad.into() }
        })
        .collect()
}

/// What a node is and what it is called.
pub(super) struct Named {
    pub id: String,
    pub label: Option<String>,
    pub op: &'static str,
    pub inputs: Vec<TraceOperand>,
}

/// `node` as answers describe it.
pub(super) fn named(computation: &Computation<'_>, node: NodeId) -> Named {
    let id = computation.name(node).into_owned();
    let label = computation.graph.label(node).filter(|label| **label != *id).map(str::to_owned);
    let operand = |&operand: &NodeId| match computation.graph.node(operand) {
        Node::Constant(x) if is_bare_constant(computation, operand) => TraceOperand::Number(Number(x)),
        _ => TraceOperand::Id(computation.name(operand).into_owned()),
    };
    let op = match computation.graph.node(node) {
        Node::Constant(_) => "const",
        Node::Input(_) => "input",
        Node::Apply(op, _) => op.name(),
    };
    let inputs = computation.graph.operands(node).iter().map(operand).collect();
    Named { id, label, op, inputs }
}

/// Whether `node` is a constant that the request gave no name.
pub(super) fn is_bare_constant(computation: &Computation<'_>, node: NodeId) -> bool {
    matches!(computation.graph.node(node), Node::Constant(_)) && !computation.has_name(node)
}
