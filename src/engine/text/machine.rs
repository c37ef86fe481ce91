//! Code into a graph: every call and every turn of a loop is written out.
//!
//! Calls and loops are frames on the heap. What they make is bounded while it is made: besides nodes, calls, turns and
//! elements of vectors count, so that a short text cannot ask for much work that leaves no node.

use std::collections::BTreeMap;

use super::super::graph::{Graph, Node, NodeId};
use super::super::op::{Arity, Op};
use super::code::{Action, Code, Step};
use super::error::{ParseError, ParseErrorKind};
use super::parser::ParseLimits;
use crate::engine::interrupt::{Interrupt, Poll};

/// Nodes of which the value of an index or a bound may be made.
const LARGEST_INDEX: usize = 1000;
/// Elements of an assigned vector that get names, as in `y[0]`.
const NAMED_ELEMENTS: usize = 1000;

/// What a name or an operand is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    Number(NodeId),
    /// Its position among all vectors.
    Vector(u32),
    /// A name without a value, whose elements are inputs.
    Elements(u32),
}

#[derive(Clone, Copy, Debug)]
enum Work {
    Statement,
    Call,
    /// From the number of this turn to the end; the values lie on the stack from `base` on.
    Each {
        name: u32,
        turn: i64,
        end: i64,
        base: usize,
    },
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    /// `None` for the statement itself.
    block: Option<u32>,
    next: usize,
    /// The names of the scope that can be seen begin here.
    floor: usize,
    /// And end here when the frame is left.
    scope: usize,
    offset: u32,
    work: Work,
}

/// Makes the graph, statement by statement.
pub struct Machine<'s, 'i> {
    source: &'s str,
    limits: ParseLimits,
    poll: Poll<'i>,
    /// Constants' names that are inputs here.
    shadowing: Vec<&'s str>,
    pub graph: Graph,
    /// By number of the name.
    globals: Vec<Option<Value>>,
    /// The inputs that are elements, by name and position.
    elements: BTreeMap<(u32, i64), NodeId>,
    vectors: Vec<Box<[NodeId]>>,
    stack: Vec<Value>,
    /// Of the op that is applied, kept for its room.
    operands: Vec<NodeId>,
    scope: Vec<(u32, Value)>,
    frames: Vec<Frame>,
    /// What was done beside making nodes.
    work: usize,
}

fn constant(name: &str) -> Option<f64> {
    match name {
        "pi" => Some(std::f64::consts::PI),
        "e" => Some(std::f64::consts::E),
        "tau" => Some(std::f64::consts::TAU),
        "inf" => Some(f64::INFINITY),
        _ => None,
    }
}

impl<'s, 'i> Machine<'s, 'i> {
    /// A machine for `source`, in which a name of `inputs` is an input even where it is also a constant's.
    pub fn new(
        source: &'s str,
        inputs: impl IntoIterator<Item = &'s str>,
        limits: ParseLimits,
        interrupt: &'i Interrupt,
    ) -> Self {
        Self {
            source,
            limits,
            poll: Poll::new(interrupt),
            shadowing: inputs.into_iter().filter(|name| constant(name).is_some()).collect(),
            graph: Graph::new(),
            globals: Vec::new(),
            elements: BTreeMap::new(),
            vectors: Vec::new(),
            stack: Vec::new(),
            operands: Vec::new(),
            scope: Vec::new(),
            frames: Vec::new(),
            work: 0,
        }
    }

    /// The value of a statement.
    pub fn run(&mut self, code: &Code<'s>, statement: &[Step]) -> Result<Value, ParseError> {
        self.globals.resize(code.names.len(), None);
        let frame = Frame { block: None, next: 0, floor: 0, scope: 0, offset: 0, work: Work::Statement };
        self.frames.push(frame);
        while let Some(frame) = self.frames.last_mut() {
            let steps = frame.block.map_or(statement, |block| &code.blocks[block as usize]);
            if let Some(&step) = steps.get(frame.next) {
                frame.next += 1;
                self.step(code, step)?;
            } else {
                self.leave()?;
            }
        }
        Ok(self.pop())
    }

    /// Assigns `value` to the name of this number.
    pub fn assign(&mut self, code: &Code<'s>, name: u32, value: Value) {
        self.globals.resize(code.names.len(), None);
        let text = code.names[name as usize];
        match value {
            Value::Number(node) => self.label(node, text.to_owned()),
            Value::Vector(vector) => {
                for i in 0..self.vectors[vector as usize].len().min(NAMED_ELEMENTS) {
                    self.label(self.vectors[vector as usize][i], format!("{text}[{i}]"));
                }
            }
            Value::Elements(_) => {}
        }
        self.globals[name as usize] = Some(value);
    }

    fn label(&mut self, node: NodeId, label: String) {
        if self.graph.label(node).is_none() {
            self.graph.set_label(node, label);
        }
    }

    /// The nodes by name: of vectors their elements.
    pub fn names(&self, code: &Code<'s>) -> BTreeMap<String, NodeId> {
        let mut names = BTreeMap::new();
        for (&text, value) in code.names.iter().zip(&self.globals) {
            match value {
                Some(Value::Number(node)) => {
                    names.insert(text.to_owned(), *node);
                }
                Some(Value::Vector(vector)) => {
                    let elements = self.vectors[*vector as usize].iter().take(NAMED_ELEMENTS).enumerate();
                    names.extend(elements.map(|(i, node)| (format!("{text}[{i}]"), *node)));
                }
                _ => {}
            }
        }
        for (&(name, i), &node) in &self.elements {
            names.insert(format!("{}[{i}]", code.names[name as usize]), node);
        }
        names
    }

    /// How many elements `value` has, if it is a vector.
    pub fn length(&self, value: Value) -> Option<usize> {
        match value {
            Value::Vector(vector) => Some(self.vectors[vector as usize].len()),
            _ => None,
        }
    }

    fn step(&mut self, code: &Code<'s>, step: Step) -> Result<(), ParseError> {
        let offset = step.offset;
        match step.action {
            Action::Number(number) => {
                let node = self.graph.constant(code.numbers[number as usize]);
                self.push(Value::Number(node), offset)
            }
            Action::Name(name) => {
                let value = self.name(code, name, offset)?;
                self.push(value, offset)
            }
            Action::Base(name) => {
                let known = self.known(name).or_else(|| self.constant(code, name));
                self.push(known.unwrap_or(Value::Elements(name)), offset)
            }
            Action::Apply(op, count) => self.apply(op, count as usize, offset),
            Action::Vector(count) => self.collect(self.stack.len() - count as usize, offset),
            Action::Index => self.index(code, offset),
            Action::Length => {
                let value = self.pop();
                let Some(length) = self.length(value) else {
                    return Err(self.fault(offset, "len takes a vector, such as [1, 2, 3]; this is a number"));
                };
                let node = self.graph.constant(length as f64);
                self.push(Value::Number(node), offset)
            }
            Action::Call(function) => {
                self.charge(1, offset)?;
                let function = &code.functions[function as usize];
                let floor = self.scope.len();
                let arguments = self.stack.len() - function.parameters.len();
                let bound = function.parameters.iter().copied().zip(self.stack.drain(arguments..));
                self.scope.extend(bound);
                let block = Some(function.block);
                self.frames.push(Frame { block, next: 0, floor, scope: floor, offset, work: Work::Call });
                Ok(())
            }
            Action::Each(each) => {
                let each = code.loops[each as usize];
                let end = self.whole_number(offset)?;
                let turn = if each.bounds == 2 { self.whole_number(offset)? } else { 0 };
                if turn >= end {
                    let message =
                        format!("the range from {turn} to {end} is empty; it ends before its second number");
                    return Err(self.fault(offset, message));
                }
                let (floor, scope) = (self.frames.last().map_or(0, |frame| frame.floor), self.scope.len());
                let work = Work::Each { name: each.name, turn, end, base: self.stack.len() };
                self.frames.push(Frame { block: Some(each.block), next: 0, floor, scope, offset, work });
                self.turn(each.name, turn, offset)
            }
        }
    }

    /// Begins a turn of a loop.
    fn turn(&mut self, name: u32, turn: i64, offset: u32) -> Result<(), ParseError> {
        self.charge(1, offset)?;
        let node = self.graph.constant(turn as f64);
        self.scope.push((name, Value::Number(node)));
        Ok(())
    }

    /// Ends a frame, or begins its next turn.
    fn leave(&mut self) -> Result<(), ParseError> {
        let frame = self.frames.last_mut().expect("a frame has ended");
        let (offset, scope) = (frame.offset, frame.scope);
        self.scope.truncate(scope);
        if let Work::Each { name, turn, end, base } = &mut frame.work {
            *turn += 1;
            let (name, turn, base) = (*name, *turn, *base);
            if turn < *end {
                frame.next = 0;
                return self.turn(name, turn, offset);
            }
            self.frames.pop();
            return self.collect(base, offset);
        }
        self.frames.pop();
        Ok(())
    }

    fn known(&self, name: u32) -> Option<Value> {
        let floor = self.frames.last().map_or(0, |frame| frame.floor);
        let local =
            self.scope[floor..].iter().rev().find(|(local, _)| *local == name).map(|(_, value)| *value);
        local.or(self.globals[name as usize])
    }

    fn constant(&mut self, code: &Code<'s>, name: u32) -> Option<Value> {
        let name = code.names[name as usize];
        let value = constant(name).filter(|_| !self.shadowing.contains(&name))?;
        Some(Value::Number(self.graph.constant(value)))
    }

    fn name(&mut self, code: &Code<'s>, name: u32, offset: u32) -> Result<Value, ParseError> {
        if let Some(value) = self.known(name).or_else(|| self.constant(code, name)) {
            return Ok(value);
        }
        let text = code.names[name as usize];
        if let Some((&(_, i), _)) = self.elements.range((name, i64::MIN)..=(name, i64::MAX)).next() {
            let message = format!(
                "the elements of `{text}` are inputs, such as {text}[{i}], so that its length is not known; \
                 write {text} = [{text}0, {text}1] before, with inputs {text}0 and {text}1"
            );
            return Err(self.fault(offset, message));
        }
        let value = Value::Number(self.graph.input(text));
        self.globals[name as usize] = Some(value);
        Ok(value)
    }

    fn index(&mut self, code: &Code<'s>, offset: u32) -> Result<(), ParseError> {
        let index = self.whole_number(offset)?;
        let node = match self.pop() {
            Value::Number(_) => {
                return Err(self.fault(offset, "only a vector has elements, and this is a number"));
            }
            Value::Vector(vector) => {
                let elements = &self.vectors[vector as usize];
                let length = elements.len() as i64;
                // As in Python, the last one is -1.
                let position = if index < 0 { index + length } else { index };
                match usize::try_from(position).ok().and_then(|position| elements.get(position)) {
                    Some(&node) => node,
                    None => {
                        let message =
                            format!("there is no element {index}; the vector has {length}, from 0 on");
                        return Err(self.fault(offset, message));
                    }
                }
            }
            Value::Elements(name) => {
                let text = code.names[name as usize];
                if index < 0 {
                    let message =
                        format!("an input has no element {index}; its elements are counted from 0 on");
                    return Err(self.fault(offset, message));
                }
                match self.elements.get(&(name, index)) {
                    Some(&node) => node,
                    None => {
                        let node = self.graph.input(format!("{text}[{index}]"));
                        self.elements.insert((name, index), node);
                        node
                    }
                }
            }
        };
        self.push(Value::Number(node), offset)
    }

    /// Takes a whole number from the stack that does not depend on inputs.
    fn whole_number(&mut self, offset: u32) -> Result<i64, ParseError> {
        let expected = "expected a whole number made of numbers and names of loops, such as 3, i or i + 1";
        let Value::Number(node) = self.pop() else { return Err(self.fault(offset, expected)) };
        let value = self.value_of(node).ok_or_else(|| self.fault(offset, expected))?;
        // Beyond 2^53 doubles are not exact.
        if value.fract() != 0.0 || value.abs() > 9_007_199_254_740_992.0 {
            return Err(self.fault(offset, format!("{expected}, not {value}")));
        }
        Ok(value as i64)
    }

    /// The value of a node that depends on few others and on no input.
    fn value_of(&mut self, node: NodeId) -> Option<f64> {
        let mut values: BTreeMap<NodeId, f64> = BTreeMap::new();
        let mut open = vec![node];
        while let Some(&node) = open.last() {
            if values.len() + open.len() > LARGEST_INDEX {
                return None;
            }
            let value = match self.graph.node(node) {
                Node::Constant(value) => value,
                Node::Input(_) => return None,
                Node::Apply(op, operands) => {
                    let waiting: Vec<NodeId> =
                        operands.iter().copied().filter(|operand| !values.contains_key(operand)).collect();
                    if !waiting.is_empty() {
                        open.extend(waiting);
                        continue;
                    }
                    let operands: Vec<f64> = operands.iter().map(|operand| values[operand]).collect();
                    match op.pairwise() {
                        Some(pairwise) => operands.into_iter().reduce(|a, b| pairwise.value(&[a, b]))?,
                        None if op.is_primitive() => op.value(&operands),
                        None => return None,
                    }
                }
            };
            values.insert(node, value);
            open.pop();
        }
        values.get(&node).copied()
    }

    /// Makes a vector of the values that lie on the stack from `base` on.
    fn collect(&mut self, base: usize, offset: u32) -> Result<(), ParseError> {
        self.charge(self.stack.len() - base, offset)?;
        let mut elements = Vec::with_capacity(self.stack.len() - base);
        for value in self.stack.drain(base..) {
            match value {
                Value::Number(node) => elements.push(node),
                _ => {
                    let message = "the elements of a vector are numbers, and this one is a vector";
                    return Err(ParseError::at(
                        self.source,
                        offset as usize,
                        ParseErrorKind::Syntax(message.into()),
                    ));
                }
            }
        }
        self.push_vector(elements, offset)
    }

    fn push_vector(&mut self, elements: Vec<NodeId>, offset: u32) -> Result<(), ParseError> {
        self.vectors.push(elements.into());
        self.push(Value::Vector(self.vectors.len() as u32 - 1), offset)
    }

    fn apply(&mut self, op: Op, count: usize, offset: u32) -> Result<(), ParseError> {
        let base = self.stack.len() - count;
        let lengths: Vec<usize> = self.stack[base..].iter().filter_map(|&value| self.length(value)).collect();
        if lengths.is_empty() {
            self.charge_operands(count, offset)?;
            let mut operands = std::mem::take(&mut self.operands);
            operands.clear();
            operands.extend(self.stack.drain(base..).map(number));
            let node = self.node(op, &operands, offset)?;
            self.operands = operands;
            return self.push(Value::Number(node), offset);
        }
        let by_element = matches!(op.arity(), Arity::Exactly(_)) || (op.is_elementwise() && count > 1);
        if !by_element {
            return self.reduce(op, base, &lengths, offset);
        }
        let length = lengths[0];
        if let Some(other) = lengths.iter().find(|other| **other != length) {
            let message = format!(
                "{} is between vectors of {length} and {other} elements; they must be equally long",
                op.name()
            );
            return Err(self.fault(offset, message));
        }
        let operands: Vec<Value> = self.stack.drain(base..).collect();
        let mut elements = Vec::with_capacity(length.min(self.limits.max_nodes));
        let mut row = Vec::with_capacity(count);
        for i in 0..length {
            row.clear();
            row.extend(operands.iter().map(|&operand| match operand {
                Value::Vector(vector) => self.vectors[vector as usize][i],
                other => number(other),
            }));
            self.charge_operands(count, offset)?;
            elements.push(self.node(op, &row, offset)?);
            self.charge(1, offset)?;
        }
        self.push_vector(elements, offset)
    }

    /// An op of any number of operands, some of which are vectors: of their elements.
    fn reduce(&mut self, op: Op, base: usize, lengths: &[usize], offset: u32) -> Result<(), ParseError> {
        if op.arity() == Arity::Pairs
            && (lengths.len() != 2 || self.stack.len() - base != 2 || lengths[0] != lengths[1])
        {
            let message =
                format!("{} of vectors takes two, equally long; it is written {0}(v, w)", op.name());
            return Err(self.fault(offset, message));
        }
        let numbers = self.stack.len() - base - lengths.len();
        self.charge_operands(lengths.iter().sum::<usize>() + numbers, offset)?;
        let mut operands = Vec::new();
        for value in self.stack.drain(base..) {
            match value {
                Value::Vector(vector) => operands.extend_from_slice(&self.vectors[vector as usize]),
                other => operands.push(number(other)),
            }
        }
        let node = self.node(op, &operands, offset)?;
        self.push(Value::Number(node), offset)
    }

    fn node(&mut self, op: Op, operands: &[NodeId], offset: u32) -> Result<NodeId, ParseError> {
        let node = self
            .graph
            .apply(op, operands)
            .map_err(|error| self.fault(offset, format!("{error}; it is written {}", op.info().text)))?;
        self.charge(0, offset)?;
        Ok(node)
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().expect("every step leaves what the next ones take")
    }

    fn push(&mut self, value: Value, offset: u32) -> Result<(), ParseError> {
        self.charge(0, offset)?;
        self.stack.push(value);
        Ok(())
    }

    /// Counts an op of so many operands as the ops of two that it stands for, one of which is its node.
    fn charge_operands(&mut self, count: usize, offset: u32) -> Result<(), ParseError> {
        self.charge(count.saturating_sub(2), offset)
    }

    /// Counts `work` beside the nodes, and refuses more than the limit.
    fn charge(&mut self, work: usize, offset: u32) -> Result<(), ParseError> {
        self.work = self.work.saturating_add(work);
        if self.graph.len().saturating_add(self.work) > self.limits.max_nodes {
            let limit = self.limits.max_nodes;
            return Err(ParseError::at(self.source, offset as usize, ParseErrorKind::Nodes { limit }));
        }
        self.poll.after(1 + work).map_err(|interrupted| {
            ParseError::at(self.source, offset as usize, ParseErrorKind::Interrupted(interrupted))
        })
    }

    fn fault(&self, offset: u32, message: impl Into<String>) -> ParseError {
        ParseError::at(self.source, offset as usize, ParseErrorKind::Syntax(message.into()))
    }
}

fn number(value: Value) -> NodeId {
    match value {
        Value::Number(node) => node,
        Value::Vector(_) | Value::Elements(_) => unreachable!("vectors were told apart before"),
    }
}
