//! The nodes of a JSON graph, in any order, sorted into the engine's graph without recursion. Nodes that are listed after
//! their operands keep their order, so that a large graph is read from front to back.

use std::borrow::Cow;
use std::sync::Arc;

use crate::engine::graph::{Graph as EngineGraph, Node as EngineNode, NodeId};

use super::computation::{Computation, Inline};
use super::faults::{self, Faults};
use super::graph::{Graph, Node, Operand, Role};
use super::names::{Names, Position};
use super::value::Value;

/// Where a node of the request is in the engine's graph, or why it is not there. No node of a graph has a number as large.
mod made {
    /// Not looked at.
    pub const NOT_YET: u32 = u32::MAX;
    /// On the path from the root.
    pub const OPEN: u32 = u32::MAX - 1;
    /// Nor will it be, for a fault.
    pub const NEVER: u32 = u32::MAX - 2;
}

/// Depth-first search from one node after another: operands are built before the nodes that use them.
pub(super) struct Builder<'g, 'a> {
    graph: &'g Graph<'a>,
    /// The path from the root: node, and how many of its operands are done.
    path: Vec<(u32, u32)>,
    operands: Vec<NodeId>,
    built: Built,
}

/// The engine's graph and where each node went.
pub(super) struct Built {
    engine: EngineGraph,
    /// By position in the request; see [`made`].
    nodes: Vec<u32>,
    /// By node of the engine.
    positions: Vec<Position>,
}

impl<'g, 'a> Builder<'g, 'a> {
    pub(super) fn new(graph: &'g Graph<'a>) -> Self {
        let count = graph.nodes.len();
        let built = Built {
            engine: EngineGraph::with_capacity(count),
            nodes: vec![made::NOT_YET; count],
            positions: Vec::with_capacity(count),
        };
        Self { graph, path: Vec::new(), operands: Vec::new(), built }
    }

    /// Builds all nodes, those that no output needs as well.
    pub(super) fn build(mut self, faults: &mut Faults) -> Built {
        for root in 0..self.graph.nodes.len() as u32 {
            if self.built.nodes[root as usize] != made::NOT_YET {
                continue;
            }
            if self.is_ready(root) {
                self.finish(root);
            } else {
                self.descend(root, faults);
            }
        }
        self.built
    }

    /// Whether all operands have been built: in most graphs they are listed before.
    fn is_ready(&self, node: u32) -> bool {
        let is_waiting = |operand| match operand {
            Operand::Node(operand) => self.built.nodes[operand as usize] == made::NOT_YET,
            Operand::Number(_) | Operand::Unknown(_) => false,
        };
        !self.graph.operands(&self.graph.nodes[node as usize]).any(is_waiting)
    }

    fn descend(&mut self, root: u32, faults: &mut Faults) {
        self.open(root);
        while let Some((node, next)) = self.path.last_mut() {
            let node = *node;
            let Some(operand) = self.graph.operand(&self.graph.nodes[node as usize], *next) else {
                self.path.pop();
                self.finish(node);
                continue;
            };
            *next += 1;
            if let Operand::Node(operand) = operand {
                match self.built.nodes[operand as usize] {
                    made::NOT_YET => self.open(operand),
                    made::OPEN => self.note_cycle(operand, faults),
                    _ => {}
                }
            }
        }
    }

    fn open(&mut self, node: u32) {
        self.built.nodes[node as usize] = made::OPEN;
        self.path.push((node, 0));
    }

    /// The end of the path depends on `first`, which lies on it.
    fn note_cycle(&self, first: u32, faults: &mut Faults) {
        let (last, next) = *self.path.last().expect("the path ends in the node that closes the cycle");
        faults.add(
            || format!("/graph/nodes/{last}/inputs/{}", next - 1),
            || {
                let id = |node: u32| &*self.graph.nodes[node as usize].id;
                let start = self.path.iter().rposition(|&(node, _)| node == first).unwrap_or(0);
                let cycle: Vec<&str> = self.path[start..].iter().map(|&(node, _)| id(node)).collect();
                match cycle.as_slice() {
                    [only] => format!("The node `{only}` depends on itself; a graph must not have cycles."),
                    _ => format!(
                        "The graph has a cycle of {} nodes, each depending on the next and the last on the first: {}.",
                        cycle.len(),
                        faults::list(cycle.iter().copied())
                    ),
                }
            },
        );
    }

    /// Makes the engine's node, unless there was a fault below it.
    fn finish(&mut self, position: u32) {
        let node = &self.graph.nodes[position as usize];
        let details = self.graph.details(node);
        let made = match node.role {
            Role::Unknown => None,
            Role::Constant => match details.and_then(|details| details.value.as_ref()) {
                Some(&Value::Number(x)) => Some(self.built.engine.constant(x)),
                _ => None,
            },
            Role::Input => Some(self.built.engine.input(&*node.id)),
            Role::Apply(op) => {
                let complete = self.collect_operands(node);
                complete.and_then(|()| self.built.engine.apply(op, &self.operands).ok())
            }
        };
        self.built.nodes[position as usize] = made.map_or(made::NEVER, |id| id.0);
        if let Some(id) = made {
            self.built.positions.push(Position::of(position));
            if let Some(label) = details.and_then(|details| details.label.as_ref()) {
                self.built.engine.set_label(id, &**label);
            }
        }
    }

    fn collect_operands(&mut self, node: &Node<'a>) -> Option<()> {
        self.operands.clear();
        for operand in self.graph.operands(node) {
            self.operands.push(match operand {
                Operand::Unknown(_) => return None,
                Operand::Node(operand) => self.built.made(operand)?,
                Operand::Number(x) => {
                    self.built.positions.push(Position::BARE);
                    self.built.engine.constant(x)
                }
            });
        }
        Some(())
    }
}

impl Built {
    /// The engine's node for the one at `position`, if it was made.
    fn made(&self, position: u32) -> Option<NodeId> {
        let node = self.nodes[position as usize];
        (node < made::NEVER).then_some(NodeId(node))
    }

    /// The computation, once there was no fault; the outputs by position in the request.
    pub(super) fn finish<'a>(self, graph: Graph<'a>, outputs: Vec<(Cow<'a, str>, u32)>) -> Computation<'a> {
        let made = |position: u32| self.made(position).expect("without a fault, every node is made");
        let outputs = outputs.into_iter().map(|(name, position)| (name, made(position))).collect();
        let (ids, values) = graph.into_ids_and_values();
        let inline = values.into_iter().filter_map(|(position, value)| {
            match self.engine.node(made(position as u32)) {
                EngineNode::Input(input) => Some(Inline { input, position, value }),
                EngineNode::Constant(_) | EngineNode::Apply(..) => None,
            }
        });
        let inline = inline.collect();
        let names = Names::Ids { ids, positions: self.positions };
        Computation { graph: Arc::new(self.engine), outputs, names: Arc::new(names), inline, prepared: None }
    }
}
