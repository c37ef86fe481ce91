//! Backpropagation in words: for each node its local derivatives, and the lines of the chain rule with the numbers put in.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::notation::{Binding, Notation, Written};
use crate::engine::sweep::Traced;
use crate::engine::{Arity, Column, Graph, Node, NodeId};

use super::bind::Bound;
use super::computation::Computation;
use super::cost::Cost;
use super::faults::quote;
use super::names::Names;
use super::number::Number;
use super::picture::fitting;
use super::pointer;
use super::problem::Problem;
use super::short::{grouped, short};
use super::trace::{self, TraceOperand};
use super::value::Value;

/// The uses of a value that its line tells one by one.
const TOLD_USES: usize = 4;

/// A node, and how its grad reaches its operands.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExplainedNode {
    /// Its id in the graph, or the name that the expression gave it, or one made up.
    pub id: String,
    /// Its label, if it has one beside the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its op, or `input` or `const`.
    pub op: &'static str,
    /// Its operands.
    pub inputs: Vec<TraceOperand>,
    /// Its value.
    pub value: Number,
    /// The derivative of the objective with respect to it.
    pub grad: Number,
    /// The derivative of its own value with respect to each operand.
    pub partials: Vec<Number>,
    /// The chain rule for each operand that is no constant: its grad, or where it is used several times what this node adds
    /// to that. Numbers are rounded to five digits.
    pub chain: Vec<String>,
    /// The same lines in LaTeX's math mode.
    pub latex: Vec<String>,
    /// Where it is used several times, or is an output and used: its grad as the sum over all uses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<Line>,
}

/// A line in both notations.
#[derive(Debug, Serialize, ToSchema)]
pub struct Line {
    /// As text.
    pub chain: String,
    /// In LaTeX's math mode.
    pub latex: String,
}

/// Refuses samples: the lines are about numbers.
pub(super) fn check(computation: &Computation<'_>, bound: &Bound) -> Result<(), Problem> {
    let Some(input) = bound.values.iter().position(|value| matches!(value, Value::Samples(_))) else {
        return Ok(());
    };
    let name = &computation.graph.inputs()[input].0;
    let detail = format!(
        "An explanation is of one point, but {} is an array of samples; send one of its numbers, or ask for a `trace`.",
        quote(name)
    );
    Err(Problem::at(pointer::join("/inputs", name), detail))
}

/// What the lines take: some hundred bytes for each operand, in the answer and on the way.
pub(super) fn cost(graph: &Graph) -> Cost {
    Cost::of_answered(graph.operand_count().saturating_mul(60))
}

/// A contribution to a grad.
#[derive(Clone, Copy)]
struct Use {
    user: NodeId,
    /// Which of the user's operands.
    position: usize,
    partial: f64,
    /// The user's grad.
    grad: f64,
}

impl Use {
    /// A grad of zero passes nothing on, even through an infinite derivative.
    fn contribution(self) -> f64 {
        if self.grad == 0.0 { 0.0 } else { self.grad * self.partial }
    }
}

/// All nodes of `trace`, in the order of the backward pass: users before their operands.
pub(super) fn nodes(computation: &Computation<'_>, trace: &[Traced]) -> Vec<ExplainedNode> {
    Explainer::new(computation, trace).explain(trace)
}

struct Explainer<'c> {
    computation: &'c Computation<'c>,
    /// What the grads are derivatives of.
    objective: String,
    values: HashMap<NodeId, (f64, f64)>,
    uses: HashMap<NodeId, Vec<Use>>,
}

impl<'c> Explainer<'c> {
    fn new(computation: &'c Computation<'c>, trace: &[Traced]) -> Self {
        let number = |column: &Column| match column {
            Column::Number(x) => *x,
            Column::Samples(_) => f64::NAN,
        };
        let values = trace.iter().map(|traced| (traced.node, (number(&traced.data), number(&traced.grad))));
        let objective = match computation.outputs.as_slice() {
            [(_, node)] => name(computation, *node),
            _ => "L".to_owned(),
        };
        let mut explainer = Self { computation, objective, values: values.collect(), uses: HashMap::new() };
        for traced in trace.iter().rev() {
            let partials = explainer.partials(traced.node);
            let (_, grad) = explainer.values[&traced.node];
            let operands = computation.graph.operands(traced.node);
            for (position, (&operand, partial)) in operands.iter().zip(partials).enumerate() {
                let uses = explainer.uses.entry(operand).or_default();
                uses.push(Use { user: traced.node, position, partial, grad });
            }
        }
        explainer
    }

    fn explain(&self, trace: &[Traced]) -> Vec<ExplainedNode> {
        let told =
            trace.iter().rev().filter(|traced| !trace::is_bare_constant(self.computation, traced.node));
        told.map(|traced| self.node(traced.node)).collect()
    }

    fn node(&self, node: NodeId) -> ExplainedNode {
        let trace::Named { id, label, op, inputs } = trace::named(self.computation, node);
        let (value, grad) = self.values[&node];
        let partials = self.partials(node);
        let operands = self.computation.graph.operands(node);
        let is_told = |operand: &NodeId| !matches!(self.computation.graph.node(*operand), Node::Constant(_));
        let lines = |notation| {
            let told =
                operands.iter().zip(&partials).enumerate().filter(|(_, (operand, _))| is_told(operand));
            told.map(|(position, (&operand, &partial))| {
                self.line(Use { user: node, position, partial, grad }, operand, notation)
            })
            .collect()
        };
        let sum = self
            .is_summed(node)
            .then(|| Line { chain: self.sum(node, Notation::Text), latex: self.sum(node, Notation::Latex) });
        ExplainedNode {
            id,
            label,
            op,
            inputs,
            value: Number(value),
            grad: Number(grad),
            chain: lines(Notation::Text),
            latex: lines(Notation::Latex),
            partials: partials.iter().copied().map(Number).collect(),
            sum,
        }
    }

    fn partials(&self, node: NodeId) -> Vec<f64> {
        let Node::Apply(op, operands) = self.computation.graph.node(node) else { return Vec::new() };
        let operands: Vec<f64> = operands.iter().map(|operand| self.values[operand].0).collect();
        op.partials(&operands, self.values[&node].0)
    }

    fn is_output(&self, node: NodeId) -> bool {
        self.computation.outputs.iter().any(|(_, output)| *output == node)
    }

    fn is_summed(&self, node: NodeId) -> bool {
        let uses = self.uses.get(&node).map_or(0, Vec::len);
        uses + usize::from(self.is_output(node)) > 1
    }

    /// What one use of `operand` gives to its grad.
    fn line(&self, of: Use, operand: NodeId, notation: Notation) -> String {
        let grad = self.grad(operand, notation);
        let equals = match notation {
            _ if !self.is_summed(operand) => "=",
            Notation::Text => "+=",
            Notation::Latex => "\\mathrel{+}=",
        };
        let formula = self.formula(of, notation);
        // Not `a * -1`.
        let binding = if formula.text.starts_with('-') { Binding::Atom } else { Binding::Product };
        let formula = formula.within(binding, notation);
        let formula = [self.grad(of.user, notation), formula].join(notation.times());
        format!(
            "{grad} {equals} {formula} = {} = {}",
            product(of, notation),
            alone(of.contribution(), notation)
        )
    }

    /// The grad of `node` over all its uses.
    fn sum(&self, node: NodeId, notation: Notation) -> String {
        let uses = self.uses.get(&node).map_or(&[][..], Vec::as_slice);
        let is_output = self.is_output(node);
        let told = &uses[..uses.len().min(TOLD_USES)];
        let mut formulas: Vec<String> = is_output.then(|| "1".to_owned()).into_iter().collect();
        let mut products = formulas.clone();
        for one in told {
            let local =
                notation.derivative(&name(self.computation, one.user), &name(self.computation, node)).text;
            formulas.push([self.grad(one.user, notation), local].join(notation.times()));
            products.push(product(*one, notation));
        }
        if uses.len() > told.len() {
            let left = grouped(uses.len() - told.len());
            let more = match notation {
                Notation::Text => format!("... ({left} more uses)"),
                Notation::Latex => format!("\\dots\\text{{ ({left} more uses)}}"),
            };
            formulas.push(more);
            products.push(if notation == Notation::Text { "..." } else { "\\dots" }.to_owned());
        }
        let (formulas, products) = (formulas.join(" + "), products.join(" + "));
        format!(
            "{} = {formulas} = {products} = {}",
            self.grad(node, notation),
            alone(self.values[&node].1, notation)
        )
    }

    fn grad(&self, node: NodeId, notation: Notation) -> String {
        notation.derivative(&self.objective, &name(self.computation, node)).text
    }

    /// The local derivative, with the operands' names.
    fn formula(&self, of: Use, notation: Notation) -> Written {
        let Node::Apply(op, operands) = self.computation.graph.node(of.user) else {
            unreachable!("only operations use others");
        };
        let letters = op.letters();
        let write = |node: NodeId| match self.computation.graph.node(node) {
            Node::Constant(x) if trace::is_bare_constant(self.computation, node) => {
                notation.number(&short(x))
            }
            _ => notation.name(&name(self.computation, node)),
        };
        let is_primitive = matches!(op.arity(), Arity::Exactly(_));
        let letter = |letter: &str| match letter {
            "n" if !is_primitive => notation.number(&operands.len().to_string()),
            "k" if !is_primitive => {
                let value = |node: &NodeId| self.values[node].0;
                let tied = operands.iter().filter(|operand| value(operand) == value(&of.user)).count();
                notation.number(&tied.to_string())
            }
            "a" if !is_primitive => write(operands[of.position]),
            letter => match letters.iter().position(|known| *known == letter) {
                Some(position) if is_primitive => write(operands[position]),
                _ => write(of.user),
            },
        };
        let formulas = op.formulas();
        notation.formula(formulas.get(of.position).unwrap_or(&formulas[0]), &letter)
    }
}

/// What a node is called in lines: its label in a graph, its name in an expression.
fn name(computation: &Computation<'_>, node: NodeId) -> String {
    let label = match *computation.names {
        Names::Ids { .. } => computation.graph.label(node).map(str::to_owned),
        Names::Expression(_) => None,
    };
    let named = label.unwrap_or_else(|| computation.name(node).into_owned());
    let output =
        || computation.outputs.iter().find(|(_, output)| *output == node).map(|(name, _)| name.to_string());
    let unnamed = || if computation.has_name(node) { None } else { output() };
    fitting(&unnamed().unwrap_or(named))
}

/// The numbers of a contribution.
fn product(of: Use, notation: Notation) -> String {
    let factor = |x: f64| notation.number(&short(x)).within(Binding::Atom, notation);
    [factor(of.grad), factor(of.partial)].join(notation.times())
}

fn alone(x: f64, notation: Notation) -> String {
    notation.number(&short(x)).text
}
