//! What a multi-layer perceptron is: layers, loss, and where each parameter lies in the flat vector.

use std::ops::Range;

use super::activation::Activation;
use super::loss::Loss;

/// One dense layer: `activation(weight * x + bias)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Width of the layer's output.
    pub units: usize,
    /// Applied to each unit.
    pub activation: Activation,
}

/// Why a specification was refused. Layers count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// A model without inputs.
    #[error("the model has no inputs: at least 1 is needed")]
    NoInputs,
    /// A model without layers.
    #[error("the model has no layers: at least 1 is needed")]
    NoLayers,
    /// A layer of width 0.
    #[error("layer {layer} has no units: at least 1 is needed")]
    NoUnits {
        /// The layer.
        layer: usize,
    },
    /// Cross entropy over a single class is 0 whatever the parameters are.
    #[error("cross_entropy over one class is always 0: the last layer needs at least 2 units")]
    OneClass,
    /// More parameters than the caller allows.
    #[error("the model has {actual} parameters, more than the limit of {limit}")]
    TooManyParameters {
        /// The bound the caller gave.
        limit: usize,
        /// Weights and biases of all layers; saturated where it passes `u128`.
        actual: u128,
    },
}

/// Where one layer's parameters lie in the flat vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Width of the layer's input.
    pub inputs: usize,
    /// Width of the layer's output.
    pub units: usize,
    /// The layer's activation.
    pub activation: Activation,
    /// The weight, `[units, inputs]` row-major.
    pub weight: Range<usize>,
    /// The bias, `[units]`, right after the weight.
    pub bias: Range<usize>,
}

/// A multi-layer perceptron that cannot be invalid: at least one input, one layer and one unit per layer.
///
/// It holds no parameters; those are one flat vector of [`parameters`](Self::parameters) numbers that the caller owns,
/// split by [`spans`](Self::spans).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mlp {
    inputs: usize,
    spans: Vec<Span>,
    loss: Loss,
    parameters: usize,
}

impl Mlp {
    /// A model of `inputs` inputs and these layers, first to last, of at most `max_parameters` weights and biases.
    pub fn new(
        inputs: usize,
        layers: &[Layer],
        loss: Loss,
        max_parameters: usize,
    ) -> Result<Self, SpecError> {
        if inputs == 0 {
            return Err(SpecError::NoInputs);
        }
        if let Some(layer) = layers.iter().position(|layer| layer.units == 0) {
            return Err(SpecError::NoUnits { layer });
        }
        let last = layers.last().ok_or(SpecError::NoLayers)?;
        if loss == Loss::CrossEntropy && last.units == 1 {
            return Err(SpecError::OneClass);
        }
        let widths = std::iter::once(inputs).chain(layers.iter().map(|layer| layer.units));
        let actual = widths.clone().zip(widths.skip(1)).fold(0u128, |sum, (inputs, units)| {
            let weights = inputs as u128 * units as u128;
            sum.saturating_add(weights).saturating_add(units as u128)
        });
        if actual > max_parameters as u128 {
            return Err(SpecError::TooManyParameters { limit: max_parameters, actual });
        }
        let mut spans = Vec::with_capacity(layers.len());
        let (mut start, mut width) = (0, inputs);
        for layer in layers {
            let bias = start + width * layer.units;
            let end = bias + layer.units;
            spans.push(Span {
                inputs: width,
                units: layer.units,
                activation: layer.activation,
                weight: start..bias,
                bias: bias..end,
            });
            (start, width) = (end, layer.units);
        }
        Ok(Self { inputs, spans, loss, parameters: start })
    }

    /// Width of a row of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Width of a row of outputs.
    pub fn outputs(&self) -> usize {
        self.spans[self.spans.len() - 1].units
    }

    /// The loss that training minimises.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Number of weights and biases: the length of the flat vector.
    pub fn parameters(&self) -> usize {
        self.parameters
    }

    /// The layers, first to last, and where their parameters lie.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Floating-point operations of the matrix products in one pass over one row, forward and backward: an estimate of
    /// what a step costs.
    pub fn flops_per_row(&self) -> u64 {
        self.spans.iter().fold(0u64, |sum, span| sum.saturating_add(6 * span.weight.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(units: usize) -> Layer {
        Layer { units, activation: Activation::Tanh }
    }

    #[test]
    fn parameters_lie_as_in_a_state_dict() {
        let mlp = Mlp::new(2, &[layer(3), layer(1)], Loss::Mse, 13).unwrap();
        assert_eq!(mlp.parameters(), 13);
        assert_eq!(mlp.outputs(), 1);
        assert_eq!(mlp.spans()[0].weight, 0..6);
        assert_eq!(mlp.spans()[0].bias, 6..9);
        assert_eq!(mlp.spans()[1].weight, 9..12);
        assert_eq!(mlp.spans()[1].bias, 12..13);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let new = |inputs, layers: &[Layer], loss, limit| Mlp::new(inputs, layers, loss, limit).unwrap_err();
        assert_eq!(new(0, &[layer(1)], Loss::Mse, 10), SpecError::NoInputs);
        assert_eq!(new(1, &[], Loss::Mse, 10), SpecError::NoLayers);
        assert_eq!(new(1, &[layer(2), layer(0)], Loss::Mse, 10), SpecError::NoUnits { layer: 1 });
        assert_eq!(new(1, &[layer(1)], Loss::CrossEntropy, 10), SpecError::OneClass);
        assert_eq!(
            new(2, &[layer(3), layer(1)], Loss::Mse, 12),
            SpecError::TooManyParameters { limit: 12, actual: 13 }
        );
        let huge = usize::MAX;
        let actual = (huge as u128) * (huge as u128) + huge as u128;
        assert_eq!(
            new(huge, &[layer(huge)], Loss::Mse, 10),
            SpecError::TooManyParameters { limit: 10, actual }
        );
        assert!(matches!(
            new(huge, &[layer(huge), layer(huge)], Loss::Mse, 10),
            SpecError::TooManyParameters { limit: 10, actual: u128::MAX }
        ));
    }
}
