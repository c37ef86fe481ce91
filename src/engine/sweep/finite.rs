//! Which node made a result infinite or NaN.
//!
//! Only what the outputs use counts: of a `where`, the condition and the chosen branch. A node *made* a non-finite number
//! if its operands are finite and its value is not, or if its adjoint is finite and what it passes on is not.

use super::point::contribution;
use crate::engine::graph::NodeId;
use crate::engine::op::Op;
use crate::engine::tape::{Run, Section};

/// How a node made a number that is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// By its value.
    Value,
    /// By its partial derivative with respect to the operand at this position.
    Partial(usize),
    /// By the sum of the contributions to its adjoint.
    Adjoint,
    /// By its tangent, or the tangent of its adjoint: its derivative in the direction asked for.
    Tangent,
    /// By its second partial derivative with respect to the operands at these positions.
    Second(usize, usize),
}

/// A result is infinite or NaN, and this node is where that began.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The node.
    pub node: NodeId,
    /// Its op; `None` for a leaf.
    pub op: Option<Op>,
    /// The values of the op's operands.
    pub operands: Vec<f64>,
    /// The infinite or NaN number.
    pub value: f64,
    /// How it came about.
    pub origin: Origin,
    /// The sample, from 0, where an array was bound to an input that the node depends on.
    pub sample: Option<usize>,
}

impl Section {
    fn run_of(&self, slot: usize) -> Option<&Run> {
        let after = self.runs.partition_point(|run| run.first as usize <= slot);
        after.checked_sub(1).map(|i| &self.runs[i])
    }

    pub(super) fn operands_of(&self, slot: usize) -> impl Iterator<Item = usize> + '_ {
        let run = self.run_of(slot);
        let arity = run.map_or(0, |run| run.op.operand_count());
        (0..arity).map(move |k| {
            let run = run.expect("a leaf has no operands");
            self.operands[run.operands as usize + k * run.len as usize + slot - run.first as usize] as usize
        })
    }

    /// The partials of the instruction at `slot`.
    pub(super) fn partials_at(&self, slot: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let operands: Vec<f64> = self.operands_of(slot).map(&value).collect();
        self.run_of(slot).map_or_else(Vec::new, |run| run.op.partials(&operands, value(slot)))
    }

    /// The second partials of the instruction at `slot`.
    pub(super) fn seconds_at(&self, slot: usize, value: impl Fn(usize) -> f64) -> Vec<Vec<f64>> {
        let operands: Vec<f64> = self.operands_of(slot).map(&value).collect();
        self.run_of(slot).map_or_else(Vec::new, |run| run.op.seconds(&operands, value(slot)))
    }

    /// Spreads `used` from the outputs to what they take their values from.
    pub(super) fn spread_use(&self, used: &mut [bool], value: impl Fn(usize) -> f64) {
        for slot in (self.leaves.len()..self.slots()).rev() {
            if used[slot] {
                self.mark_operands(slot, used, &value);
            }
        }
    }

    fn mark_operands(&self, slot: usize, used: &mut [bool], value: &impl Fn(usize) -> f64) {
        let is_where = self.run_of(slot).is_some_and(|run| run.op == Op::Where);
        let mut condition = None;
        for (k, operand) in self.operands_of(slot).enumerate() {
            let unchosen = if condition == Some(0.0) { 1 } else { 2 };
            if is_where && k == 0 {
                condition = Some(value(operand));
            }
            if !(is_where && k > 0 && k == unchosen) {
                used[operand] = true;
            }
        }
    }

    /// The used node that made a value which is not finite: the earliest in the graph.
    pub(super) fn find_value(&self, used: &[bool], value: impl Fn(usize) -> f64) -> Option<NonFinite> {
        (self.leaves.len()..self.slots())
            .filter(|&slot| used[slot] && !value(slot).is_finite())
            .filter(|&slot| self.operands_of(slot).all(|o| value(o).is_finite()))
            .min_by_key(|&slot| self.origin[slot])
            .map(|slot| self.describe(slot, value(slot), Origin::Value, &value))
    }

    /// The first node on the way back that passes on an adjoint which is not finite, though its own is.
    pub(super) fn find_adjoint(
        &self,
        value: impl Fn(usize) -> f64,
        adjoint: impl Fn(usize) -> f64,
    ) -> Option<NonFinite> {
        for slot in (self.leaves.len()..self.slots()).rev() {
            let (Some(run), own) = (self.run_of(slot), adjoint(slot)) else { continue };
            if !run.active {
                continue;
            }
            if !own.is_finite() {
                return Some(self.describe(slot, own, Origin::Adjoint, &value));
            }
            let operands: Vec<f64> = self.operands_of(slot).map(&value).collect();
            let partials = run.op.partials(&operands, value(slot));
            for (k, operand) in self.operands_of(slot).enumerate() {
                let passed = contribution(own, partials[k]);
                if self.active[operand] && !passed.is_finite() {
                    return Some(self.describe(slot, partials[k], Origin::Partial(k), &value));
                }
            }
        }
        None
    }

    /// `slot` as the place where a number that is not finite came up.
    pub(super) fn describe(
        &self,
        slot: usize,
        number: f64,
        origin: Origin,
        value: &impl Fn(usize) -> f64,
    ) -> NonFinite {
        let is_leaf = slot < self.leaves.len();
        NonFinite {
            node: self.origin[slot],
            op: if is_leaf { None } else { self.run_of(slot).map(|run| run.op) },
            operands: self.operands_of(slot).map(value).collect(),
            value: number,
            origin,
            sample: None,
        }
    }
}
