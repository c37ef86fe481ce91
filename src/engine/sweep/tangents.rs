//! A block with tangents: every slot holds a value for each of its samples and, direction by direction, a tangent for each
//! of them; on the way back likewise an adjoint and the tangent of the adjoint. An instruction is a loop over all of these
//! lanes, while its op is computed once per sample.
//!
//! With `y = f(x)` of partials `f_k` and second partials `f_kj`, the tangent (dotted) goes forward and the adjoint (barred)
//! and its tangent go back by
//!
//! ```text
//!     ẏ = Σ_k f_k ẋ_k        x̄_k += ȳ f_k        x̄̇_k += ȳ̇ f_k + ȳ Σ_j f_kj ẋ_j
//! ```
//!
//! the last of which is the derivative of the second in the direction: forward over reverse (Griewank and Walther,
//! *Evaluating Derivatives*, 2nd ed., chapter 5). A factor of zero makes a term zero, whatever the other one is, so that
//! nothing leaks from a branch not taken and an infinite partial does no harm where nothing moves.

use std::marker::PhantomData;

use super::point::{Compiled, contribution};
use crate::engine::interrupt::Poll;
use crate::engine::kernels::{Aligned, Kernel, Level};
use crate::engine::op::{Op, Primitive, Visitor};
use crate::engine::tape::{Run, Section};
use crate::engine::{Interrupt, Interrupted};

/// The most operands of a primitive.
const OPERANDS: usize = 3;

/// `a * b`, where a zero makes the product zero.
#[inline(always)]
pub(super) fn product(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

/// Values and tangents of a section; with room for the way back also adjoints and their tangents. What has a tangent has
/// `samples * directions` lanes.
#[derive(Debug)]
pub(super) struct Tangents {
    pub samples: usize,
    pub directions: usize,
    pub values: Aligned<f64>,
    pub tangents: Aligned<f64>,
    pub adjoints: Aligned<f64>,
    pub adjoint_tangents: Aligned<f64>,
    locals: Aligned<f64>,
}

impl Tangents {
    /// Room for so many samples and directions of `section`.
    pub fn new(section: &Section, samples: usize, directions: usize, with_reverse: bool) -> Self {
        let (slots, lanes) = (section.slots(), samples * directions);
        let back = if with_reverse { slots } else { 0 };
        Self {
            samples,
            directions,
            values: Aligned::zeros(slots * samples),
            tangents: Aligned::zeros(slots * lanes),
            adjoints: Aligned::zeros(back * samples),
            adjoint_tangents: Aligned::zeros(back * lanes),
            locals: Aligned::zeros(Locals::rows(with_reverse) * lanes),
        }
    }

    /// The lanes of everything that has a tangent.
    pub fn lanes(&self) -> usize {
        self.samples * self.directions
    }

    /// The values of a slot, one per sample.
    pub fn value_mut(&mut self, slot: usize) -> &mut [f64] {
        &mut self.values[slot * self.samples..][..self.samples]
    }

    /// The tangents of a slot in one direction, one per sample.
    pub fn tangent_mut(&mut self, slot: usize, direction: usize) -> &mut [f64] {
        let start = (slot * self.directions + direction) * self.samples;
        &mut self.tangents[start..][..self.samples]
    }

    /// As [`tangent_mut`](Self::tangent_mut).
    pub fn tangent(&self, slot: usize, direction: usize) -> &[f64] {
        &self.tangents[(slot * self.directions + direction) * self.samples..][..self.samples]
    }

    /// The tangents of a slot's adjoint in one direction, one per sample.
    pub fn adjoint_tangent(&self, slot: usize, direction: usize) -> &[f64] {
        &self.adjoint_tangents[(slot * self.directions + direction) * self.samples..][..self.samples]
    }

    /// Computes all values and tangents from the leaves'.
    pub fn forward(
        &mut self,
        section: &Section,
        level: Level,
        interrupt: &Interrupt,
    ) -> Result<(), Interrupted> {
        let mut poll = Poll::new(interrupt);
        for run in &section.runs {
            Step { block: self, section, run, level }.forward();
            poll.after(run.len as usize * self.lanes())?;
        }
        Ok(())
    }

    /// Sets all adjoints and their tangents to zero, from the slot `first` on.
    pub fn clear_adjoints(&mut self, first: usize) {
        let lanes = self.lanes();
        self.adjoints[first * self.samples..].fill(0.0);
        self.adjoint_tangents[first * lanes..].fill(0.0);
    }

    /// Propagates adjoints and their tangents from the last slot to the first; the caller has put in the outputs' seeds.
    pub fn reverse(
        &mut self,
        section: &Section,
        level: Level,
        interrupt: &Interrupt,
    ) -> Result<(), Interrupted> {
        let mut poll = Poll::new(interrupt);
        for run in section.runs.iter().rev().filter(|run| run.active) {
            Step { block: self, section, run, level }.reverse();
            poll.after(run.len as usize * self.lanes())?;
        }
        Ok(())
    }
}

/// The slot of operand `k` of instruction `i` of a run.
#[inline(always)]
fn operand(section: &Section, run: &Run, k: usize, i: usize) -> usize {
    section.operands[run.operands as usize + k * run.len as usize + i] as usize
}

/// What one sweep does at a run. Compiled once for all ops: only [`Locals`] are per op.
struct Step<'s> {
    block: &'s mut Tangents,
    section: &'s Section,
    run: &'s Run,
    level: Level,
}

impl Step<'_> {
    fn forward(self) {
        let Step { block, section, run, level } = self;
        let (samples, lanes, first, op) = (block.samples, block.lanes(), run.first as usize, run.op);
        let compute = op.visit(LocalsOf).expect("a primitive op");
        let (count, constants) = (op.operand_count(), constants(op));
        let moves = run.active && !op.is_step();
        for i in 0..run.len as usize {
            let mut slots = [0; OPERANDS];
            (0..count).for_each(|k| slots[k] = operand(section, run, k, i));
            let (before, out) = block.values.split_at_mut((first + i) * samples);
            let mut x = [&before[..0]; OPERANDS];
            (0..count).for_each(|k| x[k] = &before[slots[k] * samples..][..samples]);
            let locals = Locals {
                x,
                y: &mut out[..samples],
                copied: run.copies.then(|| &before[operand(section, run, count, i) * samples..][..samples]),
                with_value: true,
                with_partials: moves && constants.is_none(),
                with_seconds: false,
                out: &mut block.locals,
                lanes,
            };
            compute(level, locals);
            if !moves {
                continue;
            }
            let (before, out) = block.tangents.split_at_mut((first + i) * lanes);
            let mut opens = true;
            for k in (0..count).filter(|&k| section.active[slots[k]]) {
                let factor = factor(constants, &block.locals, k, lanes);
                let (out, tangent) = (&mut out[..lanes], &before[slots[k] * lanes..][..lanes]);
                level.run(Move { out, opens, factor, tangent });
                opens = false;
            }
        }
    }

    fn reverse(self) {
        let Step { block, section, run, level } = self;
        let (samples, lanes, first, op) = (block.samples, block.lanes(), run.first as usize, run.op);
        let compute = op.visit(LocalsOf).expect("a primitive op");
        let (count, constants) = (op.operand_count(), constants(op));
        let bends = (0..count).any(|k| (0..count).any(|j| op.bends(k, j)));
        for i in (0..run.len as usize).rev() {
            let mut slots = [0; OPERANDS];
            (0..count).for_each(|k| slots[k] = operand(section, run, k, i));
            let (locals, rest) = block.locals.split_at_mut((count + count * count) * lanes);
            let (curves, repeated) = rest.split_at_mut(lanes);
            let (before, y) = block.values.split_at_mut((first + i) * samples);
            let mut x = [&before[..0]; OPERANDS];
            (0..count).for_each(|k| x[k] = &before[slots[k] * samples..][..samples]);
            let numbers = Locals {
                x,
                y: &mut y[..samples],
                copied: None,
                with_value: false,
                with_partials: constants.is_none(),
                with_seconds: bends,
                out: locals,
                lanes,
            };
            compute(level, numbers);
            let (adjoints, adjoint) = block.adjoints.split_at_mut((first + i) * samples);
            let (moving, moved) = block.adjoint_tangents.split_at_mut((first + i) * lanes);
            let (adjoint, moved) = (&adjoint[..samples], &moved[..lanes]);
            repeated[..samples].copy_from_slice(adjoint);
            repeat(&mut repeated[..lanes], samples);
            for k in (0..count).filter(|&k| section.active[slots[k]]) {
                let mut bent = false;
                for j in (0..count).filter(|&j| op.bends(k, j) && section.active[slots[j]]) {
                    let factor = Factor::Lanes(&locals[(count + k * count + j) * lanes..][..lanes]);
                    let tangent = &block.tangents[slots[j] * lanes..][..lanes];
                    level.run(Move { out: curves, opens: !bent, factor, tangent });
                    bent = true;
                }
                level.run(Pull {
                    adjoint,
                    to: &mut adjoints[slots[k] * samples..][..samples],
                    repeated: &repeated[..lanes],
                    tangent: moved,
                    tangent_to: &mut moving[slots[k] * lanes..][..lanes],
                    factor: factor(constants, locals, k, lanes),
                    curves: bent.then_some(&*curves),
                });
            }
        }
    }
}

/// The partials of a linear op.
fn constants(op: Op) -> Option<[f64; OPERANDS]> {
    op.is_linear().then(|| {
        let mut constants = [0.0; OPERANDS];
        let partials = op.partials(&[0.0; OPERANDS], 0.0);
        constants[..partials.len()].copy_from_slice(&partials);
        constants
    })
}

/// The partial with respect to operand `k`, once computed.
fn factor(constants: Option<[f64; OPERANDS]>, locals: &[f64], k: usize, lanes: usize) -> Factor<'_> {
    match constants {
        Some(constants) => Factor::Constant(constants[k]),
        None => Factor::Lanes(&locals[k * lanes..][..lanes]),
    }
}

/// Where an op's numbers are computed: once per sample, then repeated for each direction. Rows of `out` are the partials,
/// then the second partials, each with so many `lanes`.
struct Locals<'a> {
    x: [&'a [f64]; OPERANDS],
    y: &'a mut [f64],
    copied: Option<&'a [f64]>,
    with_value: bool,
    with_partials: bool,
    with_seconds: bool,
    out: &'a mut [f64],
    lanes: usize,
}

impl Locals<'_> {
    /// How many rows there may be, one more for the products of second partials and tangents, and one for the adjoint.
    fn rows(with_reverse: bool) -> usize {
        OPERANDS + if with_reverse { OPERANDS * OPERANDS + 2 } else { 0 }
    }
}

/// Picks the function that computes an op's locals.
struct LocalsOf;

impl Visitor for LocalsOf {
    type Output = fn(Level, Locals<'_>);
    fn visit<const N: usize, P: Primitive<N>>(self) -> Self::Output {
        |level, locals| level.run(Compiled(locals, PhantomData::<P>))
    }
}

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<Locals<'_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Locals { x, y, copied, with_value, with_partials, with_seconds, out, lanes } = self.0;
        let samples = y.len();
        if let Some(copied) = copied {
            y.copy_from_slice(copied);
        } else if with_value {
            for l in 0..samples {
                y[l] = P::value(at(x, l));
            }
        }
        if with_partials {
            for l in 0..samples {
                let p = P::partials(at(x, l), y[l]);
                for k in 0..N {
                    out[k * lanes + l] = p[k];
                }
            }
            for k in 0..N {
                repeat(&mut out[k * lanes..][..lanes], samples);
            }
        }
        if with_seconds {
            for l in 0..samples {
                let p = P::seconds(at(x, l), y[l]);
                for k in 0..N {
                    for j in 0..N {
                        out[(N + k * N + j) * lanes + l] = p[k][j];
                    }
                }
            }
            for row in N..N + N * N {
                repeat(&mut out[row * lanes..][..lanes], samples);
            }
        }
    }
}

/// The operands in one lane.
#[inline(always)]
fn at<const N: usize>(x: [&[f64]; OPERANDS], lane: usize) -> [f64; N] {
    let mut at = [0.0; N];
    for k in 0..N {
        at[k] = x[k][lane];
    }
    at
}

/// Repeats the first so many numbers up to the end.
#[inline(always)]
fn repeat(row: &mut [f64], first: usize) {
    let (source, rest) = row.split_at_mut(first);
    if let [only] = source {
        rest.fill(*only);
    } else {
        rest.chunks_mut(first.max(1)).for_each(|part| part.copy_from_slice(&source[..part.len()]));
    }
}

/// The same for all lanes, or one each.
#[derive(Clone, Copy)]
enum Factor<'a> {
    Constant(f64),
    Lanes(&'a [f64]),
}

/// `out (+)= factor * tangent`
struct Move<'a> {
    out: &'a mut [f64],
    opens: bool,
    factor: Factor<'a>,
    tangent: &'a [f64],
}

impl Kernel for Move<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Move { out, opens, factor, tangent } = self;
        match factor {
            Factor::Constant(c) => {
                for l in 0..out.len() {
                    out[l] = if opens { 0.0 } else { out[l] } + c * tangent[l];
                }
            }
            Factor::Lanes(p) => {
                for l in 0..out.len() {
                    out[l] = if opens { 0.0 } else { out[l] } + product(p[l], tangent[l]);
                }
            }
        }
    }
}

/// What one operand gets: `to += factor * adjoint`, `tangent_to += factor * tangent + curves * adjoint`.
struct Pull<'a> {
    adjoint: &'a [f64],
    to: &'a mut [f64],
    /// The adjoint for each direction.
    repeated: &'a [f64],
    tangent: &'a [f64],
    tangent_to: &'a mut [f64],
    factor: Factor<'a>,
    curves: Option<&'a [f64]>,
}

impl Kernel for Pull<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Pull { adjoint, to, repeated, tangent, tangent_to, factor, curves } = self;
        match factor {
            Factor::Constant(c) => {
                for l in 0..to.len() {
                    to[l] += c * adjoint[l];
                }
                for l in 0..tangent_to.len() {
                    tangent_to[l] += c * tangent[l];
                }
            }
            Factor::Lanes(p) => {
                for l in 0..to.len() {
                    to[l] += contribution(adjoint[l], p[l]);
                }
                for l in 0..tangent_to.len() {
                    tangent_to[l] += contribution(tangent[l], p[l]);
                }
            }
        }
        if let Some(curves) = curves {
            for l in 0..tangent_to.len() {
                tangent_to[l] += product(repeated[l], curves[l]);
            }
        }
    }
}
