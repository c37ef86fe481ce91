//! The graph: an append-only arena of nodes. A node's operands always come before it.

#![forbid(unsafe_code)]

use rustc_hash::FxHashMap;

use super::op::{Arity, Op};

/// A node of a [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    /// Its position in the order of creation, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Node<'g> {
    /// A constant.
    Constant(f64),
    /// The input with this position among [`Graph::inputs`].
    Input(usize),
    /// An operation on earlier nodes.
    Apply(Op, &'g [NodeId]),
}

/// An op was given a number of operands that it does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} takes {}, not {count}", op.name(), op.arity())]
pub struct ArityError {
    /// The op.
    pub op: Op,
    /// How many operands it was given.
    pub count: usize,
}

impl ArityError {
    /// What the op takes.
    pub fn expected(&self) -> Arity {
        self.op.arity()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Constant,
    Input,
    Apply(Op),
}

/// A scalar computation: constants, named inputs, and operations on them.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    codes: Vec<Code>,
    /// Where each node's operands begin in `operands`; they end where the next node's begin. A leaf has one entry: its
    /// position in `constants` or `inputs`.
    starts: Vec<u32>,
    operands: Vec<NodeId>,
    constants: Vec<f64>,
    inputs: Vec<(Box<str>, NodeId)>,
    labels: FxHashMap<NodeId, Box<str>>,
    /// Of all nodes together, as [`Op::instructions`].
    instructions: (usize, usize),
}

impl Graph {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty graph with room for `nodes` nodes.
    pub fn with_capacity(nodes: usize) -> Self {
        Self {
            codes: Vec::with_capacity(nodes),
            starts: Vec::with_capacity(nodes),
            operands: Vec::with_capacity(nodes * 2),
            ..Self::default()
        }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// How many operands all nodes have together; a leaf counts as one.
    pub fn operand_count(&self) -> usize {
        self.operands.len()
    }

    /// How many leaves and instructions a tape of all nodes has, and how many one that is to be differentiated twice: what
    /// the graph costs, where a node of a million operands is not the same as one of two.
    pub fn steps(&self) -> (usize, usize) {
        let leaves = self.constants.len() + self.inputs.len();
        (leaves + self.instructions.0, leaves + self.instructions.1)
    }

    /// All nodes, operands before what uses them.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.len() as u32).map(NodeId)
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// A new constant.
    pub fn constant(&mut self, value: f64) -> NodeId {
        self.constants.push(value);
        self.leaf(Code::Constant, self.constants.len() - 1)
    }

    /// A new input. Names are the caller's: the graph does not look them up.
    pub fn input(&mut self, name: impl Into<Box<str>>) -> NodeId {
        let node = self.leaf(Code::Input, self.inputs.len());
        self.inputs.push((name.into(), node));
        node
    }

    /// A new node: `op` of `operands`, which must be nodes of this graph.
    pub fn apply(&mut self, op: Op, operands: &[NodeId]) -> Result<NodeId, ArityError> {
        if !op.arity().admits(operands.len()) {
            return Err(ArityError { op, count: operands.len() });
        }
        let node = self.next();
        debug_assert!(operands.iter().all(|o| *o < node));
        self.codes.push(Code::Apply(op));
        self.starts.push(self.operands.len() as u32);
        self.operands.extend_from_slice(operands);
        let (plain, twice) = op.instructions(operands.len());
        self.instructions = (self.instructions.0 + plain, self.instructions.1 + twice);
        Ok(node)
    }

    fn next(&self) -> NodeId {
        NodeId(u32::try_from(self.len()).expect("fewer than 2^32 nodes"))
    }

    fn leaf(&mut self, code: Code, position: usize) -> NodeId {
        let node = self.next();
        self.codes.push(code);
        self.starts.push(self.operands.len() as u32);
        self.operands.push(NodeId(position as u32));
        node
    }

    /// What `node` is.
    #[inline]
    pub fn node(&self, node: NodeId) -> Node<'_> {
        let i = node.index();
        let start = self.starts[i] as usize;
        match self.codes[i] {
            Code::Constant => Node::Constant(self.constants[self.operands[start].index()]),
            Code::Input => Node::Input(self.operands[start].index()),
            Code::Apply(op) => {
                let end = self.starts.get(i + 1).map_or(self.operands.len(), |&end| end as usize);
                Node::Apply(op, &self.operands[start..end])
            }
        }
    }

    /// The op of `node`, if it is no leaf.
    pub fn op(&self, node: NodeId) -> Option<Op> {
        match self.node(node) {
            Node::Apply(op, _) => Some(op),
            _ => None,
        }
    }

    /// The operands of `node`; none for a leaf.
    pub fn operands(&self, node: NodeId) -> &[NodeId] {
        match self.node(node) {
            Node::Apply(_, operands) => operands,
            _ => &[],
        }
    }

    /// The inputs, in the order of creation.
    pub fn inputs(&self) -> &[(Box<str>, NodeId)] {
        &self.inputs
    }

    /// All nodes, operands before those that use them.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeId> + use<> {
        (0..self.codes.len() as u32).map(NodeId)
    }

    /// Names `node` for pictures, traces and errors.
    pub fn set_label(&mut self, node: NodeId, label: impl Into<Box<str>>) {
        self.labels.insert(node, label.into());
    }

    /// The label of `node`: the one it was given, or an input's name.
    pub fn label(&self, node: NodeId) -> Option<&str> {
        self.labels.get(&node).map(AsRef::as_ref).or_else(|| match self.node(node) {
            Node::Input(position) => Some(&*self.inputs[position].0),
            _ => None,
        })
    }
}
