//! Primitives to runs: sorted by level and op, split into the uniform and the varying section, numbered by slot.

use crate::engine::interrupt::{Interrupt, Interrupted, Poll};

use super::super::graph::NodeId;
use super::super::op::Op;
use super::lower::{Code, Lowered, NONE, Primitive};
use super::share;
use super::{CompileOptions, Flow, Leaf, Place, Role, Run, Section, Tape};

/// Instructions that are sorted by comparisons.
const FEW: usize = 32;

/// What instructions of one run have in common, besides the level.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    op: Op,
    copies: bool,
    active: bool,
}

pub(super) fn schedule(
    lowered: &Lowered,
    outputs: &[NodeId],
    roles: &[Role],
    options: CompileOptions,
    interrupt: &Interrupt,
) -> Result<Tape, Interrupted> {
    let mut builder = Builder {
        slot_of: vec![NONE; lowered.len()],
        crossing: Vec::new(),
        uniform: Section::default(),
        varying: Section::default(),
        equal_to: if options.share { share::equals(lowered, interrupt)? } else { Vec::new() },
        lowered,
    };
    let varying = lowered.primitives.iter().filter(|primitive| primitive.varying).count();
    builder.section(false, lowered.len() - varying, interrupt)?;
    if varying > 0 {
        builder.section(true, varying, interrupt)?;
    }
    let place = |index: u32| {
        let slot = builder.slot_of[index as usize];
        if lowered.primitives[index as usize].varying { Place::Varying(slot) } else { Place::Uniform(slot) }
    };
    let mut inputs = vec![None; roles.len()];
    for index in (0..lowered.len()).filter(|&index| lowered.primitives[index].op().is_none()) {
        if let Code::Input(position) = lowered.code(index) {
            inputs[position as usize] = Some(place(index as u32));
        }
    }
    let outputs: Vec<Place> = outputs.iter().map(|node| place(lowered.index_of[node.index()])).collect();
    let Builder { uniform, mut varying, .. } = builder;
    varying.find_flows(&outputs);
    Ok(Tape { uniform, varying, outputs, inputs, roles: roles.to_vec(), traced: options.trace })
}

struct Builder<'a> {
    lowered: &'a Lowered,
    /// The first primitive that is equal to each one; empty if no costly one is equal to another.
    equal_to: Vec<u32>,
    /// The slot of each primitive in its own section.
    slot_of: Vec<u32>,
    /// The slot in the varying section of each uniform primitive that a varying one uses.
    crossing: Vec<u32>,
    uniform: Section,
    varying: Section,
}

impl Builder<'_> {
    /// Of `count` primitives. Looks at the interrupt between its passes, each of which takes some 10 ns per primitive, and after each run.
    fn section(&mut self, varying: bool, count: usize, interrupt: &Interrupt) -> Result<(), Interrupted> {
        let mut poll = Poll::new(interrupt);
        let lowered = self.lowered;
        let mut section = Section::with_room_for(count);
        if varying {
            self.cross(&mut section);
        }
        let mut members: Vec<u32> = Vec::with_capacity(count);
        members.extend(
            (0u32..)
                .zip(&lowered.primitives)
                .filter_map(|(i, p)| (p.needed && p.varying == varying).then_some(i)),
        );
        for &index in &members {
            let leaf = match lowered.code(index as usize) {
                Code::Constant(value) => Leaf::Constant(value),
                Code::Input(position) => Leaf::Input(position),
                Code::Apply(_) => continue,
            };
            self.slot_of[index as usize] = section.slots() as u32;
            section.push_leaf(leaf, lowered, index);
        }
        interrupt.check()?;
        let order = self.sorted(members);
        interrupt.check()?;
        for (position, &index) in order.iter().enumerate() {
            self.slot_of[index as usize] = (section.slots() + position) as u32;
        }
        let mut rest = &order[..];
        while let Some(&first) = rest.first() {
            let (kind, level) = (self.kind(first), lowered.primitives[first as usize].level);
            let len = rest
                .iter()
                .take_while(|&&i| lowered.primitives[i as usize].level == level && self.kind(i) == kind)
                .count();
            self.push_run(&mut section, kind, &rest[..len], varying);
            rest = &rest[len..];
            poll.after(len)?;
        }
        if varying {
            self.varying = section;
        } else {
            self.uniform = section;
        }
        Ok(())
    }

    /// Gives every uniform primitive that a varying one uses a leaf of the varying section.
    fn cross(&mut self, section: &mut Section) {
        let lowered = self.lowered;
        self.crossing = vec![NONE; lowered.len()];
        for index in (0..lowered.len()).filter(|&i| lowered.primitives[i].varying) {
            for &operand in lowered.operands(index) {
                let operand_index = operand as usize;
                if !lowered.primitives[operand_index].varying && self.crossing[operand_index] == NONE {
                    self.crossing[operand_index] = section.slots() as u32;
                    section.push_leaf(Leaf::Uniform(self.slot_of[operand_index]), lowered, operand);
                }
            }
        }
    }

    /// The instructions among `members`, sorted by level, then activity and op, then their order: two stable counting
    /// sorts, whose counters would take longer than a few members. Nothing that an option of the compiler changes is part of the key.
    fn sorted(&self, mut members: Vec<u32>) -> Vec<u32> {
        let primitive = |i: u32| &self.lowered.primitives[i as usize];
        members.retain(|&i| primitive(i).op().is_some());
        let rank = |i: u32| {
            let op = primitive(i).op().expect("leaves are not scheduled");
            usize::from(primitive(i).active) * Op::COUNT + op as usize
        };
        let level = |i: u32| primitive(i).level as usize;
        if members.len() <= FEW {
            members.sort_by_key(|&i| (level(i), rank(i)));
            return members;
        }
        let by_op = counting_sort(&members, 2 * Op::COUNT, rank);
        let levels = by_op.iter().map(|&i| level(i) + 1).max().unwrap_or(0);
        counting_sort(&by_op, levels, level)
    }

    fn kind(&self, index: u32) -> Kind {
        let primitive = &self.lowered.primitives[index as usize];
        let op = primitive.op().expect("leaves are not scheduled");
        // A folded constant keeps its level, so that what is computed from it may come after what is equal to it.
        let comes_before =
            |&first: &u32| first != index && self.lowered.primitives[first as usize].level <= primitive.level;
        let copies = op.is_costly() && self.equal_to.get(index as usize).is_some_and(comes_before);
        Kind { op: self.specialised(op, index), copies, active: primitive.active }
    }

    /// A power with a constant exponent of 2 or -1 runs as the cheaper op that gives the same bits, unless the
    /// exponent's own adjoint is wanted.
    fn specialised(&self, op: Op, index: u32) -> Op {
        if op != Op::Pow {
            return op;
        }
        let exponent = self.lowered.operands(index as usize)[1] as usize;
        let is_fixed = !self.lowered.primitives[exponent].active;
        match self.lowered.code(exponent) {
            Code::Constant(value) if is_fixed && value == 2.0 => Op::Square,
            Code::Constant(value) if is_fixed && value == -1.0 => Op::Reciprocal,
            _ => op,
        }
    }

    fn push_run(&self, section: &mut Section, kind: Kind, members: &[u32], varying: bool) {
        let lowered = self.lowered;
        section.runs.push(Run {
            op: kind.op,
            copies: kind.copies,
            active: kind.active,
            first: section.slots() as u32,
            len: members.len() as u32,
            operands: section.operands.len() as u32,
        });
        let arity = kind.op.operand_count();
        for position in 0..arity {
            section.operands.extend(members.iter().map(|&index| {
                let operand = lowered.operands(index as usize)[position] as usize;
                if varying && !lowered.primitives[operand].varying {
                    self.crossing[operand]
                } else {
                    self.slot_of[operand]
                }
            }));
        }
        if kind.copies {
            let sources = members.iter().map(|&index| self.slot_of[self.equal_to[index as usize] as usize]);
            section.operands.extend(sources);
        }
        section.origin.extend(members.iter().map(|&index| lowered.primitives[index as usize].origin));
        section.active.extend(members.iter().map(|&index| lowered.primitives[index as usize].active));
    }
}

impl Section {
    /// With room for `count` primitives of up to two operands; a large section has few leaves and runs beside them.
    fn with_room_for(count: usize) -> Self {
        Self {
            leaves: Vec::with_capacity(count.min(16)),
            runs: Vec::with_capacity(count.min(16)),
            operands: Vec::with_capacity(2 * count),
            origin: Vec::with_capacity(count),
            active: Vec::with_capacity(count),
            ..Self::default()
        }
    }

    fn push_leaf(&mut self, leaf: Leaf, lowered: &Lowered, index: u32) {
        self.leaves.push(leaf);
        let Primitive { origin, active, .. } = lowered.primitives[index as usize];
        self.origin.push(origin);
        self.active.push(active);
    }

    /// Tells how adjoints flow from the last slot to the first.
    fn find_flows(&mut self, outputs: &[Place]) {
        let slots = self.slots();
        let seeded = outputs.iter().filter_map(|place| match *place {
            Place::Varying(slot) => Some(slot as usize),
            Place::Uniform(_) => None,
        });
        // Outputs start from their seeds, and uniform leaves gather over blocks.
        let mut has_begun = vec![false; slots];
        has_begun[..self.uniform_leaves()].fill(true);
        seeded.for_each(|slot| has_begun[slot] = true);
        let mut contributions = vec![0u32; slots];
        let active_runs = || self.runs.iter().rev().filter(|run| run.active);
        for run in active_runs() {
            let operands =
                &self.operands[run.operands as usize..][..run.op.operand_count() * run.len as usize];
            operands.iter().for_each(|&operand| contributions[operand as usize] += 1);
        }
        self.adjoint_of = (0..slots as u32).collect();
        self.flows = vec![Flow::Stops; self.operands.len()];
        for run in active_runs() {
            for i in (0..run.len).rev() {
                for k in 0..run.op.operand_count() as u32 {
                    let position = (run.operands + k * run.len + i) as usize;
                    let operand = self.operands[position] as usize;
                    if !self.active[operand] {
                        continue;
                    }
                    self.flows[position] = if std::mem::replace(&mut has_begun[operand], true) {
                        Flow::Adds
                    } else if run.op.passes_adjoint(k as usize) && contributions[operand] == 1 {
                        self.adjoint_of[operand] = self.adjoint_of[(run.first + i) as usize];
                        Flow::Passes
                    } else {
                        Flow::Opens
                    };
                }
            }
        }
    }
}

/// A stable sort of `items` by a key below `keys`.
fn counting_sort(items: &[u32], keys: usize, key: impl Fn(u32) -> usize) -> Vec<u32> {
    let mut ends = vec![0u32; keys + 1];
    for &item in items {
        ends[key(item) + 1] += 1;
    }
    for i in 1..ends.len() {
        ends[i] += ends[i - 1];
    }
    let mut sorted = vec![0; items.len()];
    for &item in items {
        let end = &mut ends[key(item)];
        sorted[*end as usize] = item;
        *end += 1;
    }
    sorted
}
