//! A scalar computation with data and named parameters, as a model to train.

use super::error::Error;
use super::model::{Model, Rows};
use crate::engine::{
    Binding, Column, CompileOptions, Graph, Interrupt, Interrupted, NodeId, Reduction, Role, SweepError, Tape,
};

/// Where an input of the computation gets its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source<'a> {
    /// The parameter at this position of the flat vector.
    Parameter(usize),
    /// The same number for every row.
    Number(f64),
    /// One number per row.
    Column(&'a [f64]),
}

/// Why an objective could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is not one source for each input.
    #[error("the computation has {expected} inputs, but there are {actual} sources")]
    Count {
        /// The computation's inputs.
        expected: usize,
        /// Sources given.
        actual: usize,
    },
    /// Columns differ in length, or are empty.
    #[error("the column of input {input} has {actual} rows where {expected} are expected")]
    Length {
        /// The input's position.
        input: usize,
        /// The length of the columns before it; at least 1.
        expected: usize,
        /// Its own length.
        actual: usize,
    },
    /// The computation was not compiled to its end.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// An output of a computation, as the loss of a row, over all rows of the data.
///
/// A step over all rows, or over rows in order, reads the columns in place; a shuffled batch is gathered first.
#[derive(Debug)]
pub struct ExpressionObjective<'a> {
    tape: Tape,
    sources: Vec<Source<'a>>,
    parameters: usize,
    rows: usize,
    reduction: Reduction,
    /// The batch's part of each column, one buffer per input; empty while columns are read in place.
    gathered: Vec<Vec<f64>>,
}

impl<'a> ExpressionObjective<'a> {
    /// The objective `output` of `graph`, with one source for each of its inputs. Parameters are those positions that
    /// sources name, from 0 on.
    ///
    /// # Errors
    /// If a source is missing, columns differ in length, or `interrupt` fires meanwhile.
    pub fn new(
        graph: &Graph,
        output: NodeId,
        sources: Vec<Source<'a>>,
        reduction: Reduction,
        interrupt: &Interrupt,
    ) -> Result<Self, SourceError> {
        check_count(graph, &sources)?;
        let rows = common_length(&sources)?;
        let role = |source: &Source<'_>| Role {
            sampled: matches!(source, Source::Column(_)),
            wanted: matches!(source, Source::Parameter(_)),
        };
        let roles: Vec<Role> = sources.iter().map(role).collect();
        let tape = Tape::compile_until(graph, &[output], &roles, CompileOptions::default(), interrupt)?;
        let parameters = parameter_count(&sources);
        let gathered = vec![Vec::new(); sources.len()];
        Ok(Self { tape, sources, parameters, rows, reduction, gathered })
    }

    fn gather(&mut self, rows: &Rows<'_>) {
        let Rows::Indices(indices) = rows else { return };
        for (source, buffer) in self.sources.iter().zip(&mut self.gathered) {
            if let Source::Column(column) = source {
                buffer.clear();
                buffer.extend(indices.iter().map(|&row| column[row as usize]));
            }
        }
    }

    fn bindings<'s>(&'s self, parameters: &[f64], rows: &Rows<'_>) -> Vec<Binding<'s>> {
        let bind = |(source, gathered): (&'s Source<'_>, &'s Vec<f64>)| match source {
            Source::Parameter(position) => Binding::Number(parameters[*position]),
            Source::Number(x) => Binding::Number(*x),
            Source::Column(column) => Binding::Samples(match rows {
                Rows::All => column,
                Rows::Range(range) => &column[range.clone()],
                Rows::Indices(_) => gathered,
            }),
        };
        self.sources.iter().zip(&self.gathered).map(bind).collect()
    }
}

/// Refuses sources that are not one for each input of `graph`.
pub(super) fn check_count(graph: &Graph, sources: &[Source<'_>]) -> Result<(), SourceError> {
    let (expected, actual) = (graph.inputs().len(), sources.len());
    if actual == expected { Ok(()) } else { Err(SourceError::Count { expected, actual }) }
}

/// How many parameters sources name, from 0 on.
pub(super) fn parameter_count(sources: &[Source<'_>]) -> usize {
    let position = |source: &Source<'_>| match source {
        Source::Parameter(position) => Some(position + 1),
        _ => None,
    };
    sources.iter().filter_map(position).max().unwrap_or(0)
}

/// The length of the columns: equal, and at least 1; 1 without columns.
pub(super) fn common_length(sources: &[Source<'_>]) -> Result<usize, SourceError> {
    let mut rows = None;
    for (input, source) in sources.iter().enumerate() {
        if let Source::Column(column) = source {
            let expected = *rows.get_or_insert(column.len().max(1));
            if column.len() != expected {
                return Err(SourceError::Length { input, expected, actual: column.len() });
            }
        }
    }
    Ok(rows.unwrap_or(1))
}

impl Model<f64> for ExpressionObjective<'_> {
    fn parameters(&self) -> usize {
        self.parameters
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn loss(&mut self, parameters: &[f64], rows: Rows<'_>, interrupt: &Interrupt) -> Result<f64, Error> {
        self.gather(&rows);
        let bindings = self.bindings(parameters, &rows);
        Ok(self.tape.objective(&bindings, self.reduction, interrupt)?)
    }

    fn loss_and_gradient(
        &mut self,
        parameters: &[f64],
        rows: Rows<'_>,
        gradient: &mut [f64],
        interrupt: &Interrupt,
    ) -> Result<f64, Error> {
        self.gather(&rows);
        let bindings = self.bindings(parameters, &rows);
        let (loss, gradients) = self.tape.objective_and_gradient(&bindings, self.reduction, interrupt)?;
        gradient.fill(0.0);
        for (source, derivative) in self.sources.iter().zip(gradients) {
            if let (Source::Parameter(position), Some(Column::Number(x))) = (source, derivative) {
                gradient[*position] += x;
            }
        }
        Ok(loss)
    }
}

impl From<SweepError> for Error {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Interrupted(interrupted) => Error::Interrupted(interrupted),
            other => Error::Model(Box::new(other)),
        }
    }
}
