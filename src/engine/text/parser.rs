//! Tokens into code, by operator precedence with an explicit stack.
//!
//! Python's precedence, loosest first: comparisons; `+ -`; `* /`; unary `+ -`; `**` or `^`, which is right-associative
//! and binds tighter than a minus on its left, but takes one on its right (`2**-1`). The method is Dijkstra's shunting
//! yard with a state that says whether an operand or an operator comes next, so that depth costs heap, not stack. It gives
//! each statement as [`code`](super::code) in postfix order, from which the [`machine`](super::machine) makes the graph.

use std::collections::{BTreeMap, BTreeSet};

use super::super::graph::{Graph, NodeId};
use super::super::op::{Arity, Op};
use super::code::{Action, Code, Function, Loop, Step};
use super::error::{ParseError, ParseErrorKind};
use super::lexer::{Lexer, Spanned, Token};
use super::machine::{Machine, Value};
use crate::engine::interrupt::{Interrupt, Poll};
use crate::engine::suggest::closest;

/// Bounds on a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseLimits {
    /// Nodes of the graph, and what calls, loops and vectors take beside them.
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
        lexer: Lexer::new(source),
        limits,
        code: Code::default(),
        steps: Vec::new(),
        stack: Vec::new(),
        depth: 0,
        looped: false,
        defining: None,
        assigned: BTreeSet::new(),
        poll: Poll::new(interrupt),
    };
    // Places in the text are told by 32 bits.
    if u32::try_from(source.len()).is_err() {
        return Err(parser.fault(0, "the text is longer than 4 GiB"));
    }
    let mut machine = Machine::new(source, inputs, limits, interrupt);
    let output = parser.program(&mut machine)?;
    let names = machine.names(&parser.code);
    Ok(Program { graph: machine.graph, names, output })
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
    Negate(usize),
    Operator(Op, Binding, usize),
    Bracket(usize),
    /// What is called, and its operands so far.
    Call(Callee, Open),
    /// `[a, b`
    Vector(Open),
    /// `x[`
    Index(usize),
    /// `for name in range(`: the block and the name of the loop, where it began, and its bounds so far.
    Range(u32, u32, usize, u32),
}

/// A bracket with operands in it.
#[derive(Clone, Copy, Debug)]
struct Open {
    offset: usize,
    /// How many are complete.
    count: u32,
    /// Where the code of the first one begins.
    start: usize,
}

/// What a call names.
#[derive(Clone, Copy, Debug)]
enum Callee {
    Op(Op),
    Function(u32),
    Length,
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

/// Beyond these, looking up a name takes long.
const MOST_PARAMETERS: usize = 100;
const LENGTH: &str = "len";

struct Parser<'s, 'i> {
    source: &'s str,
    lexer: Lexer<'s>,
    limits: ParseLimits,
    code: Code<'s>,
    /// The code of the statement so far.
    steps: Vec<Step>,
    stack: Vec<Pending>,
    depth: usize,
    /// A range has just been closed: its bracket or vector ends with it.
    looped: bool,
    /// The function whose body is being read.
    defining: Option<&'s str>,
    /// Names of values.
    assigned: BTreeSet<&'s str>,
    poll: Poll<'i>,
}

/// What may come next in an expression.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    Operand,
    Operator,
}

/// What a statement does with its value.
#[derive(Clone, Copy, Debug)]
enum Target<'s> {
    Output,
    Name(&'s str),
    /// It was the body of a function.
    Function,
}

impl<'s> Parser<'s, '_> {
    fn program(&mut self, machine: &mut Machine<'s, '_>) -> Result<(String, NodeId), ParseError> {
        let mut token = self.next_statement()?;
        if token.token == Token::End {
            return Err(self.fault(token.offset, "the expression is empty; write for example tanh(w*x + b)"));
        }
        loop {
            let start = token.offset;
            let (target, end) = self.statement(token)?;
            let value = match target {
                Target::Function => None,
                _ => Some(machine.run(&self.code, &self.steps)?),
            };
            self.steps.clear();
            if let (Target::Name(name), Some(value)) = (target, value) {
                self.assigned.insert(name);
                let name = self.code.name(name);
                machine.assign(&self.code, name, value);
            }
            token = if end == Token::End {
                Spanned { token: end, offset: start }
            } else {
                self.next_statement()?
            };
            if token.token == Token::End {
                return self.output(machine, target, value, start);
            }
            if matches!(target, Target::Output) {
                let message =
                    "only the last statement may stand without a name; assign this one, as in `n = ...`";
                return Err(self.fault(start, message));
            }
        }
    }

    /// The last statement as the output.
    fn output(
        &self,
        machine: &Machine<'s, '_>,
        target: Target<'s>,
        value: Option<Value>,
        start: usize,
    ) -> Result<(String, NodeId), ParseError> {
        let name = match target {
            Target::Name(name) => name,
            _ => UNNAMED_OUTPUT,
        };
        match value {
            Some(Value::Number(node)) => Ok((name.to_owned(), node)),
            Some(value) => {
                let length = machine.length(value).unwrap_or(0);
                let message = format!(
                    "the last statement is a vector of {length} numbers; end with one number, such as y[0] or sum(y)"
                );
                Err(self.fault(start, message))
            }
            None => Err(self.fault(start, "a function is defined here and no value; end with a call of it")),
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

    /// One statement from its first token: its target, and the token that ended it. Its code is in `steps`.
    fn statement(&mut self, first: Spanned<'s>) -> Result<(Target<'s>, Token<'s>), ParseError> {
        if let Token::Name(name) = first.token {
            if let Some((parameters, body)) = self.definition(first.offset)? {
                return self.function(name, parameters, body, first.offset);
            }
            let second = self.lexer.next()?;
            if second.token == Token::Symbol("=") {
                if self.code.function_of.contains_key(name) {
                    return Err(self.fault(
                        first.offset,
                        format!("`{name}` is a function; give the value another name"),
                    ));
                }
                let token = self.lexer.next()?;
                return Ok((Target::Name(name), self.expression([token, token], 1)?));
            }
            return Ok((Target::Output, self.expression([first, second], 2)?));
        }
        Ok((Target::Output, self.expression([first, first], 1)?))
    }

    /// The parameters of a definition `f(x, y) = ...` and a lexer at its body, if the statement whose first name was read is
    /// one.
    fn definition(&self, offset: usize) -> Result<Option<(Vec<&'s str>, Lexer<'s>)>, ParseError> {
        let mut lexer = self.lexer.clone();
        let mut parameters = Vec::new();
        if !matches!(lexer.next(), Ok(Spanned { token: Token::Symbol("("), .. })) {
            return Ok(None);
        }
        loop {
            let Ok(Spanned { token: Token::Name(name), .. }) = lexer.next() else { return Ok(None) };
            parameters.push(name);
            match lexer.next().map(|next| next.token) {
                Ok(Token::Symbol(",")) if parameters.len() <= MOST_PARAMETERS => {}
                Ok(Token::Symbol(")")) => break,
                _ => return Ok(None),
            }
        }
        if !matches!(lexer.next(), Ok(Spanned { token: Token::Symbol("="), .. })) {
            return Ok(None);
        }
        if parameters.len() > MOST_PARAMETERS {
            let message = format!("a function takes at most {MOST_PARAMETERS} parameters; hand it vectors");
            return Err(self.fault(offset, message));
        }
        let mut sorted = parameters.clone();
        sorted.sort_unstable();
        if let Some([twice, _]) = sorted.array_windows().find(|[a, b]| a == b) {
            return Err(self.fault(offset, format!("the parameter {twice} is there twice")));
        }
        Ok(Some((parameters, lexer)))
    }

    /// Reads the body of a function.
    fn function(
        &mut self,
        name: &'s str,
        parameters: Vec<&'s str>,
        body: Lexer<'s>,
        offset: usize,
    ) -> Result<(Target<'s>, Token<'s>), ParseError> {
        let taken = if Op::from_name(name).is_some() || name == LENGTH {
            Some("is a function already, GET /v1/ops lists all")
        } else if self.code.function_of.contains_key(name) {
            Some("is defined twice")
        } else if self.assigned.contains(name) {
            Some("is a value already")
        } else {
            None
        };
        if let Some(taken) = taken {
            return Err(self.fault(offset, format!("`{name}` {taken}; choose another name")));
        }
        self.lexer = body;
        self.defining = Some(name);
        let token = self.lexer.next()?;
        let end = self.expression([token, token], 1)?;
        self.defining = None;
        let steps = std::mem::take(&mut self.steps);
        let block = self.code.block(steps);
        let parameters = parameters.into_iter().map(|parameter| self.code.name(parameter)).collect();
        self.code.functions.push(Function { parameters, block });
        self.code.function_of.insert(name, self.code.functions.len() as u32 - 1);
        Ok((Target::Function, end))
    }

    /// An expression whose first `ahead` tokens have been read; gives the token that ended it.
    fn expression(&mut self, read: [Spanned<'s>; 2], ahead: usize) -> Result<Token<'s>, ParseError> {
        let mut read = read[..ahead].iter().copied();
        let mut peeked: Option<Spanned<'s>> = None;
        let mut wanted = Wanted::Operand;
        loop {
            let token = match peeked.take().or_else(|| read.next()) {
                Some(token) => token,
                None => self.next_in_expression()?,
            };
            wanted = match (wanted, token.token) {
                (Wanted::Operand, Token::Name(name)) => {
                    let next = match read.next() {
                        Some(next) => next,
                        None => self.next_in_expression()?,
                    };
                    if next.token == Token::Symbol("(") {
                        self.open_call(name, token.offset)?;
                        Wanted::Operand
                    } else {
                        peeked = Some(next);
                        self.name(name, next.token == Token::Symbol("["), token.offset)?;
                        Wanted::Operator
                    }
                }
                (Wanted::Operand, _) => self.operand(token)?,
                (Wanted::Operator, Token::Separator | Token::End) => {
                    self.end(token.offset)?;
                    return Ok(token.token);
                }
                (Wanted::Operator, _) => self.operator(token)?,
            };
        }
    }

    /// A token where an operand is wanted, but a name.
    fn operand(&mut self, token: Spanned<'s>) -> Result<Wanted, ParseError> {
        match token.token {
            Token::Number(value) => {
                let number = self.code.number(value);
                self.emit(Action::Number(number), token.offset);
                return Ok(Wanted::Operator);
            }
            Token::Symbol("-") => self.stack.push(Pending::Negate(token.offset)),
            Token::Symbol("+") => {}
            Token::Symbol("(") => self.open(Pending::Bracket(token.offset), token.offset)?,
            Token::Symbol("[") => {
                let open = self.opened(token.offset);
                self.open(Pending::Vector(open), token.offset)?;
            }
            _ => return Err(self.expected_operand(token)),
        }
        Ok(Wanted::Operand)
    }

    /// A name that is not called; `is_base` where it is indexed.
    fn name(&mut self, name: &'s str, is_base: bool, offset: usize) -> Result<(), ParseError> {
        if self.code.function_of.contains_key(name) || self.defining == Some(name) {
            return Err(self.fault(offset, format!("`{name}` is a function; call it, as in {name}(x)")));
        }
        let name = self.code.name(name);
        self.emit(if is_base { Action::Base(name) } else { Action::Name(name) }, offset);
        Ok(())
    }

    /// A token behind an operand.
    fn operator(&mut self, token: Spanned<'s>) -> Result<Wanted, ParseError> {
        let looped = std::mem::take(&mut self.looped);
        match token.token {
            Token::Symbol(")") => {
                self.close(token.offset)?;
                return Ok(Wanted::Operator);
            }
            Token::Symbol("]") => {
                self.close_square(token.offset, looped)?;
                return Ok(Wanted::Operator);
            }
            found if looped => {
                let message = format!(
                    "expected the end of the bracket after range(...), found {found}; sums within sums have a bracket each"
                );
                return Err(self.fault(token.offset, message));
            }
            Token::Symbol(",") => self.comma(token.offset)?,
            Token::Symbol("[") => self.open(Pending::Index(token.offset), token.offset)?,
            Token::Name("for") if self.loop_start().is_some() => self.comprehension(token.offset)?,
            Token::Symbol(symbol) if let Some((op, binding)) = infix(symbol) => {
                self.reduce(binding, token.offset)?;
                self.stack.push(Pending::Operator(op, binding, token.offset));
            }
            _ => return Err(self.expected_operator(token)),
        }
        Ok(Wanted::Operand)
    }

    fn comma(&mut self, offset: usize) -> Result<(), ParseError> {
        self.reduce_to_bracket(offset)?;
        match self.stack.last_mut() {
            Some(Pending::Call(_, open) | Pending::Vector(open)) => open.count += 1,
            Some(Pending::Range(_, _, _, count)) if *count == 0 => *count += 1,
            Some(Pending::Range(..)) => {
                let message = "a range has an end, or a begin and an end: range(10) or range(1, 11)";
                return Err(self.fault(offset, message));
            }
            _ => {
                let message = "a comma belongs between the operands of a call, such as max(a, b), or of a vector, [a, b]";
                return Err(self.fault(offset, message));
            }
        }
        Ok(())
    }

    /// The end of an expression, at which no bracket may be open.
    fn end(&mut self, offset: usize) -> Result<(), ParseError> {
        self.looped = false;
        self.reduce_to_bracket(offset)?;
        match self.stack.last() {
            Some(
                Pending::Bracket(offset)
                | Pending::Call(_, Open { offset, .. })
                | Pending::Range(_, _, offset, _),
            ) => Err(self.fault(*offset, "this bracket is never closed; add `)`")),
            Some(Pending::Vector(Open { offset, .. }) | Pending::Index(offset)) => {
                Err(self.fault(*offset, "this bracket is never closed; add `]`"))
            }
            _ => Ok(()),
        }
    }

    /// Inside brackets an end of line is white space, as in Python.
    fn next_in_expression(&mut self) -> Result<Spanned<'s>, ParseError> {
        loop {
            let token = self.lexer.next()?;
            self.poll.after(1).map_err(|interrupted| {
                ParseError::at(self.source, token.offset, ParseErrorKind::Interrupted(interrupted))
            })?;
            let newline = token.token == Token::Separator && self.source.as_bytes()[token.offset] == b'\n';
            if !(newline && self.depth > 0) {
                return Ok(token);
            }
        }
    }

    fn emit(&mut self, action: Action, offset: usize) {
        self.steps.push(Step { action, offset: offset as u32 });
    }

    /// A bracket with operands that opens here.
    fn opened(&self, offset: usize) -> Open {
        Open { offset, count: 0, start: self.steps.len() }
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
        let callee = if let Some(&function) = self.code.function_of.get(name) {
            Callee::Function(function)
        } else if self.defining == Some(name) {
            let message = format!(
                "`{name}` calls itself, which would never end; it may call functions defined before it"
            );
            return Err(self.fault(offset, message));
        } else if let Some(op) = Op::from_name(name) {
            Callee::Op(op)
        } else if name == LENGTH {
            Callee::Length
        } else {
            return Err(self.unknown_function(name, offset));
        };
        let open = self.opened(offset);
        self.open(Pending::Call(callee, open), offset)
    }

    fn close(&mut self, offset: usize) -> Result<(), ParseError> {
        self.reduce_to_bracket(offset)?;
        self.depth = self.depth.saturating_sub(1);
        match self.stack.pop() {
            Some(Pending::Bracket(_)) => Ok(()),
            Some(Pending::Call(callee, open)) => self.call(callee, open),
            Some(Pending::Range(block, name, start, count)) => {
                self.code.loops.push(Loop { block, name, bounds: count + 1 });
                self.emit(Action::Each(self.code.loops.len() as u32 - 1), start);
                self.looped = true;
                Ok(())
            }
            Some(Pending::Vector(_) | Pending::Index(_)) => {
                Err(self.fault(offset, "expected `]` or an operator, found `)`"))
            }
            _ => Err(self.fault(offset, "this `)` closes no bracket; remove it, or open one before it")),
        }
    }

    /// Closes an index or a vector; `looped` where its elements are those of a loop, which are a vector already.
    fn close_square(&mut self, offset: usize, looped: bool) -> Result<(), ParseError> {
        self.reduce_to_bracket(offset)?;
        self.depth = self.depth.saturating_sub(1);
        match self.stack.pop() {
            Some(Pending::Index(start)) => self.emit(Action::Index, start),
            Some(Pending::Vector(_)) if looped => {}
            Some(Pending::Vector(open)) => self.emit(Action::Vector(open.count + 1), open.offset),
            Some(_) => return Err(self.fault(offset, "expected `)` or an operator, found `]`")),
            None => {
                return Err(
                    self.fault(offset, "this `]` closes no bracket; remove it, or open one before it")
                );
            }
        }
        Ok(())
    }

    fn call(&mut self, callee: Callee, open: Open) -> Result<(), ParseError> {
        let count = open.count + 1;
        match callee {
            Callee::Op(op) => self.emit(Action::Apply(op, count), open.offset),
            Callee::Length if count == 1 => self.emit(Action::Length, open.offset),
            Callee::Length => return Err(self.fault(open.offset, "len takes one vector")),
            Callee::Function(function) => {
                let expected = self.code.functions[function as usize].parameters.len();
                if expected != count as usize {
                    let plural = if expected == 1 { "" } else { "s" };
                    let message = format!("this function takes {expected} operand{plural}, not {count}");
                    return Err(self.fault(open.offset, message));
                }
                self.emit(Action::Call(function), open.offset);
            }
        }
        Ok(())
    }

    /// Where the code of the elements begins, if a loop may stand here: behind the first operand of a call of an op of any
    /// number of operands or of a function, or the first element of a vector.
    fn loop_start(&self) -> Option<usize> {
        let bracket = self
            .stack
            .iter()
            .rev()
            .find(|pending| !matches!(pending, Pending::Negate(_) | Pending::Operator(..)));
        match bracket {
            Some(Pending::Call(Callee::Op(op), _)) if matches!(op.arity(), Arity::Exactly(_)) => None,
            Some(Pending::Call(_, open) | Pending::Vector(open)) if open.count == 0 => Some(open.start),
            _ => None,
        }
    }

    /// Reads `for name in range(`, behind what is computed for each number.
    fn comprehension(&mut self, offset: usize) -> Result<(), ParseError> {
        self.reduce_to_bracket(offset)?;
        let start = self.loop_start().expect("was found before");
        let body = self.steps.split_off(start);
        let block = self.code.block(body);
        let mut expect = |wanted: &dyn Fn(Token<'s>) -> bool| {
            let token = self.next_in_expression()?;
            if wanted(token.token) {
                return Ok(token);
            }
            let message = format!("expected a loop such as `for i in range(10)`, found {}", token.token);
            Err(self.fault(token.offset, message))
        };
        let name = expect(&|token| matches!(token, Token::Name(_)))?;
        expect(&|token| token == Token::Name("in"))?;
        expect(&|token| token == Token::Name("range"))?;
        let bracket = expect(&|token| token == Token::Symbol("("))?;
        let Token::Name(name) = name.token else { unreachable!("a name was expected") };
        let name = self.code.name(name);
        self.open(Pending::Range(block, name, offset, 0), bracket.offset)
    }

    /// Applies what waits on the stack down to the innermost open bracket.
    fn reduce_to_bracket(&mut self, offset: usize) -> Result<(), ParseError> {
        self.reduce(Binding::Comparison, offset)
    }

    /// Applies what waits on the stack and binds at least as tightly as `next`, an operator that comes now.
    fn reduce(&mut self, next: Binding, offset: usize) -> Result<(), ParseError> {
        while let Some(&pending) = self.stack.last() {
            let (op, count, place) = match pending {
                Pending::Negate(place) if Binding::Sign >= next => (Op::Neg, 1, place),
                // Of two powers the right one is applied first.
                Pending::Operator(op, binding, place)
                    if binding > next || (binding == next && next != Binding::Power) =>
                {
                    (op, 2, place)
                }
                _ => break,
            };
            if let Pending::Operator(_, Binding::Comparison, _) = pending
                && self.source.as_bytes().get(offset).is_some_and(|b| b"<>=!".contains(b))
            {
                let message = "comparisons cannot be chained; multiply two of them, as in (a < b) * (b < c)";
                return Err(self.fault(offset, message));
            }
            self.stack.pop();
            self.emit(Action::Apply(op, count), place);
        }
        Ok(())
    }

    fn unknown_function(&self, name: &str, offset: usize) -> ParseError {
        let functions = Op::ALL.iter().flat_map(|op| op.info().aliases.iter().copied().chain([op.name()]));
        let functions = functions.chain(self.code.function_of.keys().copied());
        let message = if self.code.name_of.contains_key(name) {
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
            (Token::Symbol(")"), Some(Pending::Call(Callee::Op(op), _))) => {
                format!("expected an operand of {}, found `)`; it is written {}", op.name(), op.info().text)
            }
            (Token::Symbol("="), _) => {
                "expected a number, a name or `(`, found `=`; a statement is written name = expression"
                    .to_owned()
            }
            (Token::Symbol("*"), Some(Pending::Operator(Op::Mul, ..))) => {
                "expected a number, a name or `(`, found `*`; a power is written ** without a blank"
                    .to_owned()
            }
            (Token::Symbol("/"), Some(Pending::Operator(Op::Div, ..))) => {
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
