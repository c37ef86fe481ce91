//! Sums over vectors, in an order that no machine changes.

use crate::engine::kernels::{Kernel, Level, Real};

/// Σ a b
pub(super) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    Level::best().run(Dot(a, b))
}

/// The largest |a|; NaN if any is.
pub(super) fn max_abs<T: Real>(a: &[T]) -> f64 {
    a.iter().map(|x| x.to_f64().abs()).fold(0.0, |most, x| if x > most || x.is_nan() { x } else { most })
}

struct Dot<'a, T>(&'a [T], &'a [T]);

impl<T: Real> Kernel for Dot<'_, T> {
    type Output = T;
    /// Sixteen sums, whatever the width of the machine, so that every machine adds in the same order.
    #[inline(always)]
    fn run(self) -> T {
        let mut sums = [T::ZERO; 16];
        let ((a, a_rest), (b, b_rest)) = (self.0.as_chunks::<16>(), self.1.as_chunks::<16>());
        for (a, b) in a.iter().zip(b) {
            for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
                *sum = a.mul_add(b, *sum);
            }
        }
        for ((sum, &a), &b) in sums.iter_mut().zip(a_rest).zip(b_rest) {
            *sum = a.mul_add(b, *sum);
        }
        sums.into_iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_take_in_every_element() {
        let a: Vec<f64> = (1..=37).map(f64::from).collect();
        assert_eq!(dot(&a, &a), f64::from(37 * 38 * 75 / 6));
        assert_eq!(max_abs(&[1.0, -3.0, 2.0]), 3.0);
        assert!(max_abs(&[1.0, f64::NAN, 2.0]).is_nan());
    }
}
