//! Numbers beside arrays of samples, repeated once per sample: an input that has samples has a derivative for each of them.

use crate::engine::graph::{Graph, Node, NodeId};
use crate::engine::{Binding, Column, Role, SweepError};

/// How many samples there are: the length of the arrays among `bindings`, if there are any.
pub(super) fn samples(bindings: &[Binding<'_>]) -> Result<Option<usize>, SweepError> {
    let mut samples = None;
    for (input, binding) in bindings.iter().enumerate() {
        if let Binding::Samples(values) = binding {
            let expected = *samples.get_or_insert(values.len().max(1));
            if values.len() != expected {
                return Err(SweepError::Length { input, expected, actual: values.len() });
            }
        }
    }
    Ok(samples)
}

/// The roles of inputs that are bound like this, of which `wanted` are differentiated for.
pub(super) fn roles(bindings: &[Binding<'_>], wanted: &[usize]) -> Vec<Role> {
    let role =
        |binding: &Binding<'_>| Role { sampled: matches!(binding, Binding::Samples(_)), wanted: false };
    let mut roles: Vec<Role> = bindings.iter().map(role).collect();
    wanted.iter().for_each(|&input| roles[input].wanted = true);
    roles
}

/// Has every wanted input count as an array.
pub(super) fn spread_roles(roles: &mut [Role]) {
    roles.iter_mut().for_each(|role| role.sampled |= role.wanted);
}

/// A column for each number that `roles` count as an array.
pub(super) fn columns(bindings: &[Binding<'_>], roles: &[Role], samples: usize) -> Vec<Option<Vec<f64>>> {
    let column = |(binding, role): (&Binding<'_>, &Role)| match *binding {
        Binding::Number(x) if role.sampled => Some(vec![x; samples]),
        _ => None,
    };
    bindings.iter().zip(roles).map(column).collect()
}

/// The bindings with those columns for numbers.
pub(super) fn bind<'b>(bindings: &[Binding<'b>], columns: &'b [Option<Vec<f64>>]) -> Vec<Binding<'b>> {
    let bind = |(binding, column): (&Binding<'b>, &'b Option<Vec<f64>>)| {
        column.as_ref().map_or(*binding, |column| Binding::Samples(column))
    };
    bindings.iter().zip(columns).map(bind).collect()
}

/// For each output whether it depends on an input with samples.
pub(super) fn varies(graph: &Graph, outputs: &[NodeId], roles: &[Role]) -> Vec<bool> {
    let mut varies = vec![false; graph.len()];
    for node in graph.ids() {
        varies[node.index()] = match graph.node(node) {
            Node::Constant(_) => false,
            Node::Input(position) => roles[position].sampled,
            Node::Apply(_, operands) => operands.iter().any(|operand| varies[operand.index()]),
        };
    }
    outputs.iter().map(|output| varies[output.index()]).collect()
}

/// The column of an output, or of its derivative, in the form that the output has.
pub(super) fn in_form(column: Column, varies: bool, samples: usize) -> Column {
    match column {
        Column::Samples(all) if !varies => Column::Number(all[0]),
        Column::Number(x) if varies => Column::Samples(vec![x; samples]),
        column => column,
    }
}
