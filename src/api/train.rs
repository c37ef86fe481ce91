//! `POST /v1/train`: many optimizer steps.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::train;

use super::bounds::BoundsByName;
use super::columns::Columns;
use super::context::{Context, Reply};
use super::gradient::Reduction;
use super::graph::Graph;
use super::interchange::file::{self, File, FileFormat};
use super::matrix::Vector;
use super::metrics::Metrics;
use super::mlp::Mlp;
use super::model::{Forms, Model, refuse};
use super::number::Number;
use super::optimizer::Optimizer;
use super::problem::Problem;
use super::progress::Checkpoints;
use super::recipe::{Clip, EarlyStopping};
use super::schedule::Schedule;
use super::standardize::Standardize;
use super::tensors::Tensors;
use super::text::Text;
use super::train_state::TrainState;
use super::validation::{Validated, Validation};
use super::values::Values;
use super::{count, object, real, train_mlp, train_scalar};

/// What to train, on which data, and how: exactly one of `expression`, `graph`, `mlp` and `model`, and exactly one of `epochs` and
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
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// The inputs of the expression or graph that are trained, with the numbers to start from.
    #[serde(borrow, default)]
    pub parameters: Option<Values<'a>>,
    /// Where some of those parameters stay; a step that would cross a bound ends on it.
    #[serde(borrow, default)]
    pub bounds: Option<BoundsByName<'a>>,
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
    /// How the learning rate changes from step to step; not at all unless given.
    #[serde(default, deserialize_with = "object::optional")]
    pub schedule: Option<Schedule>,
    /// A bound on the gradient of each step.
    #[serde(default, deserialize_with = "object::optional")]
    pub clip: Option<Clip>,
    /// Length of the run: how often every row is seen, counted from the very first step.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub epochs: Option<u64>,
    /// Length of the run in optimizer steps, counted from the very first step.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub steps: Option<u64>,
    /// Rows of one step, no more than there are to train on; all of those unless given. The last batch of an epoch may be
    /// smaller.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub batch_size: Option<usize>,
    /// Whether each epoch takes the rows in a new order.
    #[serde(default)]
    #[schema(default = false)]
    pub shuffle: bool,
    /// From which the orders and the rows to validate on are drawn, the same on every machine; 0 unless given.
    #[serde(default, deserialize_with = "count::optional")]
    pub seed: Option<u64>,
    /// How the samples of a batch make one loss; `mean` unless given.
    #[serde(default)]
    #[schema(value_type = Option<Reduction>)]
    pub reduction: Option<Reduction>,
    /// Rows to hold back and to measure on after each epoch: `{"fraction": 0.2}`, or rows of its own in the form of `data`.
    #[serde(borrow, default)]
    pub validation: Option<Validation<'a>>,
    /// Whether the inputs of an MLP are brought to mean 0 and standard deviation 1, column by column, as measured over the rows
    /// to train on. The answer has the transform, for `mlp.standardize`.
    #[serde(default)]
    #[schema(default = false)]
    pub standardize: bool,
    /// Ends the run when the loss of its epochs no longer falls.
    #[serde(default, deserialize_with = "object::optional")]
    pub early_stopping: Option<EarlyStopping>,
    /// Ends the run when the loss after an epoch is at most this: over the validation rows, or without those over all rows to
    /// train on.
    #[serde(default)]
    #[serde(deserialize_with = "real::optional")]
    pub target_loss: Option<f64>,
    /// When a stream of events holds the state to go on from. Has no effect on an answer in one piece.
    #[serde(default, deserialize_with = "object::optional")]
    pub checkpoint: Option<Checkpoints>,
    /// The `state` of an earlier answer to the same request: the run goes on where it ended, to the new `epochs` or
    /// `steps`. Its parameters replace those of the request.
    #[serde(borrow, default, deserialize_with = "object::optional")]
    pub state: Option<TrainState<'a>>,
    /// Asks for a trained MLP as a `file` as well.
    #[serde(default)]
    #[schema(value_type = Option<FileFormat>)]
    pub format: Option<FileFormat>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// The trained parameters and how they came about.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrainResponse<'a> {
    /// After the last step, or after the best epoch where `early_stopping` restores it.
    pub parameters: Tensors<'a>,
    /// How the inputs were transformed, where they were: to be sent as `mlp.standardize` with these parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standardize: Option<Standardize>,
    /// Names of the classes in the order of the outputs, where they have names: to be sent as `mlp.classes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<Vec<String>>,
    /// Over all rows to train on, with these parameters.
    pub loss: Number,
    /// Figures beside the loss over the same rows, for an MLP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Metrics>,
    /// The rows that were held back, where there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validated>,
    /// Losses on the way.
    pub history: History,
    /// Steps done, those before a continuation included.
    pub steps: u64,
    /// Whole epochs done.
    pub epochs: u64,
    /// Why the run ended.
    pub stopped: Stopped,
    /// How long it took: the one part of the answer that differs from call to call.
    pub timing: Timing,
    /// To be sent with the same request and a larger `epochs` or `steps` to go on.
    pub state: TrainState<'a>,
    /// With `format`: the MLP with `parameters` as a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
}

/// Losses of steps: all of a short run, evenly spread ones and the last of a long run.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct History {
    /// Numbers of steps, from 1.
    pub step: Vec<u64>,
    /// The loss over each step's batch, before its update.
    pub loss: Vector,
}

/// How long a run took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Timing {
    /// From the first step of this request to the last figure.
    pub seconds: f64,
    /// Steps of this request over those seconds.
    pub steps_per_second: f64,
}

/// Why a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// All epochs are done.
    Epochs,
    /// All steps are done.
    Steps,
    /// The loss of an epoch was at most `target_loss`.
    TargetLoss,
    /// The loss of the epochs no longer fell.
    EarlyStopping,
}

impl From<train::Stopped> for Stopped {
    fn from(stopped: train::Stopped) -> Self {
        match stopped {
            train::Stopped::Epochs => Stopped::Epochs,
            train::Stopped::Steps => Stopped::Steps,
            train::Stopped::TargetLoss => Stopped::TargetLoss,
            train::Stopped::EarlyStopping => Stopped::EarlyStopping,
        }
    }
}

impl From<train::History> for History {
    fn from(history: train::History) -> Self {
        Self { step: history.step, loss: Vector(history.loss) }
    }
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: TrainRequest<'_> = context.decode_for_file(body)?;
    let context = &context.within(request.timeout)?;
    let forms = Forms {
        expression: request.expression.take(),
        graph: request.graph.take(),
        mlp: request.mlp.take(),
        model: request.model.take(),
    };
    let model = Model::one_of(forms, context)?;
    if let (Some(data), Some(validation)) = (&request.data, &mut request.validation) {
        validation.complete(data);
    }
    let mut response = match model {
        Model::Scalar(scalar) => {
            file::refuse(context, request.format)?;
            let detail =
                "Inputs are standardized for an MLP; an expression says itself what it does to its data.";
            refuse(&[("/standardize", request.standardize, detail)])?;
            train_scalar::train(scalar, request, context)?
        }
        Model::Mlp(mlp) => {
            let parameters = "The parameters of an MLP to start from are `mlp.parameters`.";
            refuse(&[
                ("/parameters", request.parameters.is_some(), parameters),
                ("/outputs", request.outputs.is_some(), "The loss of an MLP is named by `mlp.loss`."),
                (
                    "/bounds",
                    request.bounds.is_some(),
                    "Bounds are for the named parameters of an expression.",
                ),
            ])?;
            train_mlp::train(&mlp, request, context)?
        }
    };
    if let Some(reply) = File::alone(&mut response.file, context) {
        return Ok(reply);
    }
    context.reply(&response)
}
