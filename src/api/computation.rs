//! A scalar computation with the names that the request gave: what an expression and a JSON graph both become.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::engine::{Column, CompileOptions, Graph, Node, NodeId, Role, Tape};

use super::context::Context;
use super::faults::{Faults, quote};
use super::meter::Stage;
use super::names::Names;
use super::problem::Problem;
use super::text::Text;
use super::value::Value;
use super::values::Values;
use super::{pointer, suggest};

/// The engine's graph, with names for inputs, outputs and errors.
#[derive(Debug)]
pub(super) struct Computation<'a> {
    /// Every node of the request.
    pub graph: Graph,
    /// What the request asks for, in its order.
    pub outputs: Vec<(Cow<'a, str>, NodeId)>,
    /// How nodes are called.
    pub names: Names<'a>,
    /// Values that a JSON graph gives within its nodes.
    pub inline: Vec<Inline>,
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

    /// The tape of the outputs.
    pub(super) fn compile(
        &self,
        roles: &[Role],
        options: CompileOptions,
        context: &Context,
    ) -> Result<Tape, Problem> {
        let outputs = self.output_nodes();
        let tape = context.stage(Stage::Compile, || {
            Tape::compile_until(&self.graph, &outputs, roles, options, &context.interrupt)
        })?;
        Ok(tape)
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
        match &self.names {
            Names::Expression(_) => "/expression".to_owned(),
            Names::Ids { positions, .. } => positions[node.index()]
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
