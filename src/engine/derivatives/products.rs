//! Jacobian and Hessian times vectors.

use crate::engine::sweep::{Direction, Directional};
use crate::engine::{
    Binding, Column, GradientOptions, Interrupt, NonFinitePolicy, Reduction, SweepError, Tape,
};

use super::spread;

/// Outputs and what a direction does to them.
#[derive(Clone, Debug, PartialEq)]
pub struct Jvp {
    /// One per output.
    pub outputs: Vec<Column>,
    /// The tangent of each output.
    pub tangents: Vec<Column>,
}

/// Outputs, gradients and what a direction does to the gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Hvp {
    /// One per output.
    pub outputs: Vec<Column>,
    /// The derivative of the objective with respect to each input; `None` where it was not wanted.
    pub gradients: Vec<Option<Column>>,
    /// The tangent of each of them.
    pub products: Vec<Option<Column>>,
}

impl Tape {
    /// The Jacobian-vector product: outputs, and their derivatives in the direction in which each input has its tangent,
    /// like its value a number or one per sample. Forward mode.
    ///
    /// # Errors
    /// As [`gradient`](Tape::gradient); a tangent per sample for a number, or not as many as samples.
    ///
    /// # Panics
    /// If there are not as many tangents as inputs, or an input that moves was not compiled as wanted.
    pub fn jvp(
        &self,
        bindings: &[Binding<'_>],
        tangents: &[Binding<'_>],
        non_finite: NonFinitePolicy,
        interrupt: &Interrupt,
    ) -> Result<Jvp, SweepError> {
        let direction = self.direction(bindings, tangents)?;
        let outputs = self.evaluate(bindings, non_finite, interrupt)?;
        let samples = spread::samples(bindings)?.unwrap_or(1);
        let moving = Directional::new(self, bindings, samples, None, non_finite, interrupt);
        let moved = moving.run(&[direction])?.remove(0);
        Ok(Jvp { outputs, tangents: moved.outputs })
    }

    /// The Hessian-vector product: outputs, the gradient of the objective, and the gradient's derivative in the direction of
    /// the tangents. Forward over reverse mode: some four times the work of the gradient, however many inputs there are. A tape
    /// with `norm` in it is to be compiled for [`second`](crate::engine::CompileOptions::SECOND) derivatives.
    ///
    /// # Errors
    /// As [`jvp`](Tape::jvp).
    ///
    /// # Panics
    /// As [`jvp`](Tape::jvp).
    pub fn hvp(
        &self,
        bindings: &[Binding<'_>],
        tangents: &[Binding<'_>],
        options: GradientOptions,
        interrupt: &Interrupt,
    ) -> Result<Hvp, SweepError> {
        let direction = self.direction(bindings, tangents)?;
        let swept = self.gradient(bindings, options, interrupt)?;
        let samples = spread::samples(bindings)?.unwrap_or(1);
        let seed = match options.reduction {
            Reduction::Sum => 1.0,
            Reduction::Mean => 1.0 / samples as f64,
        };
        let moving = Directional::new(self, bindings, samples, Some(seed), options.non_finite, interrupt);
        let mut moved = moving.run(&[direction])?.remove(0).gradients.into_iter();
        let products = self.roles.iter().map(|role| if role.wanted { moved.next() } else { None });
        Ok(Hvp { products: products.collect(), outputs: swept.outputs, gradients: swept.gradients })
    }

    /// The inputs that move, once the tangents fit the bindings.
    fn direction<'t>(
        &self,
        bindings: &[Binding<'_>],
        tangents: &[Binding<'t>],
    ) -> Result<Direction<'t>, SweepError> {
        assert_eq!(tangents.len(), self.roles.len(), "one tangent per input");
        for (input, (tangent, binding)) in tangents.iter().zip(bindings).enumerate() {
            match (tangent, binding) {
                (Binding::Samples(_), Binding::Number(_)) => {
                    return Err(SweepError::Role { input, sampled: false });
                }
                (Binding::Samples(tangent), Binding::Samples(samples)) if tangent.len() != samples.len() => {
                    let (expected, actual) = (samples.len(), tangent.len());
                    return Err(SweepError::Length { input, expected, actual });
                }
                _ => {}
            }
        }
        let moves = |&(_, tangent): &(usize, Binding<'_>)| tangent != Binding::Number(0.0);
        let direction: Direction<'t> = tangents.iter().copied().enumerate().filter(moves).collect();
        assert!(direction.iter().all(|&(input, _)| self.roles[input].wanted), "inputs that move are wanted");
        Ok(direction)
    }
}
