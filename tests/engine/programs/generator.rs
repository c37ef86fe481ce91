//! Programs from a list of choices. Where the list ends, everything is as simple as it can be, so that shorter lists are smaller
//! programs.

use super::tree::{Expr, Program, Statement};

const DEPTH: usize = 4;
/// Bounded and smooth, so that values stay small.
const UNARY: [&str; 5] = ["tanh", "sin", "cos", "sigmoid", "atan"];
const MANY: [&str; 7] = ["sum", "mean", "prod", "logsumexp", "norm", "min", "max"];

pub fn program(choices: &[u16]) -> Program {
    let mut writer = Writer {
        choices: choices.iter(),
        numbers: Vec::new(),
        vectors: Vec::new(),
        loops: Vec::new(),
        functions: Vec::new(),
        x_is_vector: false,
    };
    let statements = (0..writer.choose(7)).map(|i| writer.statement(i)).collect();
    Program { statements, output: writer.number(DEPTH) }
}

#[derive(Clone)]
struct Function {
    name: String,
    /// The length of each parameter, 0 for a number.
    parameters: Vec<usize>,
    /// The length of its value.
    length: usize,
}

struct Writer<'c> {
    choices: std::slice::Iter<'c, u16>,
    /// The names that can be used: numbers, vectors with their lengths, loops with their ends.
    numbers: Vec<String>,
    vectors: Vec<(String, usize)>,
    loops: Vec<(String, usize)>,
    functions: Vec<Function>,
    /// Within a function that has a parameter of this name.
    x_is_vector: bool,
}

fn call(name: &str, operands: Vec<Expr>) -> Expr {
    Expr::Call(name.to_owned(), operands)
}

fn operator(sign: char, a: Expr, b: Expr) -> Expr {
    Expr::Operator(sign, Box::new(a), Box::new(b))
}

impl Writer<'_> {
    fn choose(&mut self, count: usize) -> usize {
        usize::from(*self.choices.next().unwrap_or(&0)) % count
    }

    fn choose_from<T: Clone>(&mut self, items: &[T]) -> T {
        items[self.choose(items.len())].clone()
    }

    fn statement(&mut self, i: usize) -> Statement {
        match self.choose(4) {
            0 | 1 => {
                let value = self.number(DEPTH);
                // Sometimes one that has a value already, or hides an input or a constant.
                let name = match self.choose(6) {
                    0 => "z".to_owned(),
                    1 => "e".to_owned(),
                    2 if !self.numbers.is_empty() => self.choose_from(&self.numbers.clone()),
                    _ => format!("a{i}"),
                };
                self.numbers.push(name.clone());
                Statement::Assign(name, value)
            }
            2 => {
                let length = 1 + self.choose(4);
                let value = self.vector(DEPTH, length);
                let name = format!("v{i}");
                self.vectors.push((name.clone(), length));
                Statement::Assign(name, value)
            }
            _ => self.function(i),
        }
    }

    fn function(&mut self, i: usize) -> Statement {
        let (numbers, vectors) = (self.numbers.clone(), self.vectors.clone());
        // One of them hides an input.
        let names = ["p", "x", "q"];
        let lengths: Vec<usize> = (0..=self.choose(3)).map(|_| self.choose(8).saturating_sub(4)).collect();
        for (name, &length) in names.iter().zip(&lengths) {
            if length == 0 {
                self.numbers.push((*name).to_owned());
            } else {
                self.vectors.push(((*name).to_owned(), length));
            }
        }
        self.x_is_vector = lengths.get(1).is_some_and(|length| *length > 0);
        let length = self.choose(6).saturating_sub(3);
        let body = if length == 0 { self.number(DEPTH - 1) } else { self.vector(DEPTH - 1, length) };
        self.x_is_vector = false;
        (self.numbers, self.vectors) = (numbers, vectors);
        let name = format!("f{i}");
        let parameters = names[..lengths.len()].iter().map(|name| (*name).to_owned()).collect();
        self.functions.push(Function { name: name.clone(), parameters: lengths, length });
        Statement::Define(name, parameters, body)
    }

    fn number(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            return self.leaf();
        }
        match self.choose(14) {
            0 | 1 => self.leaf(),
            2 => Expr::Negated(Box::new(self.number(depth - 1))),
            3..=5 => self.operation(depth, 0),
            6 => call(self.choose_name(&UNARY), vec![self.number(depth - 1)]),
            7 => {
                let vector = self.choose_length();
                let base = self.vector(depth - 1, vector);
                let index = self.index(vector, true);
                Expr::Element(Box::new(base), Box::new(index))
            }
            8 => {
                let length = self.choose_length();
                call("dot", vec![self.vector(depth - 1, length), self.vector(depth - 1, length)])
            }
            9 | 10 => self.many(depth),
            11 => self.each(depth, None),
            12 => self.called(depth, 0),
            _ => self.condition(depth),
        }
    }

    fn vector(&mut self, depth: usize, length: usize) -> Expr {
        let known: Vec<String> =
            self.vectors.iter().filter(|(_, other)| *other == length).map(|(name, _)| name.clone()).collect();
        match self.choose(if depth == 0 { 2 } else { 9 }) {
            1 if !known.is_empty() => Expr::Name(self.choose_from(&known)),
            0 | 1 => Expr::Vector((0..length).map(|_| self.number(depth.saturating_sub(2))).collect()),
            2 => Expr::Negated(Box::new(self.vector(depth - 1, length))),
            3 | 4 => self.operation(depth, length),
            5 => call(self.choose_name(&UNARY), vec![self.vector(depth - 1, length)]),
            6 => self.each(depth, Some(length)),
            7 => self.called(depth, length),
            _ => {
                // Among several operands the extremes are element by element.
                let op = ["max", "min", "maximum"][self.choose(3)];
                let mut operands =
                    vec![self.vector(depth - 1, length), self.number_or_vector(depth - 1, length)];
                if op != "maximum" && self.choose(2) == 1 {
                    operands.push(self.number_or_vector(depth - 1, length));
                }
                call(op, operands)
            }
        }
    }

    fn choose_name(&mut self, names: &[&'static str]) -> &'static str {
        names[self.choose(names.len())]
    }

    fn choose_length(&mut self) -> usize {
        1 + self.choose(3)
    }

    fn number_or_vector(&mut self, depth: usize, length: usize) -> Expr {
        if length > 0 && self.choose(2) == 1 { self.vector(depth, length) } else { self.number(depth) }
    }

    /// Between numbers (length 0), or at least one vector and what fits it.
    fn operation(&mut self, depth: usize, length: usize) -> Expr {
        let sign = ['+', '-', '*', '/', '^'][self.choose(5)];
        let first = if length > 0 { self.vector(depth - 1, length) } else { self.number(depth - 1) };
        match sign {
            '/' => {
                // Far from zero.
                let divisor = call("sin", vec![self.number_or_vector(depth - 1, length)]);
                operator('/', first, operator('+', Expr::Number(2.5), divisor))
            }
            '^' => {
                let two = || Box::new(Expr::Number(2.0));
                let exponent = match self.choose(3) {
                    0 => Expr::Number(2.0),
                    1 => Expr::Number(3.0),
                    // From the right: a^2^1.
                    _ => Expr::Operator('^', two(), Box::new(Expr::Number(1.0))),
                };
                operator('^', first, exponent)
            }
            _ => {
                let second = self.number_or_vector(depth - 1, length);
                if self.choose(2) == 1 {
                    operator(sign, second, first)
                } else {
                    operator(sign, first, second)
                }
            }
        }
    }

    /// An op of any number of operands, of numbers alone or of numbers and vectors.
    fn many(&mut self, depth: usize) -> Expr {
        let op = self.choose_name(&MANY);
        let count = 1 + self.choose(4);
        let is_extreme = matches!(op, "min" | "max");
        let operands = (0..count).map(|_| {
            if self.choose(2) == 1 && (!is_extreme || count == 1) {
                let length = self.choose_length();
                self.vector(depth - 1, length)
            } else {
                self.number(depth - 1)
            }
        });
        call(op, operands.collect())
    }

    /// A loop that makes a number, or a vector of this length.
    fn each(&mut self, depth: usize, length: Option<usize>) -> Expr {
        let turns = length.unwrap_or_else(|| self.choose_length());
        let call = if length.is_none() { Some(self.choose_name(&MANY).to_owned()) } else { None };
        let from = usize::from(self.choose(3) == 2);
        let known =
            self.vectors.iter().find(|(_, other)| from == 0 && *other == turns).map(|(name, _)| name.clone());
        let to = match known {
            Some(name) if self.choose(2) == 1 => Expr::Length(Box::new(Expr::Name(name))),
            _ => Expr::Number((turns + from) as f64),
        };
        let name = ["i", "j", "k", "l", "m"][self.loops.len().min(4)].to_owned();
        self.loops.push((name.clone(), turns + from));
        let body = Box::new(self.number(depth - 1));
        self.loops.pop();
        Expr::Each { call, body, name, from: from as i64, to: Box::new(to) }
    }

    /// A function of one's own whose value has this length, or something else where there is none.
    fn called(&mut self, depth: usize, length: usize) -> Expr {
        let fitting: Vec<Function> = self.functions.iter().filter(|f| f.length == length).cloned().collect();
        if fitting.is_empty() {
            return if length > 0 { self.vector(depth - 1, length) } else { self.leaf() };
        }
        let function = self.choose_from(&fitting);
        let operands = function.parameters.iter().map(|&length| match length {
            0 => self.number(depth - 1),
            length => self.vector(depth - 1, length),
        });
        call(&function.name, operands.collect())
    }

    /// By an input or a loop alone: where rounding decides, both answers are right.
    fn condition(&mut self, depth: usize) -> Expr {
        let name = match self.loops.last().cloned() {
            Some((name, _)) if self.choose(2) == 1 => name,
            _ => ["w[0]", "w[1]", "w[2]"][self.choose(3)].to_owned(),
        };
        let test = operator('<', Expr::Name(name), Expr::Number([0.5, 1.0, 2.5][self.choose(3)]));
        call("where", vec![test, self.number(depth - 1), self.number(depth - 1)])
    }

    fn leaf(&mut self) -> Expr {
        match self.choose(8) {
            0 if !self.x_is_vector => Expr::Name("x".to_owned()),
            0 | 1 => Expr::Name("y".to_owned()),
            2 => Expr::Number([0.0, 1.0, 0.25, 3.0, 1.75][self.choose(5)]),
            3 => Expr::Name(["z", "pi", "tau"][self.choose(3)].to_owned()),
            4 | 5 if !self.numbers.is_empty() => Expr::Name(self.choose_from(&self.numbers.clone())),
            6 if !self.loops.is_empty() => Expr::Name(self.choose_from(&self.loops.clone()).0),
            _ => Expr::Element(Box::new(Expr::Name("w".to_owned())), Box::new(self.index(3, false))),
        }
    }

    /// Of an element among so many, counted from the end as well if that is allowed.
    fn index(&mut self, length: usize, from_end: bool) -> Expr {
        let loops: Vec<String> =
            self.loops.iter().filter(|(_, end)| *end <= length).map(|(name, _)| name.clone()).collect();
        let last = Expr::Number((length - 1) as f64);
        match self.choose(4) {
            1 if !loops.is_empty() => Expr::Name(self.choose_from(&loops)),
            2 if !loops.is_empty() => operator('-', last, Expr::Name(self.choose_from(&loops))),
            3 if from_end => Expr::Negated(Box::new(Expr::Number((1 + self.choose(length)) as f64))),
            _ => Expr::Number(self.choose(length) as f64),
        }
    }
}
