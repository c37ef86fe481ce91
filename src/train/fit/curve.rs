//! A model with measurements: residuals and their exact Jacobian.

use crate::engine::{
    Binding, Column, CompileOptions, GradientOptions, Graph, Interrupt, NodeId, Role, SweepError, Tape,
};
use crate::train::expression::{Source, SourceError, check_count, common_length, parameter_count};

/// Standard deviations of the measurements, in the unit of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sigma<'a> {
    /// The same for every row.
    Number(f64),
    /// One per row.
    Column(&'a [f64]),
}

impl Sigma<'_> {
    /// That of `row`.
    pub fn at(&self, row: usize) -> f64 {
        match self {
            Sigma::Number(sigma) => *sigma,
            Sigma::Column(column) => column[row],
        }
    }
}

/// An output of a computation that should equal a target in every row.
#[derive(Debug)]
pub struct Curve<'a> {
    tape: Tape,
    sources: Vec<Source<'a>>,
    target: &'a [f64],
    sigma: Sigma<'a>,
    /// For each parameter its number once per row: an input with samples has a derivative per sample, and these are
    /// the columns of the Jacobian, all from one reverse sweep.
    repeated: Vec<Vec<f64>>,
}

/// Residuals and Jacobian at some parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Linearised {
    /// (model - target) / sigma, one per row.
    pub residuals: Vec<f64>,
    /// For each parameter the derivatives of the residuals.
    pub jacobian: Vec<Vec<f64>>,
}

impl<'a> Curve<'a> {
    /// The curve `output` of `graph`, with one source for each of its inputs, against `target`. Parameters are those
    /// positions that sources name, from 0 on.
    ///
    /// # Errors
    /// If a source is missing, a column or `sigma` is not as long as `target`, which has at least one row, or `interrupt`
    /// fires meanwhile.
    pub fn new(
        graph: &Graph,
        output: NodeId,
        sources: Vec<Source<'a>>,
        target: &'a [f64],
        sigma: Sigma<'a>,
        interrupt: &Interrupt,
    ) -> Result<Self, SourceError> {
        check_count(graph, &sources)?;
        let mut columns = vec![Source::Column(target)];
        columns.extend_from_slice(&sources);
        if let Sigma::Column(column) = sigma {
            columns.push(Source::Column(column));
        }
        common_length(&columns)?;
        let is_parameter = |source: &Source<'_>| matches!(source, Source::Parameter(_));
        let role = |source: &Source<'_>| Role {
            sampled: !matches!(source, Source::Number(_)),
            wanted: is_parameter(source),
        };
        let roles: Vec<Role> = sources.iter().map(role).collect();
        let tape = Tape::compile_until(graph, &[output], &roles, CompileOptions::default(), interrupt)?;
        let parameters = parameter_count(&sources);
        Ok(Self { tape, sources, target, sigma, repeated: vec![vec![0.0; target.len()]; parameters] })
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.target.len()
    }

    /// How many parameters there are.
    pub fn parameters(&self) -> usize {
        self.repeated.len()
    }

    /// What was measured in each row, and its standard deviation.
    pub(super) fn measurements(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.target.iter().enumerate().map(|(row, &y)| (y, self.sigma.at(row)))
    }

    /// Residuals and Jacobian at `parameters`. What is not finite is refused.
    pub fn linearise(&mut self, parameters: &[f64], interrupt: &Interrupt) -> Result<Linearised, SweepError> {
        self.repeated.iter_mut().zip(parameters).for_each(|(column, &x)| column.fill(x));
        let bind = |source: &Source<'a>| match source {
            Source::Parameter(position) => Binding::Samples(&self.repeated[*position]),
            Source::Number(x) => Binding::Number(*x),
            Source::Column(column) => Binding::Samples(column),
        };
        let bindings: Vec<Binding<'_>> = self.sources.iter().map(bind).collect();
        let swept = self.tape.gradient(&bindings, GradientOptions::default(), interrupt)?;
        let rows = self.target.len();
        let mut residuals = samples(swept.outputs.into_iter().next(), rows);
        let mut jacobian = vec![vec![0.0; rows]; self.repeated.len()];
        for (source, derivative) in self.sources.iter().zip(swept.gradients) {
            if let Source::Parameter(position) = source {
                jacobian[*position] = samples(derivative, rows);
            }
        }
        for (row, residual) in residuals.iter_mut().enumerate() {
            *residual = (*residual - self.target[row]) / self.sigma.at(row);
        }
        for column in &mut jacobian {
            column.iter_mut().enumerate().for_each(|(row, entry)| *entry /= self.sigma.at(row));
        }
        Ok(Linearised { residuals, jacobian })
    }
}

/// A result once per row, where the model may not depend on any column.
fn samples(column: Option<Column>, rows: usize) -> Vec<f64> {
    match column {
        Some(Column::Samples(samples)) => samples,
        Some(Column::Number(x)) => vec![x; rows],
        None => vec![0.0; rows],
    }
}
