//! The model of a request, in exactly one of its four forms.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::bind::{Bound, Source, bind};
use super::computation::Computation;
use super::context::Context;
use super::cost::Cost;
use super::expression::parse_expression;
use super::faults::Faults;
use super::graph::Graph;
use super::meter::{Stage, Unit};
use super::mlp::Mlp;
use super::models::{Form, Prepared};
use super::problem::{Fault, Kind, Problem};
use super::resolve::resolve;
use super::text::Text;
use super::values::Values;

/// A model as it was written.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "there is one for a request")]
pub(super) enum Model<'a> {
    Scalar(Scalar<'a>),
    Mlp(Arc<Mlp>),
}

/// A computation on numbers.
#[derive(Debug)]
pub(super) enum Scalar<'a> {
    Expression(Text<'a>),
    Graph(Graph<'a>),
    Prepared(Arc<Prepared>),
}

/// The members of a request that can hold its model.
#[derive(Debug, Default)]
pub(super) struct Forms<'a> {
    pub expression: Option<Text<'a>>,
    pub graph: Option<Graph<'a>>,
    pub mlp: Option<Mlp>,
    /// The name of a model that the server has.
    pub model: Option<Text<'a>>,
}

impl<'a> Model<'a> {
    /// The one form that a request has.
    pub(super) fn one_of(forms: Forms<'a>, context: &Context) -> Result<Self, Problem> {
        match forms {
            Forms { expression: Some(text), graph: None, mlp: None, model: None } => {
                Ok(Model::Scalar(Scalar::Expression(text)))
            }
            Forms { expression: None, graph: Some(graph), mlp: None, model: None } => {
                Ok(Model::Scalar(Scalar::Graph(graph)))
            }
            Forms { expression: None, graph: None, mlp: Some(mlp), model: None } => {
                Ok(Model::Mlp(Arc::new(mlp)))
            }
            Forms { expression: None, graph: None, mlp: None, model: Some(name) } => {
                Ok(match &context.models.find(&name)?.form {
                    Form::Scalar(prepared) => Model::Scalar(Scalar::Prepared(Arc::clone(prepared))),
                    Form::Mlp(mlp, _) => Model::Mlp(Arc::clone(mlp)),
                })
            }
            Forms { expression, graph, mlp, model } => Err(not_one(&[
                ("expression", expression.is_some()),
                ("graph", graph.is_some()),
                ("mlp", mlp.is_some()),
                ("model", model.is_some()),
            ])),
        }
    }
}

impl Model<'_> {
    /// The one form that a request has, of an operation that takes an MLP alone.
    pub(super) fn mlp(
        mlp: Option<Mlp>,
        model: Option<Text<'_>>,
        context: &Context,
    ) -> Result<Arc<Mlp>, Problem> {
        if mlp.is_some() == model.is_some() {
            return Err(not_one(&[("mlp", mlp.is_some()), ("model", model.is_some())]));
        }
        match Model::one_of(Forms { mlp, model, ..Forms::default() }, context)? {
            Model::Mlp(mlp) => Ok(mlp),
            Model::Scalar(_) => Err(Problem::at("/model", "The model is no MLP; this path takes one.")),
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
    let all: Vec<String> = forms.iter().map(|(name, _)| format!("`{name}`")).collect();
    let (last, others) = all.split_last().expect("there are forms");
    let choice = format!("exactly one of {} and {last}", others.join(", "));
    let found: Vec<&str> = forms.iter().filter(|(_, found)| *found).map(|(name, _)| *name).collect();
    if found.is_empty() {
        return Problem::at("", format!("The request has no model; give {choice}."));
    }
    let listed = found.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
    let detail = format!("The request has {listed}; give {choice}.");
    let faults = found.iter().map(|name| Fault {
        detail: format!("One of {} models.", found.len()),
        pointer: Some(format!("/{name}")),
        ..Fault::default()
    });
    Problem { errors: faults.collect(), ..Problem::new(Kind::INVALID_REQUEST, detail) }
}

impl<'a> Scalar<'a> {
    /// The one form that a request has, of an operation that takes no MLP: an expression, a graph, or the name of one. `detail`
    /// says to whom names an MLP what takes one.
    pub(super) fn one_of(
        expression: Option<Text<'a>>,
        graph: Option<Graph<'a>>,
        model: Option<Text<'a>>,
        detail: &str,
        context: &Context,
    ) -> Result<Self, Problem> {
        let given =
            [("expression", expression.is_some()), ("graph", graph.is_some()), ("model", model.is_some())];
        if given.iter().filter(|(_, is_given)| *is_given).count() != 1 {
            return Err(not_one(&given));
        }
        match Model::one_of(Forms { expression, graph, mlp: None, model }, context)? {
            Model::Scalar(scalar) => Ok(scalar),
            Model::Mlp(_) => Err(Problem::at("/model", format!("The model is an MLP. {detail}"))),
        }
    }

    /// The same of an operation that differentiates, which refuses `mlp` with a reason.
    pub(super) fn differentiable(
        expression: Option<Text<'a>>,
        graph: Option<Graph<'a>>,
        mlp: Option<IgnoredAny>,
        model: Option<Text<'a>>,
        context: &Context,
    ) -> Result<Self, Problem> {
        let detail = "This path differentiates an `expression` or a `graph`. /v1/gradient gives the gradient of an MLP's loss.";
        refuse(&[("/mlp", mlp.is_some(), detail)])?;
        Self::one_of(expression, graph, model, detail, context)
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
            Scalar::Prepared(prepared) => {
                // Its size was bounded when it was prepared; what even one look at its names takes is not.
                Cost::of_values(prepared.graph(), 1).check(&context.limits)?;
                prepared.computation(outputs)
            }
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
