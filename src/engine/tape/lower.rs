//! Graph to primitives: dead nodes dropped, composed ops broken up, constants folded.

use super::super::graph::{Graph, Node, NodeId};
use super::super::op::Op;
use super::{CompileOptions, Role};
use crate::engine::interrupt::{Interrupt, Interrupted, Poll};

/// A primitive of the lowered graph, or a leaf. Operands come before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Code {
    Constant(f64),
    Input(u32),
    Apply(Op),
}

/// The lowered graph; an *index* is a position among its primitives.
pub(super) struct Lowered {
    /// All that is told of one lies together: they are looked up in the order of levels, too.
    pub primitives: Vec<Primitive>,
    /// Of all primitives, by index.
    pub operands: Vec<u32>,
    constants: Vec<f64>,
    /// The index of each node of the graph that the outputs need.
    pub index_of: Vec<u32>,
}

/// What is told of a primitive or a leaf, beside its operands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Primitive {
    kind: Kind,
    /// Where the operands begin, whose number is the op's arity; or the position of the constant or input.
    start: u32,
    /// The graph's node that it serves.
    pub origin: NodeId,
    /// The longest path from a leaf of the same section. A folded constant keeps the level of what it replaces, so that
    /// folding does not change the order of what is left.
    pub level: u32,
    /// Whether it differs between samples.
    pub varying: bool,
    /// Whether its adjoint is needed.
    pub active: bool,
    /// Whether another one refers to it, or it is an output; constants that folding left over are neither.
    pub needed: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Constant,
    Input,
    Apply(Op),
}

/// No index: the node is not needed.
pub(super) const NONE: u32 = u32::MAX;
/// Needed, and its operands are being visited.
const OPEN: u32 = u32::MAX - 1;

impl Primitive {
    /// The op, unless it is a leaf.
    pub fn op(&self) -> Option<Op> {
        match self.kind {
            Kind::Apply(op) => Some(op),
            Kind::Constant | Kind::Input => None,
        }
    }
}

impl Lowered {
    /// With room for as many primitives as `graph` has nodes: few have composed ops, or many that no output needs.
    fn with_room_for(graph: &Graph) -> Self {
        Self {
            primitives: Vec::with_capacity(graph.len()),
            operands: Vec::with_capacity(graph.operand_count()),
            constants: Vec::new(),
            index_of: vec![NONE; graph.len()],
        }
    }

    pub fn len(&self) -> usize {
        self.primitives.len()
    }

    pub fn code(&self, index: usize) -> Code {
        let Primitive { kind, start, .. } = self.primitives[index];
        match kind {
            Kind::Constant => Code::Constant(self.constants[start as usize]),
            Kind::Input => Code::Input(start),
            Kind::Apply(op) => Code::Apply(op),
        }
    }

    pub fn operands(&self, index: usize) -> &[u32] {
        let primitive = &self.primitives[index];
        match primitive.op() {
            Some(op) => &self.operands[primitive.start as usize..][..op.operand_count()],
            None => &[],
        }
    }
}

/// Lowers what `outputs` need, in depth-first post-order of the operands, outputs in their order.
pub(super) fn lower(
    graph: &Graph,
    outputs: &[NodeId],
    roles: &[Role],
    options: CompileOptions,
    interrupt: &Interrupt,
) -> Result<Lowered, Interrupted> {
    let mut poll = Poll::new(interrupt);
    let mut lowering = Lowering {
        fold: options.fold && !options.trace,
        trace: options.trace,
        second: options.second,
        detached: false,
        roles,
        scratch: Vec::new(),
        out: Lowered::with_room_for(graph),
    };
    let mut stack: Vec<NodeId> = Vec::new();
    for &output in outputs {
        stack.push(output);
        while let Some(&node) = stack.last() {
            match lowering.out.index_of[node.index()] {
                NONE => {
                    lowering.out.index_of[node.index()] = OPEN;
                    let waiting = graph.operands(node).iter().rev();
                    stack.extend(waiting.filter(|o| lowering.out.index_of[o.index()] == NONE));
                }
                OPEN => {
                    lowering.emit(graph, node);
                    stack.pop();
                    poll.after(1)?;
                }
                _ => {
                    stack.pop();
                }
            }
        }
        let index = lowering.out.index_of[output.index()];
        lowering.out.primitives[index as usize].needed = true;
    }
    Ok(lowering.out)
}

#[allow(clippy::struct_excessive_bools, reason = "independent switches")]
struct Lowering<'a> {
    fold: bool,
    trace: bool,
    second: bool,
    /// What is made now counts as constant for derivatives, and is no value that a trace tells.
    detached: bool,
    roles: &'a [Role],
    scratch: Vec<u32>,
    out: Lowered,
}

impl Lowering<'_> {
    fn emit(&mut self, graph: &Graph, node: NodeId) {
        let index = match graph.node(node) {
            Node::Constant(value) => self.constant(value, node),
            Node::Input(position) => {
                let Role { sampled: varying, wanted } = self.roles[position];
                let (kind, start, active) = (Kind::Input, position as u32, wanted || self.trace);
                self.push(Primitive { kind, start, origin: node, level: 0, varying, active, needed: false })
            }
            Node::Apply(op, operands) => {
                let mut indices = std::mem::take(&mut self.scratch);
                indices.clear();
                indices.extend(operands.iter().map(|o| self.out.index_of[o.index()]));
                let index = self.compose(op, &mut indices, node);
                self.scratch = indices;
                index
            }
        };
        self.out.index_of[node.index()] = index;
    }

    /// Breaks a composed op into primitives; `operands` is clobbered.
    fn compose(&mut self, op: Op, operands: &mut Vec<u32>, node: NodeId) -> u32 {
        match op {
            Op::Sum => self.tree(Op::Add, operands, node),
            Op::Prod => self.tree(Op::Mul, operands, node),
            Op::LogSumExp if operands.len() > 2 => {
                // Relative to the largest operand, so that the derivatives of large operands keep their digits.
                let largest = self.tree(Op::Maximum, &mut operands.clone(), node);
                for operand in operands.iter_mut() {
                    *operand = self.primitive(Op::Sub, &[*operand, largest], node);
                }
                let relative = self.tree(Op::LogAddExp, operands, node);
                self.primitive(Op::Add, &[largest, relative], node)
            }
            Op::LogSumExp => self.tree(Op::LogAddExp, operands, node),
            Op::Norm if operands.len() == 1 => self.primitive(Op::Abs, &operands[..1], node),
            Op::Norm if self.second && operands.len() > 2 => self.smooth_norm(operands, node),
            Op::Norm => self.tree(Op::Hypot, operands, node),
            Op::Mean => {
                let count = operands.len();
                let sum = self.tree(Op::Add, operands, node);
                let count = self.constant(count as f64, node);
                self.primitive(Op::Div, &[sum, count], node)
            }
            Op::Dot => {
                let half = operands.len() / 2;
                for i in 0..half {
                    operands[i] = self.primitive(Op::Mul, &[operands[i], operands[half + i]], node);
                }
                operands.truncate(half);
                self.tree(Op::Add, operands, node)
            }
            Op::Min if operands.len() > 2 => self.extreme(Op::MinWhole, operands, node),
            Op::Max if operands.len() > 2 => self.extreme(Op::MaxWhole, operands, node),
            // Of one operand as of it twice, so that NaN has no derivative there either.
            Op::Min => self.primitive(Op::Minimum, &[operands[0], operands[operands.len() - 1]], node),
            Op::Max => self.primitive(Op::Maximum, &[operands[0], operands[operands.len() - 1]], node),
            _ => self.primitive(op, operands, node),
        }
    }

    /// The smallest or largest of three operands or more. Pairs that halve a tie would leave three equal operands 1/2, 1/4 and
    /// 1/4 of the derivative. So each of a tie takes the whole of it, and the whole is 1 over the number of all that are equal.
    fn extreme(&mut self, whole: Op, operands: &mut Vec<u32>, node: NodeId) -> u32 {
        let extreme = self.tree(whole, &mut operands.clone(), node);
        self.detached = true;
        for operand in operands.iter_mut() {
            *operand = self.primitive(Op::Eq, &[*operand, extreme], node);
        }
        let tied = self.tree(Op::Add, operands, node);
        self.detached = false;
        self.primitive(Op::Portion, &[extreme, tied], node)
    }

    /// The norm as the largest operand times the root of a sum of squares between 1 and their number: smooth wherever the norm
    /// is. That does not depend on what all is divided by, which therefore counts as constant. The largest stands for itself
    /// where it is 0 or infinite.
    fn smooth_norm(&mut self, operands: &mut Vec<u32>, node: NodeId) -> u32 {
        self.detached = true;
        let mut sizes: Vec<u32> =
            operands.iter().map(|&operand| self.primitive(Op::Abs, &[operand], node)).collect();
        let largest = self.tree(Op::Maximum, &mut sizes, node);
        let (zero, infinity) = (self.constant(0.0, node), self.constant(f64::INFINITY, node));
        let above = self.primitive(Op::Gt, &[largest, zero], node);
        let below = self.primitive(Op::Lt, &[largest, infinity], node);
        let between = self.primitive(Op::Mul, &[above, below], node);
        self.detached = false;
        for operand in operands.iter_mut() {
            let part = self.primitive(Op::Div, &[*operand, largest], node);
            *operand = self.primitive(Op::Square, &[part], node);
        }
        let sum = self.tree(Op::Add, operands, node);
        let root = self.primitive(Op::Sqrt, &[sum], node);
        let norm = self.primitive(Op::Mul, &[largest, root], node);
        self.primitive(Op::Where, &[between, norm, largest], node)
    }

    /// Combines the operands in pairs, then the results in pairs, and so on. One operand stands for itself, except
    /// that its node still gets an instruction of its own.
    fn tree(&mut self, op: Op, operands: &mut Vec<u32>, node: NodeId) -> u32 {
        if operands.len() == 1 {
            let identity = self.constant(if op == Op::Mul { 1.0 } else { -0.0 }, node);
            let op = if op == Op::Mul { Op::Mul } else { Op::Add };
            return self.primitive(op, &[operands[0], identity], node);
        }
        while operands.len() > 1 {
            let mut kept = 0;
            for i in (0..operands.len()).step_by(2) {
                operands[kept] = match operands.get(i + 1) {
                    Some(&right) => self.primitive(op, &[operands[i], right], node),
                    None => operands[i],
                };
                kept += 1;
            }
            operands.truncate(kept);
        }
        operands[0]
    }

    fn constant(&mut self, value: f64, node: NodeId) -> u32 {
        self.push_constant(value, node, 0, self.trace)
    }

    fn primitive(&mut self, op: Op, operands: &[u32], node: NodeId) -> u32 {
        let all = || operands.iter().map(|&operand| &self.out.primitives[operand as usize]);
        let varying = all().any(|operand| operand.varying);
        let moves = !op.is_step() && all().any(|operand| operand.active);
        let active = !self.detached && (self.trace || moves);
        // A leaf or a uniform operand of a varying primitive counts as a leaf of the varying section.
        let levels = all().filter(|operand| operand.varying == varying).map(|operand| operand.level);
        let level = levels.max().unwrap_or(0) + 1;
        if let Some(value) = self.folded(op, operands) {
            return self.push_constant(value, node, level, false);
        }
        let start = self.out.operands.len() as u32;
        self.out.operands.extend_from_slice(operands);
        for &operand in operands {
            self.out.primitives[operand as usize].needed = true;
        }
        let kind = Kind::Apply(op);
        self.push(Primitive { kind, start, origin: node, level, varying, active, needed: false })
    }

    /// The value, if all operands are constants. A value that is not finite is left to the sweep, which can say where
    /// it came from.
    fn folded(&self, op: Op, operands: &[u32]) -> Option<f64> {
        if !self.fold {
            return None;
        }
        let mut values = [0.0; 3];
        for (value, &operand) in values.iter_mut().zip(operands) {
            match self.out.code(operand as usize) {
                Code::Constant(constant) => *value = constant,
                _ => return None,
            }
        }
        Some(op.value(&values[..operands.len()])).filter(|v| v.is_finite())
    }

    fn push_constant(&mut self, value: f64, origin: NodeId, level: u32, active: bool) -> u32 {
        let start = self.out.constants.len() as u32;
        self.out.constants.push(value);
        self.push(Primitive {
            kind: Kind::Constant,
            start,
            origin,
            level,
            varying: false,
            active,
            needed: false,
        })
    }

    fn push(&mut self, primitive: Primitive) -> u32 {
        self.out.primitives.push(primitive);
        self.out.primitives.len() as u32 - 1
    }
}
