//! One point: a section's values and partials forward, its adjoints backward.
//!
//! The instructions of a run are independent of each other, so that their values are computed in groups of
//! [`GROUP`]: operands are gathered into arrays, over which the op's function is vectorised.

use std::marker::PhantomData;

use crate::engine::interrupt::Poll;
use crate::engine::kernels::{Kernel, Level};
use crate::engine::op::{Primitive, Visitor};
use crate::engine::tape::{Run, Section};
use crate::engine::{Interrupt, Interrupted};

const GROUP: usize = 8;

/// `adjoint * partial`, where an adjoint of zero contributes zero even through an infinite or undefined partial.
#[inline(always)]
pub(super) fn contribution(adjoint: f64, partial: f64) -> f64 {
    if adjoint == 0.0 { 0.0 } else { adjoint * partial }
}

/// What one point's sweeps write: a value and an adjoint per slot, a partial per operand.
#[derive(Clone, Debug, Default)]
pub(super) struct Point {
    pub values: Vec<f64>,
    pub partials: Vec<f64>,
    pub adjoints: Vec<f64>,
}

impl Point {
    /// Makes room for `section`; the caller then fills in the leaves' values.
    pub fn resize(&mut self, section: &Section, with_gradient: bool) {
        self.values.resize(section.slots(), 0.0);
        if with_gradient {
            self.partials.resize(section.operands.len(), 0.0);
            self.adjoints.clear();
            self.adjoints.resize(section.slots(), 0.0);
        }
    }

    /// Computes all values from the leaves', and the partials if `with_gradient`. Tells whether all of them are finite.
    pub fn forward(
        &mut self,
        section: &Section,
        with_gradient: bool,
        level: Level,
        interrupt: &Interrupt,
    ) -> Result<bool, Interrupted> {
        let mut forward = Forward {
            level,
            values: &mut self.values,
            operands: &section.operands,
            partials: &mut self.partials,
            with_gradient,
            finite: 0.0,
        };
        let mut poll = Poll::new(interrupt);
        for run in &section.runs {
            run.op.visit(ForwardRun(&mut forward, run));
            poll.after(run.len as usize)?;
        }
        Ok(forward.finite == 0.0)
    }

    /// Propagates the adjoints from the last slot to the first; the caller has put in the outputs' seeds.
    pub fn reverse(&mut self, section: &Section, interrupt: &Interrupt) -> Result<(), Interrupted> {
        let mut reverse =
            Reverse { adjoints: &mut self.adjoints, operands: &section.operands, partials: &self.partials };
        let mut poll = Poll::new(interrupt);
        for run in section.runs.iter().rev().filter(|run| run.active) {
            run.op.visit(ReverseRun(&mut reverse, run));
            poll.after(run.len as usize)?;
        }
        Ok(())
    }
}

/// What all runs of a forward sweep share. Runs take it by reference: one of a single instruction must not pay for more.
struct Forward<'a> {
    level: Level,
    values: &'a mut [f64],
    operands: &'a [u32],
    partials: &'a mut [f64],
    with_gradient: bool,
    /// Infinite and NaN values turn this sum into NaN, once multiplied by zero.
    finite: f64,
}

struct ForwardRun<'f, 'a>(&'f mut Forward<'a>, &'f Run);

impl Visitor for ForwardRun<'_, '_> {
    type Output = ();
    #[inline]
    fn visit<const N: usize, P: Primitive<N>>(self) {
        if P::OP.is_arithmetic() && (self.1.len as usize) < GROUP {
            // The same instructions at every level, which would only cost a call.
            self.rest::<N, P>(0);
        } else {
            self.0.level.run(Compiled(self, PhantomData::<P>));
        }
    }
}

impl ForwardRun<'_, '_> {
    /// The instructions from `start` on, one by one.
    #[inline(always)]
    fn rest<const N: usize, P: Primitive<N>>(self, start: usize) {
        let ForwardRun(sweep, run) = self;
        let (first, len) = (run.first as usize, run.len as usize);
        let (before, out) = sweep.values.split_at_mut(first);
        let out = &mut out[..len];
        let (operands, sources) = sweep.operands[run.operands as usize..].split_at(N * len);
        let stores = sweep.with_gradient && run.active && !P::OP.is_linear();
        let stored = if stores { &mut sweep.partials[run.operands as usize..][..N * len] } else { &mut [] };
        for i in start..len {
            let mut x = [0.0; N];
            for k in 0..N {
                x[k] = before[operands[k * len + i] as usize];
            }
            let y = if run.copies { before[sources[i] as usize] } else { P::value(x) };
            out[i] = y;
            sweep.finite += y * 0.0;
            if stores {
                let p = P::partials(x, y);
                for k in 0..N {
                    stored[k * len + i] = p[k];
                }
            }
        }
    }
}

/// A run together with its op, to be compiled for each level.
pub(super) struct Compiled<R, P, const N: usize>(pub R, pub PhantomData<P>);

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<ForwardRun<'_, '_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ForwardRun(sweep, run) = self.0;
        let (first, len) = (run.first as usize, run.len as usize);
        let (before, out) = sweep.values.split_at_mut(first);
        let out = &mut out[..len];
        let (operands, sources) = sweep.operands[run.operands as usize..].split_at(N * len);
        let stores = sweep.with_gradient && run.active && !P::OP.is_linear();
        let stored = if stores { &mut sweep.partials[run.operands as usize..][..N * len] } else { &mut [] };
        // Plain loops throughout: a closure would be compiled without the level's instructions.
        let mut start = 0;
        let mut finite = [0.0; GROUP];
        while len - start >= GROUP {
            let mut x = [[0.0; N]; GROUP];
            for k in 0..N {
                let slots = &operands[k * len + start..][..GROUP];
                for l in 0..GROUP {
                    x[l][k] = before[slots[l] as usize];
                }
            }
            let mut y = [0.0; GROUP];
            if run.copies {
                for l in 0..GROUP {
                    y[l] = before[sources[start + l] as usize];
                }
            } else {
                for l in 0..GROUP {
                    y[l] = P::value(x[l]);
                }
            }
            out[start..start + GROUP].copy_from_slice(&y);
            for l in 0..GROUP {
                finite[l] += y[l] * 0.0;
            }
            if stores {
                let mut columns = [[0.0; GROUP]; N];
                for l in 0..GROUP {
                    let p = P::partials(x[l], y[l]);
                    for k in 0..N {
                        columns[k][l] = p[k];
                    }
                }
                for k in 0..N {
                    stored[k * len + start..][..GROUP].copy_from_slice(&columns[k]);
                }
            }
            start += GROUP;
        }
        // Only if there were any: most runs of small graphs are short.
        if start > 0 {
            sweep.finite += finite.iter().sum::<f64>();
        }
        ForwardRun(sweep, run).rest::<N, P>(start);
    }
}

/// What all runs of a reverse sweep share.
struct Reverse<'a> {
    adjoints: &'a mut [f64],
    operands: &'a [u32],
    partials: &'a [f64],
}

struct ReverseRun<'r, 'a>(&'r mut Reverse<'a>, &'r Run);

impl Visitor for ReverseRun<'_, '_> {
    type Output = ();

    /// Adds each instruction's contributions to its operands' adjoints. Nothing here needs a level: it does not vectorise.
    #[inline(never)]
    fn visit<const N: usize, P: Primitive<N>>(self) {
        let ReverseRun(sweep, run) = self;
        let len = run.len as usize;
        let (before, out) = sweep.adjoints.split_at_mut(run.first as usize);
        let out = &out[..len];
        let operands = &sweep.operands[run.operands as usize..][..N * len];
        let stored = &sweep.partials[run.operands as usize..][..N * len];
        let constant = if P::OP.is_linear() { P::partials([0.0; N], 0.0) } else { [0.0; N] };
        for i in (0..len).rev() {
            let adjoint = out[i];
            for k in 0..N {
                let term = if P::OP.is_linear() {
                    adjoint * constant[k]
                } else {
                    contribution(adjoint, stored[k * len + i])
                };
                before[operands[k * len + i] as usize] += term;
            }
        }
    }
}
