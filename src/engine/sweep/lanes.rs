//! A block of samples: every slot holds as many lanes as the block has samples, and every instruction is a loop over
//! lanes that the compiler vectorises.
//!
//! Partials are recomputed from the values on the way back: that costs less than storing a block of them. The adjoints of
//! leaves that are the same for every sample gather lane by lane over all blocks of a chunk and are summed once at its
//! end, in a fixed order.

use std::marker::PhantomData;
use std::ops::Range;

use super::point::{Compiled, contribution};
use super::result::Binding;
use crate::engine::kernels::{Aligned, Kernel, Level, prefetch};
use crate::engine::op::{Primitive, Visitor};
use crate::engine::tape::{Flow, Run, Section};

/// The least lanes of a block; the others are multiples of it.
const WIDTH: usize = 8;

/// Values and adjoints of a block: `lanes` numbers per slot.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub lanes: usize,
    /// The samples of each leaf that has some. Whole blocks of them are read where they are.
    samples: Vec<Option<&'a [f64]>>,
    /// The sample of the first lane, if the block is whole.
    first: Option<usize>,
    values: Aligned<f64>,
    adjoints: Aligned<f64>,
    /// Lane by lane, over all blocks of a chunk, of each output that is reduced.
    totals: Aligned<f64>,
}

/// How many lanes a block has: a power of two, such that a section's values and adjoints stay in the first-level cache
/// (32 KiB) with up to 256 lanes, else in the second (512 KiB) with up to 64, and at least 8. A function of the section
/// alone, so that sums come out the same everywhere.
pub(super) fn block_lanes(section: &Section) -> usize {
    let fitting = |numbers: usize, most: usize| {
        let lanes = (numbers / (2 * section.slots().max(1))).clamp(WIDTH, most);
        1 << lanes.ilog2()
    };
    fitting(1 << 12, 256).max(fitting(1 << 16, 64))
}

impl<'a> Block<'a> {
    /// Room for a block of `section`, whose leaves have these samples, and of which so many outputs are reduced.
    pub fn new(
        section: &Section,
        samples: Vec<Option<&'a [f64]>>,
        with_gradient: bool,
        reduced: usize,
    ) -> Self {
        let lanes = block_lanes(section);
        let size = section.slots() * lanes;
        Self {
            lanes,
            samples,
            first: None,
            values: Aligned::zeros(size),
            adjoints: Aligned::zeros(if with_gradient { size } else { 0 }),
            totals: Aligned::zeros(reduced * lanes),
        }
    }

    /// The lanes of a slot's value.
    pub fn value_mut(&mut self, slot: usize) -> &mut [f64] {
        &mut self.values[slot * self.lanes..][..self.lanes]
    }

    /// The lanes of a slot's value.
    pub fn value(&self, slot: usize) -> &[f64] {
        in_place(&self.samples, self.first, self.lanes).lanes_of(slot, &self.values)
    }

    /// Puts the samples from `first` on, `count` of them, into the leaves. Lanes past the last sample repeat it.
    pub fn load(&mut self, first: usize, count: usize) {
        self.first = (count == self.lanes).then_some(first);
        if self.first.is_some() {
            return;
        }
        for slot in 0..self.samples.len() {
            let Some(samples) = self.samples[slot] else { continue };
            let part = &samples[first..][..count];
            let values = self.value_mut(slot);
            values[..count].copy_from_slice(part);
            values[count..].fill(part[count - 1]);
        }
    }

    /// The lanes of a slot's adjoint, which it shares with no other: a uniform leaf's or an output's.
    fn adjoint_mut(&mut self, slot: usize) -> &mut [f64] {
        &mut self.adjoints[slot * self.lanes..][..self.lanes]
    }

    /// The lanes of a slot's adjoint.
    pub fn adjoint(&self, section: &Section, slot: usize) -> &[f64] {
        &self.adjoints[section.adjoint_of[slot] as usize * self.lanes..][..self.lanes]
    }

    /// Computes all values from the leaves'. Tells whether all of them are finite. Meanwhile the memory looks up the next
    /// block's samples, those of a few leaves after each run: of all at once it would keep the first runs waiting.
    pub fn forward(&mut self, section: &Section, level: Level) -> bool {
        let next = self.first.map_or(usize::MAX, |first| first + self.lanes);
        let at_once = self.samples.len().div_ceil(section.runs.len().max(1));
        let mut ahead = self.samples.chunks(at_once.max(1));
        let mut forward = Forward {
            level,
            in_place: in_place(&self.samples, self.first, self.lanes),
            values: &mut self.values,
            operands: &section.operands,
            finite: Finite::default(),
        };
        for run in &section.runs {
            run.op.visit(ForwardRun(&mut forward, run));
            for samples in ahead.next().unwrap_or_default().iter().flatten() {
                prefetch(samples.get(next..next.saturating_add(self.lanes)).unwrap_or_default());
            }
        }
        forward.finite.holds()
    }

    /// Begins a chunk: what gathers over its blocks is zero, that is the totals and the adjoints of the first `gathering`
    /// slots.
    pub fn start_sums(&mut self, gathering: usize) {
        self.totals.fill(0.0);
        self.adjoints[..gathering * self.lanes].fill(0.0);
    }

    /// Adds the values of `slots`, each to its total, in the first so many lanes.
    pub fn add_to_totals(&mut self, slots: &[u32], lanes: usize, level: Level) {
        let in_place = in_place(&self.samples, self.first, self.lanes);
        for (total, &slot) in self.totals.chunks_exact_mut(self.lanes).zip(slots) {
            let terms = &in_place.lanes_of(slot as usize, &self.values)[..lanes];
            level.run(Add { to: &mut total[..lanes], terms });
        }
    }

    /// The sum of a total's lanes, which are lost.
    pub fn sum_total(&mut self, index: usize) -> f64 {
        tree_sum(&mut self.totals[index * self.lanes..][..self.lanes])
    }

    /// The sum of the lanes of a slot's adjoint, which are lost.
    pub fn sum_adjoint(&mut self, slot: usize) -> f64 {
        tree_sum(self.adjoint_mut(slot))
    }

    /// Sets the adjoint of an output's slot to zero.
    pub fn unseed(&mut self, slot: usize) {
        self.adjoint_mut(slot).fill(0.0);
    }

    /// Adds `seed` to the adjoint of an output's slot, in the first lanes, which hold `samples`.
    pub fn seed(&mut self, slot: usize, seed: Binding<'_>, samples: Range<usize>, level: Level) {
        let to = &mut self.adjoint_mut(slot)[..samples.len()];
        match seed {
            Binding::Number(by) => level.run(Raise { lanes: to, by }),
            Binding::Samples(seeds) => level.run(Add { to, terms: &seeds[samples] }),
        }
    }

    /// Propagates the adjoints from the last slot to the first; the caller has put in the outputs' seeds. What the slots
    /// held before does not matter, except those that gather.
    pub fn reverse(&mut self, section: &Section, level: Level) {
        let mut reverse = Reverse {
            level,
            in_place: in_place(&self.samples, self.first, self.lanes),
            values: &self.values,
            adjoints: &mut self.adjoints,
            adjoint_of: &section.adjoint_of,
            operands: &section.operands,
            flows: &section.flows,
        };
        for run in section.runs.iter().rev().filter(|run| run.active) {
            run.op.visit(ReverseRun(&mut reverse, run));
        }
    }

    /// Whether all lanes of a slot's adjoint are finite.
    pub fn adjoint_is_finite(&self, section: &Section, slot: usize) -> bool {
        let mut finite = Finite::default();
        for &adjoint in self.adjoint(section, slot) {
            finite.see(adjoint);
        }
        finite.holds()
    }
}

/// Where the lanes of values are.
#[derive(Clone, Copy)]
struct InPlace<'s> {
    /// The samples of the first slots, where they are read in place.
    samples: &'s [Option<&'s [f64]>],
    /// The sample of the first lane.
    first: usize,
    lanes: usize,
}

/// Of a block whose first lane is the sample `first`, if it is whole. Its fields are borrowed one by one, since others are
/// written meanwhile.
fn in_place<'s>(samples: &'s [Option<&'s [f64]>], first: Option<usize>, lanes: usize) -> InPlace<'s> {
    InPlace { samples: if first.is_some() { samples } else { &[] }, first: first.unwrap_or(0), lanes }
}

impl<'s> InPlace<'s> {
    /// The lanes of a slot, of which the others are in `values`.
    #[inline(always)]
    fn lanes_of<'v>(self, slot: usize, values: &'v [f64]) -> &'v [f64]
    where
        's: 'v,
    {
        match self.samples.get(slot) {
            Some(Some(samples)) => &samples[self.first..][..self.lanes],
            _ => &values[slot * self.lanes..][..self.lanes],
        }
    }
}

/// The sum in a fixed tree order: halves are added to each other until one number is left. The terms are lost.
pub(super) fn tree_sum(mut terms: &mut [f64]) -> f64 {
    while terms.len() > 1 {
        let (left, right) = terms.split_at_mut(terms.len().div_ceil(2));
        left.iter_mut().zip(right).for_each(|(left, right)| *left += *right);
        terms = left;
    }
    terms.first().copied().unwrap_or(0.0)
}

/// Whether all numbers seen are finite: infinite and NaN ones become NaN, once multiplied by zero, and show in the bits.
/// Bits, unlike sums, may be gathered in any order, so that the loop around is vectorised.
#[derive(Clone, Copy, Default)]
struct Finite(u64);

impl Finite {
    #[inline(always)]
    fn see(&mut self, number: f64) {
        self.0 |= (number * 0.0).to_bits();
    }

    fn holds(self) -> bool {
        self.0 << 1 == 0
    }
}

// The loops over lanes below are plain and as long as a block, and see the number of lanes at run time: the compiler
// unrolls short ones of known length before it could vectorise them. They are functions of their own because it then knows
// that what they write is not what they read.

/// `out[l] = P(x[0][l], ...)` for all lanes l.
#[inline(always)]
fn map<const N: usize, P: Primitive<N>>(out: &mut [f64], x: [&[f64]; N], finite: &mut Finite) {
    let mut seen = *finite;
    for l in 0..out.len() {
        let mut at = [0.0; N];
        for k in 0..N {
            at[k] = x[k][l];
        }
        let y = P::value(at);
        seen.see(y);
        out[l] = y;
    }
    *finite = seen;
}

/// `target[l] += adjoint[l] * dP/dx[K]` for all lanes l, where `target` counts as zero if this `opens` it.
#[inline(always)]
fn accumulate<const N: usize, P: Primitive<N>, const K: usize>(
    target: &mut [f64],
    opens: bool,
    adjoint: &[f64],
    x: [&[f64]; N],
    y: &[f64],
) {
    for l in 0..target.len() {
        let mut at = [0.0; N];
        for k in 0..N {
            at[k] = x[k][l];
        }
        let partial = P::partials(at, y[l])[K];
        let term = if P::OP.is_linear() { adjoint[l] * partial } else { contribution(adjoint[l], partial) };
        target[l] = if opens { 0.0 } else { target[l] } + term;
    }
}

/// Adds the terms lane by lane.
struct Add<'a> {
    to: &'a mut [f64],
    terms: &'a [f64],
}

impl Kernel for Add<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.to.iter_mut().zip(self.terms).for_each(|(to, term)| *to += term);
    }
}

/// Adds the same to all lanes.
struct Raise<'a> {
    lanes: &'a mut [f64],
    by: f64,
}

impl Kernel for Raise<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        self.lanes.iter_mut().for_each(|lane| *lane += self.by);
    }
}

/// What all runs of a forward sweep share.
struct Forward<'a> {
    level: Level,
    in_place: InPlace<'a>,
    values: &'a mut [f64],
    operands: &'a [u32],
    finite: Finite,
}

struct ForwardRun<'f, 'a>(&'f mut Forward<'a>, &'f Run);

impl Visitor for ForwardRun<'_, '_> {
    type Output = ();
    #[inline]
    fn visit<const N: usize, P: Primitive<N>>(self) {
        self.0.level.run(Compiled(self, PhantomData::<P>));
    }
}

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<ForwardRun<'_, '_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ForwardRun(sweep, run) = self.0;
        let (lanes, len) = (sweep.in_place.lanes, run.len as usize);
        let (before, out) = sweep.values.split_at_mut(run.first as usize * lanes);
        let streams = &sweep.operands[run.operands as usize..];
        for i in 0..len {
            let out = &mut out[i * lanes..][..lanes];
            if run.copies {
                out.copy_from_slice(sweep.in_place.lanes_of(streams[N * len + i] as usize, before));
                continue;
            }
            let mut x = [&before[..0]; N];
            for k in 0..N {
                x[k] = sweep.in_place.lanes_of(streams[k * len + i] as usize, before);
            }
            map::<N, P>(out, x, &mut sweep.finite);
        }
    }
}

/// What all runs of a reverse sweep share.
struct Reverse<'a> {
    level: Level,
    in_place: InPlace<'a>,
    values: &'a [f64],
    adjoints: &'a mut [f64],
    adjoint_of: &'a [u32],
    operands: &'a [u32],
    flows: &'a [Flow],
}

struct ReverseRun<'r, 'a>(&'r mut Reverse<'a>, &'r Run);

impl Visitor for ReverseRun<'_, '_> {
    type Output = ();
    #[inline]
    fn visit<const N: usize, P: Primitive<N>>(self) {
        self.0.level.run(Compiled(self, PhantomData::<P>));
    }
}

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<ReverseRun<'_, '_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ReverseRun(sweep, run) = self.0;
        let (lanes, len, first) = (sweep.in_place.lanes, run.len as usize, run.first as usize);
        let (before, out) = sweep.adjoints.split_at_mut(first * lanes);
        let streams = &sweep.operands[run.operands as usize..];
        let flows = &sweep.flows[run.operands as usize..];
        for i in (0..len).rev() {
            // Adjoints are shared with later slots only.
            let shared = sweep.adjoint_of[first + i] as usize;
            let adjoint = &out[(shared - first) * lanes..][..lanes];
            let y = &sweep.values[(first + i) * lanes..][..lanes];
            let mut slots = [0; N];
            let mut x = [&sweep.values[..0]; N];
            for k in 0..N {
                slots[k] = streams[k * len + i] as usize;
                x[k] = sweep.in_place.lanes_of(slots[k], sweep.values);
            }
            // One by one, since the operand's position must be known when its loop is compiled.
            if flows[i].writes() {
                let target = &mut before[slots[0] * lanes..][..lanes];
                accumulate::<N, P, 0>(target, flows[i] == Flow::Opens, adjoint, x, y);
            }
            if N > 1 && flows[len + i].writes() {
                let target = &mut before[slots[1] * lanes..][..lanes];
                accumulate::<N, P, 1>(target, flows[len + i] == Flow::Opens, adjoint, x, y);
            }
            if N > 2 && flows[2 * len + i].writes() {
                let target = &mut before[slots[2] * lanes..][..lanes];
                accumulate::<N, P, 2>(target, flows[2 * len + i] == Flow::Opens, adjoint, x, y);
            }
        }
    }
}
