//! The inputs of a graph, found by the names that a request gives.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::engine::{Graph, NodeId};

/// The inputs of a graph by name.
pub(super) struct Inputs<'g> {
    inputs: &'g [(Box<str>, NodeId)],
    /// The one after that which was found last: most requests give values in the order of the graph.
    next: usize,
    positions: OnceCell<HashMap<&'g str, usize>>,
}

impl<'g> Inputs<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        Self { inputs: graph.inputs(), next: 0, positions: OnceCell::new() }
    }

    /// The name of the one at `position`.
    pub(super) fn name(&self, position: usize) -> &'g str {
        &self.inputs[position].0
    }

    /// The position of the one called `name`.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        let found = if self.inputs.get(self.next).is_some_and(|(next, _)| **next == *name) {
            self.next
        } else {
            let positions = || self.inputs.iter().enumerate().map(|(i, (name, _))| (&**name, i)).collect();
            *self.positions.get_or_init(positions).get(name)?
        };
        self.next = found + 1;
        Some(found)
    }
}
