//! L-BFGS, as `torch.optim.LBFGS` does it.

use std::borrow::Cow;

use super::error::Error;
use super::line_search::{Line, strong_wolfe};
use super::optimizer::{Objective, Settings};
use super::setting::{SettingError, at_least_one, not_negative, positive};
use super::vector::{dot, max_abs};
use crate::engine::kernels::Real;

/// Settings of limited-memory BFGS (Liu and Nocedal 1989); names, defaults and algorithm of `torch.optim.LBFGS`.
///
/// One step of the run makes up to `max_iter` iterations, each of which may compute the loss several times: for all rows
/// at once, never for batches. It ends early when the gradient or the progress is within the tolerances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lbfgs {
    /// Length of a step along the direction, or the first that a line search tries.
    pub learning_rate: f64,
    /// Iterations of one step.
    pub max_iter: u64,
    /// Losses computed in one step; `max_iter * 5 / 4` if none.
    pub max_eval: Option<u64>,
    /// A step ends when no derivative is larger than this.
    pub tolerance_grad: f64,
    /// A step ends when neither the loss nor any parameter changes by more than this.
    pub tolerance_change: f64,
    /// Iterations that the approximate Hessian remembers.
    pub history_size: u64,
    /// How far to go along a direction.
    pub line_search: LineSearch,
}

/// How far to go along a direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineSearch {
    /// The learning rate, untested.
    #[default]
    None,
    /// To where the strong Wolfe conditions hold.
    StrongWolfe,
}

impl LineSearch {
    /// Both, under their names.
    pub const ALL: [(&'static str, LineSearch); 2] =
        [("none", LineSearch::None), ("strong_wolfe", LineSearch::StrongWolfe)];
}

impl Default for Lbfgs {
    fn default() -> Self {
        Self {
            learning_rate: 1.0,
            max_iter: 20,
            max_eval: None,
            tolerance_grad: 1e-7,
            tolerance_change: 1e-9,
            history_size: 100,
            line_search: LineSearch::None,
        }
    }
}

impl Settings for Lbfgs {
    fn name(&self) -> &'static str {
        "lbfgs"
    }

    fn check(&self) -> Result<(), SettingError> {
        positive("learning_rate", self.learning_rate)?;
        at_least_one("max_iter", self.max_iter)?;
        at_least_one("max_eval", self.max_eval.unwrap_or(1))?;
        not_negative("tolerance_grad", self.tolerance_grad)?;
        not_negative("tolerance_change", self.tolerance_change)?;
        at_least_one("history_size", self.history_size)
    }

    fn learning_rate(&mut self) -> &mut f64 {
        &mut self.learning_rate
    }

    /// The last gradient and move, then pairs of changes of the gradient and of the parameters, oldest first. There may be
    /// none: a first step from a minimum does nothing.
    fn buffers(&self, given: usize) -> Vec<Cow<'static, str>> {
        let pairs = (given.saturating_sub(2) / 2).min(self.history_size as usize);
        let fixed = ["prev_flat_grad", "prev_step"].into_iter().map(Cow::Borrowed);
        let pair = |i: usize| [format!("old_dirs_{i}"), format!("old_stps_{i}")].map(Cow::Owned);
        let count = if given == 0 { 0 } else { 2 };
        fixed.take(count).chain((0..pairs).flat_map(pair)).collect()
    }
}

/// A change of the gradient with the change of the parameters that made it.
struct Pair<T> {
    gradient: Vec<T>,
    parameters: Vec<T>,
    /// 1 / (their product).
    rho: T,
}

/// What is remembered from iteration to iteration.
struct Memory<T> {
    gradient: Vec<T>,
    step: Vec<T>,
    pairs: Vec<Pair<T>>,
}

impl<T: Real> Memory<T> {
    fn read(buffers: &[Vec<T>]) -> Option<Self> {
        let [gradient, step, pairs @ ..] = buffers else { return None };
        let (pairs, _) = pairs.as_chunks::<2>();
        let pair = |[gradient, parameters]: &[Vec<T>; 2]| Pair {
            rho: T::ONE / dot(gradient, parameters),
            gradient: gradient.clone(),
            parameters: parameters.clone(),
        };
        Some(Self { gradient: gradient.clone(), step: step.clone(), pairs: pairs.iter().map(pair).collect() })
    }

    fn write(self) -> Vec<Vec<T>> {
        let pairs = self.pairs.into_iter().flat_map(|pair| [pair.gradient, pair.parameters]);
        [self.gradient, self.step].into_iter().chain(pairs).collect()
    }

    /// Takes in the gradient that the last move led to.
    fn update(&mut self, gradient: &[T], limit: usize) {
        let change: Vec<T> = gradient.iter().zip(&self.gradient).map(|(&new, &old)| new - old).collect();
        let product = dot(&change, &self.step);
        if product > T::from_f64(1e-10) {
            if self.pairs.len() == limit {
                self.pairs.remove(0);
            }
            let rho = T::ONE / product;
            self.pairs.push(Pair { gradient: change, parameters: self.step.clone(), rho });
        }
    }

    /// The approximate inverse Hessian times the negative gradient: the recursion in two loops.
    fn direction(&self, gradient: &[T]) -> Vec<T> {
        let mut q: Vec<T> = gradient.iter().map(|&g| -g).collect();
        let mut alphas = Vec::with_capacity(self.pairs.len());
        for pair in self.pairs.iter().rev() {
            let alpha = dot(&pair.parameters, &q) * pair.rho;
            add(&mut q, -alpha, &pair.gradient);
            alphas.push(alpha);
        }
        if let Some(last) = self.pairs.last() {
            let scale = dot(&last.gradient, &last.parameters) / dot(&last.gradient, &last.gradient);
            q.iter_mut().for_each(|q| *q *= scale);
        }
        for (pair, alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(&pair.gradient, &q) * pair.rho;
            add(&mut q, alpha - beta, &pair.parameters);
        }
        q
    }
}

/// `to += factor * what`
pub(super) fn add<T: Real>(to: &mut [T], factor: T, what: &[T]) {
    for (to, &what) in to.iter_mut().zip(what) {
        *to = what.mul_add(factor, *to);
    }
}

impl Lbfgs {
    /// See [`Optimizer::most_evaluations`](super::optimizer::Optimizer::most_evaluations).
    pub(super) fn most_evaluations(&self) -> u64 {
        self.max_eval.unwrap_or(self.max_iter.saturating_mul(5) / 4)
    }

    /// See [`Optimizer::most_buffers`](super::optimizer::Optimizer::most_buffers).
    pub(super) fn most_buffers(&self, steps: u64) -> usize {
        2 + 2 * self.history_size.min(steps.saturating_mul(self.max_iter)) as usize
    }

    /// One step from `parameters`, where `objective` is `loss` with the derivative `gradient`. If `objective` fails,
    /// `buffers` and `parameters` are as they were.
    pub(super) fn step<T: Real>(
        &self,
        buffers: &mut Vec<Vec<T>>,
        parameters: &mut [T],
        (mut loss, gradient): (f64, &[T]),
        objective: &mut Objective<'_, T>,
    ) -> Result<(), Error> {
        if max_abs(gradient) <= self.tolerance_grad {
            return Ok(());
        }
        let (mut x, mut gradient) = (parameters.to_vec(), gradient.to_vec());
        let mut memory = Memory::read(buffers);
        let max_eval = self.most_evaluations();
        let mut evaluations = 1;
        for iteration in 1..=self.max_iter {
            let first = memory.is_none();
            let memory = memory.get_or_insert_with(|| Memory {
                gradient: Vec::new(),
                step: Vec::new(),
                pairs: Vec::new(),
            });
            if !first {
                memory.update(&gradient, self.history_size as usize);
            }
            let direction = memory.direction(&gradient);
            memory.gradient.clone_from(&gradient);
            let before = loss;
            let mut length = self.learning_rate;
            if first {
                let size: f64 = gradient.iter().map(|g| g.to_f64().abs()).sum();
                length *= (1.0 / size).min(1.0);
            }
            let slope = dot(&gradient, &direction).to_f64();
            let is_flat = slope > -self.tolerance_change;
            if !is_flat {
                match self.line_search {
                    LineSearch::StrongWolfe => {
                        let line = Line {
                            from: &x,
                            direction: &direction,
                            loss,
                            gradient: &gradient,
                            slope,
                            most: max_eval.saturating_sub(evaluations),
                        };
                        let found = strong_wolfe(&line, length, objective)?;
                        evaluations += found.evaluations;
                        (length, loss, gradient) = (found.length, found.loss, found.gradient);
                        add(&mut x, T::from_f64(length), &direction);
                    }
                    LineSearch::None => {
                        add(&mut x, T::from_f64(length), &direction);
                        // After the last iteration the next step computes it.
                        if iteration < self.max_iter {
                            loss = objective(&x, &mut gradient)?;
                            evaluations += 1;
                        }
                    }
                }
            }
            memory.step.clear();
            memory.step.extend(direction.iter().map(|&d| d * T::from_f64(length)));
            if is_flat
                || evaluations >= max_eval
                || max_abs(&gradient) <= self.tolerance_grad
                || max_abs(&memory.step) <= self.tolerance_change
                || (loss - before).abs() < self.tolerance_change
            {
                break;
            }
        }
        parameters.copy_from_slice(&x);
        *buffers = memory.map(Memory::write).unwrap_or_default();
        Ok(())
    }
}
