//! One point: a section's values and partials forward, its adjoints backward.
//!
//! The instructions of a run are independent of each other, so that their values are computed in groups of
//! [`GROUP`]: operands are gathered into arrays, over which the op's function is vectorised.

use crate::engine::kernels::{Kernel, Level};
use crate::engine::op::{Binary, Ternary, Unary, Visitor};
use crate::engine::tape::{Run, Section};
use crate::engine::{Interrupt, Interrupted};

const GROUP: usize = 8;
/// Instructions between two looks at the interrupt: well under a millisecond.
const POLL: usize = 1 << 16;

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
        let partials = if with_gradient { Some(&mut self.partials[..]) } else { None };
        level.run(Forward { section, values: &mut self.values, partials, interrupt })
    }

    /// Propagates the adjoints from the last slot to the first; the caller has put in the outputs' seeds.
    pub fn reverse(&mut self, section: &Section, level: Level, interrupt: &Interrupt) -> Result<(), Interrupted> {
        level.run(Reverse { section, partials: &self.partials, adjoints: &mut self.adjoints, interrupt })
    }
}

struct Forward<'a> {
    section: &'a Section,
    values: &'a mut [f64],
    partials: Option<&'a mut [f64]>,
    interrupt: &'a Interrupt,
}

impl Kernel for Forward<'_> {
    type Output = Result<bool, Interrupted>;

    #[inline(always)]
    fn run(mut self) -> Self::Output {
        // Infinite and NaN values turn this sum into NaN, once multiplied by zero.
        let mut finite = 0.0;
        let mut until_poll = POLL;
        for run in &self.section.runs {
            let (first, len) = (run.first as usize, run.len as usize);
            let (before, out) = self.values.split_at_mut(first);
            let streams = &self.section.operands[run.operands as usize..];
            let partials = match &mut self.partials {
                Some(partials) if run.active => Some(&mut partials[run.operands as usize..]),
                _ => None,
            };
            run.op.visit(ForwardRun { run, before, out: &mut out[..len], streams, partials, finite: &mut finite });
            if until_poll <= len {
                self.interrupt.check()?;
                until_poll = POLL;
            } else {
                until_poll -= len;
            }
        }
        Ok(finite == 0.0)
    }
}

struct ForwardRun<'a> {
    run: &'a Run,
    before: &'a mut [f64],
    out: &'a mut [f64],
    streams: &'a [u32],
    partials: Option<&'a mut [f64]>,
    finite: &'a mut f64,
}

impl ForwardRun<'_> {
    /// Computes the run in groups. `compute` gets the gathered operands and gives the value and the partials.
    #[inline(always)]
    fn sweep<const ARITY: usize>(
        self,
        value: impl Fn([f64; ARITY]) -> f64,
        partials: impl Fn([f64; ARITY], f64) -> [f64; ARITY],
        store_partials: bool,
    ) {
        let len = self.out.len();
        let (operands, rest) = self.streams.split_at(ARITY * len);
        let streams: [&[u32]; ARITY] = std::array::from_fn(|k| &operands[k * len..(k + 1) * len]);
        let mut stored = self.partials.filter(|_| store_partials);
        let mut start = 0;
        while start < len {
            let count = GROUP.min(len - start);
            // A group that is not full repeats its last instruction: harmless, and the arithmetic below stays branch-free.
            let lane = |l: usize| start + l.min(count - 1);
            let gathered: [[f64; GROUP]; ARITY] =
                std::array::from_fn(|k| std::array::from_fn(|l| self.before[streams[k][lane(l)] as usize]));
            let at = |l: usize| -> [f64; ARITY] { std::array::from_fn(|k| gathered[k][l]) };
            let mut y = [0.0; GROUP];
            if self.run.copies {
                for (l, y) in y.iter_mut().enumerate() {
                    *y = self.before[rest[lane(l)] as usize];
                }
            } else if count == 1 {
                y[0] = value(at(0));
            } else {
                for (l, y) in y.iter_mut().enumerate() {
                    *y = value(at(l));
                }
            }
            self.out[start..start + count].copy_from_slice(&y[..count]);
            for v in &y[..count] {
                *self.finite += v * 0.0;
            }
            if let Some(stored) = &mut stored {
                let mut p = [[0.0; GROUP]; ARITY];
                if count == 1 {
                    let one = partials(at(0), y[0]);
                    for k in 0..ARITY {
                        p[k][0] = one[k];
                    }
                } else {
                    for l in 0..GROUP {
                        let all = partials(at(l), y[l]);
                        for k in 0..ARITY {
                            p[k][l] = all[k];
                        }
                    }
                }
                for k in 0..ARITY {
                    stored[k * len + start..][..count].copy_from_slice(&p[k][..count]);
                }
            }
            start += count;
        }
    }
}

impl Visitor for ForwardRun<'_> {
    type Output = ();
    #[inline(always)]
    fn unary<O: Unary>(self) {
        self.sweep(|[x]| O::value(x), |[x], y| [O::partial(x, y)], !O::OP.is_linear());
    }
    #[inline(always)]
    fn binary<O: Binary>(self) {
        self.sweep(|[a, b]| O::value(a, b), |[a, b], y| O::partials(a, b, y).into(), !O::OP.is_linear());
    }
    #[inline(always)]
    fn ternary<O: Ternary>(self) {
        self.sweep(|[a, b, c]| O::value(a, b, c), |[a, b, c], _| O::partials(a, b, c).into(), true);
    }
}

struct Reverse<'a> {
    section: &'a Section,
    partials: &'a [f64],
    adjoints: &'a mut [f64],
    interrupt: &'a Interrupt,
}

impl Kernel for Reverse<'_> {
    type Output = Result<(), Interrupted>;

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut until_poll = POLL;
        for run in self.section.runs.iter().rev().filter(|run| run.active) {
            let (first, len) = (run.first as usize, run.len as usize);
            let (before, out) = self.adjoints.split_at_mut(first);
            let streams = &self.section.operands[run.operands as usize..];
            let partials = &self.partials[run.operands as usize..];
            run.op.visit(ReverseRun { before, out: &out[..len], streams, partials });
            if until_poll <= len {
                self.interrupt.check()?;
                until_poll = POLL;
            } else {
                until_poll -= len;
            }
        }
        Ok(())
    }
}

struct ReverseRun<'a> {
    before: &'a mut [f64],
    out: &'a [f64],
    streams: &'a [u32],
    partials: &'a [f64],
}

impl ReverseRun<'_> {
    /// Adds each instruction's contributions to its operands' adjoints. `constant` are the partials of a linear op.
    #[inline(always)]
    fn sweep<const ARITY: usize>(self, constant: Option<[f64; ARITY]>) {
        let len = self.out.len();
        let streams: [&[u32]; ARITY] = std::array::from_fn(|k| &self.streams[k * len..(k + 1) * len]);
        let stored: [&[f64]; ARITY] = std::array::from_fn(|k| &self.partials[k * len..(k + 1) * len]);
        for i in (0..len).rev() {
            let adjoint = self.out[i];
            for k in 0..ARITY {
                let term = match constant {
                    Some(partials) => adjoint * partials[k],
                    None => contribution(adjoint, stored[k][i]),
                };
                self.before[streams[k][i] as usize] += term;
            }
        }
    }
}

impl Visitor for ReverseRun<'_> {
    type Output = ();
    #[inline(always)]
    fn unary<O: Unary>(self) {
        self.sweep(O::OP.is_linear().then(|| [O::partial(0.0, 0.0)]));
    }
    #[inline(always)]
    fn binary<O: Binary>(self) {
        self.sweep(O::OP.is_linear().then(|| O::partials(0.0, 0.0, 0.0).into()));
    }
    #[inline(always)]
    fn ternary<O: Ternary>(self) {
        self.sweep::<3>(None);
    }
}
