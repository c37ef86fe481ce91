//! A block of samples: every slot holds as many lanes as the block has samples, and every instruction is a loop over
//! lanes that the compiler vectorises.
//!
//! Partials are recomputed from the values on the way back: that costs less than storing a block of them. The adjoints of
//! leaves that are the same for every sample gather lane by lane over all blocks of a chunk and are summed once at its
//! end, in a fixed order.

use std::marker::PhantomData;

use super::point::{Compiled, contribution};
use crate::engine::kernels::{Kernel, Level};
use crate::engine::op::{Primitive, Visitor};
use crate::engine::tape::{Run, Section};

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
        let mut finite = [0.0; WIDTH];
        for run in &section.runs {
            let (before, out) = self.values.split_at_mut(run.first as usize * self.lanes);
            let streams = &section.operands[run.operands as usize..];
            run.op.visit(ForwardRun {
                level,
                run,
                lanes: self.lanes,
                before,
                out,
                streams,
                finite: &mut finite,
            });
        }
        finite.iter().sum::<f64>() == 0.0
    }

    /// Sets the adjoints to zero, except those of the first `gathering` slots: uniform leaves, which go on gathering.
    pub fn clear_adjoints(&mut self, gathering: usize) {
        self.adjoints[gathering * self.lanes..].fill(0.0);
    }

    /// Propagates the adjoints from the last slot to the first; the caller has put in the outputs' seeds.
    pub fn reverse(&mut self, section: &Section, level: Level) {
        for run in section.runs.iter().rev().filter(|run| run.active) {
            let (before, out) = self.adjoints.split_at_mut(run.first as usize * self.lanes);
            run.op.visit(ReverseRun {
                level,
                run,
                lanes: self.lanes,
                values: &self.values,
                before,
                out,
                streams: &section.operands[run.operands as usize..],
                active: &section.active,
            });
        }
    }

    /// Whether all lanes of a slot's adjoint are finite. Runs for every block: lanes side by side, no chain of additions.
    pub fn adjoint_is_finite(&self, slot: usize) -> bool {
        let mut finite = [0.0; WIDTH];
        for lanes in self.adjoint(slot).as_chunks::<WIDTH>().0 {
            for l in 0..WIDTH {
                finite[l] += lanes[l] * 0.0;
            }
        }
        finite.iter().sum::<f64>() == 0.0
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

struct ForwardRun<'a> {
    level: Level,
    run: &'a Run,
    lanes: usize,
    before: &'a [f64],
    out: &'a mut [f64],
    streams: &'a [u32],
    finite: &'a mut [f64; WIDTH],
}

impl Visitor for ForwardRun<'_> {
    type Output = ();
    fn visit<const N: usize, P: Primitive<N>>(self) {
        let level = self.level;
        level.run(Compiled(self, PhantomData::<P>));
    }
}

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<ForwardRun<'_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ForwardRun { run, lanes, before, out, streams, finite, .. } = self.0;
        let len = run.len as usize;
        for (i, out) in out.chunks_exact_mut(lanes).take(len).enumerate() {
            let lanes_of = |stream: usize| {
                let slot = streams[stream * len + i] as usize;
                before[slot * lanes..][..lanes].as_chunks::<WIDTH>().0
            };
            let out = out.as_chunks_mut::<WIDTH>().0;
            if run.copies {
                out.copy_from_slice(lanes_of(N));
                continue;
            }
            let operands: [&[[f64; WIDTH]]; N] = std::array::from_fn(lanes_of);
            // Plain loops: closures here would keep the function from being vectorised.
            for (w, y) in out.iter_mut().enumerate() {
                for l in 0..WIDTH {
                    let mut x = [0.0; N];
                    for k in 0..N {
                        x[k] = operands[k][w][l];
                    }
                    y[l] = P::value(x);
                }
                for l in 0..WIDTH {
                    finite[l] += y[l] * 0.0;
                }
            }
        }
    }
}

struct ReverseRun<'a> {
    level: Level,
    run: &'a Run,
    lanes: usize,
    values: &'a [f64],
    before: &'a mut [f64],
    out: &'a [f64],
    streams: &'a [u32],
    active: &'a [bool],
}

impl Visitor for ReverseRun<'_> {
    type Output = ();
    fn visit<const N: usize, P: Primitive<N>>(self) {
        let level = self.level;
        level.run(Compiled(self, PhantomData::<P>));
    }
}

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<ReverseRun<'_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ReverseRun { run, lanes, values, before, out, streams, active, .. } = self.0;
        let len = run.len as usize;
        let values_of = |slot: usize| values[slot * lanes..][..lanes].as_chunks::<WIDTH>().0;
        for (i, adjoint) in out.chunks_exact(lanes).take(len).enumerate().rev() {
            let slots: [usize; N] = std::array::from_fn(|k| streams[k * len + i] as usize);
            let operands: [&[[f64; WIDTH]]; N] = std::array::from_fn(|k| values_of(slots[k]));
            let y = values_of(run.first as usize + i);
            let adjoint = adjoint.as_chunks::<WIDTH>().0;
            for k in 0..N {
                if !active[slots[k]] {
                    continue;
                }
                let target = before[slots[k] * lanes..][..lanes].as_chunks_mut::<WIDTH>().0;
                for (w, target) in target.iter_mut().enumerate() {
                    for l in 0..WIDTH {
                        let mut x = [0.0; N];
                        for k in 0..N {
                            x[k] = operands[k][w][l];
                        }
                        let partial = P::partials(x, y[w][l])[k];
                        target[l] += if P::OP.is_linear() {
                            adjoint[w][l] * partial
                        } else {
                            contribution(adjoint[w][l], partial)
                        };
                    }
                }
            }
        }
    }
}
