//! Tokens into a graph, by operator precedence with an explicit stack.
//!
//! Python's precedence, loosest first: comparisons; `+ -`; `* /`; unary `+ -`; `**` or `^`, which is right-associative
//! and binds tighter than a minus on its left, but takes one on its right (`2**-1`). The method is Dijkstra's shunting
//! yard with a state that says whether an operand or an operator comes next, so that depth costs heap, not stack.

use std::collections::BTreeMap;

use super::super::graph::{Graph, NodeId};
use super::super::op::Op;
use super::error::{ParseError, ParseErrorKind};
use super::lexer::{Lexer, Spanned, Token};
use crate::engine::interrupt::{Interrupt, Poll};
use crate::engine::suggest::closest;

/// Bounds on a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Nodes of the graph.
    pub max_nodes: usize,
    /// Depth of brackets and calls.
    pub max_nesting: usize,
}

/// A parsed text.
#[derive(Clone, Debug)]
pub struct Program {
    /// All statements as one graph; its inputs are the names that nothing was assigned to.
    pub graph: Graph,
    /// The node behind each assigned name (the latest, where a name was assigned twice) and each input.
    pub names: BTreeMap<String, NodeId>,
    /// The last statement: its name, or `output` where it has none, and its node.
    pub output: (String, NodeId),
}

/// The name of an output that no statement names.
pub const UNNAMED_OUTPUT: &str = "output";

/// Parses `source`. A name in `inputs` is an input even where it is also a constant's name.
pub fn parse<'s>(
    source: &'s str,
    inputs: impl IntoIterator<Item = &'s str>,
    limits: ParseLimits,
) -> Result<Program, ParseError> {
    parse_until(source, inputs, limits, &Interrupt::never())
}

/// The same, unless `interrupt` fires meanwhile.
pub fn parse_until<'s>(
    source: &'s str,
    inputs: impl IntoIterator<Item = &'s str>,
    limits: ParseLimits,
    interrupt: &Interrupt,
) -> Result<Program, ParseError> {
    let mut parser = Parser {
        source,
        poll: Poll::new(interrupt),
        lexer: Lexer::new(source),
        limits,
        shadowing: inputs.into_iter().filter(|name| constant(name).is_some()).collect(),
        graph: Graph::new(),
        names: BTreeMap::default(),
        stack: Vec::new(),
        operands: Vec::new(),
        depth: 0,
    };
    let output = parser.program()?;
    let names = parser.names.into_iter().map(|(name, node)| (name.to_owned(), node)).collect();
    Ok(Program { graph: parser.graph, names, output })
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

/// How tightly operators bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Comparison,
    Sum,
    Product,
    Sign,
    Power,
}

/// What waits on the stack for its operand to be complete.
#[derive(Clone, Copy, Debug)]
enum Pending {
    Negate,
    Operator(Op, Binding),
    Bracket(usize),
    /// A call: the op, where it began, and how many operands lay on the operand stack before it.
    Call(Op, usize, usize),
}

fn infix(symbol: &str) -> Option<(Op, Binding)> {
    Some(match symbol {
        "+" => (Op::Add, Binding::Sum),
        "-" => (Op::Sub, Binding::Sum),
        "*" => (Op::Mul, Binding::Product),
        "/" => (Op::Div, Binding::Product),
        "**" | "^" => (Op::Pow, Binding::Power),
        "<" => (Op::Lt, Binding::Comparison),
        "<=" => (Op::Le, Binding::Comparison),
        ">" => (Op::Gt, Binding::Comparison),
        ">=" => (Op::Ge, Binding::Comparison),
        "==" => (Op::Eq, Binding::Comparison),
        "!=" => (Op::Ne, Binding::Comparison),
        _ => return None,
    })
}

struct Parser<'s, 'i> {
    source: &'s str,
    poll: Poll<'i>,
    lexer: Lexer<'s>,
    limits: ParseLimits,
    /// Constants' names that are inputs here.
    shadowing: Vec<&'s str>,
    graph: Graph,
    /// A tree, not a hash table: the names are the client's, who could choose them to collide.
    names: BTreeMap<&'s str, NodeId>,
    stack: Vec<Pending>,
    operands: Vec<NodeId>,
    depth: usize,
}

impl<'s> Parser<'s, '_> {
    fn program(&mut self) -> Result<(String, NodeId), ParseError> {
        let mut token = self.next_statement()?;
        if token.token == Token::End {
            return Err(self.fault(token.offset, "the expression is empty; write for example tanh(w*x + b)"));
        }
        loop {
            let start = token.offset;
            let (name, node, end) = self.statement(token)?;
            if let Some(name) = name {
                self.names.insert(name, node);
                if self.graph.label(node).is_none() {
                    self.graph.set_label(node, name);
                }
            }
            token = if end == Token::End {
                Spanned { token: end, offset: start }
            } else {
                self.next_statement()?
            };
            if token.token == Token::End {
                return Ok((name.unwrap_or(UNNAMED_OUTPUT).to_owned(), node));
            }
            if name.is_none() {
                let message =
                    "only the last statement may stand without a name; assign this one, as in `n = ...`";
                return Err(self.fault(start, message));
            }
        }
    }

    /// The first token that is no separator.
    fn next_statement(&mut self) -> Result<Spanned<'s>, ParseError> {
        loop {
            let token = self.lexer.next()?;
            if token.token != Token::Separator {
                return Ok(token);
            }
        }
    }

    /// One statement from its first token: the assigned name, the node, and the token that ended it.
    fn statement(&mut self, first: Spanned<'s>) -> Result<(Option<&'s str>, NodeId, Token<'s>), ParseError> {
        if let Token::Name(name) = first.token {
            let second = self.lexer.next()?;
            if second.token == Token::Symbol("=") {
                let token = self.lexer.next()?;
                let (node, end) = self.expression([token, token], 1)?;
                return Ok((Some(name), node, end));
            }
            let (node, end) = self.expression([first, second], 2)?;
            return Ok((None, node, end));
        }
        let (node, end) = self.expression([first, first], 1)?;
        Ok((None, node, end))
    }

    /// An expression whose first `ahead` tokens have been read; gives its node and the token that ended it.
    fn expression(
        &mut self,
        read: [Spanned<'s>; 2],
        ahead: usize,
    ) -> Result<(NodeId, Token<'s>), ParseError> {
        let mut read = read[..ahead].iter().copied();
        let mut peeked: Option<Spanned<'s>> = None;
        let mut want_operand = true;
        loop {
            let token = match peeked.take().or_else(|| read.next()) {
                Some(token) => token,
                None => self.next_in_expression()?,
            };
            if want_operand {
                want_operand = match token.token {
                    Token::Number(value) => {
                        let node = self.graph.constant(value);
                        self.push(node, token.offset)?;
                        false
                    }
                    Token::Name(name) => {
                        let next = match read.next() {
                            Some(next) => next,
                            None => self.next_in_expression()?,
                        };
                        if next.token == Token::Symbol("(") {
                            self.open_call(name, token.offset)?;
                            true
                        } else {
                            peeked = Some(next);
                            let node = self.name(name);
                            self.push(node, token.offset)?;
                            false
                        }
                    }
                    Token::Symbol("-") => {
                        self.stack.push(Pending::Negate);
                        true
                    }
                    Token::Symbol("+") => true,
                    Token::Symbol("(") => {
                        self.open(Pending::Bracket(token.offset), token.offset)?;
                        true
                    }
                    _ => return Err(self.expected_operand(token)),
                };
            } else {
                match token.token {
                    Token::Symbol(",") => {
                        self.reduce_to_bracket(token.offset)?;
                        if !matches!(self.stack.last(), Some(Pending::Call(..))) {
                            let message = "a comma belongs between the operands of a call, such as max(a, b)";
                            return Err(self.fault(token.offset, message));
                        }
                        want_operand = true;
                    }
                    Token::Symbol(")") => self.close(token.offset)?,
                    Token::Symbol(symbol) if let Some((op, binding)) = infix(symbol) => {
                        self.reduce(binding, token.offset)?;
                        self.stack.push(Pending::Operator(op, binding));
                        want_operand = true;
                    }
                    Token::Separator | Token::End => {
                        self.reduce_to_bracket(token.offset)?;
                        if let Some(Pending::Bracket(open) | Pending::Call(_, open, _)) = self.stack.last() {
                            return Err(self.fault(*open, "this bracket is never closed; add `)`"));
                        }
                        let node = self.operands.pop().expect("a complete expression has one operand");
                        return Ok((node, token.token));
                    }
                    _ => return Err(self.expected_operator(token)),
                }
            }
        }
    }

    /// Inside brackets an end of line is white space, as in Python.
    fn next_in_expression(&mut self) -> Result<Spanned<'s>, ParseError> {
        loop {
            let token = self.lexer.next()?;
            let newline = token.token == Token::Separator && self.source.as_bytes()[token.offset] == b'\n';
            if !(newline && self.depth > 0) {
                return Ok(token);
            }
        }
    }

    fn push(&mut self, node: NodeId, offset: usize) -> Result<(), ParseError> {
        if self.graph.len() > self.limits.max_nodes {
            let limit = self.limits.max_nodes;
            return Err(ParseError::at(self.source, offset, ParseErrorKind::Nodes { limit }));
        }
        self.poll.after(1).map_err(|interrupted| {
            ParseError::at(self.source, offset, ParseErrorKind::Interrupted(interrupted))
        })?;
        self.operands.push(node);
        Ok(())
    }

    fn name(&mut self, name: &'s str) -> NodeId {
        if let Some(&node) = self.names.get(name) {
            return node;
        }
        if let Some(value) = constant(name)
            && !self.shadowing.contains(&name)
        {
            return self.graph.constant(value);
        }
        let node = self.graph.input(name);
        self.names.insert(name, node);
        node
    }

    fn open(&mut self, pending: Pending, offset: usize) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > self.limits.max_nesting {
            let limit = self.limits.max_nesting;
            return Err(ParseError::at(self.source, offset, ParseErrorKind::Nesting { limit }));
        }
        self.stack.push(pending);
        Ok(())
    }

    fn open_call(&mut self, name: &'s str, offset: usize) -> Result<(), ParseError> {
        let Some(op) = Op::from_name(name) else {
            return Err(self.unknown_function(name, offset));
        };
        self.open(Pending::Call(op, offset, self.operands.len()), offset)
    }

    fn close(&mut self, offset: usize) -> Result<(), ParseError> {
        self.reduce_to_bracket(offset)?;
        self.depth = self.depth.saturating_sub(1);
        match self.stack.pop() {
            Some(Pending::Bracket(_)) => Ok(()),
            Some(Pending::Call(op, start, below)) => self.apply(op, below, start),
            _ => Err(self.fault(offset, "this `)` closes no bracket; remove it, or open one before it")),
        }
    }

    /// Applies what waits on the stack down to the innermost open bracket.
    fn reduce_to_bracket(&mut self, offset: usize) -> Result<(), ParseError> {
        self.reduce(Binding::Comparison, offset)
    }

    /// Applies what waits on the stack and binds at least as tightly as `next`, an operator that comes now.
    fn reduce(&mut self, next: Binding, offset: usize) -> Result<(), ParseError> {
        while let Some(&pending) = self.stack.last() {
            let (op, count) = match pending {
                Pending::Negate if Binding::Sign >= next => (Op::Neg, 1),
                // Of two powers the right one is applied first.
                Pending::Operator(op, binding)
                    if binding > next || (binding == next && next != Binding::Power) =>
                {
                    (op, 2)
                }
                _ => break,
            };
            if let Pending::Operator(_, Binding::Comparison) = pending
                && self.source.as_bytes().get(offset).is_some_and(|b| b"<>=!".contains(b))
            {
                let message = "comparisons cannot be chained; multiply two of them, as in (a < b) * (b < c)";
                return Err(self.fault(offset, message));
            }
            self.stack.pop();
            self.apply(op, self.operands.len() - count, offset)?;
        }
        Ok(())
    }

    /// Replaces the operands from `below` on by `op` of them.
    fn apply(&mut self, op: Op, below: usize, offset: usize) -> Result<(), ParseError> {
        // Text writes dot as a call over two halves, and an op of nothing is caught here as well.
        let node = self.graph.apply(op, &self.operands[below..]);
        let node =
            node.map_err(|error| self.fault(offset, format!("{error}; it is written {}", op.info().text)))?;
        self.operands.truncate(below);
        self.push(node, offset)
    }

    fn unknown_function(&self, name: &str, offset: usize) -> ParseError {
        let functions = Op::ALL.iter().flat_map(|op| op.info().aliases.iter().copied().chain([op.name()]));
        let message = if self.names.contains_key(name) {
            format!("`{name}` is a value, not a function; to multiply, write {name}*(...)")
        } else if let Some(close) = closest(name, functions) {
            format!("there is no function `{name}`; did you mean {close}?")
        } else {
            format!(
                "there is no function `{name}`; GET /v1/ops lists all, and a product is written {name}*(...)"
            )
        };
        self.fault(offset, message)
    }

    fn expected_operand(&self, token: Spanned<'s>) -> ParseError {
        let message = match (token.token, self.stack.last()) {
            (Token::Symbol(")"), Some(Pending::Call(op, ..))) => {
                format!("expected an operand of {}, found `)`; it is written {}", op.name(), op.info().text)
            }
            (Token::Symbol("="), _) => {
                "expected a number, a name or `(`, found `=`; a statement is written name = expression"
                    .to_owned()
            }
            (Token::Symbol("*"), Some(Pending::Operator(Op::Mul, _))) => {
                "expected a number, a name or `(`, found `*`; a power is written ** without a blank"
                    .to_owned()
            }
            (Token::Symbol("/"), Some(Pending::Operator(Op::Div, _))) => {
                "expected a number, a name or `(`, found `/`; there is no integer division".to_owned()
            }
            (found, _) => format!("expected a number, a name or `(`, found {found}"),
        };
        self.fault(token.offset, message)
    }

    fn expected_operator(&self, token: Spanned<'s>) -> ParseError {
        let before = self.source[..token.offset].trim_end();
        let written = before
            .rfind(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .map_or(0, |i| i + before[i..].chars().next().map_or(0, char::len_utf8));
        let last = &before[written..];
        let message = match token.token {
            Token::Name(name) if Op::from_name(last).is_some() => format!("expected `(` after {last}, as in {last}({name})"),
            Token::Name(name) => format!("expected an operator or the end, found `{name}`; did you mean {last}*{name}?"),
            Token::Number(value) => {
                format!("expected an operator or the end, found {}; did you mean {last}*{value}?", token.token)
            }
            Token::Symbol("(") => format!("expected an operator or the end, found `(`; did you mean {last}*(...)?"),
            Token::Symbol("=") => {
                "expected an operator or the end, found `=`; only a name can be assigned, and equality is written ==".to_owned()
            }
            found => format!("expected an operator or the end, found {found}"),
        };
        self.fault(token.offset, message)
    }

    fn fault(&self, offset: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.source, offset, ParseErrorKind::Syntax(message.into()))
    }
}
