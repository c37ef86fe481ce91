//! The model of a request, in exactly one of its three forms.

use super::bind::{Bound, Source, bind};
use super::computation::Computation;
use super::context::Context;
use super::expression::parse_expression;
use super::faults::Faults;
use super::graph::Graph;
use super::meter::{Stage, Unit};
use super::mlp::Mlp;
use super::problem::{Fault, Kind, Problem};
use super::resolve::resolve;
use super::text::Text;
use super::values::Values;

/// A model as it was written.
#[derive(Debug)]
pub(super) enum Model<'a> {
    Scalar(Scalar<'a>),
    Mlp(Box<Mlp>),
}

/// A computation on numbers.
#[derive(Debug)]
pub(super) enum Scalar<'a> {
    Expression(Text<'a>),
    Graph(Graph<'a>),
}

impl<'a> Model<'a> {
    /// The one form that a request has.
    pub(super) fn one_of(
        expression: Option<Text<'a>>,
        graph: Option<Graph<'a>>,
        mlp: Option<Mlp>,
    ) -> Result<Self, Problem> {
        match (expression, graph, mlp) {
            (Some(text), None, None) => Ok(Model::Scalar(Scalar::Expression(text))),
            (None, Some(graph), None) => Ok(Model::Scalar(Scalar::Graph(graph))),
            (None, None, Some(mlp)) => Ok(Model::Mlp(Box::new(mlp))),
            (expression, graph, mlp) => Err(not_one(&[
                ("expression", expression.is_some()),
                ("graph", graph.is_some()),
                ("mlp", mlp.is_some()),
            ])),
        }
    }
}

/// Refuses members that do not go with the form of the model: pointer, whether it is there, and why not.
pub(super) fn refuse(members: &[(&str, bool, &str)]) -> Result<(), Problem> {
    let mut faults = Faults::default();
    for (pointer, _, detail) in members.iter().filter(|(_, is_there, _)| *is_there) {
        faults.add(|| (*pointer).to_owned(), || (*detail).to_owned());
    }
    faults.into_result()
}

fn not_one(forms: &[(&str, bool)]) -> Problem {
    const CHOICE: &str = "exactly one of `expression`, `graph` and `mlp`";
    let found: Vec<&str> = forms.iter().filter(|(_, found)| *found).map(|(name, _)| *name).collect();
    if found.is_empty() {
        return Problem::at("", format!("The request has no model; give {CHOICE}."));
    }
    let listed = found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let detail = format!("The request has {listed}; give {CHOICE}.");
    let faults = found.iter().map(|name| Fault {
        detail: format!("One of {} models.", found.len()),
        pointer: Some(format!("/{name}")),
        ..Fault::default()
    });
    Problem { errors: faults.collect(), ..Problem::new(Kind::INVALID_REQUEST, detail) }
}

impl<'a> Scalar<'a> {
    /// The one form that a request has, of an operation that takes no MLP.
    pub(super) fn one_of(expression: Option<Text<'a>>, graph: Option<Graph<'a>>) -> Result<Self, Problem> {
        match (expression, graph) {
            (Some(text), None) => Ok(Scalar::Expression(text)),
            (None, Some(graph)) => Ok(Scalar::Graph(graph)),
            (None, None) => Err(Problem::at(
                "",
                "The request has no model; give exactly one of `expression` and `graph`.",
            )),
            (Some(_), Some(_)) => {
                Err(Problem::at("/graph", "The request has both `expression` and `graph`; give one of them."))
            }
        }
    }

    /// The same, with a word about an MLP.
    pub(super) fn without_mlp(
        expression: Option<Text<'a>>,
        graph: Option<Graph<'a>>,
        has_mlp: bool,
    ) -> Result<Self, Problem> {
        let detail = "This path differentiates an `expression` or a `graph`. /v1/gradient gives the gradient of an MLP's loss.";
        refuse(&[("/mlp", has_mlp, detail)])?;
        Self::one_of(expression, graph)
    }

    /// The computation, before it has values. A name in `inputs` is an input even where it is also a constant's.
    pub(super) fn resolve<'i>(
        self,
        inputs: impl IntoIterator<Item = &'i str>,
        outputs: Option<&[Text<'a>]>,
        context: &Context,
    ) -> Result<Computation<'a>, Problem> {
        let computation = context.stage(Stage::Parse, || match self {
            Scalar::Graph(graph) => resolve(graph, outputs, &context.limits),
            Scalar::Expression(text) => parse_expression(&text, inputs, outputs, context),
        })?;
        context.count(Unit::Nodes, computation.graph.len());
        Ok(computation)
    }

    /// The computation with the values that `inputs` of the request gives. `outputs` are the ones that the request names.
    pub(super) fn bind_inputs(
        self,
        inputs: Option<Values<'a>>,
        outputs: Option<&[Text<'a>]>,
        context: &Context,
    ) -> Result<(Computation<'a>, Bound), Problem> {
        self.bind(vec![Source::inputs(inputs.unwrap_or_default())], outputs, context)
    }

    /// The computation with its values. `outputs` are the ones that the request names.
    pub(super) fn bind(
        self,
        sources: Vec<Source<'a>>,
        outputs: Option<&[Text<'a>]>,
        context: &Context,
    ) -> Result<(Computation<'a>, Bound), Problem> {
        let inputs = sources.iter().flat_map(|source| source.values.names());
        let mut computation = self.resolve(inputs, outputs, context)?;
        let bound = context.stage(Stage::Parse, || bind(&mut computation, sources, &context.limits))?;
        context.count(Unit::Samples, bound.samples.unwrap_or(1));
        Ok((computation, bound))
    }
}
