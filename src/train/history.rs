//! The course of the loss, thinned to a bounded number of points.

/// Losses of steps: of a long run every n-th, and always the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Steps, counted from 1, rising.
    pub step: Vec<u64>,
    /// The loss over each step's batch, before its update.
    pub loss: Vec<f64>,
}

impl History {
    /// The most points there can be.
    pub const MAX_POINTS: usize = 1000;

    /// Notes the loss of `step`, the one after the last noted or left out, if it is one to keep in a run of `total`
    /// steps: step 1, then every n-th, with the smallest n that keeps the points within bounds, and the last.
    pub(super) fn note(&mut self, step: u64, loss: f64, total: u64) {
        self.note_every(1, step, loss, total);
    }

    /// As [`note`](Self::note), where only every `stride`-th step has a loss, and those alone count.
    pub(super) fn note_every(&mut self, stride: u64, step: u64, loss: f64, total: u64) {
        let (number, numbers) = (step / stride, total / stride);
        let every = numbers.div_ceil(Self::MAX_POINTS as u64 - 1).max(1);
        if (number - 1).is_multiple_of(every) || number == numbers {
            self.step.push(step);
            self.loss.push(loss);
        }
    }

    /// Notes the last loss of a run that ended before its time, unless it is there already.
    pub(super) fn end(&mut self, step: u64, loss: f64) {
        if self.step.last() != Some(&step) {
            self.step.push(step);
            self.loss.push(loss);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::History;

    fn steps(total: u64) -> Vec<u64> {
        let mut history = History::default();
        (1..=total).for_each(|step| history.note(step, 0.0, total));
        history.step
    }

    #[test]
    fn short_runs_keep_every_step() {
        assert_eq!(steps(5), [1, 2, 3, 4, 5]);
        assert_eq!(steps(999).len(), 999);
    }

    #[test]
    fn long_runs_are_thinned_and_keep_both_ends() {
        for total in [1000, 1001, 1998, 1999, 123_457] {
            let steps = steps(total);
            assert!(steps.len() <= History::MAX_POINTS && steps.len() > 450, "{total}: {}", steps.len());
            assert_eq!((steps[0], steps[steps.len() - 1]), (1, total));
        }
    }
}
