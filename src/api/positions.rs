//! The positions of nodes by id, while they are read.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;

use super::graph::Node;

/// Ids that wait in the small table: it has 512 places, a few kilobytes.
const RECENT: usize = 448;

/// Positions of nodes by id. The standard hasher, because the ids come from outside and may be chosen to collide; each
/// entry keeps its hash, so that growing a table does not read the ids again.
///
/// A table of millions of ids lies outside the cache, and a node that is entered right after it was read waits for memory. So
/// the latest ids wait in a small table, where most operands find them, until there are enough: entered one right after the
/// other they wait together.
#[derive(Debug, Default)]
pub(super) struct Positions {
    recent: HashTable<Entry>,
    settled: HashTable<Entry>,
    /// Nodes whose id an earlier one has, with that one.
    duplicates: Vec<(u32, u32)>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    position: u32,
}

impl Entry {
    /// The tables look at both ends of a hash.
    fn spread(self) -> u64 {
        u64::from(self.hash) << 32 | u64::from(self.hash)
    }
}

impl Positions {
    /// None yet, of so many at first.
    pub(super) fn with_room_for(nodes: usize) -> Self {
        Self { recent: HashTable::with_capacity(nodes), ..Self::default() }
    }

    /// The position of the node with this id. Where several have it, that of one of them.
    pub(super) fn find(&self, nodes: &[Node<'_>], id: &str) -> Option<u32> {
        let wanted = Entry { hash: self.hash(id), position: 0 };
        let is_it = |entry: &Entry| entry.hash == wanted.hash && *nodes[entry.position as usize].id == *id;
        let found = self.recent.find(wanted.spread(), is_it);
        found.or_else(|| self.settled.find(wanted.spread(), is_it)).map(|entry| entry.position)
    }

    /// Enters the node at `position`.
    pub(super) fn insert(&mut self, nodes: &[Node<'_>], position: u32) {
        if self.recent.len() == RECENT {
            self.settle(nodes);
        }
        let entry = Entry { hash: self.hash(&nodes[position as usize].id), position };
        self.duplicates.extend(enter(&mut self.recent, nodes, entry));
    }

    /// Nodes whose id an earlier one has, with that one, by position.
    pub(super) fn take_duplicates(&mut self, nodes: &[Node<'_>]) -> Vec<(u32, u32)> {
        // What was never settled has met all others already.
        if !self.settled.is_empty() {
            self.settle(nodes);
        }
        let mut duplicates = std::mem::take(&mut self.duplicates);
        duplicates.sort_unstable();
        duplicates
    }

    fn settle(&mut self, nodes: &[Node<'_>]) {
        for entry in self.recent.drain() {
            self.duplicates.extend(enter(&mut self.settled, nodes, entry));
        }
    }

    fn hash(&self, id: &str) -> u32 {
        self.hasher.hash_one(id) as u32
    }
}

/// Enters a node in `table`, unless one with its id is there: then it tells both.
fn enter(table: &mut HashTable<Entry>, nodes: &[Node<'_>], entry: Entry) -> Option<(u32, u32)> {
    let id = &*nodes[entry.position as usize].id;
    let is_it = |other: &Entry| other.hash == entry.hash && *nodes[other.position as usize].id == *id;
    match table.entry(entry.spread(), is_it, |other| other.spread()) {
        Place::Occupied(first) => Some((entry.position, first.get().position)),
        Place::Vacant(vacant) => {
            vacant.insert(entry);
            None
        }
    }
}
