//! Gradient clipping, as `torch.nn.utils` does it.

use super::setting::{SettingError, positive};
use super::vector::dot;
use crate::engine::kernels::Real;

/// A bound on the gradient of each step, before the optimizer sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clip {
    /// A gradient longer than this is scaled down to it: `clip_grad_norm_`, which multiplies by
    /// `min(1, norm / (|g| + 1e-6))` with the Euclidean length |g| over all parameters.
    Norm(f64),
    /// Each number is clamped to ± this: `clip_grad_value_`.
    Value(f64),
}

impl Clip {
    /// Whether the bound can be meant.
    pub fn check(self) -> Result<(), SettingError> {
        match self {
            Clip::Norm(bound) => positive("norm", bound),
            Clip::Value(bound) => positive("value", bound),
        }
    }

    /// Bounds `gradient`.
    pub(super) fn apply<T: Real>(self, gradient: &mut [T]) {
        match self {
            Clip::Norm(bound) => {
                let norm = dot(gradient, gradient).sqrt();
                let factor = T::from_f64(bound) / (norm + T::from_f64(1e-6));
                if factor < T::ONE {
                    gradient.iter_mut().for_each(|g| *g *= factor);
                }
            }
            Clip::Value(bound) => {
                let bound = T::from_f64(bound);
                // Comparisons, so that a NaN stays one and is found.
                for g in gradient {
                    if *g > bound {
                        *g = bound;
                    } else if *g < -bound {
                        *g = -bound;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_gradients_are_shortened_and_short_ones_are_left() {
        let mut gradient = [3.0, 4.0];
        Clip::Norm(10.0).apply(&mut gradient);
        assert_eq!(gradient, [3.0, 4.0]);
        Clip::Norm(1.0).apply(&mut gradient);
        let factor = 1.0 / (5.0 + 1e-6);
        assert_eq!(gradient, [3.0 * factor, 4.0 * factor]);
    }

    #[test]
    fn values_are_clamped_and_nan_stays() {
        let mut gradient = [3.0, -4.0, 0.5, f64::NAN];
        Clip::Value(1.0).apply(&mut gradient);
        assert_eq!(gradient[..3], [1.0, -1.0, 0.5]);
        assert!(gradient[3].is_nan());
    }
}
