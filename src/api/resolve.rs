//! From a JSON graph to the engine's graph, once every fault was looked for.

use std::borrow::Cow;

use crate::engine::op::Op;

use super::build::Builder;
use super::computation::{Computation, resolve_outputs};
use super::context::Limits;
use super::faults::{self, Faults, quote};
use super::graph::{Graph, Node, Operand, Role};
use super::problem::Problem;
use super::suggest;
use super::text::Text;
use super::value::Value;

/// Builds the engine's graph. Without `outputs`, the output is the one node that no other uses.
pub(super) fn resolve<'a>(
    mut graph: Graph<'a>,
    outputs: Option<&[Text<'a>]>,
    limits: &Limits,
) -> Result<Computation<'a>, Problem> {
    if graph.nodes.is_empty() {
        return Err(Problem::at("/graph/nodes", "The graph has no nodes; it needs at least one."));
    }
    check_size(graph.nodes.len(), limits)?;
    let mut faults = Faults::default();
    note_duplicates(&mut graph, &mut faults);
    if graph.has_unknown_operands() {
        note_unknown_operands(&graph, &mut faults);
    }
    (0..graph.nodes.len()).for_each(|i| check_node(&graph, i, &mut faults));
    let chosen = match outputs {
        Some(asked) => {
            let known = || graph.nodes.iter().map(|node| &*node.id);
            resolve_outputs(asked, |name| graph.find(name), known, &mut faults)
        }
        None => sink(&graph, &mut faults),
    };
    graph.forget_positions();
    let built = Builder::new(&graph).build(&mut faults);
    faults.into_result()?;
    Ok(built.finish(graph, chosen))
}

/// Refuses a graph of more nodes than the limit.
pub(super) fn check_size(count: usize, limits: &Limits) -> Result<(), Problem> {
    if count > limits.max_nodes {
        let detail = format!("The graph has {count} nodes; at most {} are allowed.", limits.max_nodes);
        return Err(Problem::limit("max_nodes", limits.max_nodes as u64, count as u64, detail));
    }
    Ok(())
}

fn note_duplicates(graph: &mut Graph<'_>, faults: &mut Faults) {
    for (i, first) in graph.take_duplicates() {
        let id = || quote(&graph.nodes[i as usize].id);
        faults.add(
            || format!("/graph/nodes/{i}/id"),
            || format!("The id {} is taken by /graph/nodes/{first}; ids are unique.", id()),
        );
    }
}

fn note_unknown_operands(graph: &Graph<'_>, faults: &mut Faults) {
    let ids = || graph.nodes.iter().map(|node| &*node.id);
    for (i, node) in graph.nodes.iter().enumerate() {
        for (k, operand) in graph.operands(node).enumerate() {
            if let Operand::Unknown(unresolved) = operand {
                let id = graph.unresolved(unresolved);
                faults.add(
                    || format!("/graph/nodes/{i}/inputs/{k}"),
                    || format!("There is no node {}{}", quote(id), suggest::ending(id, ids())),
                );
            }
        }
    }
}

/// Notes where the members of node `i` do not fit together.
fn check_node(graph: &Graph<'_>, i: usize, faults: &mut Faults) {
    let node = &graph.nodes[i];
    let count = graph.operands(node).len();
    let details = graph.details(node);
    let value = details.and_then(|details| details.value.as_ref());
    let at = |member: &'static str| move || format!("/graph/nodes/{i}{member}");
    match node.role {
        Role::Input | Role::Constant => {
            if count > 0 {
                faults.add(at("/inputs"), || format!("{} is a leaf and takes no operands.", leaf(node)));
            }
            match value {
                Some(Value::Samples(_)) if node.role == Role::Constant => faults.add(at("/value"), || {
                    format!("{} holds one number; an array of samples belongs to an input.", leaf(node))
                }),
                None if node.role == Role::Constant => {
                    faults.add(at(""), || format!("{} has no `value`.", leaf(node)));
                }
                _ => {}
            }
        }
        Role::Unknown => {
            let name = details.and_then(|details| details.op.as_deref()).unwrap_or_default();
            faults.add(at("/op"), || unknown_op(name));
        }
        Role::Apply(op) => {
            if !op.arity().admits(count) {
                let place = if node.has_operands() { "/inputs" } else { "" };
                faults.add(at(place), || {
                    format!(
                        "The node {} has {count} in `inputs`, but `{}` takes {}.",
                        quote(&node.id),
                        op.name(),
                        op.arity()
                    )
                });
            }
            if value.is_some() {
                faults.add(at("/value"), || {
                    format!(
                        "The node {} computes its value; only `input` and `const` are given one.",
                        quote(&node.id)
                    )
                });
            }
        }
    }
}

fn leaf(node: &Node<'_>) -> String {
    let op = if node.role == Role::Input { "input" } else { "const" };
    format!("The `{op}` node {}", quote(&node.id))
}

fn unknown_op(name: &str) -> String {
    let names =
        Op::ALL.iter().flat_map(|op| std::iter::once(op.name()).chain(op.info().aliases.iter().copied()));
    let known = names.chain(["input", "const"]);
    format!("There is no op {}{} GET /v1/ops lists all ops.", quote(name), suggest::ending(name, known))
}

/// The one node that no other uses; leaves that nothing uses do not count beside operations.
fn sink<'a>(graph: &Graph<'a>, faults: &mut Faults) -> Vec<(Cow<'a, str>, u32)> {
    let mut is_used = vec![false; graph.nodes.len()];
    for operand in graph.all_operands() {
        if let Operand::Node(position) = operand {
            is_used[position as usize] = true;
        }
    }
    let is_leaf = |i: usize| matches!(graph.nodes[i].role, Role::Input | Role::Constant);
    let unused = |leaves: bool| (0..is_used.len()).filter(move |&i| is_leaf(i) == leaves);
    let mut sinks: Vec<usize> = unused(false).filter(|&i| !is_used[i]).collect();
    if sinks.is_empty() {
        sinks = unused(true).filter(|&i| !is_used[i]).collect();
    }
    if sinks.len() > 1 {
        faults.add(
            || "/graph".to_owned(),
            || {
                format!(
                    "The graph ends in {} nodes that no other uses: {}. Say in `outputs` which are wanted.",
                    sinks.len(),
                    faults::list(sinks.iter().map(|&i| &*graph.nodes[i].id))
                )
            },
        );
    }
    sinks.into_iter().take(1).map(|i| (graph.nodes[i].id.0.clone(), i as u32)).collect()
}
