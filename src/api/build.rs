//! The nodes of a JSON graph, in any order, sorted into the engine's graph without recursion. Nodes that are listed after
//! their operands keep their order, so that a large graph is read from front to back.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::engine::graph::{Graph as EngineGraph, NodeId};

use super::computation::{Computation, Inline};
use super::faults::{self, Faults};
use super::graph::{Graph, Operand, Role};
use super::names::Names;
use super::value::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    /// On the path from the root.
    Open,
    Done,
}

/// Depth-first search from one node after another: operands are built before the nodes that use them.
pub(super) struct Builder<'g, 'a> {
    graph: &'g Graph<'a>,
    states: Vec<State>,
    /// The path from the root: node, and how many of its operands are done.
    path: Vec<(u32, u32)>,
    operands: Vec<NodeId>,
    built: Built,
}

/// The engine's graph and where each node went.
pub(super) struct Built {
    engine: EngineGraph,
    /// By position in the request; `None` after a fault.
    nodes: Vec<Option<NodeId>>,
    /// By node of the engine; `None` for a bare number.
    positions: Vec<Option<u32>>,
    /// Positions of the inputs, in the order of the engine's.
    inputs: Vec<u32>,
}

impl<'g, 'a> Builder<'g, 'a> {
    pub(super) fn new(graph: &'g Graph<'a>) -> Self {
        let count = graph.nodes.len();
        let built = Built {
            engine: EngineGraph::with_capacity(count),
            nodes: vec![None; count],
            positions: Vec::with_capacity(count),
            inputs: Vec::new(),
        };
        let (states, path, operands) = (vec![State::New; count], Vec::new(), Vec::new());
        Self { graph, states, path, operands, built }
    }

    /// Builds all nodes, those that no output needs as well.
    pub(super) fn build(mut self, faults: &mut Faults) -> Built {
        for root in 0..self.graph.nodes.len() as u32 {
            if self.states[root as usize] == State::New {
                self.descend(root, faults);
            }
        }
        self.built
    }

    fn descend(&mut self, root: u32, faults: &mut Faults) {
        self.open(root);
        while let Some((node, next)) = self.path.last_mut() {
            let node = *node as usize;
            let operands = self.graph.operands(&self.graph.nodes[node]);
            let Some(operand) = operands.get(*next as usize) else {
                self.path.pop();
                self.states[node] = State::Done;
                self.finish(node);
                continue;
            };
            *next += 1;
            if let Operand::Node(operand) = *operand {
                match self.states[operand as usize] {
                    State::New => self.open(operand),
                    State::Open => self.note_cycle(operand, faults),
                    State::Done => {}
                }
            }
        }
    }

    fn open(&mut self, node: u32) {
        self.states[node as usize] = State::Open;
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
    fn finish(&mut self, position: usize) {
        let node = &self.graph.nodes[position];
        let details = self.graph.details(node);
        let made = match node.role {
            Role::Unknown => None,
            Role::Constant => match details.and_then(|details| details.value.as_ref()) {
                Some(&Value::Number(x)) => Some(self.built.engine.constant(x)),
                _ => None,
            },
            Role::Input => {
                self.built.inputs.push(position as u32);
                Some(self.built.engine.input(&*node.id))
            }
            Role::Apply(op) => {
                let complete = self.collect_operands(position);
                complete.and_then(|()| self.built.engine.apply(op, &self.operands).ok())
            }
        };
        if let Some(id) = made {
            self.built.positions.push(Some(position as u32));
            self.built.nodes[position] = Some(id);
            if let Some(label) = details.and_then(|details| details.label.as_ref()) {
                self.built.engine.set_label(id, &**label);
            }
        }
    }

    fn collect_operands(&mut self, position: usize) -> Option<()> {
        self.operands.clear();
        for operand in self.graph.operands(&self.graph.nodes[position]) {
            self.operands.push(match *operand {
                Operand::Unknown(_) => return None,
                Operand::Node(operand) => self.built.nodes[operand as usize]?,
                Operand::Number(x) => {
                    self.built.positions.push(None);
                    self.built.engine.constant(x)
                }
            });
        }
        Some(())
    }
}

impl Built {
    /// The computation, once there was no fault; the outputs by position in the request.
    pub(super) fn finish<'a>(self, graph: Graph<'a>, outputs: Vec<(Cow<'a, str>, u32)>) -> Computation<'a> {
        let made =
            |position: u32| self.nodes[position as usize].expect("without a fault, every node is made");
        let outputs = outputs.into_iter().map(|(name, position)| (name, made(position))).collect();
        let input_of: FxHashMap<usize, usize> =
            self.inputs.iter().enumerate().map(|(input, &position)| (position as usize, input)).collect();
        let (ids, values) = graph.into_ids_and_values();
        let inline = values.into_iter().filter_map(|(position, value)| {
            input_of.get(&position).map(|&input| Inline { input, position, value })
        });
        let inline = inline.collect();
        let names = Names::Ids { ids, positions: self.positions };
        Computation { graph: Arc::new(self.engine), outputs, names: Arc::new(names), inline, prepared: None }
    }
}
