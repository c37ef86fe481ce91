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
    level: Level,
    point: Point,
    /// Slot and position of each input that is used.
    inputs: Vec<(u32, u32)>,
    /// Slot and position of each input whose gradient is wanted.
    wanted: Vec<(u32, u32)>,
    /// The slot of each output.
    output_slots: Vec<u32>,
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
        let mut inputs = Vec::new();
        for (slot, leaf) in self.uniform.leaves.iter().enumerate() {
            match *leaf {
                Leaf::Input(position) => inputs.push((slot as u32, position)),
                Leaf::Constant(constant) => point.values[slot] = constant,
                Leaf::Uniform(_) => unreachable!("the uniform section has no section below it"),
            }
        }
        let is_wanted = |&(_, position): &(u32, u32)| self.roles[position as usize].wanted;
        let slot = |place: &Place| match *place {
            Place::Uniform(slot) => slot,
            Place::Varying(_) => unreachable!("no input is sampled"),
        };
        Repeated {
            wanted: inputs.iter().copied().filter(is_wanted).collect(),
            output_slots: self.outputs.iter().map(slot).collect(),
            tape: self,
            level: Level::best(),
            point,
            inputs,
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
        for &(slot, position) in &self.inputs {
            self.point.values[slot as usize] = inputs[position as usize];
        }
        let mut finite = self.point.forward(section, true, self.level, interrupt)?;
        self.point.adjoints.fill(0.0);
        for (output, &slot) in self.outputs.iter_mut().zip(&self.output_slots) {
            self.point.adjoints[slot as usize] += 1.0;
            *output = self.point.values[slot as usize];
            finite &= output.is_finite();
        }
        self.point.reverse(section, interrupt)?;
        for &(slot, position) in &self.wanted {
            let gradient = self.point.adjoints[slot as usize];
            self.gradients[position as usize] = gradient;
            finite &= gradient.is_finite();
        }
        if !finite {
            // The general sweep can tell a result that matters from one that nothing uses.
            let bindings: Vec<Binding<'_>> = inputs.iter().map(|&x| Binding::Number(x)).collect();
            self.tape.gradient(&bindings, GradientOptions::default(), interrupt)?;
        }
        Ok((&self.outputs, &self.gradients))
    }
}
