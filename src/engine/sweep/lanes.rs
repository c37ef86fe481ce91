//! A block of samples: every slot holds as many lanes as the block has samples, and every instruction is a loop over
//! lanes that the compiler vectorises.
//!
//! Partials are recomputed from the values on the way back: that costs less than storing a block of them. The adjoints of
//! leaves that are the same for every sample gather lane by lane over all blocks of a chunk and are summed once at its
//! end, in a fixed order.

use super::point::contribution;
use crate::engine::kernels::{Kernel, Level};
use crate::engine::op::{Binary, Ternary, Unary, Visitor};
use crate::engine::tape::{Leaf, Run, Section};

/// The unit of vectorisation; a block's width is a multiple of it.
pub(super) const WIDTH: usize = 8;

/// Values and adjoints of a block: `lanes` numbers per slot.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub lanes: usize,
    pub values: Vec<f64>,
    pub adjoints: Vec<f64>,
}

/// How many lanes a block has: as many as keep a section's values and adjoints in half a megabyte, between 8 and 64. A
/// function of the section alone, so that sums come out the same everywhere.
pub(super) fn block_lanes(section: &Section) -> usize {
    const BUDGET: usize = 1 << 15;
    let fitting = BUDGET / section.slots().max(1);
    (fitting.next_power_of_two() / 2).clamp(WIDTH, 64)
}

impl Block {
    /// Room for a block of `section`.
    pub fn new(section: &Section, with_gradient: bool) -> Self {
        let lanes = block_lanes(section);
        let size = section.slots() * lanes;
        Self { lanes, values: vec![0.0; size], adjoints: vec![0.0; if with_gradient { size } else { 0 }] }
    }

    /// The lanes of a slot's value.
    pub fn value_mut(&mut self, slot: usize) -> &mut [f64] {
        &mut self.values[slot * self.lanes..][..self.lanes]
    }

    /// The lanes of a slot's value.
    pub fn value(&self, slot: usize) -> &[f64] {
        &self.values[slot * self.lanes..][..self.lanes]
    }

    /// The lanes of a slot's adjoint.
    pub fn adjoint_mut(&mut self, slot: usize) -> &mut [f64] {
        &mut self.adjoints[slot * self.lanes..][..self.lanes]
    }

    /// The lanes of a slot's adjoint.
    pub fn adjoint(&self, slot: usize) -> &[f64] {
        &self.adjoints[slot * self.lanes..][..self.lanes]
    }

    /// Computes all values from the leaves'. Tells whether all of them are finite.
    pub fn forward(&mut self, section: &Section, level: Level) -> bool {
        level.run(Forward { section, lanes: self.lanes, values: &mut self.values })
    }

    /// Sets the adjoints to zero, except those of uniform leaves, which go on gathering.
    pub fn clear_adjoints(&mut self, section: &Section) {
        let gathering = section.leaves.iter().take_while(|leaf| matches!(leaf, Leaf::Uniform(_))).count();
        self.adjoints[gathering * self.lanes..].fill(0.0);
    }

    /// Propagates the adjoints from the last slot to the first; the caller has put in the outputs' seeds.
    pub fn reverse(&mut self, section: &Section, level: Level) {
        level.run(Reverse { section, lanes: self.lanes, values: &self.values, adjoints: &mut self.adjoints });
    }

    /// The sum of a slot's adjoint over the lanes, in a fixed tree order.
    pub fn adjoint_sum(&self, slot: usize) -> f64 {
        tree_sum(self.adjoint(slot))
    }
}

/// The sum in a fixed tree order: halves are added to each other until one number is left.
pub(super) fn tree_sum(terms: &[f64]) -> f64 {
    match terms {
        [] => 0.0,
        [one] => *one,
        _ => {
            let (left, right) = terms.split_at(terms.len().div_ceil(2));
            tree_sum(left) + tree_sum(right)
        }
    }
}

struct Forward<'a> {
    section: &'a Section,
    lanes: usize,
    values: &'a mut [f64],
}

impl Kernel for Forward<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        let mut finite = [0.0; WIDTH];
        for run in &self.section.runs {
            let (before, out) = self.values.split_at_mut(run.first as usize * self.lanes);
            let streams = &self.section.operands[run.operands as usize..];
            run.op.visit(ForwardRun { run, lanes: self.lanes, before, out, streams, finite: &mut finite });
        }
        finite.iter().sum::<f64>() == 0.0
    }
}

struct ForwardRun<'a> {
    run: &'a Run,
    lanes: usize,
    before: &'a [f64],
    out: &'a mut [f64],
    streams: &'a [u32],
    finite: &'a mut [f64; WIDTH],
}

impl ForwardRun<'_> {
    #[inline(always)]
    fn sweep<const ARITY: usize>(self, value: impl Fn([f64; ARITY]) -> f64) {
        let len = self.run.len as usize;
        let mut finite = *self.finite;
        for (i, out) in self.out.chunks_exact_mut(self.lanes).take(len).enumerate() {
            let lanes_of = |stream: usize| {
                let slot = self.streams[stream * len + i] as usize;
                self.before[slot * self.lanes..][..self.lanes].as_chunks::<WIDTH>().0
            };
            let out = out.as_chunks_mut::<WIDTH>().0;
            if self.run.copies {
                out.copy_from_slice(lanes_of(ARITY));
                continue;
            }
            let operands: [&[[f64; WIDTH]]; ARITY] = std::array::from_fn(lanes_of);
            for (w, y) in out.iter_mut().enumerate() {
                let x: [[f64; WIDTH]; ARITY] = std::array::from_fn(|k| operands[k][w]);
                for l in 0..WIDTH {
                    y[l] = value(std::array::from_fn(|k| x[k][l]));
                }
                for l in 0..WIDTH {
                    finite[l] += y[l] * 0.0;
                }
            }
        }
        *self.finite = finite;
    }
}

impl Visitor for ForwardRun<'_> {
    type Output = ();
    #[inline(always)]
    fn unary<O: Unary>(self) {
        self.sweep(|[x]| O::value(x));
    }
    #[inline(always)]
    fn binary<O: Binary>(self) {
        self.sweep(|[a, b]| O::value(a, b));
    }
    #[inline(always)]
    fn ternary<O: Ternary>(self) {
        self.sweep(|[a, b, c]| O::value(a, b, c));
    }
}

struct Reverse<'a> {
    section: &'a Section,
    lanes: usize,
    values: &'a [f64],
    adjoints: &'a mut [f64],
}

impl Kernel for Reverse<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for run in self.section.runs.iter().rev().filter(|run| run.active) {
            let (before, out) = self.adjoints.split_at_mut(run.first as usize * self.lanes);
            run.op.visit(ReverseRun {
                run,
                lanes: self.lanes,
                values: self.values,
                before,
                out,
                streams: &self.section.operands[run.operands as usize..],
                active: &self.section.active,
            });
        }
    }
}

struct ReverseRun<'a> {
    run: &'a Run,
    lanes: usize,
    values: &'a [f64],
    before: &'a mut [f64],
    out: &'a [f64],
    streams: &'a [u32],
    active: &'a [bool],
}

impl ReverseRun<'_> {
    #[inline(always)]
    fn sweep<const ARITY: usize>(self, linear: bool, partials: impl Fn([f64; ARITY], f64) -> [f64; ARITY]) {
        let (lanes, len) = (self.lanes, self.run.len as usize);
        let values_of = |slot: usize| self.values[slot * lanes..][..lanes].as_chunks::<WIDTH>().0;
        for (i, adjoint) in self.out.chunks_exact(lanes).take(len).enumerate().rev() {
            let slots: [usize; ARITY] = std::array::from_fn(|k| self.streams[k * len + i] as usize);
            let operands: [&[[f64; WIDTH]]; ARITY] = std::array::from_fn(|k| values_of(slots[k]));
            let y = values_of(self.run.first as usize + i);
            let adjoint = adjoint.as_chunks::<WIDTH>().0;
            for k in 0..ARITY {
                if !self.active[slots[k]] {
                    continue;
                }
                let target = self.before[slots[k] * lanes..][..lanes].as_chunks_mut::<WIDTH>().0;
                for (w, target) in target.iter_mut().enumerate() {
                    for l in 0..WIDTH {
                        let all = partials(std::array::from_fn(|k| operands[k][w][l]), y[w][l]);
                        let term = if linear {
                            adjoint[w][l] * all[k]
                        } else {
                            contribution(adjoint[w][l], all[k])
                        };
                        target[l] += term;
                    }
                }
            }
        }
    }
}

impl Visitor for ReverseRun<'_> {
    type Output = ();
    #[inline(always)]
    fn unary<O: Unary>(self) {
        self.sweep(O::OP.is_linear(), |[x], y| [O::partial(x, y)]);
    }
    #[inline(always)]
    fn binary<O: Binary>(self) {
        self.sweep(O::OP.is_linear(), |[a, b], y| O::partials(a, b, y).into());
    }
    #[inline(always)]
    fn ternary<O: Ternary>(self) {
        self.sweep(false, |[a, b, c], _| O::partials(a, b, c).into());
    }
}
