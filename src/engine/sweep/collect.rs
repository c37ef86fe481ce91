//! Slots and columns into the result.

use super::evaluate::Sweep;
use super::result::{Binding, Column, Gradient, Traced};
use crate::engine::graph::NodeId;
use crate::engine::tape::Place;

impl Sweep<'_> {
    pub(super) fn collect(&self, values: &[Vec<f64>], adjoints: &[Vec<f64>]) -> Gradient {
        let tape = self.tape;
        let column = |place: Place, wanted: &[u32], columns: &[Vec<f64>], uniform: &[f64]| match place {
            Place::Uniform(slot) => Column::Number(uniform[slot as usize]),
            Place::Varying(slot) => {
                let position = wanted.binary_search(&slot).expect("the column was wanted");
                Column::Samples(columns[position].clone())
            }
        };
        let value = |place: Place| column(place, &self.wanted_values, values, &self.point.values);
        let adjoint = |place: Place| column(place, &self.wanted_adjoints, adjoints, &self.point.adjoints);
        let gradient = |input: usize| match (tape.inputs[input], self.bindings[input]) {
            (Some(place), _) => adjoint(place),
            (None, Binding::Number(_)) => Column::Number(0.0),
            (None, Binding::Samples(samples)) => Column::Samples(vec![0.0; samples.len()]),
        };
        let gradients = if self.with_gradient {
            (0..tape.inputs.len()).map(|input| tape.roles[input].wanted.then(|| gradient(input))).collect()
        } else {
            Vec::new()
        };
        let trace = if tape.traced && self.with_gradient { self.trace(value, adjoint) } else { Vec::new() };
        Gradient { outputs: tape.outputs.iter().map(|&place| value(place)).collect(), gradients, trace }
    }

    fn trace(&self, value: impl Fn(Place) -> Column, adjoint: impl Fn(Place) -> Column) -> Vec<Traced> {
        let mut last: Vec<(NodeId, Place)> = self.tape.places().collect();
        last.sort_by_key(|(node, _)| *node);
        // Of the several instructions of a composed op the last one stands for the node.
        last.reverse();
        last.dedup_by_key(|(node, _)| *node);
        last.reverse();
        last.into_iter()
            .map(|(node, place)| Traced { node, data: value(place), grad: adjoint(place) })
            .collect()
    }
}
