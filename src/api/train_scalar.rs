//! Training the parameters of an expression or a graph.

use crate::engine::{Reduction, SweepError};
use crate::train::ExpressionObjective;
use crate::train::expression::Source as Input;

use super::bind::{Bound, Source};
use super::computation::Computation;
use super::context::Context;
use super::faults::{Faults, quote};
use super::model::Scalar;
use super::problem::{Kind, Problem};
use super::tensors::Shape;
use super::train::{TrainRequest, TrainResponse};
use super::training::{Subject, run};
use super::value::Value;
use super::{non_finite, pointer};

/// Where the values of a request come from, in the order of the sources below.
const PARAMETERS: usize = 0;

/// Trains the parameters that the request names.
pub(super) fn train(
    scalar: Scalar<'_>,
    mut request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let data =
        request.data.take().map_or_else(|| Ok(Default::default()), super::columns::Columns::into_values)?;
    let parameters = request.parameters.take().unwrap_or_default();
    check_parameters(parameters.0.len(), context)?;
    if let Some([_, _, ..]) = request.outputs.as_deref() {
        return Err(Problem::at("/outputs/1", "Training minimises one loss; name one output."));
    }
    let sources = vec![
        Source { pointer: "/parameters", values: parameters },
        Source { pointer: "/data", values: data },
    ];
    let (computation, bound) = scalar.bind(sources, request.outputs.as_deref(), &context.limits)?;
    let trained = trained(&computation, &bound)?;
    let inputs = inputs(&bound, &trained);
    let reduction = request.reduction.map_or(Reduction::Mean, Into::into);
    let (_, loss) = computation.outputs[0];
    let mut objective = ExpressionObjective::new(&computation.graph, loss, inputs, reduction)
        .map_err(|error| Problem::new(Kind::INTERNAL, error.to_string()))?;
    let name = |&input: &usize| (computation.graph.inputs()[input].0.to_string(), None);
    let explain = |error: &SweepError| match error {
        SweepError::NonFinite(found) => Some(non_finite::explain(&computation, found)),
        _ => None,
    };
    let subject = Subject {
        shape: Shape::Named(trained.iter().map(name).collect()),
        parameters: trained.iter().map(|&input| bound.values[input].numbers()[0]).collect(),
        place: "/parameters",
        rows: bound.samples.unwrap_or(1),
        explain: &explain,
    };
    run(&mut objective, subject, request, context)
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
