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
    if may_repeat(lowered, &mut poll)? { first_equals(lowered, &mut poll) } else { Ok(Vec::new()) }
}

/// Whether two costly primitives have the same hash of all that they are computed from.
fn may_repeat(lowered: &Lowered, poll: &mut Poll<'_>) -> Result<bool, Interrupted> {
    let count = lowered.len();
    let is_costly = |index: usize| lowered.primitives[index].op().is_some_and(Op::is_costly);
    if (0..count).filter(|&index| is_costly(index)).nth(1).is_none() {
        return Ok(false);
    }
    let mut hashes: Vec<u64> = Vec::with_capacity(count);
    let mut costly = FxHashSet::default();
    for index in 0..count {
        let key = key(lowered, index, u64::MAX, |operand| hashes[operand as usize]);
        hashes.push(FxBuildHasher.hash_one(key));
        if is_costly(index) && !costly.insert(hashes[index]) {
            return Ok(true);
        }
        poll.after(1)?;
    }
    Ok(false)
}

fn first_equals(lowered: &Lowered, poll: &mut Poll<'_>) -> Result<Vec<u32>, Interrupted> {
    let count = lowered.len();
    let mut equal_to: Vec<u32> = Vec::with_capacity(count);
    let mut seen: HashTable<u32> = HashTable::with_capacity(count);
    for index in 0..count as u32 {
        let key = |i: u32| key(lowered, i as usize, NONE, |operand| equal_to[operand as usize]);
        let hash = |i: u32| FxBuildHasher.hash_one(key(i));
        let wanted = key(index);
        let first = *seen.entry(hash(index), |&i| key(i) == wanted, |&i| hash(i)).or_insert(index).get();
        equal_to.push(first);
        poll.after(1)?;
    }
    Ok(equal_to)
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
