//! `POST /v1/draw`: the computation graph of a model as a picture.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::engine::{NonFinitePolicy, Reduction};

use super::bind::{Source, bind};
use super::computation::Computation;
use super::context::{Context, Reply};
use super::graph::Graph;
use super::mlp::Mlp;
use super::model::{Forms, Model, Scalar, refuse};
use super::picture::diagram::Diagram;
use super::picture::{network, scalar};
use super::problem::Problem;
use super::scalar_gradient::{Wanted, sweep};
use super::text::Text;
use super::values::Values;
use super::{object, real};

/// What to draw: exactly one of `expression`, `graph`, `mlp` and `model`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrawRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// A multi-layer perceptron, of which the layers are drawn.
    #[serde(default, deserialize_with = "object::optional")]
    pub mlp: Option<Mlp>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// A value for each input of the expression or graph, for data and grad in each box. Without it the boxes have no numbers,
    /// unless the graph's own nodes give all values.
    #[serde(borrow, default)]
    pub inputs: Option<Values<'a>>,
    /// Names of assigned values or ids of nodes to draw instead of the last statement or the node that no other uses.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// Answers the request in `body` with a picture.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let DrawRequest { expression, graph, mlp, model, inputs, outputs, timeout } = context.decode(body)?;
    let context = &context.within(timeout)?;
    let diagram = match Model::one_of(Forms { expression, graph, mlp, model }, context)? {
        Model::Scalar(model) => scalar_diagram(model, inputs, outputs.as_deref(), context)?,
        Model::Mlp(mlp) => {
            refuse(&[
                ("/inputs", inputs.is_some(), "The picture of an MLP shows its layers, not values."),
                ("/outputs", outputs.is_some(), "The picture of an MLP shows all its layers."),
            ])?;
            network::diagram(&mlp.spec(&context.limits)?, &context.limits)?
        }
    };
    let body = context.picture.write(&diagram, &context.interrupt)?.into_bytes();
    Ok(Reply { content_type: context.picture.media_type(), body })
}

fn scalar_diagram<'a>(
    model: Scalar<'a>,
    inputs: Option<Values<'a>>,
    outputs: Option<&[Text<'a>]>,
    context: &Context,
) -> Result<Diagram, Problem> {
    let names = inputs.iter().flat_map(Values::names);
    let mut computation = model.resolve(names, outputs, context)?;
    let has_numbers = inputs.is_some() || computation.has_all_values();
    let trace = if has_numbers {
        numbers(&mut computation, inputs.unwrap_or_default(), context)?
    } else {
        Vec::new()
    };
    Ok(scalar::diagram(&computation, &trace, context.limits.max_drawn_nodes, &context.interrupt)?)
}

/// Data and grad of every node. Infinities and NaN are drawn as they are: who looks for their origin wants a picture.
fn numbers<'a>(
    computation: &mut Computation<'a>,
    values: Values<'a>,
    context: &Context,
) -> Result<Vec<crate::engine::sweep::Traced>, Problem> {
    let bound = bind(computation, vec![Source::inputs(values)], &context.limits)?;
    let wanted = Wanted {
        gradients: (0..bound.values.len()).collect(),
        trace: true,
        reduction: Reduction::Sum,
        non_finite: NonFinitePolicy::Allow,
    };
    context.admit(wanted.cost(computation, &bound))?;
    Ok(sweep(computation, &bound, &wanted, context)?.trace)
}
