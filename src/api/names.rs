//! How the request calls the nodes of a graph.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::engine::graph::{Graph, NodeId};

use super::text::Text;

/// Names by node, and nodes by name.
#[derive(Debug)]
pub(super) enum Names<'a> {
    /// The names that an expression assigned or took as inputs. A name that was assigned twice is its last node's.
    Expression(BTreeMap<String, NodeId>),
    /// The ids of a JSON graph, by position in the request.
    Ids {
        /// By position in the request.
        ids: Vec<Text<'a>>,
        /// For each node of the engine's graph, the position in the request; `None` for a bare number.
        positions: Vec<Option<u32>>,
    },
}

impl Names<'_> {
    /// The name that the request gave `node`.
    pub(super) fn given(&self, node: NodeId, graph: &Graph) -> Option<&str> {
        match self {
            Names::Ids { ids, positions } => positions[node.index()].map(|position| &*ids[position as usize]),
            Names::Expression(nodes) => {
                let (name, named) = nodes.get_key_value(graph.label(node)?)?;
                (*named == node).then_some(name)
            }
        }
    }

    /// The name of `node`, or one made up from its number that no other node has.
    pub(super) fn of(&self, node: NodeId, graph: &Graph) -> Cow<'_, str> {
        if let Some(name) = self.given(node, graph) {
            return Cow::Borrowed(name);
        }
        let mut name = format!("n{}", node.index());
        if let Names::Expression(nodes) = self {
            while nodes.contains_key(&name) {
                name.push('_');
            }
        }
        Cow::Owned(name)
    }

    /// The node called `name`. For messages: it may search.
    pub(super) fn find(&self, name: &str) -> Option<NodeId> {
        match self {
            Names::Expression(nodes) => nodes.get(name).copied(),
            Names::Ids { ids, positions } => {
                let position = ids.iter().position(|id| **id == *name)? as u32;
                let node = positions.iter().position(|of| *of == Some(position))?;
                Some(NodeId(node as u32))
            }
        }
    }
}
