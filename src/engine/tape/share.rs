//! Costly primitives that compute what an earlier one has computed.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use rustc_hash::{FxBuildHasher, FxHashSet};

use super::super::op::Op;
use super::lower::{Code, Lowered, NONE};
use crate::engine::interrupt::{Interrupt, Interrupted, Poll};

/// For each primitive the first one that is equal to it: itself, if it is new. Empty if no costly primitive is equal to
/// another, which is so in most graphs and seen at little cost.
pub(super) fn equals(lowered: &Lowered, interrupt: &Interrupt) -> Result<Vec<u32>, Interrupted> {
    let mut poll = Poll::new(interrupt);
    match hashes_if_repeated(lowered, &mut poll)? {
        Some(hashes) => first_equals(lowered, &hashes, &mut poll),
        None => Ok(Vec::new()),
    }
}

/// Hashes of all that each primitive is computed from, if two costly ones have the same.
fn hashes_if_repeated(lowered: &Lowered, poll: &mut Poll<'_>) -> Result<Option<Vec<u64>>, Interrupted> {
    let count = lowered.len();
    let is_costly = |index: usize| lowered.primitives[index].op().is_some_and(Op::is_costly);
    if (0..count).filter(|&index| is_costly(index)).nth(1).is_none() {
        return Ok(None);
    }
    let mut hashes: Vec<u64> = Vec::with_capacity(count);
    let mut costly = FxHashSet::default();
    let mut is_repeated = false;
    for index in 0..count {
        let key = key(lowered, index, u64::MAX, |operand| hashes[operand as usize]);
        hashes.push(FxBuildHasher.hash_one(key));
        is_repeated = is_repeated || is_costly(index) && !costly.insert(hashes[index]);
        poll.after(1)?;
    }
    Ok(is_repeated.then_some(hashes))
}

/// Equal primitives have equal `hashes`, and most have a hash of their own: only the others are looked up.
fn first_equals(lowered: &Lowered, hashes: &[u64], poll: &mut Poll<'_>) -> Result<Vec<u32>, Interrupted> {
    let repeated = Repeated::of(hashes);
    let mut equal_to: Vec<u32> = Vec::with_capacity(hashes.len());
    let mut seen: HashTable<u32> = HashTable::new();
    for (index, &hash) in (0u32..).zip(hashes) {
        let key = |i: u32| key(lowered, i as usize, NONE, |operand| equal_to[operand as usize]);
        let first = if repeated.may_have(hash) {
            let wanted = key(index);
            let place = seen.entry(hash, |&i| key(i) == wanted, |&i| hashes[i as usize]);
            *place.or_insert(index).get()
        } else {
            index
        };
        equal_to.push(first);
        poll.after(1)?;
    }
    Ok(equal_to)
}

/// Which hashes come more than once, and some others: a bit for those that agree in their lower bits. Small enough for the cache
/// where a table of all hashes is not.
struct Repeated {
    bits: Vec<u64>,
}

impl Repeated {
    /// Bits for each hash, so that few share one by chance.
    const ROOM: usize = 16;

    fn of(hashes: &[u64]) -> Self {
        let words = (hashes.len() * Self::ROOM / 64).next_power_of_two();
        let (mut once, mut bits) = (vec![0u64; words], vec![0u64; words]);
        for &hash in hashes {
            let (word, bit) = Self::place(hash, words);
            bits[word] |= once[word] & bit;
            once[word] |= bit;
        }
        Self { bits }
    }

    fn may_have(&self, hash: u64) -> bool {
        let (word, bit) = Self::place(hash, self.bits.len());
        self.bits[word] & bit != 0
    }

    /// The bit of a hash in so many words, a power of two.
    fn place(hash: u64, words: usize) -> (usize, u64) {
        ((hash >> 6) as usize & (words - 1), 1 << (hash & 63))
    }
}

/// Op and operands of a primitive, these by what stands for them, or the value of a leaf; `none` fills up.
fn key<T: Copy + Ord>(
    lowered: &Lowered,
    index: usize,
    none: T,
    stands_for: impl Fn(u32) -> T,
) -> (u64, [T; 3], u8) {
    match lowered.code(index) {
        Code::Constant(value) => (value.to_bits(), [none; 3], 0),
        Code::Input(position) => (u64::from(position), [none; 3], 1),
        Code::Apply(op) => {
            let mut operands = [none; 3];
            for (slot, &operand) in operands.iter_mut().zip(lowered.operands(index)) {
                *slot = stands_for(operand);
            }
            if op.is_commutative() && operands[0] > operands[1] {
                operands.swap(0, 1);
            }
            (op as u64, operands, 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Graph, NodeId};
    use super::super::{CompileOptions, Role, Tape};
    use super::*;

    /// How many values of the tape are copies.
    fn copies(graph: &Graph, outputs: &[NodeId]) -> u32 {
        let roles = vec![Role::NUMBER; graph.inputs().len()];
        let tape = Tape::compile(graph, outputs, &roles, CompileOptions::default());
        tape.uniform.runs.iter().filter(|run| run.copies).map(|run| run.len).sum()
    }

    #[test]
    fn every_costly_primitive_that_comes_again_is_a_copy() {
        let mut graph = Graph::new();
        let inputs: Vec<NodeId> = (0..500).map(|i| graph.input(format!("x{i}"))).collect();
        let of_product = |graph: &mut Graph, a: usize, b: usize| {
            let product = graph.apply(Op::Mul, &[inputs[a], inputs[b]]).expect("two operands");
            graph.apply(Op::Exp, &[product]).expect("an operand")
        };
        let once: Vec<NodeId> = (0..499).map(|i| of_product(&mut graph, i, i + 1)).collect();
        assert_eq!(copies(&graph, &once), 0);
        let again: Vec<NodeId> = (0..499).map(|i| of_product(&mut graph, i + 1, i)).collect();
        assert_eq!(copies(&graph, &[&once[..], &again[..1]].concat()), 1);
        assert_eq!(copies(&graph, &[once, again].concat()), 499);
    }

    #[test]
    fn what_comes_again_is_found_among_many() {
        let hashes: Vec<u64> = (0..10_000).chain(0..50).map(|i: u64| FxBuildHasher.hash_one(i)).collect();
        let repeated = Repeated::of(&hashes);
        let (often, once) = hashes[..10_000].split_at(50);
        assert!(often.iter().all(|&hash| repeated.may_have(hash)));
        let by_chance = once.iter().filter(|&&hash| repeated.may_have(hash)).count();
        assert!(by_chance < once.len() / 10, "{by_chance} of {}", once.len());
    }
}
