//! Programs as trees, and how they are written.

use std::fmt;

/// An expression.
#[derive(Clone, Debug)]
pub enum Expr {
    Number(f64),
    Name(String),
    Negated(Box<Expr>),
    /// One of `+ - * / ^ <`.
    Operator(char, Box<Expr>, Box<Expr>),
    /// Of an op or of a function of the program.
    Call(String, Vec<Expr>),
    Vector(Vec<Expr>),
    Element(Box<Expr>, Box<Expr>),
    Length(Box<Expr>),
    /// `call(body for name in range(from, to))`, or the vector itself.
    Each {
        call: Option<String>,
        body: Box<Expr>,
        name: String,
        from: i64,
        to: Box<Expr>,
    },
}

#[derive(Clone, Debug)]
pub enum Statement {
    Assign(String, Expr),
    Define(String, Vec<String>, Expr),
}

/// Statements, and the output.
#[derive(Clone, Debug)]
pub struct Program {
    pub statements: Vec<Statement>,
    pub output: Expr,
}

impl Expr {
    /// How tightly it holds together.
    fn binding(&self) -> u8 {
        match self {
            Expr::Operator('<', ..) => 0,
            Expr::Operator('+' | '-', ..) => 1,
            Expr::Operator('*' | '/', ..) => 2,
            Expr::Negated(_) => 3,
            Expr::Operator(..) => 4,
            _ => 5,
        }
    }

    /// In brackets only where it needs them.
    fn within(&self, binding: u8) -> String {
        if self.binding() >= binding { self.to_string() } else { format!("({self})") }
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Number(x) => write!(f, "{x}"),
            Expr::Name(name) => f.write_str(name),
            Expr::Negated(a) => write!(f, "-{}", a.within(3)),
            Expr::Operator('^', a, b) => write!(f, "{}^{}", a.within(5), b.within(3)),
            Expr::Operator('<', a, b) => write!(f, "{} < {}", a.within(1), b.within(1)),
            Expr::Operator(sign, a, b) => {
                let own = self.binding();
                write!(f, "{} {sign} {}", a.within(own), b.within(own + 1))
            }
            Expr::Call(name, operands) => write!(f, "{name}({})", list(operands)),
            Expr::Vector(elements) => write!(f, "[{}]", list(elements)),
            Expr::Element(vector, index) => write!(f, "{}[{index}]", vector.within(5)),
            Expr::Length(vector) => write!(f, "len({vector})"),
            Expr::Each { call, body, name, from, to } => {
                let bounds = if *from == 0 { to.to_string() } else { format!("{from}, {to}") };
                let (open, close) = match call {
                    Some(call) => (format!("{call}("), ")"),
                    None => ("[".to_owned(), "]"),
                };
                write!(f, "{open}{body} for {name} in range({bounds}){close}")
            }
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, statement) in self.statements.iter().enumerate() {
            match statement {
                Statement::Assign(name, value) => write!(f, "{name} = {value}")?,
                Statement::Define(name, parameters, body) => {
                    write!(f, "{name}({}) = {body}", list(parameters))?;
                }
            }
            f.write_str(if i % 2 == 0 { "\n" } else { "; " })?;
        }
        write!(f, "{}", self.output)
    }
}
