//! Training the parameters of an expression or a graph.

use crate::engine::{Reduction, SweepError};
use crate::train::expression::{Source as Input, SourceError};
use crate::train::{ExpressionObjective, Split};

use super::bind::{Bound, Source, check_samples};
use super::columns::{Column, Columns};
use super::computation::Computation;
use super::context::{Context, Limits};
use super::cost::Cost;
use super::faults::{Faults, quote};
use super::model::Scalar;
use super::problem::{Kind, Problem};
use super::tensors::Shape;
use super::train::{TrainRequest, TrainResponse};
use super::training::{Subject, run};
use super::validation::{Held, Validation, split};
use super::value::Value;
use super::{bounds, fingerprint, non_finite, pointer, suggest};

/// Where the values of a request come from, in the order of the sources below.
const PARAMETERS: usize = 0;

/// Trains the parameters that the request names.
pub(super) fn train(
    scalar: Scalar<'_>,
    mut request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let data = request.data.take().unwrap_or_default();
    let (data, origin) = data.into_values()?;
    let parameters = request.parameters.take().unwrap_or_default();
    check_parameters(parameters.0.len(), context)?;
    if let Some([_, _, ..]) = request.outputs.as_deref() {
        return Err(Problem::at("/outputs/1", "Training minimises one loss; name one output."));
    }
    let sources = vec![
        Source { pointer: "/parameters", values: parameters },
        Source { pointer: origin.place, values: data },
    ];
    let (computation, mut bound) = scalar.bind(sources, request.outputs.as_deref(), context)?;
    let trained = trained(&computation, &bound)?;
    let all = bound.samples.unwrap_or(1);
    let validation = match request.validation.take().map(Validation::held) {
        None => 0,
        Some(Held::Fraction(fraction)) => {
            let split = split(all, fraction, request.seed)?;
            hold_back(&mut bound, &split);
            split.validation.len()
        }
        Some(Held::Rows(columns)) => append(&computation, &mut bound, columns, &context.limits)?,
    };
    let inputs = inputs(&bound, &trained);
    let reduction = request.reduction.map_or(Reduction::Mean, Into::into);
    let (_, loss) = computation.outputs[0];
    let objective = || {
        ExpressionObjective::new(&computation.graph, loss, inputs, reduction, &context.interrupt)
            .map_err(source_problem)
    };
    let name = |&input: &usize| (computation.graph.inputs()[input].0.to_string(), None);
    let explain = |error: &SweepError| match error {
        SweepError::NonFinite(found) => Some(non_finite::explain(&computation, found)),
        _ => None,
    };
    let parameters: Vec<f64> = trained.iter().map(|&input| bound.values[input].numbers()[0]).collect();
    let bounds = match request.bounds.take() {
        None => Vec::new(),
        Some(given) => {
            let names: Vec<&str> =
                trained.iter().map(|&input| &*computation.graph.inputs()[input].0).collect();
            bounds::resolve(given, &names, &parameters)?
        }
    };
    let rows = bound.samples.unwrap_or(1) - validation;
    let subject = Subject {
        model: fingerprint::of_graph(&computation.graph, loss),
        data: fingerprint::of_values(&computation.graph, &bound, &trained, rows),
        row: Cost::of_gradients(&computation.graph, 1, 1.0),
        shape: Shape::Named(trained.iter().map(name).collect()),
        parameters,
        place: "/parameters",
        rows,
        validation,
        bounds,
        explain: &explain,
    };
    run(objective, subject, request, context)
}

/// Moves the rows that are held back behind the others.
fn hold_back(bound: &mut Bound, split: &Split) {
    for value in &mut bound.values {
        if let Value::Samples(samples) = value {
            let rows = split.training.iter().chain(&split.validation);
            *samples = rows.map(|&row| samples[row]).collect();
        }
    }
}

/// Adds rows to validate on behind the others; gives their number. They are arrays for the same inputs as those of `data`.
fn append(
    computation: &Computation<'_>,
    bound: &mut Bound,
    columns: Columns<'_>,
    limits: &Limits,
) -> Result<usize, Problem> {
    let mut faults = Faults::default();
    let names: Vec<&str> = computation.graph.inputs().iter().map(|(name, _)| name.as_ref()).collect();
    let sampled = |bound: &Bound, input: usize| matches!(bound.values[input], Value::Samples(_));
    let mut given: Vec<Option<Vec<f64>>> = vec![None; names.len()];
    let mut rows = None;
    let (members, origin) = columns.into_members("/validation")?;
    for (name, column) in members {
        let at = || origin.column(&name);
        let Some(input) = names.iter().position(|own| *own == &*name).filter(|&input| sampled(bound, input))
        else {
            let known = || names.iter().enumerate().filter(|(input, _)| sampled(bound, *input));
            faults.add(at, || {
                let ending = suggest::ending(&name, known().map(|(_, name)| *name));
                format!("{} is no array of `data`{ending}", quote(&name))
            });
            continue;
        };
        let numbers = match column {
            Column::Numbers(numbers) => numbers,
            // An empty array could be one of rows as well.
            Column::Rows(matrix) if matrix.rows == 0 => Vec::new(),
            _ => {
                faults.add(at, || format!("{} is an array of numbers here, one per row.", quote(&name)));
                continue;
            }
        };
        let expected = *rows.get_or_insert(numbers.len());
        if numbers.len() != expected || expected == 0 {
            faults.add(at, || {
                format!(
                    "{} has {} rows, but validation needs at least 1, and as many in every array ({expected} here).",
                    quote(&name),
                    numbers.len()
                )
            });
        }
        if given[input].replace(numbers).is_some() {
            faults.add(at, || format!("{} is given twice.", quote(&name)));
        }
    }
    for (input, name) in names.iter().enumerate() {
        if sampled(bound, input) && given[input].is_none() {
            faults.add(|| "/validation".to_owned(), || format!("{} is missing.", quote(name)));
        }
    }
    faults.into_result()?;
    check_samples(rows, limits)?;
    for (value, more) in bound.values.iter_mut().zip(given) {
        if let (Value::Samples(samples), Some(more)) = (value, more) {
            samples.extend(more);
        }
    }
    let rows = rows.unwrap_or(0);
    bound.samples = bound.samples.map(|samples| samples + rows);
    match rows {
        0 => Err(Problem::at("/validation", "There are no rows to validate on: `data` holds no arrays.")),
        rows => Ok(rows),
    }
}

fn check_parameters(count: usize, context: &Context) -> Result<(), Problem> {
    let limit = context.limits.max_parameters;
    if count == 0 {
        let detail = "There is nothing to train: name in `parameters` the inputs to train, with the numbers to start from.";
        return Err(Problem::at("/parameters", detail));
    }
    if count > limit {
        let detail = format!("There are {count} parameters; at most {limit} are trained.");
        return Err(Problem::limit("max_parameters", limit as u64, count as u64, detail));
    }
    Ok(())
}

/// Why a computation with its data is nothing to train or to fit. That the data fit was looked for before.
pub(super) fn source_problem(error: SourceError) -> Problem {
    match error {
        SourceError::Interrupted(interrupted) => interrupted.into(),
        misfit => Problem::new(Kind::INTERNAL, misfit.to_string()),
    }
}

/// Positions of the trained inputs, in the order of the request.
pub(super) fn trained(computation: &Computation<'_>, bound: &Bound) -> Result<Vec<usize>, Problem> {
    let mut faults = Faults::default();
    let is_trained = |input: &usize| bound.sources[*input] == Some(PARAMETERS);
    let trained: Vec<usize> = bound.order.iter().copied().filter(is_trained).collect();
    for &input in &trained {
        if let Value::Samples(_) = bound.values[input] {
            let name = &computation.graph.inputs()[input].0;
            faults.add(
                || pointer::join("/parameters", name),
                || format!("The parameter {} is an array; a parameter starts from one number.", quote(name)),
            );
        }
    }
    faults.into_result()?;
    Ok(trained)
}

fn inputs<'b>(bound: &'b Bound, trained: &[usize]) -> Vec<Input<'b>> {
    let mut inputs: Vec<Input<'_>> = bound
        .values
        .iter()
        .map(|value| match value {
            Value::Number(x) => Input::Number(*x),
            Value::Samples(samples) => Input::Column(samples),
        })
        .collect();
    for (position, &input) in trained.iter().enumerate() {
        inputs[input] = Input::Parameter(position);
    }
    inputs
}
