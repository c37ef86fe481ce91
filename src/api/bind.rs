//! The values of a request, matched with the inputs of its computation.

use crate::engine::{Binding, Role};

use super::columns::{CSV, member};
use super::computation::{Computation, Inline};
use super::context::Limits;
use super::faults::{Faults, quote};
use super::inputs::Inputs;
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

/// An input's value, and where it was given.
struct Given {
    place: Place,
    value: Value,
}

#[derive(Clone, Copy)]
enum Place {
    /// The source with this number.
    Source(usize),
    /// The node of a JSON graph at this position of the request.
    Node(usize),
    /// A model that the server has.
    Model,
}

impl Place {
    /// Pointer to the value that the input `name` has from here.
    fn pointer(self, name: &str, sources: &[&'static str]) -> String {
        match self {
            Place::Source(source) => member(sources[source], name),
            Place::Node(position) => format!("/graph/nodes/{position}/value"),
            Place::Model => "/model".to_owned(),
        }
    }
}

/// Finds every input's value: all of them, no others, arrays equally long.
pub(super) fn bind(
    computation: &mut Computation<'_>,
    sources: Vec<Source<'_>>,
    limits: &Limits,
) -> Result<Bound, Problem> {
    let mut faults = Faults::default();
    let inline = std::mem::take(&mut computation.inline);
    let computation = &*computation;
    let mut inputs = Inputs::new(&computation.graph);
    let places: Vec<&'static str> = sources.iter().map(|source| source.pointer).collect();
    let count = computation.graph.inputs().len();
    let mut given: Vec<Option<Given>> = Vec::with_capacity(count);
    given.resize_with(count, || None);
    let mut order = Vec::with_capacity(count);
    for (source, Source { pointer: base, values }) in sources.into_iter().enumerate() {
        for (name, value) in values.0 {
            let Some(position) = inputs.find(&name) else {
                faults.add(|| member(base, &name), || not_an_input(computation, &name, base));
                continue;
            };
            match &given[position] {
                Some(first) => {
                    faults.add(|| member(base, &name), || twice(&name, &first.place.pointer(&name, &places)));
                }
                None => {
                    given[position] = Some(Given { place: Place::Source(source), value });
                    order.push(position);
                }
            }
        }
    }
    for Inline { input, position, value } in inline {
        let place = Place::Node(position);
        match &given[input] {
            Some(first) => {
                let name = inputs.name(input);
                let pointer = |place: Place| place.pointer(name, &places);
                faults.add(|| pointer(place), || twice(name, &pointer(first.place)));
            }
            None => {
                given[input] = Some(Given { place, value });
                order.push(input);
            }
        }
    }
    if let Some(prepared) = &computation.prepared {
        for (position, default) in prepared.defaults.iter().enumerate() {
            if let (Some(x), None) = (default, &given[position]) {
                given[position] = Some(Given { place: Place::Model, value: Value::Number(*x) });
                order.push(position);
            }
        }
    }
    for (position, _) in given.iter().enumerate().filter(|(_, given)| given.is_none()) {
        let place = if let [only] = places.as_slice() { only } else { "" };
        faults.add(
            || place.to_owned(),
            || {
                let members = places
                    .iter()
                    .map(|place| format!("`{}`", place[1..].replace('/', ".")))
                    .collect::<Vec<_>>();
                let (name, members) = (quote(inputs.name(position)), members.join(" or "));
                format!("The input {name} has no value; give it one in {members}.")
            },
        );
    }
    let samples = check_lengths(&given, &order, &inputs, &places, &mut faults);
    faults.into_result()?;
    check_samples(samples, limits)?;
    let source = |place| match place {
        Place::Source(source) => Some(source),
        Place::Node(_) | Place::Model => None,
    };
    let given = given.into_iter().map(|given| given.expect("missing values are faults"));
    let (sources, values) = given.map(|given| (source(given.place), given.value)).unzip();
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
fn check_lengths(
    given: &[Option<Given>],
    order: &[usize],
    inputs: &Inputs<'_>,
    places: &[&'static str],
    faults: &mut Faults,
) -> Option<usize> {
    let mut first: Option<(&str, usize)> = None;
    for &position in order {
        let Some(Given { place, value: Value::Samples(samples) }) = &given[position] else { continue };
        let (name, length) = (inputs.name(position), samples.len());
        let pointer = || place.pointer(name, places);
        if length == 0 {
            faults.add(pointer, || {
                format!("The array {} is empty; a batch has at least one sample.", quote(name))
            });
        }
        match first {
            None => first = Some((name, length)),
            Some((other, expected)) if expected != length => faults.add(pointer, || {
                let (name, other) = (quote(name), quote(other));
                format!(
                    "The array {name} holds {length} samples, but {other} holds {expected}; arrays must be equally long."
                )
            }),
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
