//! Values that remember where they came from: micrograd's interface on top of the graph and the tape.
//!
//! ```
//! use gradd::engine::Scope;
//!
//! let scope = Scope::new();
//! let (x, w, b) = (scope.value(2.0), scope.value(-3.0), scope.value(6.8813735870195432));
//! let o = (x * w + b).tanh();
//! o.backward();
//! assert!((x.grad() - -3.0 * (1.0 - o.data().powi(2))).abs() < 1e-12);
//! ```

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};

use super::graph::{Graph, NodeId};
use super::op::Op;
use super::sweep::{Binding, Column, GradientOptions, NonFinitePolicy};
use super::tape::{CompileOptions, Role, Tape};
use super::{Interrupt, graph::ArityError};

/// The arena that [`Value`]s live in.
#[derive(Debug, Default)]
pub struct Scope {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    graph: Graph,
    /// The value of each node, known as soon as the node exists.
    data: Vec<f64>,
    /// The adjoint of each node, from the last `backward`.
    grad: Vec<f64>,
}

/// A number in a computation: a cheap handle, copied like a number.
#[derive(Clone, Copy)]
pub struct Value<'s> {
    scope: &'s Scope,
    node: NodeId,
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Value").field("data", &self.data()).field("grad", &self.grad()).finish()
    }
}

impl Scope {
    /// An empty scope.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new leaf.
    pub fn value(&self, data: f64) -> Value<'_> {
        let mut inner = self.inner.borrow_mut();
        let node = inner.graph.input("");
        inner.data.push(data);
        Value { scope: self, node }
    }

    /// `op` of any number of values.
    pub fn apply(&self, op: Op, operands: &[Value<'_>]) -> Result<Value<'_>, ArityError> {
        let nodes: Vec<NodeId> = operands.iter().map(|value| value.node).collect();
        let mut inner = self.inner.borrow_mut();
        let node = inner.graph.apply(op, &nodes)?;
        let data = inner.compute(op, &nodes);
        inner.data.push(data);
        Ok(Value { scope: self, node })
    }

    /// The graph so far, for pictures and for compiling it once and running it often.
    pub fn graph(&self) -> Graph {
        self.inner.borrow().graph.clone()
    }

    fn constant(&self, data: f64) -> Value<'_> {
        let mut inner = self.inner.borrow_mut();
        let node = inner.graph.constant(data);
        inner.data.push(data);
        Value { scope: self, node }
    }
}

impl Inner {
    fn compute(&self, op: Op, operands: &[NodeId]) -> f64 {
        if op.is_primitive() {
            let mut values = [0.0; 3];
            values.iter_mut().zip(operands).for_each(|(value, node)| *value = self.data[node.index()]);
            return op.value(&values[..operands.len()]);
        }
        let mut graph = Graph::new();
        let leaves: Vec<NodeId> =
            operands.iter().map(|node| graph.constant(self.data[node.index()])).collect();
        let output = graph.apply(op, &leaves).expect("the arity has been checked");
        let options = CompileOptions { fold: false, ..CompileOptions::default() };
        let tape = Tape::compile(&graph, &[output], &[], options);
        match tape.evaluate(&[], NonFinitePolicy::Allow, &Interrupt::never()).as_deref() {
            Ok([Column::Number(value)]) => *value,
            other => unreachable!("one number from constants, not {other:?}"),
        }
    }
}

impl<'s> Value<'s> {
    /// The number.
    pub fn data(&self) -> f64 {
        self.scope.inner.borrow().data[self.node.index()]
    }

    /// The derivative, with respect to this value, of the value that `backward` was last called on; 0 before that.
    pub fn grad(&self) -> f64 {
        self.scope.inner.borrow().grad.get(self.node.index()).copied().unwrap_or(0.0)
    }

    /// Its node in the scope's graph.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// Names the value, for pictures and traces.
    #[must_use]
    pub fn label(self, label: &str) -> Self {
        self.scope.inner.borrow_mut().graph.set_label(self.node, label);
        self
    }

    /// Computes the derivative of this value with respect to every value it depends on. Earlier gradients are
    /// forgotten, not added to.
    pub fn backward(&self) {
        let mut inner = self.scope.inner.borrow_mut();
        let Inner { graph, data, grad } = &mut *inner;
        let roles = vec![Role::NUMBER; graph.inputs().len()];
        let tape = Tape::compile(graph, &[self.node], &roles, CompileOptions::TRACE);
        let bindings: Vec<Binding<'_>> =
            graph.inputs().iter().map(|(_, node)| Binding::Number(data[node.index()])).collect();
        let options = GradientOptions { non_finite: NonFinitePolicy::Allow, ..GradientOptions::default() };
        let gradient = tape.gradient(&bindings, options, &Interrupt::never());
        let trace = gradient.expect("numbers fit roles of numbers, and nothing interrupts").trace;
        grad.clear();
        grad.resize(graph.len(), 0.0);
        for traced in trace {
            if let Column::Number(number) = traced.grad {
                grad[traced.node.index()] = number;
            }
        }
    }

    /// This value to the power `exponent`.
    #[must_use]
    pub fn pow(self, exponent: impl Operand<'s>) -> Self {
        self.binary(Op::Pow, exponent)
    }

    /// The larger of two.
    #[must_use]
    pub fn max(self, other: impl Operand<'s>) -> Self {
        self.binary(Op::Maximum, other)
    }

    /// The smaller of two.
    #[must_use]
    pub fn min(self, other: impl Operand<'s>) -> Self {
        self.binary(Op::Minimum, other)
    }

    fn unary(self, op: Op) -> Self {
        self.scope.apply(op, &[self]).expect("a unary op")
    }

    fn binary(self, op: Op, other: impl Operand<'s>) -> Self {
        self.scope.apply(op, &[self, other.into_value(self.scope)]).expect("a binary op")
    }
}

/// What can stand beside a value in an operation: another value or a plain number.
pub trait Operand<'s> {
    /// As a value of `scope`.
    fn into_value(self, scope: &'s Scope) -> Value<'s>;
}

impl<'s> Operand<'s> for Value<'s> {
    fn into_value(self, _: &'s Scope) -> Value<'s> {
        self
    }
}

impl<'s> Operand<'s> for &Value<'s> {
    fn into_value(self, _: &'s Scope) -> Value<'s> {
        *self
    }
}

impl<'s> Operand<'s> for f64 {
    fn into_value(self, scope: &'s Scope) -> Value<'s> {
        scope.constant(self)
    }
}

macro_rules! methods {
    ($($name:ident = $op:ident),*) => {
        impl Value<'_> {
            $(
                #[doc = concat!("[`Op::", stringify!($op), "`] of this value.")]
                #[must_use]
                pub fn $name(self) -> Self {
                    self.unary(Op::$op)
                }
            )*
        }
    };
}

methods! {
    exp = Exp, exp_m1 = Expm1, ln = Log, ln_1p = Log1p, log2 = Log2, log10 = Log10, sqrt = Sqrt, cbrt = Cbrt,
    square = Square, recip = Reciprocal, abs = Abs, signum = Sign, sin = Sin, cos = Cos, tan = Tan, asin = Asin,
    acos = Acos, atan = Atan, sinh = Sinh, cosh = Cosh, tanh = Tanh, asinh = Asinh, acosh = Acosh, atanh = Atanh,
    sigmoid = Sigmoid, relu = Relu, leaky_relu = LeakyRelu, elu = Elu, softplus = Softplus, silu = Silu, gelu = Gelu,
    erf = Erf
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident),*) => {$(
        impl<'s, T: Operand<'s>> $trait<T> for Value<'s> {
            type Output = Value<'s>;
            fn $method(self, other: T) -> Value<'s> {
                self.binary(Op::$op, other)
            }
        }
        impl<'s, T: Operand<'s>> $trait<T> for &Value<'s> {
            type Output = Value<'s>;
            fn $method(self, other: T) -> Value<'s> {
                self.binary(Op::$op, other)
            }
        }
        impl<'s> $trait<Value<'s>> for f64 {
            type Output = Value<'s>;
            fn $method(self, other: Value<'s>) -> Value<'s> {
                other.scope.constant(self).binary(Op::$op, other)
            }
        }
        impl<'s> $trait<&Value<'s>> for f64 {
            type Output = Value<'s>;
            fn $method(self, other: &Value<'s>) -> Value<'s> {
                self.$method(*other)
            }
        }
    )*};
}

operators! { Add add Add, Sub sub Sub, Mul mul Mul, Div div Div }

impl<'s> Neg for Value<'s> {
    type Output = Value<'s>;
    fn neg(self) -> Value<'s> {
        self.unary(Op::Neg)
    }
}

impl<'s> Neg for &Value<'s> {
    type Output = Value<'s>;
    fn neg(self) -> Value<'s> {
        self.unary(Op::Neg)
    }
}
