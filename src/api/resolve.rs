//! From a JSON graph to the engine's graph: ids become nodes, and every fault is found.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::engine::op::Op;

use super::build::Builder;
use super::computation::{Computation, resolve_outputs};
use super::context::Limits;
use super::faults::{self, Faults, quote};
use super::graph::{Graph, Node, Operand};
use super::problem::Problem;
use super::suggest;
use super::text::Text;
use super::value::Value;

/// What the `op` of a node names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Input,
    Constant,
    Apply(Op),
    /// A fault has been noted.
    Unknown,
}

/// What an operand refers to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// The node at this position of the request.
    Node(u32),
    Number(f64),
    /// A fault has been noted.
    Unknown,
}

/// Builds the engine's graph. Without `outputs`, the output is the one node that no other uses.
pub(super) fn resolve<'a>(
    graph: Graph<'a>,
    outputs: Option<&[Text<'a>]>,
    limits: &Limits,
) -> Result<Computation<'a>, Problem> {
    check_size(&graph, limits)?;
    let mut faults = Faults::default();
    let by_id = table(&graph, &mut faults);
    let targets = targets(&graph, &by_id, &mut faults);
    let roles: Vec<Role> = (0..graph.nodes.len()).map(|i| role(&graph, i, &mut faults)).collect();
    let chosen = match outputs {
        Some(asked) => {
            let known = || graph.nodes.iter().map(|node| &*node.id);
            resolve_outputs(asked, |name| by_id.get(name).copied(), known, &mut faults)
        }
        None => sink(&graph, &targets, &roles, &mut faults),
    };
    drop(by_id);
    let roots: Vec<u32> = chosen.iter().map(|(_, position)| *position).collect();
    let built = Builder::new(&graph, &roles, &targets).build(&roots, &mut faults);
    faults.into_result()?;
    Ok(built.finish(graph, chosen))
}

fn check_size(graph: &Graph<'_>, limits: &Limits) -> Result<(), Problem> {
    let count = graph.nodes.len();
    if count == 0 {
        return Err(Problem::at("/graph/nodes", "The graph has no nodes; it needs at least one."));
    }
    if count > limits.max_nodes {
        let detail = format!("The graph has {count} nodes; at most {} are allowed.", limits.max_nodes);
        return Err(Problem::limit("max_nodes", limits.max_nodes as u64, count as u64, detail));
    }
    Ok(())
}

/// Positions by id. The standard hasher, because the ids come from outside and may be chosen to collide.
fn table<'g>(graph: &'g Graph<'_>, faults: &mut Faults) -> HashMap<&'g str, u32> {
    let mut by_id = HashMap::with_capacity(graph.nodes.len());
    for (i, node) in graph.nodes.iter().enumerate() {
        let first = *by_id.entry(&*node.id).or_insert(i as u32);
        if first as usize != i {
            faults.add(
                || format!("/graph/nodes/{i}/id"),
                || format!("The id {} is taken by /graph/nodes/{first}; ids are unique.", quote(&node.id)),
            );
        }
    }
    by_id
}

/// What each operand of each node refers to, in the order of the graph's operands.
fn targets(graph: &Graph<'_>, by_id: &HashMap<&str, u32>, faults: &mut Faults) -> Vec<Target> {
    let mut targets = Vec::with_capacity(graph.operand_count());
    for (i, node) in graph.nodes.iter().enumerate() {
        for (k, operand) in graph.operands(node).iter().enumerate() {
            targets.push(match operand {
                Operand::Number(x) => Target::Number(*x),
                Operand::Id(id) => match by_id.get(&**id) {
                    Some(&position) => Target::Node(position),
                    None => {
                        let ids = || graph.nodes.iter().map(|node| &*node.id);
                        faults.add(
                            || format!("/graph/nodes/{i}/inputs/{k}"),
                            || format!("There is no node {}{}", quote(id), suggest::ending(id, ids())),
                        );
                        Target::Unknown
                    }
                },
            });
        }
    }
    targets
}

/// What node `i` is, once its members fit together.
fn role(graph: &Graph<'_>, i: usize, faults: &mut Faults) -> Role {
    let node = &graph.nodes[i];
    let operands = graph.operands(node);
    let at = |member: &'static str| move || format!("/graph/nodes/{i}{member}");
    match &*node.op {
        kind @ ("input" | "const") => {
            if !operands.is_empty() {
                faults.add(at("/inputs"), || format!("{} is a leaf and takes no operands.", leaf(node)));
            }
            if kind == "input" {
                return Role::Input;
            }
            match &node.value {
                Some(Value::Number(_)) => {}
                Some(Value::Samples(_)) => faults.add(at("/value"), || {
                    format!("{} holds one number; an array of samples belongs to an input.", leaf(node))
                }),
                None => faults.add(at(""), || format!("{} has no `value`.", leaf(node))),
            }
            Role::Constant
        }
        name => {
            let Some(op) = Op::from_name(name) else {
                faults.add(at("/op"), || unknown_op(name));
                return Role::Unknown;
            };
            if !op.arity().admits(operands.len()) {
                let place = if node.has_operands() { "/inputs" } else { "" };
                faults.add(at(place), || {
                    format!(
                        "The node {} has {} in `inputs`, but `{name}` takes {}.",
                        quote(&node.id),
                        operands.len(),
                        op.arity()
                    )
                });
            }
            if node.value.is_some() {
                faults.add(at("/value"), || {
                    format!(
                        "The node {} computes its value; only `input` and `const` are given one.",
                        quote(&node.id)
                    )
                });
            }
            Role::Apply(op)
        }
    }
}

fn leaf(node: &Node<'_>) -> String {
    format!("The `{}` node {}", &*node.op, quote(&node.id))
}

fn unknown_op(name: &str) -> String {
    let names =
        Op::ALL.iter().flat_map(|op| std::iter::once(op.name()).chain(op.info().aliases.iter().copied()));
    let known = names.chain(["input", "const"]);
    format!("There is no op {}{} GET /v1/ops lists all ops.", quote(name), suggest::ending(name, known))
}

/// The one node that no other uses; leaves that nothing uses do not count beside operations.
fn sink<'a>(
    graph: &Graph<'a>,
    targets: &[Target],
    roles: &[Role],
    faults: &mut Faults,
) -> Vec<(Cow<'a, str>, u32)> {
    let mut is_used = vec![false; graph.nodes.len()];
    for target in targets {
        if let Target::Node(position) = target {
            is_used[*position as usize] = true;
        }
    }
    let is_leaf = |i: usize| matches!(roles[i], Role::Input | Role::Constant);
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
