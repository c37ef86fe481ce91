//! What a program means, by recursion over its tree with dual numbers: nothing of the engine is used.

use std::collections::HashMap;

use super::tree::{Expr, Program, Statement};

/// The output of a program.
#[derive(Clone, Copy, Debug)]
pub struct Evaluation {
    pub value: f64,
    /// With respect to one input.
    pub derivative: f64,
    /// The largest number on the way, of values and derivatives.
    pub largest: f64,
}

/// A value and its derivative.
#[derive(Clone, Copy, Debug)]
struct Dual(f64, f64);

#[derive(Clone, Debug)]
enum Value {
    Number(Dual),
    Vector(Vec<Dual>),
}

pub fn evaluate(program: &Program, inputs: &[(&str, f64)], with: &str) -> Evaluation {
    let inputs =
        inputs.iter().map(|&(name, x)| (name.to_owned(), Dual(x, f64::from(u8::from(name == with)))));
    let mut meaning = Meaning {
        inputs: inputs.collect(),
        globals: HashMap::new(),
        functions: HashMap::new(),
        locals: vec![HashMap::new()],
        largest: 0.0,
    };
    for statement in &program.statements {
        match statement {
            Statement::Assign(name, value) => {
                let value = meaning.of(value);
                meaning.globals.insert(name.clone(), value);
            }
            Statement::Define(name, parameters, body) => {
                meaning.functions.insert(name.clone(), (parameters.clone(), body.clone()));
            }
        }
    }
    let Dual(value, derivative) = meaning.number(&program.output);
    Evaluation { value, derivative, largest: meaning.largest }
}

struct Meaning {
    inputs: HashMap<String, Dual>,
    globals: HashMap<String, Value>,
    functions: HashMap<String, (Vec<String>, Expr)>,
    /// Parameters and loops: those of the last call can be seen.
    locals: Vec<HashMap<String, Value>>,
    largest: f64,
}

impl Meaning {
    fn of(&mut self, expr: &Expr) -> Value {
        let value = match expr {
            Expr::Number(x) => Value::Number(Dual(*x, 0.0)),
            Expr::Name(name) => self.name(name),
            Expr::Negated(a) => element_by_element(&[self.of(a)], |x| Dual(-x[0].0, -x[0].1)),
            Expr::Operator(sign, a, b) => {
                let operands = [self.of(a), self.of(b)];
                element_by_element(&operands, |x| operation(*sign, x[0], x[1]))
            }
            Expr::Vector(elements) => {
                Value::Vector(elements.iter().map(|element| self.number(element)).collect())
            }
            Expr::Element(base, index) => self.element(base, index),
            Expr::Length(vector) => match self.of(vector) {
                Value::Vector(elements) => Value::Number(Dual(elements.len() as f64, 0.0)),
                Value::Number(_) => panic!("only vectors have a length"),
            },
            Expr::Each { call, body, name, from, to } => {
                let to = self.number(to).0 as i64;
                let elements = (*from..to).map(|i| {
                    self.locals
                        .last_mut()
                        .expect("a scope")
                        .insert(name.clone(), Value::Number(Dual(i as f64, 0.0)));
                    self.number(body)
                });
                let elements: Vec<Dual> = elements.collect();
                self.locals.last_mut().expect("a scope").remove(name);
                match call {
                    Some(op) => Value::Number(together(op, &elements)),
                    None => Value::Vector(elements),
                }
            }
            Expr::Call(name, operands) => self.call(name, operands),
        };
        let numbers = match &value {
            Value::Number(number) => std::slice::from_ref(number),
            Value::Vector(elements) => elements,
        };
        for Dual(x, d) in numbers {
            // NaN is as large as can be.
            self.largest =
                if x.is_nan() || d.is_nan() { f64::INFINITY } else { self.largest.max(x.abs()).max(d.abs()) };
        }
        value
    }

    fn number(&mut self, expr: &Expr) -> Dual {
        match self.of(expr) {
            Value::Number(number) => number,
            Value::Vector(_) => panic!("{expr} is a vector"),
        }
    }

    fn name(&self, name: &str) -> Value {
        let local = self.locals.last().and_then(|locals| locals.get(name));
        if let Some(known) = local.or_else(|| self.globals.get(name)) {
            return known.clone();
        }
        Value::Number(match name {
            "pi" => Dual(std::f64::consts::PI, 0.0),
            "tau" => Dual(std::f64::consts::TAU, 0.0),
            _ => self.inputs[name],
        })
    }

    fn element(&mut self, base: &Expr, index: &Expr) -> Value {
        let index = self.number(index).0 as i64;
        Value::Number(match base {
            Expr::Name(name) if name == "w" => self.inputs[&format!("w[{index}]")],
            _ => match self.of(base) {
                Value::Vector(elements) => {
                    elements[(if index < 0 { index + elements.len() as i64 } else { index }) as usize]
                }
                Value::Number(_) => panic!("{base} has no elements"),
            },
        })
    }

    fn call(&mut self, name: &str, operands: &[Expr]) -> Value {
        let operands: Vec<Value> = operands.iter().map(|operand| self.of(operand)).collect();
        if let Some((parameters, body)) = self.functions.get(name).cloned() {
            self.locals.push(parameters.into_iter().zip(operands).collect());
            let value = self.of(&body);
            self.locals.pop();
            return value;
        }
        let has_vector = operands.iter().any(|operand| matches!(operand, Value::Vector(_)));
        match name {
            "where" => element_by_element(&operands, |x| if x[0].0 == 0.0 { x[2] } else { x[1] }),
            "tanh" | "sin" | "cos" | "sigmoid" | "atan" => {
                element_by_element(&operands, |x| unary(name, x[0]))
            }
            "maximum" => element_by_element(&operands, |x| together("max", x)),
            "min" | "max" if operands.len() > 1 && has_vector => {
                element_by_element(&operands, |x| together(name, x))
            }
            "dot" => match operands.as_slice() {
                [Value::Vector(a), Value::Vector(b)] => {
                    let terms: Vec<Dual> = a.iter().zip(b).map(|(&a, &b)| operation('*', a, b)).collect();
                    Value::Number(together("sum", &terms))
                }
                _ => panic!("dot takes two vectors"),
            },
            _ => {
                let all: Vec<Dual> = operands
                    .into_iter()
                    .flat_map(|operand| match operand {
                        Value::Number(number) => vec![number],
                        Value::Vector(elements) => elements,
                    })
                    .collect();
                Value::Number(together(name, &all))
            }
        }
    }
}

/// Numbers stand for vectors of themselves.
fn element_by_element(operands: &[Value], function: impl Fn(&[Dual]) -> Dual) -> Value {
    let length = operands.iter().find_map(|operand| match operand {
        Value::Vector(elements) => Some(elements.len()),
        Value::Number(_) => None,
    });
    let row = |i: usize| -> Vec<Dual> {
        let of = |operand: &Value| match operand {
            Value::Number(number) => *number,
            Value::Vector(elements) => elements[i],
        };
        operands.iter().map(of).collect()
    };
    match length {
        None => Value::Number(function(&row(0))),
        Some(length) => Value::Vector((0..length).map(|i| function(&row(i))).collect()),
    }
}

fn operation(sign: char, Dual(a, da): Dual, Dual(b, db): Dual) -> Dual {
    match sign {
        '+' => Dual(a + b, da + db),
        '-' => Dual(a - b, da - db),
        '*' => Dual(a * b, da * b + a * db),
        '/' => Dual(a / b, (da - a / b * db) / b),
        // Exponents are whole constants.
        '^' => Dual(a.powi(b as i32), if b == 0.0 { 0.0 } else { b * a.powi(b as i32 - 1) * da }),
        '<' => Dual(f64::from(u8::from(a < b)), 0.0),
        _ => unreachable!("no operator {sign}"),
    }
}

fn unary(name: &str, Dual(x, d): Dual) -> Dual {
    match name {
        "tanh" => Dual(x.tanh(), d / x.cosh().powi(2)),
        "sin" => Dual(x.sin(), d * x.cos()),
        "cos" => Dual(x.cos(), -d * x.sin()),
        "sigmoid" => Dual(1.0 / (1.0 + (-x).exp()), d / ((x / 2.0).exp() + (-x / 2.0).exp()).powi(2)),
        "atan" => Dual(x.atan(), d / (1.0 + x * x)),
        _ => unreachable!("no function {name}"),
    }
}

/// An op of any number of operands.
fn together(op: &str, x: &[Dual]) -> Dual {
    let count = x.len() as f64;
    let weighted =
        |value: f64, weight: &dyn Fn(f64) -> f64| Dual(value, x.iter().map(|x| weight(x.0) * x.1).sum());
    let values = || x.iter().map(|x| x.0);
    match op {
        "sum" => weighted(values().sum(), &|_| 1.0),
        "mean" => weighted(values().sum::<f64>() / count, &|_| 1.0 / count),
        "prod" => x.iter().fold(Dual(1.0, 0.0), |product, &x| operation('*', product, x)),
        "logsumexp" => {
            let most = values().fold(f64::NEG_INFINITY, f64::max);
            let y = most + values().map(|x| (x - most).exp()).sum::<f64>().ln();
            weighted(y, &|x| (x - y).exp())
        }
        "norm" => {
            let y = values().map(|x| x * x).sum::<f64>().sqrt();
            weighted(y, &|x| if y == 0.0 { 0.0 } else { x / y })
        }
        "min" | "max" => {
            let y = values().reduce(if op == "max" { f64::max } else { f64::min }).expect("one or more");
            let tied = values().filter(|x| *x == y).count() as f64;
            weighted(y, &|x| if x == y { 1.0 / tied } else { 0.0 })
        }
        _ => unreachable!("no op {op}"),
    }
}
