//! Tangents of inputs and cotangents of outputs, matched with what they belong to.

use std::collections::HashMap;

use crate::engine::Tape;

use super::bind::Bound;
use super::computation::Computation;
use super::faults::{Faults, quote};
use super::problem::Problem;
use super::value::Value;
use super::values::Values;
use super::{pointer, suggest};

/// What a vector has a number for: inputs, or outputs.
pub(super) struct Owners<'n> {
    /// Pointer to the member of the request.
    pub pointer: &'static str,
    /// What it holds, in the singular.
    pub vector: &'static str,
    /// What has one, in the singular.
    pub owner: &'static str,
    /// Their names.
    pub names: Vec<&'n str>,
    /// Of each, the number of its samples if it has some.
    pub samples: Vec<Option<usize>>,
}

impl<'n> Owners<'n> {
    /// The inputs of a computation, which have tangents.
    pub(super) fn inputs(computation: &'n Computation<'_>, bound: &Bound) -> Self {
        Self {
            pointer: "/tangents",
            vector: "tangent",
            owner: "input",
            names: computation.graph.inputs().iter().map(|(name, _)| &**name).collect(),
            samples: bound.values.iter().map(Value::samples).collect(),
        }
    }

    /// The outputs of a computation, compiled to `tape`, which have cotangents.
    pub(super) fn outputs(computation: &'n Computation<'_>, tape: &Tape, samples: usize) -> Self {
        Self {
            pointer: "/cotangents",
            vector: "cotangent",
            owner: "output",
            names: computation.outputs.iter().map(|(name, _)| &**name).collect(),
            samples: (0..computation.outputs.len())
                .map(|o| tape.output_varies(o).then_some(samples))
                .collect(),
        }
    }

    /// A value for each owner, 0 where `values` has none: a number, which counts for every sample, or one per sample where the
    /// owner has as many.
    pub(super) fn resolve(&self, values: Values<'_>) -> Result<Vec<Value>, Problem> {
        let mut faults = Faults::default();
        let (vector, owner) = (self.vector, self.owner);
        if values.0.is_empty() {
            let detail =
                format!("`{}` is empty; give at least one {owner} its {vector}.", &self.pointer[1..]);
            faults.add(|| self.pointer.to_owned(), || detail);
        }
        let by_name: HashMap<&str, usize> =
            self.names.iter().enumerate().map(|(i, name)| (*name, i)).collect();
        let mut found: Vec<Option<Value>> = vec![None; self.names.len()];
        for (name, value) in values.0 {
            let place = || pointer::join(self.pointer, &*name);
            let Some(&position) = by_name.get(&*name) else {
                faults.add(place, || {
                    let ending = suggest::ending(&name, self.names.iter().copied());
                    format!("There is no {owner} {} that could have a {vector}{ending}", quote(&name))
                });
                continue;
            };
            if found[position].is_some() {
                faults.add(place, || format!("The {vector} of {} is given twice.", quote(&name)));
            }
            self.check(&name, &value, self.samples[position], &mut faults);
            found[position] = Some(value);
        }
        faults.into_result()?;
        Ok(found.into_iter().map(|value| value.unwrap_or(Value::Number(0.0))).collect())
    }

    fn check(&self, name: &str, value: &Value, samples: Option<usize>, faults: &mut Faults) {
        let (vector, owner) = (self.vector, self.owner);
        let place = || pointer::join(self.pointer, name);
        match (value, samples) {
            (Value::Samples(_), None) => faults.add(place, || {
                format!("The {owner} {} is one number, and so is its {vector}; this is an array.", quote(name))
            }),
            (Value::Samples(given), Some(samples)) if given.len() != samples => faults.add(place, || {
                format!(
                    "The {vector} of {} holds {} numbers, but the {owner} has {samples} samples; give one number for \
                     each, or one for all.",
                    quote(name),
                    given.len()
                )
            }),
            _ => {}
        }
        if let Some(index) = value.numbers().iter().position(|x| !x.is_finite()) {
            let place = || match value {
                Value::Number(_) => place(),
                Value::Samples(_) => pointer::join(&place(), index),
            };
            faults.add(place, || format!("A {vector} is a finite number."));
        }
    }
}
