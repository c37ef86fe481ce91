//! The same point-wise computation again and again, without allocating: for loops that move their inputs each time.

use super::point::Point;
use super::result::{Binding, GradientOptions, SweepError};
use crate::engine::Interrupt;
use crate::engine::kernels::Level;
use crate::engine::tape::{Leaf, Place, Tape};

/// A tape of number inputs with the buffers of its sweeps.
#[derive(Clone, Debug)]
pub struct Repeated<'t> {
    tape: &'t Tape,
    point: Point,
    outputs: Vec<f64>,
    gradients: Vec<f64>,
}

impl Tape {
    /// Buffers for evaluating this tape many times.
    ///
    /// # Panics
    /// If an input was compiled for samples.
    pub fn repeated(&self) -> Repeated<'_> {
        assert!(self.roles.iter().all(|role| !role.sampled), "inputs are numbers");
        let mut point = Point::default();
        point.resize(&self.uniform, true);
        Repeated {
            tape: self,
            point,
            outputs: vec![0.0; self.outputs.len()],
            gradients: vec![0.0; self.inputs.len()],
        }
    }
}

impl Repeated<'_> {
    /// The outputs at `inputs`, and the derivative of their sum with respect to each input (0 where it is not wanted).
    /// Results that are not finite are refused.
    ///
    /// # Panics
    /// If there are not as many numbers as inputs.
    pub fn gradient(
        &mut self,
        inputs: &[f64],
        interrupt: &Interrupt,
    ) -> Result<(&[f64], &[f64]), SweepError> {
        assert_eq!(inputs.len(), self.tape.inputs.len(), "one number per input");
        let section = &self.tape.uniform;
        for (value, leaf) in self.point.values.iter_mut().zip(&section.leaves) {
            match *leaf {
                Leaf::Input(position) => *value = inputs[position as usize],
                Leaf::Constant(constant) => *value = constant,
                Leaf::Uniform(_) => unreachable!("the uniform section has no section below it"),
            }
        }
        let mut finite = self.point.forward(section, true, Level::best(), interrupt)?;
        self.point.adjoints.fill(0.0);
        for (output, place) in self.outputs.iter_mut().zip(&self.tape.outputs) {
            if let Place::Uniform(slot) = *place {
                self.point.adjoints[slot as usize] += 1.0;
                *output = self.point.values[slot as usize];
                finite &= output.is_finite();
            }
        }
        self.point.reverse(section, interrupt)?;
        for ((gradient, place), role) in
            self.gradients.iter_mut().zip(&self.tape.inputs).zip(&self.tape.roles)
        {
            if let (Some(Place::Uniform(slot)), true) = (*place, role.wanted) {
                *gradient = self.point.adjoints[slot as usize];
                finite &= gradient.is_finite();
            }
        }
        if !finite {
            // The general sweep can tell a result that matters from one that nothing uses.
            let bindings: Vec<Binding<'_>> = inputs.iter().map(|&x| Binding::Number(x)).collect();
            self.tape.gradient(&bindings, GradientOptions::default(), interrupt)?;
        }
        Ok((&self.outputs, &self.gradients))
    }
}
