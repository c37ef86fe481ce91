//! A scalar computation with the names that the request gave: what an expression and a JSON graph both become.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::{Column, CompileOptions, Graph, Node, NodeId, Role, Tape};

use super::context::Context;
use super::faults::{Faults, quote};
use super::meter::Stage;
use super::models::Prepared;
use super::names::Names;
use super::problem::Problem;
use super::resolve::check_size;
use super::text::Text;
use super::value::Value;
use super::values::Values;
use super::{pointer, suggest};

/// The engine's graph, with names for inputs, outputs and errors. A copy costs no more than its outputs.
#[derive(Clone, Debug)]
pub(super) struct Computation<'a> {
    /// Every node of the request.
    pub graph: Arc<Graph>,
    /// What the request asks for, in its order.
    pub outputs: Vec<(Cow<'a, str>, NodeId)>,
    /// How nodes are called.
    pub names: Arc<Names<'a>>,
    /// Values that a JSON graph gives within its nodes.
    pub inline: Vec<Inline>,
    /// The model that the request names in place of one of its own.
    pub prepared: Option<Arc<Prepared>>,
}

/// The value of an input, given in its node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Inline {
    /// Position among the graph's inputs.
    pub input: usize,
    /// Position of the node in the request.
    pub position: usize,
    pub value: Value,
}

impl<'a> Computation<'a> {
    /// The nodes of the outputs.
    pub(super) fn output_nodes(&self) -> Vec<NodeId> {
        self.outputs.iter().map(|(_, node)| *node).collect()
    }

    /// The tape of the outputs. That of a prepared model is compiled once.
    pub(super) fn compile(
        &self,
        roles: &[Role],
        options: CompileOptions,
        context: &Context,
    ) -> Result<Arc<Tape>, Problem> {
        let outputs = self.output_nodes();
        let tape = || {
            context
                .stage(Stage::Compile, || {
                    Tape::compile_until(&self.graph, &outputs, roles, options, &context.interrupt)
                })
                .map(Arc::new)
        };
        match &self.prepared {
            None => Ok(tape()?),
            Some(prepared) => {
                let compile = || {
                    // Where a request is done at once, a tape that is kept may be longer than one that is made.
                    check_size(self.graph.len(), &context.limits)?;
                    Ok(tape()?)
                };
                prepared.tapes.get(&outputs, roles, options, compile)
            }
        }
    }

    /// Whether every input has a value before the request gives any.
    pub(super) fn has_all_values(&self) -> bool {
        match &self.prepared {
            None => self.inline.len() == self.graph.inputs().len(),
            Some(prepared) => prepared.defaults.iter().all(Option::is_some),
        }
    }

    /// `columns`, one per output, under the outputs' names.
    pub(super) fn name_outputs(&self, columns: Vec<Column>) -> Values<'a> {
        let mut values = Values::default();
        for ((name, _), column) in self.outputs.iter().zip(columns) {
            values.push(name.clone(), column.into());
        }
        values
    }

    /// The name of `node` in answers: the request's, or one made up from its number.
    pub(super) fn name(&self, node: NodeId) -> Cow<'_, str> {
        self.names.of(node, &self.graph)
    }

    /// Whether the request gave `node` a name.
    pub(super) fn has_name(&self, node: NodeId) -> bool {
        self.names.given(node, &self.graph).is_some()
    }

    /// Pointer to where the request defines `node`.
    pub(super) fn place(&self, node: NodeId) -> String {
        if self.prepared.is_some() {
            return "/model".to_owned();
        }
        match &*self.names {
            Names::Expression(_) => "/expression".to_owned(),
            Names::Ids { positions, .. } => positions[node.index()]
                .get()
                .map_or_else(|| "/graph".to_owned(), |position| format!("/graph/nodes/{position}")),
        }
    }

    /// `node` for a message: what it is, its name and its label.
    pub(super) fn describe(&self, node: NodeId) -> String {
        let name = self.name(node);
        let mut text = quote(&name);
        if let Some(label) = self.graph.label(node).filter(|label| **label != *name) {
            text = format!("{text} (labelled {})", quote(label));
        }
        match self.graph.node(node) {
            Node::Constant(_) => format!("the constant {text}"),
            Node::Input(_) => format!("the input {text}"),
            Node::Apply(op, _) => format!("the `{}` node {text}", op.name()),
        }
    }
}

/// Resolves the `outputs` of a request with `find`; `known` lists what it finds, for the hint.
pub(super) fn resolve_outputs<'a, 'k, T, K: Iterator<Item = &'k str>>(
    asked: &[Text<'a>],
    find: impl Fn(&str) -> Option<T>,
    known: impl Fn() -> K,
    faults: &mut Faults,
) -> Vec<(Cow<'a, str>, T)> {
    if asked.is_empty() {
        let detail = "`outputs` is empty; name at least one output, or leave it out.";
        faults.add(|| "/outputs".to_owned(), || detail.to_owned());
    }
    let mut outputs = Vec::with_capacity(asked.len());
    let mut seen = HashMap::new();
    for (i, name) in asked.iter().enumerate() {
        let place = || pointer::join("/outputs", i);
        if let Some(first) = seen.insert(&**name, i) {
            faults.add(place, || format!("{} is already named at /outputs/{first}.", quote(name)));
        } else if let Some(found) = find(name) {
            outputs.push((name.0.clone(), found));
        } else {
            faults.add(place, || {
                format!("The model has no node {}{}", quote(name), suggest::ending(name, known()))
            });
        }
    }
    outputs
}
