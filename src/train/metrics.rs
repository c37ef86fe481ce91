//! How good a trained network is, in words that people compare.

use crate::engine::kernels::Real;
use crate::nn::{Loss, Targets};

/// Figures beside the loss, over some rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Metrics {
    /// Where targets are classes, probabilities or signs.
    Classification {
        /// The part of the predictions that are right: of rows for `cross_entropy`, of single outputs otherwise.
        accuracy: f64,
        /// How many rows of each class (first index) were taken for each class (second index), where every row has one
        /// class and there are at most [`MAX_CLASSES`].
        confusion: Option<Vec<Vec<u64>>>,
    },
    /// Where targets are numbers.
    Regression {
        /// The coefficient of determination, 1 - Σ(t - z)² / Σ(t - mean t)², meant over the outputs; none where the
        /// targets of an output are all the same.
        r2: Option<f64>,
        /// The mean absolute error over all elements.
        mae: f64,
    },
}

/// Classes of the largest confusion matrix that is answered.
pub const MAX_CLASSES: usize = 100;

/// Adds up rows of outputs against their targets.
#[derive(Debug)]
pub(super) struct Counter<'a, T> {
    loss: Loss,
    outputs: usize,
    targets: Targets<'a, T>,
    right: u64,
    all: u64,
    confusion: Option<Vec<Vec<u64>>>,
    /// Per output: the mean target, Σ(t - mean)², Σ(t - z)².
    spread: Vec<(f64, f64, f64)>,
    deviation: f64,
}

impl<'a, T: Real> Counter<'a, T> {
    /// A counter for the given rows of `targets`, of a model of so many outputs.
    pub(super) fn new(
        loss: Loss,
        outputs: usize,
        targets: Targets<'a, T>,
        rows: std::ops::Range<usize>,
    ) -> Self {
        let classes = match loss {
            Loss::CrossEntropy => Some(outputs),
            Loss::BceWithLogits | Loss::Hinge if outputs == 1 => Some(2),
            _ => None,
        };
        let confusion = classes.filter(|&n| n <= MAX_CLASSES).map(|n| vec![vec![0; n]; n]);
        let mut spread = Vec::new();
        if let (Loss::Mse | Loss::Mae | Loss::Huber, Targets::Values(values)) = (loss, targets) {
            let count = rows.len() as f64;
            let own = || values[rows.start * outputs..rows.end * outputs].chunks_exact(outputs);
            spread = (0..outputs)
                .map(|output| {
                    let mean = own().map(|row| row[output].to_f64()).sum::<f64>() / count;
                    let square = |row: &[T]| (row[output].to_f64() - mean).powi(2);
                    (mean, own().map(square).sum(), 0.0)
                })
                .collect();
        }
        Self { loss, outputs, targets, right: 0, all: 0, confusion, spread, deviation: 0.0 }
    }

    /// Takes the outputs of `row`.
    pub(super) fn add(&mut self, row: usize, outputs: &[T]) {
        let targets = match self.targets {
            Targets::Values(values) => &values[row * self.outputs..][..self.outputs],
            Targets::Classes(classes) => {
                self.count(classes[row] as usize, argmax(outputs));
                return;
            }
        };
        match self.loss {
            Loss::CrossEntropy => self.count(argmax(targets), argmax(outputs)),
            Loss::BceWithLogits | Loss::Hinge => {
                let border = if self.loss == Loss::Hinge { T::ZERO } else { T::from_f64(0.5) };
                for (&z, &t) in outputs.iter().zip(targets) {
                    self.count(usize::from(t > border), usize::from(z > T::ZERO));
                }
            }
            Loss::Mse | Loss::Mae | Loss::Huber => {
                for ((z, t), (_, _, residual)) in outputs.iter().zip(targets).zip(&mut self.spread) {
                    let difference = t.to_f64() - z.to_f64();
                    *residual += difference * difference;
                    self.deviation += difference.abs();
                    self.all += 1;
                }
            }
        }
    }

    fn count(&mut self, class: usize, taken_for: usize) {
        self.all += 1;
        self.right += u64::from(class == taken_for);
        if let Some(confusion) = &mut self.confusion {
            confusion[class][taken_for] += 1;
        }
    }

    /// The figures.
    pub(super) fn finish(self) -> Metrics {
        let all = self.all as f64;
        if self.spread.is_empty() {
            return Metrics::Classification { accuracy: self.right as f64 / all, confusion: self.confusion };
        }
        let varies = self.spread.iter().all(|&(_, total, _)| total > 0.0);
        let r2 = |&(_, total, residual): &(f64, f64, f64)| 1.0 - residual / total;
        let mean = || self.spread.iter().map(r2).sum::<f64>() / self.spread.len() as f64;
        Metrics::Regression { r2: varies.then(mean), mae: self.deviation / all }
    }
}

/// The first of the largest.
fn argmax<T: Real>(values: &[T]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(loss: Loss, targets: Targets<'_, f64>, outputs: &[&[f64]]) -> Metrics {
        let mut counter = Counter::new(loss, outputs[0].len(), targets, 0..outputs.len());
        outputs.iter().enumerate().for_each(|(row, outputs)| counter.add(row, outputs));
        counter.finish()
    }

    #[test]
    fn classes_are_counted() {
        let outputs: [&[f64]; 4] = [&[1.0, 0.0, 2.0], &[3.0, 1.0, 0.0], &[0.0, 5.0, 1.0], &[0.0, 0.5, 1.0]];
        let found = metrics(Loss::CrossEntropy, Targets::Classes(&[2, 0, 1, 0]), &outputs);
        let confusion = vec![vec![1, 0, 1], vec![0, 1, 0], vec![0, 0, 1]];
        assert_eq!(found, Metrics::Classification { accuracy: 0.75, confusion: Some(confusion) });
    }

    #[test]
    fn signs_and_probabilities_are_two_classes() {
        let outputs: [&[f64]; 3] = [&[0.5], &[-0.5], &[2.0]];
        let found = metrics(Loss::Hinge, Targets::Values(&[1.0, -1.0, -1.0]), &outputs);
        let confusion = Some(vec![vec![1, 1], vec![0, 1]]);
        let accuracy = 2.0 / 3.0;
        assert_eq!(found, Metrics::Classification { accuracy, confusion: confusion.clone() });
        let found = metrics(Loss::BceWithLogits, Targets::Values(&[0.9, 0.0, 0.2]), &outputs);
        assert_eq!(found, Metrics::Classification { accuracy, confusion });
        let labels = metrics(Loss::BceWithLogits, Targets::Values(&[1.0, 0.0]), &[&[1.0, 1.0]]);
        assert_eq!(labels, Metrics::Classification { accuracy: 0.5, confusion: None });
    }

    #[test]
    fn regression_is_measured_against_the_mean() {
        let outputs: [&[f64]; 4] = [&[1.0], &[2.0], &[3.0], &[5.0]];
        let found = metrics(Loss::Mse, Targets::Values(&[1.0, 2.0, 3.0, 4.0]), &outputs);
        // Σ(t - z)² = 1, Σ(t - 2.5)² = 5
        assert_eq!(found, Metrics::Regression { r2: Some(0.8), mae: 0.25 });
        let flat = metrics(Loss::Mae, Targets::Values(&[1.0, 1.0, 1.0, 1.0]), &outputs);
        assert_eq!(flat, Metrics::Regression { r2: None, mae: 1.75 });
    }
}
