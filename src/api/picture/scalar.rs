//! The diagram of an expression or a graph.

use std::collections::HashMap;

use crate::api::computation::Computation;
use crate::api::number::Number;
use crate::api::short::{grouped, short};
use crate::engine::sweep::Traced;
use crate::engine::{Column, Interrupt, Interrupted, Node, NodeId};

use super::diagram::{Diagram, Kind, Operand, Shape, fitting};
use super::summary::{NONE, Shown, summarise};

/// Draws what the outputs of `computation` need in about `limit` boxes, with the numbers of `trace`, if there are any.
pub fn diagram(
    computation: &Computation<'_>,
    trace: &[Traced],
    limit: usize,
    interrupt: &Interrupt,
) -> Result<Diagram, Interrupted> {
    let graph = &computation.graph;
    let outputs = computation.output_nodes();
    let summary = summarise(graph, &outputs, limit, interrupt)?;
    let mut operands = Vec::with_capacity(summary.shown.len());
    for (position, shown) in summary.shown.iter().enumerate() {
        let of = |node: NodeId| {
            graph.operands(node).iter().map(|operand| summary.stands_for[operand.index()] as usize)
        };
        operands.push(match shown {
            Shown::Node(node) => Operand::distinct(of(*node)),
            Shown::Inputs(_) => Vec::new(),
            Shown::Nodes(_) => {
                let members =
                    graph.nodes().filter(|node| summary.stands_for[node.index()] == position as u32);
                let once = |operand| Operand { times: 1, ..operand };
                let from_outside = members.flat_map(of).filter(|operand| *operand != position);
                Operand::distinct(from_outside).into_iter().map(once).collect()
            }
        });
    }
    debug_assert!(operands.iter().flatten().all(|operand| operand.shape != NONE as usize));
    let artist = Artist {
        computation,
        outputs: computation.outputs.iter().map(|(name, node)| (*node, &**name)).collect(),
        numbers: trace.iter().map(|traced| (traced.node, traced)).collect(),
    };
    let shapes = summary.shown.iter().zip(operands).map(|(shown, operands)| artist.shape(*shown, operands));
    let shapes = shapes.collect();
    let (title, mut description) = artist.words();
    if !summary.is_whole() {
        let drawn = summary.shown.iter().filter(|shown| matches!(shown, Shown::Node(_))).count();
        description.push_str(&format!(
            " Of {} nodes, {} are drawn: inputs, and what is nearest to the outputs. A dashed box stands for the others.",
            grouped(summary.nodes),
            grouped(drawn)
        ));
    }
    Ok(Diagram { title, description, shapes })
}

struct Artist<'c> {
    computation: &'c Computation<'c>,
    outputs: HashMap<NodeId, &'c str>,
    numbers: HashMap<NodeId, &'c Traced>,
}

impl Artist<'_> {
    fn shape(&self, shown: Shown, operands: Vec<Operand>) -> Shape {
        let group = |op: Option<&str>, what: &str| Shape {
            kind: Kind::Group,
            op: op.map(str::to_owned),
            cells: vec![what.to_owned()],
            tip: format!("{what} that are not drawn one by one"),
            operands: Vec::new(),
        };
        let shape = match shown {
            Shown::Node(node) => self.node(node),
            Shown::Inputs(count) => group(None, &format!("{} inputs", grouped(count))),
            Shown::Nodes(1) => {
                Shape { tip: "a node that is not drawn".to_owned(), ..group(Some("…"), "1 node") }
            }
            Shown::Nodes(count) => group(Some("…"), &format!("{} nodes", grouped(count))),
        };
        Shape { operands, ..shape }
    }

    fn node(&self, node: NodeId) -> Shape {
        let name = self.label(node);
        let numbers = self.numbers.get(&node).map(|traced| [("data", &traced.data), ("grad", &traced.grad)]);
        let is_output = self.outputs.contains_key(&node);
        let (kind, op) = match self.computation.graph.node(node) {
            Node::Constant(value) if !is_output && name.is_empty() => {
                let exact = exact(value);
                return Shape {
                    kind: Kind::Constant,
                    op: None,
                    cells: vec![short(value)],
                    tip: format!("the constant {exact}"),
                    operands: Vec::new(),
                };
            }
            Node::Constant(_) => (Kind::Constant, None),
            Node::Input(_) => (Kind::Input, None),
            Node::Apply(op, _) => (Kind::Value, Some(op)),
        };
        let mut cells = Vec::new();
        if !name.is_empty() {
            cells.push(fitting(&name));
        }
        let mut tip = self.computation.describe(node);
        for (what, column) in numbers.into_iter().flatten() {
            cells.push(format!("{what} {}", summed_up(column, short)));
            tip.push_str(&format!(", {what} {}", summed_up(column, exact)));
        }
        if cells.is_empty() {
            cells.push(" ".to_owned());
        }
        let kind = if is_output { Kind::Output } else { kind };
        let clean = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        let tip = tip.chars().map(clean).collect();
        Shape {
            kind,
            op: op.map(|op| op.sign().unwrap_or(op.name()).to_owned()),
            cells,
            tip,
            operands: Vec::new(),
        }
    }

    /// What is written on `node`: its label, or its name; nothing where the request gave it none.
    fn label(&self, node: NodeId) -> String {
        let given = self.computation.graph.label(node).map(str::to_owned);
        let named = || self.computation.has_name(node).then(|| self.computation.name(node).into_owned());
        let output = || self.outputs.get(&node).map(|name| (*name).to_owned());
        given.or_else(named).or_else(output).unwrap_or_default()
    }

    fn words(&self) -> (String, String) {
        const NAMED: usize = 8;
        let list = |names: Vec<String>, count: usize| {
            let more = if count > names.len() {
                format!(" and {} more", grouped(count - names.len()))
            } else {
                String::new()
            };
            format!("{}{more}", names.join(", "))
        };
        let outputs = &self.computation.outputs;
        let names = list(outputs.iter().take(NAMED).map(|(name, _)| fitting(name)).collect(), outputs.len());
        let inputs = self.computation.graph.inputs();
        let from = match inputs.len() {
            0 => "constants".to_owned(),
            count => list(inputs.iter().take(NAMED).map(|(name, _)| fitting(name)).collect(), count),
        };
        let told = outputs.iter().take(NAMED).filter_map(|(name, node)| {
            Some(format!("{} = {}", fitting(name), summed_up(&self.numbers.get(node)?.data, short)))
        });
        let told: Vec<String> = told.collect();
        let told = if told.is_empty() { names.clone() } else { list(told, outputs.len()) };
        (format!("Computation graph of {names}"), format!("From {from} to {told}, from left to right."))
    }
}

/// A number, or the mean of one per sample.
fn summed_up(column: &Column, write: impl Fn(f64) -> String) -> String {
    match column {
        Column::Number(x) => write(*x),
        Column::Samples(samples) => {
            let mean = samples.iter().sum::<f64>() / samples.len() as f64;
            format!("{} (mean of {})", write(mean), grouped(samples.len()))
        }
    }
}

/// With all digits, as in JSON.
fn exact(x: f64) -> String {
    serde_json::to_value(Number(x)).map_or_else(
        |_| x.to_string(),
        |value| match value {
            serde_json::Value::String(name) => name,
            number => number.to_string(),
        },
    )
}
