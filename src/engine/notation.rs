//! Small formulas written out, as text or in LaTeX: what the op table says of derivatives, with the names of operands put in.
//!
//! Recursive, which is why it is for formulas of the table alone and not for what a client sends.

#![forbid(unsafe_code)]

use std::sync::LazyLock;

use super::graph::{Graph, Node, NodeId};
use super::op::{Arity, Op};
use super::text::{ParseLimits, parse};

/// The partial derivative of an op with respect to one of its operands.
#[derive(Clone, Debug)]
pub enum Formula {
    /// An expression in the operands' letters; of an op of any number of operands in `a`, the operand, `y`, the value,
    /// `n`, the number of operands, and `k`, the number of those that are equal to the value.
    Expression(Graph, NodeId),
    /// In words, where an expression would have to name all operands.
    Words(&'static str),
}

/// A language to write in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// That of expressions.
    Text,
    /// That of LaTeX's math mode.
    Latex,
}

/// Something written, and how tightly it holds together.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What it looks like.
    pub text: String,
    /// Beside what it needs no brackets.
    pub binding: Binding,
}

/// How tightly what is written holds together, loosest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    /// Words and names with signs in them.
    Loose,
    /// `a < b`
    Comparison,
    /// `a + b`
    Sum,
    /// `a*b`
    Product,
    /// `-a`
    Sign,
    /// `a^b`
    Power,
    /// A name, a number, a call.
    Atom,
}

impl Op {
    /// The partial derivatives of the op table: of a primitive one for each operand, else one for all.
    pub fn formulas(self) -> &'static [Formula] {
        static FORMULAS: LazyLock<Vec<Vec<Formula>>> =
            LazyLock::new(|| Op::ALL.iter().map(|op| read(*op)).collect());
        &FORMULAS[self as usize]
    }

    /// The letters that stand for the operands in the op table's formulas.
    pub fn letters(self) -> Vec<&'static str> {
        let text = self.info().text;
        let operands = text.split_once('(').map_or(text, |(_, operands)| operands);
        let is_letter = |word: &&str| word.starts_with(|c: char| c.is_ascii_alphabetic());
        operands.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_letter).collect()
    }

    /// The sign between or before its operands in an expression; `None` if it is written as a call.
    pub fn sign(self) -> Option<&'static str> {
        let text = self.info().text;
        if text.contains('(') {
            return None;
        }
        Some(text.split(' ').nth(1).unwrap_or_else(|| text.trim_end_matches(char::is_alphabetic)))
    }
}

fn read(op: Op) -> Vec<Formula> {
    let info = op.info();
    let formula = |formula: &'static str| {
        if formula.starts_with("the ") {
            return Formula::Words(formula);
        }
        // With the value written out where it is an expression of a few operands.
        let value = if matches!(op.arity(), Arity::Exactly(_)) {
            format!("y = {}; ", info.text)
        } else {
            String::new()
        };
        let limits = ParseLimits { max_nodes: 1000, max_nesting: 10 };
        let program = parse(&format!("{value}{formula}"), [], limits);
        let program = program.unwrap_or_else(|error| panic!("the derivative of {}: {error}", op.name()));
        Formula::Expression(program.graph, program.output.1)
    };
    info.derivative.split("; ").map(formula).collect()
}

impl Notation {
    /// The partial derivative `formula` with `name` in the place of each letter.
    pub fn formula(self, formula: &Formula, name: &dyn Fn(&str) -> Written) -> Written {
        match (formula, self) {
            (Formula::Expression(graph, node), _) => self.node(graph, *node, name),
            (Formula::Words(words), Notation::Text) => Written::new(*words, Binding::Loose),
            (Formula::Words(words), Notation::Latex) => {
                Written::new(format!("\\text{{{words}}}"), Binding::Loose)
            }
        }
    }

    fn node(self, graph: &Graph, node: NodeId, name: &dyn Fn(&str) -> Written) -> Written {
        match graph.node(node) {
            Node::Constant(value) if value == std::f64::consts::PI => {
                Written::new(if self == Notation::Text { "pi" } else { "\\pi" }, Binding::Atom)
            }
            Node::Constant(value) => self.number(&value.to_string()),
            Node::Input(position) => name(&graph.inputs()[position].0),
            Node::Apply(op, operands) => {
                let operands = operands.iter().map(|operand| self.node(graph, *operand, name)).collect();
                match self {
                    Notation::Text => text(op, operands),
                    Notation::Latex => latex(op, operands),
                }
            }
        }
    }

    /// A number, of which these are the digits.
    pub fn number(self, digits: &str) -> Written {
        let binding = if digits.starts_with('-') { Binding::Sign } else { Binding::Atom };
        let text = match (self, digits.split_once('e'), digits) {
            (Notation::Latex, Some((digits, exponent)), _) => {
                return Written::new(format!("{digits} \\cdot 10^{{{exponent}}}"), Binding::Product);
            }
            (Notation::Latex, _, "Infinity") => "\\infty".to_owned(),
            (Notation::Latex, _, "-Infinity") => "-\\infty".to_owned(),
            (Notation::Latex, _, "NaN") => "\\text{NaN}".to_owned(),
            _ => digits.to_owned(),
        };
        Written::new(text, binding)
    }

    /// The name of a value.
    pub fn name(self, name: &str) -> Written {
        let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && name.chars().next().is_some_and(|c| !c.is_numeric());
        let binding = if is_word { Binding::Atom } else { Binding::Loose };
        match self {
            Notation::Text => Written::new(name, binding),
            Notation::Latex if is_word => Written::new(word(name), binding),
            Notation::Latex => Written::new(format!("\\text{{{}}}", escaped(name)), Binding::Atom),
        }
    }

    /// The derivative of one name with respect to another.
    pub fn derivative(self, of: &str, with: &str) -> Written {
        let (of, with) = (self.name(of), self.name(with));
        match self {
            Notation::Text => {
                let (of, with) = (of.within(Binding::Atom, self), with.within(Binding::Atom, self));
                Written::new(format!("d{of}/d{with}"), Binding::Atom)
            }
            Notation::Latex => Written::new(
                format!("\\frac{{\\partial {}}}{{\\partial {}}}", of.text, with.text),
                Binding::Atom,
            ),
        }
    }

    /// The sign of a product in a line of the chain rule.
    pub fn times(self) -> &'static str {
        match self {
            Notation::Text => " * ",
            Notation::Latex => " \\cdot ",
        }
    }
}

impl Written {
    /// `text`, of this binding.
    pub fn new(text: impl Into<String>, binding: Binding) -> Self {
        Self { text: text.into(), binding }
    }

    /// In brackets unless it binds at least as tightly.
    pub fn within(&self, binding: Binding, notation: Notation) -> String {
        match notation {
            _ if self.binding >= binding => self.text.clone(),
            Notation::Text => format!("({})", self.text),
            Notation::Latex => format!("\\left({}\\right)", self.text),
        }
    }
}

/// How tightly an op with a sign holds its operands.
fn binding_of(op: Op) -> Binding {
    match op {
        Op::Add | Op::Sub => Binding::Sum,
        Op::Mul | Op::Div => Binding::Product,
        Op::Neg => Binding::Sign,
        Op::Pow => Binding::Power,
        _ => Binding::Comparison,
    }
}

/// The next tighter one: what the right operand of a minus needs.
fn tighter(binding: Binding) -> Binding {
    match binding {
        Binding::Loose => Binding::Comparison,
        Binding::Comparison => Binding::Sum,
        Binding::Sum => Binding::Product,
        Binding::Product => Binding::Sign,
        Binding::Sign => Binding::Power,
        Binding::Power | Binding::Atom => Binding::Atom,
    }
}

fn text(op: Op, operands: Vec<Written>) -> Written {
    let (binding, notation) = (binding_of(op), Notation::Text);
    match (op, op.sign(), operands.as_slice()) {
        (Op::Pow, _, [a, b]) => {
            let (a, b) = (a.within(Binding::Atom, notation), b.within(Binding::Power, notation));
            Written::new(format!("{a}^{b}"), binding)
        }
        (_, Some(sign), [a]) => {
            Written::new(format!("{sign}{}", a.within(tighter(binding), notation)), binding)
        }
        (_, Some(sign), [a, b]) => {
            let blank = if binding == Binding::Product { "" } else { " " };
            let (a, b) = (a.within(binding, notation), b.within(tighter(binding), notation));
            Written::new(format!("{a}{blank}{sign}{blank}{b}"), binding)
        }
        _ => {
            let operands: Vec<String> = operands.into_iter().map(|operand| operand.text).collect();
            Written::new(format!("{}({})", op.name(), operands.join(", ")), Binding::Atom)
        }
    }
}

fn latex(op: Op, operands: Vec<Written>) -> Written {
    let (binding, notation) = (binding_of(op), Notation::Latex);
    let round = |inner: &[Written]| {
        let inner: Vec<&str> = inner.iter().map(|written| written.text.as_str()).collect();
        format!("\\left({}\\right)", inner.join(", "))
    };
    match (op, operands.as_slice()) {
        (Op::Neg, [a]) => Written::new(format!("-{}", a.within(tighter(binding), notation)), binding),
        (Op::Div, [a, b]) => Written::new(format!("\\frac{{{}}}{{{}}}", a.text, b.text), Binding::Product),
        (Op::Pow, [a, b]) => {
            Written::new(format!("{{{}}}^{{{}}}", a.within(Binding::Atom, notation), b.text), binding)
        }
        (Op::Sqrt, [a]) => Written::new(format!("\\sqrt{{{}}}", a.text), Binding::Atom),
        (Op::Exp, [a]) => Written::new(format!("e^{{{}}}", a.text), Binding::Power),
        (Op::Abs, [a]) => Written::new(format!("\\left|{}\\right|", a.text), Binding::Atom),
        (Op::Where, [c, a, b]) => Written::new(
            format!(
                "\\begin{{cases}} {} & {} \\\\ {} & \\text{{otherwise}} \\end{{cases}}",
                a.text, c.text, b.text
            ),
            Binding::Sum,
        ),
        (_, [a, b]) if op.sign().is_some() => {
            let sign = match op {
                Op::Mul => "\\cdot",
                Op::Le => "\\le",
                Op::Ge => "\\ge",
                Op::Eq => "=",
                Op::Ne => "\\ne",
                _ => op.sign().unwrap_or_default(),
            };
            let (a, b) = (a.within(binding, notation), b.within(tighter(binding), notation));
            Written::new(format!("{a} {sign} {b}"), binding)
        }
        (Op::Tanh | Op::Sin | Op::Cos | Op::Tan | Op::Sinh | Op::Cosh, _) => {
            Written::new(format!("\\{}{}", op.name(), round(&operands)), Binding::Atom)
        }
        (Op::Log, _) => Written::new(format!("\\ln{}", round(&operands)), Binding::Atom),
        _ => {
            let name = escaped(op.name());
            Written::new(format!("\\operatorname{{{name}}}{}", round(&operands)), Binding::Atom)
        }
    }
}

/// A name in math mode: its digits as an index, more than one letter upright.
fn word(name: &str) -> String {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let (letters, digits) = (letters.trim_end_matches('_'), &name[letters.len()..]);
    let letters = match letters.chars().count() {
        0 => return upright(name),
        1 if letters.chars().all(is_of_math) => letters.to_owned(),
        _ => upright(letters),
    };
    if digits.is_empty() { letters } else { format!("{letters}_{{{digits}}}") }
}

/// A word in upright letters: as text where math mode has not all of them.
fn upright(word: &str) -> String {
    if word.chars().all(is_of_math) {
        format!("\\mathrm{{{}}}", word.replace('_', "\\_"))
    } else {
        format!("\\text{{{}}}", escaped(word))
    }
}

/// Letters and digits that stand for themselves in math mode.
fn is_of_math(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || is_greek(c)
}

fn is_greek(c: char) -> bool {
    ('α'..='ω').contains(&c) || ('Α'..='Ω').contains(&c)
}

/// Text in which nothing is a command. What only math mode has, Greek letters, arrows and signs, stands in it; other letters
/// are a matter of fonts.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => escaped.push_str("\\textbackslash{}"),
            '^' => escaped.push_str("\\textasciicircum{}"),
            '~' => escaped.push_str("\\textasciitilde{}"),
            '_' | '{' | '}' | '$' | '&' | '#' | '%' => escaped.extend(['\\', c]),
            '¹' => escaped.push_str("$^1$"),
            '²' => escaped.push_str("$^2$"),
            '³' => escaped.push_str("$^3$"),
            '₀'..='₉' => escaped.push_str(&format!("$_{}$", c as u32 - '₀' as u32)),
            'µ' => escaped.push_str("$\\mu$"),
            '×' | '±' | '\u{2190}'..='\u{21ff}' | '\u{2200}'..='\u{22ff}' => escaped.extend(['$', c, '$']),
            _ if is_greek(c) => escaped.extend(['$', c, '$']),
            // What stands for characters that cannot be shown.
            char::REPLACEMENT_CHARACTER => escaped.push('?'),
            _ => escaped.push(c),
        }
    }
    escaped
}
