//! Losses: value and slope of each, over a block of rows.

use super::product::Scalar;
use crate::engine::kernels::{Kernel, Level, Real};

/// What training minimises, of a row of outputs z and a row of targets t.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loss {
    /// (z - t)²
    #[default]
    Mse,
    /// |z - t|; slope 0 where they are equal.
    Mae,
    /// (z - t)² / 2 where |z - t| <= 1, else |z - t| - 1/2 (PyTorch's `HuberLoss` with delta 1).
    Huber,
    /// Binary cross entropy of sigmoid(z) for t in [0, 1], fused: max(z, 0) - z t + ln(1 + e^-|z|).
    BceWithLogits,
    /// -Σ t ln softmax(z) over the row, fused; t is a row of probabilities, or one-hot from a class.
    CrossEntropy,
    /// max(0, 1 - t z) for t = -1 or 1; slope 0 at the kink t z = 1.
    Hinge,
}

impl Loss {
    /// Every loss under its name.
    pub const ALL: [(&'static str, Loss); 6] = [
        ("mse", Loss::Mse),
        ("mae", Loss::Mae),
        ("huber", Loss::Huber),
        ("bce_with_logits", Loss::BceWithLogits),
        ("cross_entropy", Loss::CrossEntropy),
        ("hinge", Loss::Hinge),
    ];

    /// What a sum of losses over `rows` rows is divided by for the mean: PyTorch divides cross entropy by the rows and
    /// all others by the elements.
    fn terms(self, rows: usize, outputs: usize) -> f64 {
        match self {
            Loss::CrossEntropy => rows as f64,
            _ => rows as f64 * outputs as f64,
        }
    }
}

/// How the losses of rows and elements become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// The mean over all elements; over the rows for cross entropy.
    #[default]
    Mean,
    /// The sum.
    Sum,
}

impl Reduction {
    /// The factor that turns the sum over `rows` rows into the reduced loss.
    pub(super) fn scale(self, loss: Loss, rows: usize, outputs: usize) -> f64 {
        self.over(loss.terms(rows, outputs))
    }

    /// The factor that turns the sum over rows of this total weight into the reduced loss.
    pub(super) fn over(self, weight: f64) -> f64 {
        match self {
            Reduction::Mean => 1.0 / weight,
            Reduction::Sum => 1.0,
        }
    }
}

/// The targets of a block of rows, laid out like the outputs.
pub(super) enum BlockTargets<'a, T> {
    /// `[outputs][stride]`
    Values(&'a [T]),
    /// `[stride]`
    Classes(&'a [u32]),
}

/// One block of outputs with what the loss makes of it.
pub(super) struct BlockLoss<'a, T> {
    /// Outputs z, `[outputs][stride]`; replaced by their adjoints, times `scale`, if `slopes` is set. The adjoints of the
    /// padding are 0.
    pub z: &'a mut [T],
    pub targets: BlockTargets<'a, T>,
    /// One weight per output: of classes for cross entropy, of the targets 1 for binary cross entropy.
    pub weights: Option<&'a [T]>,
    /// Rows of the block, at most `stride`.
    pub rows: usize,
    pub stride: usize,
    pub scale: T,
    pub slopes: bool,
    /// Scratch, 4 * `stride`.
    pub scratch: &'a mut [T],
}

impl<T: Scalar> BlockLoss<'_, T> {
    /// The block's loss, summed over its rows and not scaled. Each row is summed over its outputs in order, then the rows
    /// in order, in f64.
    pub fn run(self, loss: Loss) -> f64 {
        let level = Level::best();
        match loss {
            Loss::Mse => level.run(Elementwise(self, mse)),
            Loss::Mae => level.run(Elementwise(self, mae)),
            Loss::Huber => level.run(Elementwise(self, huber)),
            Loss::BceWithLogits => match self.weights {
                None => level.run(Elementwise(self, bce_with_logits)),
                Some(weights) => level.run(WeightedBce(self, weights)),
            },
            Loss::Hinge => level.run(Elementwise(self, hinge)),
            Loss::CrossEntropy => level.run(CrossEntropy(self)),
        }
    }
}

#[inline(always)]
fn mse<T: Real>(z: T, t: T) -> (T, T) {
    let d = z - t;
    (d * d, d + d)
}

#[inline(always)]
fn mae<T: Real>(z: T, t: T) -> (T, T) {
    let d = z - t;
    let sign = if d > T::ZERO { T::ONE } else { -T::ONE };
    (d.abs(), if d == T::ZERO { T::ZERO } else { sign })
}

#[inline(always)]
fn huber<T: Real>(z: T, t: T) -> (T, T) {
    let half = T::from_f64(0.5);
    let d = z - t;
    let size = d.abs();
    let sign = if d > T::ZERO { T::ONE } else { -T::ONE };
    if size <= T::ONE { (half * d * d, d) } else { (size - half, sign) }
}

#[inline(always)]
fn bce_with_logits<T: Real>(z: T, t: T) -> (T, T) {
    let positive = if z < T::ZERO { T::ZERO } else { z };
    (positive - z * t + (-z.abs()).exp().ln_1p(), z.sigmoid() - t)
}

/// As [`bce_with_logits`] with the term of a target 1 times `weight`, in PyTorch's form.
#[inline(always)]
fn weighted_bce<T: Real>(z: T, t: T, weight: T) -> (T, T) {
    let share = T::ONE + (weight - T::ONE) * t;
    let negative = if z < T::ZERO { -z } else { T::ZERO };
    let value = (T::ONE - t) * z + share * ((-z.abs()).exp().ln_1p() + negative);
    (value, (T::ONE - t) - share * (-z).sigmoid())
}

#[inline(always)]
fn hinge<T: Real>(z: T, t: T) -> (T, T) {
    let margin = T::ONE - t * z;
    if margin <= T::ZERO { (T::ZERO, T::ZERO) } else { (margin, -t) }
}

struct Elementwise<'a, T, F>(BlockLoss<'a, T>, F);

impl<T: Scalar, F: Fn(T, T) -> (T, T)> Kernel for Elementwise<'_, T, F> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let Self(block, term) = self;
        let BlockTargets::Values(targets) = block.targets else {
            unreachable!("`Examples` takes classes for cross entropy alone")
        };
        let sums = &mut block.scratch[..block.stride];
        sums.fill(T::ZERO);
        for (z, t) in block.z.chunks_exact_mut(block.stride).zip(targets.chunks_exact(block.stride)) {
            if block.slopes {
                for ((z, &t), sum) in z.iter_mut().zip(t).zip(&mut *sums) {
                    let (value, slope) = term(*z, t);
                    *sum += value;
                    *z = slope * block.scale;
                }
                z[block.rows..].fill(T::ZERO);
            } else {
                for ((&mut z, &t), sum) in z.iter_mut().zip(t).zip(&mut *sums) {
                    *sum += term(z, t).0;
                }
            }
        }
        total(&sums[..block.rows])
    }
}

/// One weight per output.
struct WeightedBce<'a, T>(BlockLoss<'a, T>, &'a [T]);

impl<T: Scalar> Kernel for WeightedBce<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let Self(block, weights) = self;
        let BlockTargets::Values(targets) = block.targets else {
            unreachable!("`Examples` takes classes for cross entropy alone")
        };
        let sums = &mut block.scratch[..block.stride];
        sums.fill(T::ZERO);
        let outputs = block.z.chunks_exact_mut(block.stride).zip(targets.chunks_exact(block.stride));
        for ((z, t), &weight) in outputs.zip(weights) {
            for ((z, &t), sum) in z.iter_mut().zip(t).zip(&mut *sums) {
                let (value, slope) = weighted_bce(*z, t, weight);
                *sum += value;
                if block.slopes {
                    *z = slope * block.scale;
                }
            }
            if block.slopes {
                z[block.rows..].fill(T::ZERO);
            }
        }
        total(&sums[..block.rows])
    }
}

struct CrossEntropy<'a, T>(BlockLoss<'a, T>);

impl<T: Scalar> Kernel for CrossEntropy<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let BlockLoss { z, targets, weights: by_class, rows, stride, scale, slopes, scratch } = self.0;
        let weight = |class: usize| by_class.map_or(T::ONE, |weights| weights[class]);
        let (largest, rest) = scratch.split_at_mut(stride);
        let (sums, rest) = rest.split_at_mut(stride);
        let (weights, losses) = rest.split_at_mut(stride);
        let losses = &mut losses[..stride];

        largest.copy_from_slice(&z[..stride]);
        for z in z.chunks_exact(stride).skip(1) {
            for (largest, &z) in largest.iter_mut().zip(z) {
                *largest = z.max(*largest);
            }
        }
        sums.fill(T::ZERO);
        for z in z.chunks_exact(stride) {
            for ((sum, &largest), &z) in sums.iter_mut().zip(&*largest).zip(z) {
                *sum += (z - largest).exp();
            }
        }
        losses.fill(T::ZERO);
        match targets {
            BlockTargets::Classes(classes) => {
                weights.fill(T::ONE);
                for (lane, &class) in classes[..rows].iter().enumerate() {
                    let class = class as usize;
                    weights[lane] = weight(class);
                    losses[lane] =
                        weights[lane] * (sums[lane].ln() - (z[class * stride + lane] - largest[lane]));
                }
            }
            BlockTargets::Values(targets) => {
                weights.fill(T::ZERO);
                let outputs = z.chunks_exact(stride).zip(targets.chunks_exact(stride));
                for (class, (z, t)) in outputs.enumerate() {
                    let weight = weight(class);
                    for lane in 0..stride {
                        let surprise = sums[lane].ln() - (z[lane] - largest[lane]);
                        let t = t[lane] * weight;
                        // A class without weight adds nothing, however unlikely the model thinks it.
                        losses[lane] += if t == T::ZERO { T::ZERO } else { t * surprise };
                        weights[lane] += t;
                    }
                }
            }
        }
        if slopes {
            for z in z.chunks_exact_mut(stride) {
                for lane in 0..stride {
                    let softmax = (z[lane] - largest[lane]).exp() / sums[lane];
                    z[lane] = softmax * weights[lane] * scale;
                }
                z[rows..].fill(T::ZERO);
            }
            match targets {
                BlockTargets::Classes(classes) => {
                    for (lane, &class) in classes[..rows].iter().enumerate() {
                        let class = class as usize;
                        z[class * stride + lane] -= scale * weight(class);
                    }
                }
                BlockTargets::Values(targets) => {
                    let outputs = z.chunks_exact_mut(stride).zip(targets.chunks_exact(stride));
                    for (class, (z, t)) in outputs.enumerate() {
                        let weight = weight(class);
                        z.iter_mut().zip(t).for_each(|(z, &t)| *z -= t * weight * scale);
                    }
                }
            }
        }
        total(&losses[..rows])
    }
}

#[inline(always)]
fn total<T: Real>(terms: &[T]) -> f64 {
    terms.iter().fold(0.0, |sum, term| sum + term.to_f64())
}
