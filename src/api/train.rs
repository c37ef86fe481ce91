//! `POST /v1/train`: many optimizer steps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::columns::Columns;
use super::context::{Context, Reply};
use super::gradient::Reduction;
use super::graph::Graph;
use super::matrix::Vector;
use super::mlp::Mlp;
use super::model::{Model, refuse};
use super::number::Number;
use super::problem::Problem;
use super::sgd::Sgd;
use super::tensors::Tensors;
use super::text::Text;
use super::values::Values;
use super::{count, object, train_mlp, train_scalar};

/// What to train, on which data, and how: exactly one of `expression`, `graph` and `mlp`, and exactly one of `epochs` and
/// `steps`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the loss of one sample.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph, whose output is the loss of one sample.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// A multi-layer perceptron, which has its own parameters and loss.
    #[serde(default, deserialize_with = "object::optional")]
    pub mlp: Option<Mlp>,
    /// The inputs of the expression or graph that are trained, with the numbers to start from.
    #[serde(borrow, default)]
    pub parameters: Option<Values<'a>>,
    /// For an MLP, rows; for an expression or graph, a column or number for every input that is no parameter.
    #[serde(borrow, default)]
    pub data: Option<Columns<'a>>,
    /// The name or id of the loss, where it is not the last statement or the node that no other uses; one alone.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 1)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// How gradients become steps.
    #[serde(deserialize_with = "object::required")]
    pub optimizer: Optimizer,
    /// Length of the run: how often every row is seen, counted from the very first step.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub epochs: Option<u64>,
    /// Length of the run in optimizer steps, counted from the very first step.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub steps: Option<u64>,
    /// Rows of one step; all rows unless given. The last batch of an epoch may be smaller.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub batch_size: Option<usize>,
    /// Whether each epoch takes the rows in a new order.
    #[serde(default)]
    #[schema(default = false)]
    pub shuffle: bool,
    /// From which the orders are drawn, the same on every machine; 0 unless given.
    #[serde(default, deserialize_with = "count::optional")]
    pub seed: Option<u64>,
    /// How the samples of a batch make one loss; `mean` unless given.
    #[serde(default)]
    #[schema(value_type = Option<Reduction>)]
    pub reduction: Option<Reduction>,
    /// The `state` of an earlier answer to the same request: the run goes on where it ended, to the new `epochs` or
    /// `steps`. Its parameters replace those of the request.
    #[serde(borrow, default, deserialize_with = "object::optional")]
    pub state: Option<TrainState<'a>>,
}

/// An optimizer by its name, with its settings.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// Stochastic gradient descent.
    #[serde(deserialize_with = "object::required")]
    pub sgd: Sgd,
}

/// Everything that a run needs, beside the request, to be continued bit for bit by any server.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainState<'a> {
    /// Steps done.
    #[serde(deserialize_with = "count::required")]
    pub step: u64,
    /// The parameters after them.
    #[serde(borrow)]
    pub parameters: Tensors<'a>,
    /// What the optimizer remembers.
    #[serde(borrow, deserialize_with = "object::required")]
    pub optimizer: TrainedOptimizer<'a>,
}

/// What an optimizer remembers between steps.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainedOptimizer<'a> {
    /// Of stochastic gradient descent.
    #[serde(borrow, deserialize_with = "object::required")]
    pub sgd: TrainedSgd<'a>,
}

/// What stochastic gradient descent remembers between steps.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainedSgd<'a> {
    /// With a momentum, and after the first step.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub velocity: Option<Tensors<'a>>,
}

/// The trained parameters and how they came about.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrainResponse<'a> {
    /// After the last step.
    pub parameters: Tensors<'a>,
    /// Over all rows, with these parameters.
    pub loss: Number,
    /// Losses on the way.
    pub history: History,
    /// Steps done, those before a continuation included.
    pub steps: u64,
    /// Whole epochs done.
    pub epochs: u64,
    /// Why the run ended.
    pub stopped: Stopped,
    /// To be sent with the same request and a larger `epochs` or `steps` to go on.
    pub state: TrainState<'a>,
}

/// Losses of steps: all of a short run, evenly spread ones and the last of a long run.
#[derive(Debug, Serialize, ToSchema)]
pub struct History {
    /// Numbers of steps, from 1.
    pub step: Vec<u64>,
    /// The loss over each step's batch, before its update.
    pub loss: Vector,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stopped {
    /// All epochs are done.
    Epochs,
    /// All steps are done.
    Steps,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: TrainRequest<'_> = context.decode(body)?;
    let model = Model::one_of(request.expression.take(), request.graph.take(), request.mlp.take())?;
    let response = match model {
        Model::Scalar(scalar) => train_scalar::train(scalar, request, context)?,
        Model::Mlp(mlp) => {
            let parameters = "The parameters of an MLP to start from are `mlp.parameters`.";
            refuse(&[
                ("/parameters", request.parameters.is_some(), parameters),
                ("/outputs", request.outputs.is_some(), "The loss of an MLP is named by `mlp.loss`."),
            ])?;
            train_mlp::train(*mlp, request, context)?
        }
    };
    context.reply(&response)
}
