//! Patterns found by sweeping over bits instead of numbers: each bit of a word is a direction, of one input alone, and is
//! set where something can move in it.

use super::pattern::Pattern;
use crate::engine::interrupt::{Interrupt, Interrupted, Poll};
use crate::engine::tape::{Leaf, Place, Run, Section, Tape};

/// Directions of a sweep.
const BITS: usize = u64::BITS as usize;

/// Which outputs of `tape` depend on which of its `wanted` inputs: outputs are rows. `grow` is told of so many entries
/// before they are kept for good, and may refuse.
pub(super) fn jacobian<E: From<Interrupted>>(
    tape: &Tape,
    wanted: &[usize],
    mut grow: impl FnMut(usize) -> Result<(), E>,
    interrupt: &Interrupt,
) -> Result<Pattern, E> {
    let mut pattern = Pattern::new(tape.outputs.len(), wanted.len());
    let mut uniform = vec![0; tape.uniform.slots()];
    let mut varying = vec![0; tape.varying.slots()];
    for (block, inputs) in wanted.chunks(BITS).enumerate() {
        uniform.fill(0);
        varying.fill(0);
        for (bit, &input) in inputs.iter().enumerate() {
            match tape.inputs[input] {
                Some(Place::Uniform(slot)) => uniform[slot as usize] = 1 << bit,
                Some(Place::Varying(slot)) => varying[slot as usize] = 1 << bit,
                None => {}
            }
        }
        forward(&tape.uniform, &mut uniform, interrupt)?;
        for (slot, leaf) in tape.varying.leaves.iter().enumerate() {
            if let Leaf::Uniform(from) = *leaf {
                varying[slot] = uniform[from as usize];
            }
        }
        forward(&tape.varying, &mut varying, interrupt)?;
        let mut found = 0;
        for (row, place) in tape.outputs.iter().enumerate() {
            let bits = match *place {
                Place::Uniform(slot) => uniform[slot as usize],
                Place::Varying(slot) => varying[slot as usize],
            };
            found += pattern.push(row, block * BITS, bits);
        }
        grow(found)?;
    }
    Ok(pattern)
}

/// Which pairs of `wanted` inputs meet in an op that bends and that an output of `tape` depends on. All of them lie in
/// `section`, each in its `slots`.
pub(super) fn hessian<E: From<Interrupted>>(
    section: &Section,
    outputs: &[usize],
    slots: &[Option<usize>],
    mut grow: impl FnMut(usize) -> Result<(), E>,
    interrupt: &Interrupt,
) -> Result<Pattern, E> {
    let mut pattern = Pattern::new(slots.len(), slots.len());
    let used = used(section, outputs, interrupt)?;
    let mut moved = vec![0; section.slots()];
    let mut back = vec![0; section.slots()];
    for (block, inputs) in slots.chunks(BITS).enumerate() {
        moved.fill(0);
        back.fill(0);
        for (bit, slot) in inputs.iter().enumerate() {
            if let Some(slot) = *slot {
                moved[slot] = 1 << bit;
            }
        }
        forward(section, &mut moved, interrupt)?;
        reverse(section, &moved, &used, &mut back, interrupt)?;
        let mut found = 0;
        for (row, slot) in slots.iter().enumerate() {
            found += pattern.push(row, block * BITS, slot.map_or(0, |slot| back[slot]));
        }
        grow(found)?;
    }
    Ok(pattern)
}

fn operand(section: &Section, run: &Run, k: usize, i: usize) -> usize {
    section.operands[run.operands as usize + k * run.len as usize + i] as usize
}

/// The directions in which each slot moves.
fn forward(section: &Section, moved: &mut [u64], interrupt: &Interrupt) -> Result<(), Interrupted> {
    let mut poll = Poll::new(interrupt);
    for run in section.runs.iter().filter(|run| run.active) {
        for k in (0..run.op.operand_count()).filter(|&k| run.op.depends_on(k)) {
            for i in 0..run.len as usize {
                moved[run.first as usize + i] |= moved[operand(section, run, k, i)];
            }
        }
        poll.after(run.len as usize)?;
    }
    Ok(())
}

/// The slots that have an adjoint.
fn used(section: &Section, outputs: &[usize], interrupt: &Interrupt) -> Result<Vec<bool>, Interrupted> {
    let mut used = vec![false; section.slots()];
    outputs.iter().for_each(|&slot| used[slot] = true);
    let mut poll = Poll::new(interrupt);
    for run in section.runs.iter().rev().filter(|run| run.active) {
        for k in (0..run.op.operand_count()).filter(|&k| run.op.depends_on(k)) {
            for i in 0..run.len as usize {
                if used[run.first as usize + i] {
                    used[operand(section, run, k, i)] = true;
                }
            }
        }
        poll.after(run.len as usize)?;
    }
    Ok(used)
}

/// The directions in which each slot's adjoint moves.
fn reverse(
    section: &Section,
    moved: &[u64],
    used: &[bool],
    back: &mut [u64],
    interrupt: &Interrupt,
) -> Result<(), Interrupted> {
    let mut poll = Poll::new(interrupt);
    for run in section.runs.iter().rev().filter(|run| run.active) {
        let count = run.op.operand_count();
        for i in (0..run.len as usize).filter(|i| used[run.first as usize + i]) {
            for k in (0..count).filter(|&k| run.op.depends_on(k)) {
                let bends = (0..count).filter(|&j| run.op.bends(k, j));
                let bent = bends.fold(0, |bits, j| bits | moved[operand(section, run, j, i)]);
                back[operand(section, run, k, i)] |= back[run.first as usize + i] | bent;
            }
        }
        poll.after(run.len as usize)?;
    }
    Ok(())
}
