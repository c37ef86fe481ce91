//! Which nodes of a large graph are drawn, and which are summed up in a few boxes.
//!
//! Drawn are inputs, and what is nearest to the outputs by the *longest* path. No node that is left out then depends on one
//! that is drawn, other than on inputs; so that those left out can be drawn as one box, or as one for each part of them
//! that hangs together, without a cycle.

use crate::engine::interrupt::Poll;
use crate::engine::{Graph, Interrupt, Interrupted, Node, NodeId};

/// Into how many boxes the rest is parted at most.
const MOST_GROUPS: usize = 8;

/// What is drawn of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// In the order of the picture, in which operands come before those that use them.
    pub shown: Vec<Shown>,
    /// For each node of the graph, what of `shown` stands for it; `NONE` where no output needs it.
    pub stands_for: Vec<u32>,
    /// How many nodes the outputs need.
    pub nodes: usize,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// One node.
    Node(NodeId),
    /// So many inputs.
    Inputs(usize),
    /// So many nodes between inputs and what is drawn.
    Nodes(usize),
}

/// Nothing stands for the node.
pub const NONE: u32 = u32::MAX;
/// Something will, which is not known yet.
const OPEN: u32 = u32::MAX - 1;

/// Chooses about `limit` boxes for what `outputs` need.
pub fn summarise(
    graph: &Graph,
    outputs: &[NodeId],
    limit: usize,
    interrupt: &Interrupt,
) -> Result<Summary, Interrupted> {
    let height = heights(graph, outputs, interrupt)?;
    let needed = |node: &NodeId| height[node.index()] != NONE;
    let mut summary = Summary {
        shown: Vec::new(),
        stands_for: height.iter().map(|&height| if height == NONE { NONE } else { OPEN }).collect(),
        nodes: graph.nodes().filter(needed).count(),
    };
    if summary.nodes <= limit {
        graph.nodes().filter(needed).for_each(|node| summary.show(node));
        return Ok(summary);
    }
    let is = |node: &NodeId, kind: fn(Node<'_>) -> bool| needed(node) && kind(graph.node(*node));
    let inputs: Vec<NodeId> =
        graph.nodes().filter(|node| is(node, |node| matches!(node, Node::Input(_)))).collect();
    let (drawn, hidden) = nearest(&inputs, &height, limit / 2);
    drawn.iter().for_each(|&input| summary.show(input));
    summary.group(&hidden, Shown::Inputs);

    let budget = limit.saturating_sub(drawn.len() + MOST_GROUPS + 1);
    let operations: Vec<NodeId> =
        graph.nodes().filter(|node| is(node, |node| matches!(node, Node::Apply(..)))).collect();
    let (near, mut rest) = nearest(&operations, &height, budget * 2 / 3);
    let operands = near.iter().flat_map(|&node| graph.operands(node)).chain(outputs).copied();
    let constants = operands.filter(|&node| matches!(graph.node(node), Node::Constant(_)));
    let mut left = budget - near.len();
    for constant in constants {
        if summary.stands_for[constant.index()] == OPEN && left > 0 {
            summary.show(constant);
            left -= 1;
        }
    }
    let is_constant = |node: &NodeId| matches!(graph.node(*node), Node::Constant(_));
    let is_open = |node: &NodeId| summary.stands_for[node.index()] == OPEN;
    rest.extend(graph.nodes().filter(|node| is_constant(node) && is_open(node)));
    for part in parts(graph, &rest, interrupt)? {
        summary.group(&part, Shown::Nodes);
    }
    near.iter().for_each(|&node| summary.show(node));
    Ok(summary)
}

impl Summary {
    fn show(&mut self, node: NodeId) {
        self.group(&[node], |_| Shown::Node(node));
    }

    fn group(&mut self, nodes: &[NodeId], shown: impl FnOnce(usize) -> Shown) {
        if nodes.is_empty() {
            return;
        }
        nodes.iter().for_each(|node| self.stands_for[node.index()] = self.shown.len() as u32);
        self.shown.push(shown(nodes.len()));
    }

    /// Whether every node has a box of its own.
    pub fn is_whole(&self) -> bool {
        self.shown.len() == self.nodes
    }
}

/// The longest path from each node to an output; `NONE` where there is none.
fn heights(graph: &Graph, outputs: &[NodeId], interrupt: &Interrupt) -> Result<Vec<u32>, Interrupted> {
    let mut poll = Poll::new(interrupt);
    let mut height = vec![NONE; graph.len()];
    outputs.iter().for_each(|output| height[output.index()] = 0);
    // Backwards, users come before their operands.
    let mut nodes: Vec<NodeId> = graph.nodes().collect();
    while let Some(node) = nodes.pop() {
        let own = height[node.index()];
        if own != NONE {
            for operand in graph.operands(node) {
                let height = &mut height[operand.index()];
                *height = if *height == NONE { own + 1 } else { (*height).max(own + 1) };
            }
            poll.after(1 + graph.operands(node).len())?;
        }
    }
    Ok(height)
}

/// The `count` nodes of least height, of equal ones the first, and the others; both in the order of the graph.
fn nearest(nodes: &[NodeId], height: &[u32], count: usize) -> (Vec<NodeId>, Vec<NodeId>) {
    let highest = nodes.iter().map(|node| height[node.index()] as usize + 1).max().unwrap_or(0);
    let mut of_height = vec![0; highest];
    nodes.iter().for_each(|node| of_height[height[node.index()] as usize] += 1);
    // All of the lower heights, and some of the first that does not fit.
    let mut left = count;
    let mut cut = 0;
    while cut < highest && of_height[cut] <= left {
        left -= of_height[cut];
        cut += 1;
    }
    nodes.iter().partition(|node| {
        let own = height[node.index()] as usize;
        let fits = own < cut || (own == cut && left > 0);
        left -= usize::from(own == cut && fits);
        fits
    })
}

/// The parts of `nodes` that hang together, or all as one where these are many.
fn parts(graph: &Graph, nodes: &[NodeId], interrupt: &Interrupt) -> Result<Vec<Vec<NodeId>>, Interrupted> {
    let mut poll = Poll::new(interrupt);
    let mut position = vec![NONE; graph.len()];
    nodes.iter().enumerate().for_each(|(i, node)| position[node.index()] = i as u32);
    let mut parents: Vec<u32> = (0..nodes.len() as u32).collect();
    for (i, &node) in nodes.iter().enumerate() {
        for operand in graph.operands(node) {
            let other = position[operand.index()];
            if other != NONE {
                let (a, b) = (root(&mut parents, i as u32), root(&mut parents, other));
                parents[a.max(b) as usize] = a.min(b);
            }
            poll.after(1)?;
        }
    }
    let roots: Vec<u32> = (0..nodes.len() as u32).map(|i| root(&mut parents, i)).collect();
    let first: Vec<u32> = (0..nodes.len() as u32).filter(|&i| roots[i as usize] == i).collect();
    if first.len() > MOST_GROUPS {
        return Ok(vec![nodes.to_vec()]);
    }
    let of = |part: u32| {
        nodes.iter().zip(&roots).filter(|(_, root)| **root == part).map(|(node, _)| *node).collect()
    };
    Ok(first.into_iter().map(of).collect())
}

/// Union-find, with every second step of the path cut short.
fn root(parents: &mut [u32], mut i: u32) -> u32 {
    while parents[i as usize] != i {
        parents[i as usize] = parents[parents[i as usize] as usize];
        i = parents[i as usize];
    }
    i
}
