//! The values of a request, matched with the inputs of its computation.

use std::collections::HashMap;

use crate::engine::{Binding, Role};

use super::columns::{CSV, member};
use super::computation::Computation;
use super::context::Limits;
use super::faults::{Faults, quote};
use super::problem::Problem;
use super::suggest;
use super::value::Value;
use super::values::Values;

/// Where values come from: a member of the request, and what it holds.
pub(super) struct Source<'a> {
    /// Pointer to the member.
    pub pointer: &'static str,
    pub values: Values<'a>,
}

impl<'a> Source<'a> {
    /// The member `inputs`.
    pub(super) fn inputs(values: Values<'a>) -> Self {
        Self { pointer: "/inputs", values }
    }
}

/// Every input of a graph with its value.
#[derive(Debug)]
pub(super) struct Bound {
    /// By position among the graph's inputs.
    pub values: Vec<Value>,
    /// Positions among the graph's inputs, in the order in which the request gives their values.
    pub order: Vec<usize>,
    /// For each input, which of the sources gave its value; `None` for a value within a graph's node, or of a model that the
    /// request names.
    pub sources: Vec<Option<usize>>,
    /// Length of the arrays; `None` where all inputs are numbers.
    pub samples: Option<usize>,
}

impl Bound {
    /// As the engine takes them.
    pub(super) fn bindings(&self) -> Vec<Binding<'_>> {
        self.values.iter().map(Value::binding).collect()
    }

    /// How many numbers the gradients of these inputs have.
    pub(super) fn numbers_of(&self, wanted: &[usize]) -> usize {
        wanted.iter().map(|&input| self.values[input].numbers().len()).sum()
    }

    /// What each input is bound to; the gradients of these inputs are wanted.
    pub(super) fn roles_for(&self, wanted: &[usize]) -> Vec<Role> {
        let mut is_wanted = vec![false; self.values.len()];
        wanted.iter().for_each(|&input| is_wanted[input] = true);
        self.roles(|input| is_wanted[input])
    }

    /// What each input is bound to, and whether its gradient is wanted.
    pub(super) fn roles(&self, is_wanted: impl Fn(usize) -> bool) -> Vec<Role> {
        let role = |(position, value): (usize, &Value)| Role {
            sampled: matches!(value, Value::Samples(_)),
            wanted: is_wanted(position),
        };
        self.values.iter().enumerate().map(role).collect()
    }
}

struct Given {
    source: Option<usize>,
    pointer: String,
    value: Value,
}

/// Finds every input's value: all of them, no others, arrays equally long.
pub(super) fn bind(
    computation: &mut Computation<'_>,
    sources: Vec<Source<'_>>,
    limits: &Limits,
) -> Result<Bound, Problem> {
    let mut faults = Faults::default();
    let places: Vec<&str> = sources.iter().map(|source| source.pointer).collect();
    let mut given: Vec<Option<Given>> = Vec::new();
    given.resize_with(computation.graph.inputs().len(), || None);
    let mut order = Vec::with_capacity(given.len());
    let inline = std::mem::take(&mut computation.inline);
    {
        let inputs = computation.graph.inputs();
        let by_name: HashMap<&str, usize> =
            inputs.iter().enumerate().map(|(position, (name, _))| (&**name, position)).collect();
        for (source, Source { pointer: base, values }) in sources.into_iter().enumerate() {
            for (name, value) in values.0 {
                let place = || member(base, &name);
                let Some(&position) = by_name.get(&*name) else {
                    faults.add(place, || not_an_input(computation, &name, base));
                    continue;
                };
                match &given[position] {
                    Some(first) => faults.add(place, || twice(&name, &first.pointer)),
                    None => {
                        given[position] = Some(Given { source: Some(source), pointer: place(), value });
                        order.push(position);
                    }
                }
            }
        }
    }
    for inline in inline {
        let place = format!("/graph/nodes/{}/value", inline.position);
        match &given[inline.input] {
            Some(first) => {
                let name = &computation.graph.inputs()[inline.input].0;
                faults.add(|| place, || twice(name, &first.pointer));
            }
            None => {
                given[inline.input] = Some(Given { source: None, pointer: place, value: inline.value });
                order.push(inline.input);
            }
        }
    }
    if let Some(prepared) = &computation.prepared {
        for (position, default) in prepared.defaults.iter().enumerate() {
            if let (Some(x), None) = (default, &given[position]) {
                let value = Value::Number(*x);
                given[position] = Some(Given { source: None, pointer: "/model".to_owned(), value });
                order.push(position);
            }
        }
    }
    for (position, _) in given.iter().enumerate().filter(|(_, given)| given.is_none()) {
        let name = &computation.graph.inputs()[position].0;
        let place = if let [only] = places.as_slice() { only } else { "" };
        faults.add(
            || place.to_owned(),
            || {
                let members = places
                    .iter()
                    .map(|place| format!("`{}`", place[1..].replace('/', ".")))
                    .collect::<Vec<_>>();
                format!("The input {} has no value; give it one in {}.", quote(name), members.join(" or "))
            },
        );
    }
    let samples =
        check_lengths(&given, &order, &mut faults, |position| &computation.graph.inputs()[position].0);
    faults.into_result()?;
    check_samples(samples, limits)?;
    let given = given.into_iter().map(|given| given.expect("missing values are faults"));
    let (sources, values) = given.map(|given| (given.source, given.value)).unzip();
    Ok(Bound { values, order, sources, samples })
}

fn twice(name: &str, first: &str) -> String {
    format!("The input {} is given twice; its first value is at {first}.", quote(name))
}

fn not_an_input(computation: &Computation<'_>, name: &str, place: &str) -> String {
    match computation.names.find(name) {
        None if place.ends_with(CSV) => {
            format!("The model has no input {}; `features` chooses the columns that it has.", quote(name))
        }
        Some(node) => {
            format!(
                "{} is not an input but {}; only inputs take values.",
                quote(name),
                computation.describe(node)
            )
        }
        None => {
            let known = computation.graph.inputs().iter().map(|(name, _)| &**name);
            format!("The model has no input {}{}", quote(name), suggest::ending(name, known))
        }
    }
}

/// The common length of the arrays, compared with the first one in the request's order.
fn check_lengths<'n>(
    given: &[Option<Given>],
    order: &[usize],
    faults: &mut Faults,
    name: impl Fn(usize) -> &'n str,
) -> Option<usize> {
    let mut first: Option<(usize, usize)> = None;
    for &position in order {
        let Some(Given { pointer, value: Value::Samples(samples), .. }) = &given[position] else { continue };
        let length = samples.len();
        if length == 0 {
            faults.add(
                || pointer.clone(),
                || format!("The array {} is empty; a batch has at least one sample.", quote(name(position))),
            );
        }
        match first {
            None => first = Some((position, length)),
            Some((other, expected)) if expected != length => faults.add(
                || pointer.clone(),
                || {
                    format!(
                        "The array {} holds {length} samples, but {} holds {expected}; arrays must be equally long.",
                        quote(name(position)),
                        quote(name(other))
                    )
                },
            ),
            Some(_) => {}
        }
    }
    first.map(|(_, length)| length)
}

/// Refuses a batch beyond the limit.
pub(super) fn check_samples(samples: Option<usize>, limits: &Limits) -> Result<(), Problem> {
    match samples {
        Some(samples) if samples > limits.max_samples => {
            let detail = format!(
                "The batch has {samples} samples; at most {} are allowed in one request.",
                limits.max_samples
            );
            Err(Problem::limit("max_samples", limits.max_samples as u64, samples as u64, detail))
        }
        _ => Ok(()),
    }
}
