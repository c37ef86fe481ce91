//! How the request calls the nodes of a graph.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

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
        /// For each node of the engine's graph.
        positions: Vec<Position>,
    },
}

/// Where in the request a node of the engine's graph comes from. As an `Option<u32>` it would take twice the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position(u32);

impl Position {
    /// Of a bare number, which is no node of the request.
    pub(super) const BARE: Self = Self(u32::MAX);

    /// Of the node at `position`.
    pub(super) fn of(position: u32) -> Self {
        Self(position)
    }

    /// The position, unless it is that of a bare number.
    pub(super) fn get(self) -> Option<u32> {
        (self != Self::BARE).then_some(self.0)
    }
}

impl<'a> Names<'a> {
    /// The id of `node` as the request has it, if it is a JSON graph.
    pub(super) fn id(&self, node: NodeId) -> Option<&Cow<'a, str>> {
        match self {
            Names::Ids { ids, positions } => Some(&ids[positions[node.index()].get()? as usize].0),
            Names::Expression(_) => None,
        }
    }

    /// The same names, which need no request any more.
    pub(super) fn into_owned(self) -> Names<'static> {
        match self {
            Names::Expression(nodes) => Names::Expression(nodes),
            Names::Ids { ids, positions } => {
                let ids = ids.into_iter().map(|id| Text(Cow::Owned(id.0.into_owned()))).collect();
                Names::Ids { ids, positions }
            }
        }
    }

    /// The name that the request gave `node`.
    pub(super) fn given(&self, node: NodeId, graph: &Graph) -> Option<&str> {
        match self {
            Names::Ids { .. } => self.id(node).map(|id| &**id),
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

    /// The nodes of many names, in one pass.
    pub(super) fn find_all<'n>(&self, names: impl Iterator<Item = &'n str>) -> HashMap<&'n str, NodeId> {
        match self {
            Names::Expression(nodes) => names.filter_map(|name| Some((name, *nodes.get(name)?))).collect(),
            Names::Ids { ids, positions } => {
                let mut asked: HashMap<&str, Option<NodeId>> = names.map(|name| (name, None)).collect();
                for (node, position) in positions.iter().enumerate() {
                    if let Some(position) = position.get()
                        && let Some(found) = asked.get_mut(&*ids[position as usize])
                    {
                        *found = Some(NodeId(node as u32));
                    }
                }
                asked.into_iter().filter_map(|(name, node)| Some((name, node?))).collect()
            }
        }
    }

    /// The names, in no particular order.
    pub(super) fn all(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Names::Expression(nodes) => Box::new(nodes.keys().map(String::as_str)),
            Names::Ids { ids, .. } => Box::new(ids.iter().map(|id| &**id)),
        }
    }

    /// The node called `name`. For messages: it may search.
    pub(super) fn find(&self, name: &str) -> Option<NodeId> {
        match self {
            Names::Expression(nodes) => nodes.get(name).copied(),
            Names::Ids { ids, positions } => {
                let position = Position::of(ids.iter().position(|id| **id == *name)? as u32);
                let node = positions.iter().position(|of| *of == position)?;
                Some(NodeId(node as u32))
            }
        }
    }
}
