//! The tape: a graph compiled into runs of one op each, ready for the sweeps.
//!
//! - [`lower`] walks the graph from the outputs, so that dead nodes never appear, breaks composed ops into primitives,
//!   and folds constants.
//! - [`share`] finds costly primitives that are equal to an earlier one.
//! - [`schedule`] sorts the primitives by level and op into *runs* and splits them into two *sections*: what depends on
//!   numbers alone is computed once, what depends on arrays of samples once per sample.
//!
//! The order is a function of the graph's shape alone, not of the order in which nodes were listed; and sums of adjoints
//! follow that order. Hence the same graph gives the same bits however it was written down.

#![forbid(unsafe_code)]

mod lower;
mod schedule;
mod share;

use super::graph::{Graph, NodeId};
use super::interrupt::{Interrupt, Interrupted};
use super::op::Op;

/// What a caller will bind to an input, and whether it wants the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// An array of samples is bound to the input, not a number.
    pub sampled: bool,
    /// The gradient with respect to the input is wanted.
    pub wanted: bool,
}

impl Role {
    /// A number whose gradient is wanted.
    pub const NUMBER: Role = Role { sampled: false, wanted: true };
    /// An array whose gradient is wanted.
    pub const SAMPLES: Role = Role { sampled: true, wanted: true };
}

/// How a graph is compiled. None of the choices changes a bit of the outputs or the gradients, but for `second` those of
/// `norm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct CompileOptions {
    /// Compute operations on constants now.
    pub fold: bool,
    /// Compute costly operations only once where equal ones occur.
    pub share: bool,
    /// Keep the adjoint of every node, constants included, for tracing. Turns folding off.
    pub trace: bool,
    /// Have `norm` of three or more operands two derivatives wherever it is smooth: pairs of them may both be 0, where
    /// `hypot` has only one. It is then rounded otherwise.
    pub second: bool,
}

impl Default for CompileOptions {
    fn default() -> Self {
        Self { fold: true, share: true, trace: false, second: false }
    }
}

impl CompileOptions {
    /// For sweeps that tell every node's value and adjoint.
    pub const TRACE: CompileOptions = CompileOptions { fold: false, share: true, trace: true, second: false };
    /// For sweeps that differentiate twice.
    pub const SECOND: CompileOptions = CompileOptions { fold: true, share: true, trace: false, second: true };
}

/// Instructions of one op that follow each other, with consecutive slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub op: Op,
    /// The values are copies of equal, earlier instructions', named by an extra stream after the operands.
    pub copies: bool,
    /// An input whose gradient is wanted lies below.
    pub active: bool,
    /// The slot of the first instruction.
    pub first: u32,
    /// How many instructions there are.
    pub len: u32,
    /// Where the operands begin: `len` first operands, then `len` second ones, and so on.
    pub operands: u32,
}

/// Where a leaf of a section gets its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Leaf {
    Constant(f64),
    /// The number or the samples of an input.
    Input(u32),
    /// A slot of the uniform section, the same for every sample.
    Uniform(u32),
}

/// A straight line of instructions. Slots are numbered leaves first, then instructions in order of evaluation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Section {
    pub leaves: Vec<Leaf>,
    pub runs: Vec<Run>,
    /// Slots, as [`Run::operands`] says.
    pub operands: Vec<u32>,
    /// How each operand's adjoint gets its contribution, on the way back. Only told of the varying section.
    pub flows: Vec<Flow>,
    /// The slot that holds each slot's adjoint: another one where [`Flow::Passes`]. Only told of the varying section.
    pub adjoint_of: Vec<u32>,
    /// The graph's node behind each slot.
    pub origin: Vec<NodeId>,
    /// Whether each slot's adjoint is needed.
    pub active: Vec<bool>,
}

impl Section {
    /// How many leaves come from the uniform section. They are the first ones.
    pub fn uniform_leaves(&self) -> usize {
        self.leaves.iter().take_while(|leaf| matches!(leaf, Leaf::Uniform(_))).count()
    }

    pub fn slots(&self) -> usize {
        self.origin.len()
    }
}

/// How a contribution reaches the adjoint of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Not at all: no input whose gradient is wanted lies below the operand.
    Stops,
    /// As the only one, and unchanged, from a sum: both adjoints are the same numbers, so that they share their place.
    Passes,
    /// As the first one: what was there does not matter.
    Opens,
    /// On top of others, of the seed of an output, or of what a uniform leaf has gathered from other blocks.
    Adds,
}

impl Flow {
    /// Whether it changes the operand's adjoint.
    #[inline(always)]
    pub fn writes(self) -> bool {
        matches!(self, Flow::Opens | Flow::Adds)
    }
}

/// A slot of one of the two sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Uniform(u32),
    Varying(u32),
}

/// A compiled graph.
#[derive(Clone, Debug)]
pub struct Tape {
    /// What depends on constants and number inputs alone.
    pub(crate) uniform: Section,
    /// What depends on sampled inputs; its `Uniform` leaves refer to the section above.
    pub(crate) varying: Section,
    pub(crate) outputs: Vec<Place>,
    /// Where each input lives; `None` where no output depends on it.
    pub(crate) inputs: Vec<Option<Place>>,
    pub(crate) roles: Vec<Role>,
    pub(crate) traced: bool,
}

impl Tape {
    /// Compiles what `outputs` need of `graph`, for inputs in the given `roles` (one per input of the graph).
    ///
    /// # Panics
    /// If there are not as many roles as inputs.
    pub fn compile(graph: &Graph, outputs: &[NodeId], roles: &[Role], options: CompileOptions) -> Tape {
        Self::compile_until(graph, outputs, roles, options, &Interrupt::never())
            .unwrap_or_else(|_| unreachable!("it is never interrupted"))
    }

    /// The same, unless `interrupt` fires meanwhile.
    ///
    /// # Panics
    /// If there are not as many roles as inputs.
    pub fn compile_until(
        graph: &Graph,
        outputs: &[NodeId],
        roles: &[Role],
        options: CompileOptions,
        interrupt: &Interrupt,
    ) -> Result<Tape, Interrupted> {
        assert_eq!(roles.len(), graph.inputs().len(), "one role per input");
        let lowered = lower::lower(graph, outputs, roles, options, interrupt)?;
        schedule::schedule(&lowered, outputs, roles, options, interrupt)
    }

    /// How many instructions there are.
    pub fn len(&self) -> usize {
        [&self.uniform, &self.varying].iter().map(|s| s.slots() - s.leaves.len()).sum()
    }

    /// Whether the outputs are leaves.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the output at a position depends on an input with samples.
    pub fn output_varies(&self, output: usize) -> bool {
        matches!(self.outputs[output], Place::Varying(_))
    }

    /// The nodes that the outputs depend on, in the order of the graph.
    pub fn nodes(&self) -> Vec<NodeId> {
        let mut nodes: Vec<NodeId> = self.places().map(|(node, _)| node).collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }

    /// Each node with its place. A composed op has several instructions; the last one holds its value.
    pub(crate) fn places(&self) -> impl Iterator<Item = (NodeId, Place)> + '_ {
        let uniform =
            self.uniform.origin.iter().enumerate().map(|(i, &node)| (node, Place::Uniform(i as u32)));
        let varying =
            self.varying.origin.iter().enumerate().map(|(i, &node)| (node, Place::Varying(i as u32)));
        let is_crossing = |place: &Place| match place {
            Place::Varying(slot) => {
                matches!(self.varying.leaves.get(*slot as usize), Some(Leaf::Uniform(_)))
            }
            Place::Uniform(_) => false,
        };
        uniform.chain(varying).filter(move |(_, place)| !is_crossing(place))
    }
}
