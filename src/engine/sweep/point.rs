//! One point: a section's values and partials forward, its adjoints backward.
//!
//! The instructions of a run are independent of each other, so that their values are computed in groups of
//! [`GROUP`]: operands are gathered into arrays, over which the op's function is vectorised.

use std::marker::PhantomData;

use crate::engine::kernels::{Kernel, Level};
use crate::engine::op::{Primitive, Visitor};
use crate::engine::tape::Section;
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
        // Infinite and NaN values turn this sum into NaN, once multiplied by zero.
        let mut finite = 0.0;
        let mut poll = Poll::new(interrupt);
        for run in &section.runs {
            let (before, out) = self.values.split_at_mut(run.first as usize);
            let streams = run.operands as usize;
            let partials = (with_gradient && run.active).then(|| &mut self.partials[streams..]);
            run.op.visit(&mut ForwardRun {
                level,
                copies: run.copies,
                before,
                out: &mut out[..run.len as usize],
                streams: &section.operands[streams..],
                partials,
                finite: &mut finite,
            });
            poll.after(run.len as usize)?;
        }
        Ok(finite == 0.0)
    }

    /// Propagates the adjoints from the last slot to the first; the caller has put in the outputs' seeds.
    pub fn reverse(&mut self, section: &Section, interrupt: &Interrupt) -> Result<(), Interrupted> {
        let mut poll = Poll::new(interrupt);
        for run in section.runs.iter().rev().filter(|run| run.active) {
            let (before, out) = self.adjoints.split_at_mut(run.first as usize);
            let streams = run.operands as usize;
            run.op.visit(&mut ReverseRun {
                before,
                out: &out[..run.len as usize],
                streams: &section.operands[streams..],
                partials: &self.partials[streams..],
            });
            poll.after(run.len as usize)?;
        }
        Ok(())
    }
}

/// Looks at the interrupt every [`POLL`] instructions.
struct Poll<'a> {
    interrupt: &'a Interrupt,
    left: usize,
}

impl<'a> Poll<'a> {
    fn new(interrupt: &'a Interrupt) -> Self {
        Self { interrupt, left: POLL }
    }

    fn after(&mut self, instructions: usize) -> Result<(), Interrupted> {
        if self.left < instructions {
            self.interrupt.check()?;
            self.left = POLL;
        }
        self.left = self.left.saturating_sub(instructions);
        Ok(())
    }
}

struct ForwardRun<'a> {
    level: Level,
    copies: bool,
    before: &'a mut [f64],
    out: &'a mut [f64],
    streams: &'a [u32],
    partials: Option<&'a mut [f64]>,
    finite: &'a mut f64,
}

// By reference: a run of one instruction must not pay for moving all this.
impl Visitor for &mut ForwardRun<'_> {
    type Output = ();
    fn visit<const N: usize, P: Primitive<N>>(self) {
        self.level.run(Compiled(self, PhantomData::<P>));
    }
}

/// A run together with its op, to be compiled for each level.
pub(super) struct Compiled<R, P, const N: usize>(pub R, pub PhantomData<P>);

impl<const N: usize, P: Primitive<N>> Kernel for Compiled<&mut ForwardRun<'_>, P, N> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let ForwardRun { copies, before, out, streams, partials, finite, .. } = self.0;
        let (copies, streams): (bool, &[u32]) = (*copies, streams);
        let len = out.len();
        let (operands, sources) = streams.split_at(N * len);
        let streams: [&[u32]; N] = std::array::from_fn(|k| &operands[k * len..(k + 1) * len]);
        let mut stored = if P::OP.is_linear() { None } else { partials.as_deref_mut() };
        let mut start = 0;
        // Groups that are full: the loops over lanes are vectorised. Plain loops throughout: a closure would be compiled
        // without the level's instructions.
        while len - start >= GROUP {
            let x: [[f64; N]; GROUP] = gather(before, &streams, start);
            let mut y = [0.0; GROUP];
            if copies {
                for l in 0..GROUP {
                    y[l] = before[sources[start + l] as usize];
                }
            } else {
                for l in 0..GROUP {
                    y[l] = P::value(x[l]);
                }
            }
            out[start..start + GROUP].copy_from_slice(&y);
            for y in y {
                **finite += y * 0.0;
            }
            if let Some(stored) = &mut stored {
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
        for i in start..len {
            let [x] = gather::<N, 1>(before, &streams, i);
            let y = if copies { before[sources[i] as usize] } else { P::value(x) };
            out[i] = y;
            **finite += y * 0.0;
            if let Some(stored) = &mut stored {
                let p = P::partials(x, y);
                for k in 0..N {
                    stored[k * len + i] = p[k];
                }
            }
        }
    }
}

/// The operands of `G` instructions from `start` on.
#[inline(always)]
fn gather<const N: usize, const G: usize>(
    values: &[f64],
    streams: &[&[u32]; N],
    start: usize,
) -> [[f64; N]; G] {
    let mut gathered = [[0.0; N]; G];
    for k in 0..N {
        let slots = &streams[k][start..start + G];
        for l in 0..G {
            gathered[l][k] = values[slots[l] as usize];
        }
    }
    gathered
}

struct ReverseRun<'a> {
    before: &'a mut [f64],
    out: &'a [f64],
    streams: &'a [u32],
    partials: &'a [f64],
}

impl Visitor for &mut ReverseRun<'_> {
    type Output = ();

    /// Adds each instruction's contributions to its operands' adjoints. Nothing here needs a level: it does not vectorise.
    fn visit<const N: usize, P: Primitive<N>>(self) {
        let ReverseRun { before, out, streams, partials } = self;
        let len = out.len();
        let (streams, stored) = (&streams[..N * len], &partials[..N * len]);
        let constant = if P::OP.is_linear() { P::partials([0.0; N], 0.0) } else { [0.0; N] };
        for i in (0..len).rev() {
            let adjoint = out[i];
            for k in 0..N {
                let term = if P::OP.is_linear() {
                    adjoint * constant[k]
                } else {
                    contribution(adjoint, stored[k * len + i])
                };
                before[streams[k * len + i] as usize] += term;
            }
        }
    }
}
