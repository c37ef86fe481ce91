//! Slots and columns into the result.

use super::evaluate::{Outputs, Sweep};
use super::result::{Binding, Column, Gradient, Reduction, Traced};
use crate::engine::graph::NodeId;
use crate::engine::tape::Place;

/// Results per sample, by slot. Each is handed over to the last of those that asked for it; the others get copies.
struct Columns<'s> {
    /// In ascending order.
    slots: &'s [u32],
    columns: Vec<Vec<f64>>,
    /// How many will still ask.
    waiting: Vec<usize>,
    /// What is the same for every sample, by slot of the uniform section.
    uniform: &'s [f64],
}

impl<'s> Columns<'s> {
    fn new(
        slots: &'s [u32],
        columns: Vec<Vec<f64>>,
        uniform: &'s [f64],
        places: impl Iterator<Item = Place>,
    ) -> Self {
        let mut columns = Self { waiting: vec![0; slots.len()], slots, columns, uniform };
        for place in places {
            if let Place::Varying(slot) = place {
                let position = columns.position(slot);
                columns.waiting[position] += 1;
            }
        }
        columns
    }

    fn position(&self, slot: u32) -> usize {
        self.slots.binary_search(&slot).expect("the column was wanted")
    }

    fn take(&mut self, place: Place) -> Column {
        match place {
            Place::Uniform(slot) => Column::Number(self.uniform[slot as usize]),
            Place::Varying(slot) => {
                let position = self.position(slot);
                self.waiting[position] -= 1;
                let column = &mut self.columns[position];
                Column::Samples(if self.waiting[position] == 0 {
                    std::mem::take(column)
                } else {
                    column.clone()
                })
            }
        }
    }
}

impl Sweep<'_> {
    /// The result, from columns per sample and from the sums of the outputs that are `reduced`.
    pub(super) fn collect(
        &self,
        values: Vec<Vec<f64>>,
        adjoints: Vec<Vec<f64>>,
        reduced: &[f64],
    ) -> Gradient {
        let tape = self.tape;
        let traced = if tape.traced && self.with_gradient { self.last_places() } else { Vec::new() };
        let wanted = |input: &usize| self.with_gradient && tape.roles[*input].wanted;
        let inputs = (0..tape.inputs.len()).filter(wanted).filter_map(|input| tape.inputs[input]);
        let in_trace = traced.iter().map(|&(_, place)| place);

        let per_sample: &[Place] = match self.outputs {
            Outputs::PerSample => &tape.outputs,
            Outputs::Reduced => &[],
        };
        let values_of = per_sample.iter().copied().chain(in_trace.clone());
        let mut values = Columns::new(&self.wanted_values, values, &self.point.values, values_of);
        let adjoints_of = inputs.chain(in_trace);
        let mut adjoints = Columns::new(&self.wanted_adjoints, adjoints, &self.point.adjoints, adjoints_of);

        let mut gradient = |input: usize| match (tape.inputs[input], self.bindings[input]) {
            (Some(place), _) => adjoints.take(place),
            (None, Binding::Number(_)) => Column::Number(0.0),
            (None, Binding::Samples(samples)) => Column::Samples(vec![0.0; samples.len()]),
        };
        let inputs = if self.with_gradient { tape.inputs.len() } else { 0 };
        Gradient {
            outputs: match self.outputs {
                Outputs::PerSample => tape.outputs.iter().map(|&place| values.take(place)).collect(),
                Outputs::Reduced => self.reduce(reduced),
            },
            gradients: (0..inputs).map(|input| wanted(&input).then(|| gradient(input))).collect(),
            trace: traced
                .iter()
                .map(|&(node, place)| Traced { node, data: values.take(place), grad: adjoints.take(place) })
                .collect(),
        }
    }

    /// Each output over all samples, where `sums` holds the sums of those that differ between samples.
    fn reduce(&self, sums: &[f64]) -> Vec<Column> {
        let samples = self.samples as f64;
        let mut sums = sums.iter();
        let reduce = |place: &Place| {
            let (sum, mean) = match *place {
                Place::Uniform(slot) => {
                    let value = self.point.values[slot as usize];
                    (value * samples, value)
                }
                Place::Varying(_) => {
                    let sum = *sums.next().expect("a sum for each varying output");
                    (sum, sum / samples)
                }
            };
            Column::Number(match self.reduction {
                Reduction::Sum => sum,
                Reduction::Mean => mean,
            })
        };
        self.tape.outputs.iter().map(reduce).collect()
    }

    /// Every node with its place. Of the several instructions of a composed op the last one stands for the node.
    fn last_places(&self) -> Vec<(NodeId, Place)> {
        let mut last: Vec<(NodeId, Place)> = self.tape.places().collect();
        last.sort_by_key(|(node, _)| *node);
        last.reverse();
        last.dedup_by_key(|(node, _)| *node);
        last.reverse();
        last
    }
}
