//! `POST /v1/fit`: nonlinear least squares.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::bounds::BoundsByName;
use super::choice::{self, Choice};
use super::columns::{ColumnData, Columns};
use super::context::{Context, Reply};

use super::graph::Graph;
use super::matrix::Matrix;
use super::model::Scalar;
use super::number::Number;
use super::problem::Problem;
use super::sigma::Sigma;
use super::text::Text;
use super::values::Values;
use super::{count, fitting, real};

/// What to fit to which data: exactly one of `expression`, `graph` and `model`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FitRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the model's value for a row, to
    /// be compared with the target.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph, whose output is the model's value for a row.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// The name of the column of `data` that was measured.
    #[serde(borrow)]
    #[schema(value_type = String)]
    pub target: Text<'a>,
    /// The target, and a column or number for every input of the model that is no parameter. Finite numbers; at least as
    /// many rows as parameters.
    #[serde(borrow)]
    #[schema(value_type = ColumnData)]
    pub data: Columns<'a>,
    /// The inputs of the model that are fitted, with the numbers to start from.
    #[serde(borrow)]
    pub parameters: Values<'a>,
    /// Ranges that parameters stay within.
    #[serde(borrow, default)]
    pub bounds: Option<BoundsByName<'a>>,
    /// The standard deviation of the measurements: a number, or the name of a column of `data`. Rows count by
    /// 1/sigma²; all alike unless given.
    #[serde(borrow, default)]
    pub sigma: Option<Sigma<'a>>,
    /// Takes `sigma` for the known standard deviation. Otherwise only ratios of sigma count, and the residuals tell the
    /// scale of the standard errors.
    #[serde(default)]
    #[schema(default = false)]
    pub absolute_sigma: bool,
    /// The name or id of the model's value, where it is not the last statement or the node that no other uses; one alone.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>, min_items = 1, max_items = 1)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// The relative offset (Bates and Watts, 1981) at which the fit has converged; 1e-8 unless given. The next step would
    /// then move no parameter by more than about this, times the root of the degrees of freedom, in standard errors.
    #[serde(default)]
    #[schema(minimum = 0, exclusive_maximum = 1)]
    #[serde(deserialize_with = "real::optional")]
    pub tolerance: Option<f64>,
    /// Evaluations of the model with its Jacobian, at most; 1000 unless given.
    #[serde(default, deserialize_with = "count::optional")]
    #[schema(minimum = 1)]
    pub max_evaluations: Option<u64>,
    /// What happens when the fit does not converge; `error` unless given.
    #[serde(default)]
    #[schema(value_type = Option<NotConverged>)]
    pub not_converged: Option<NotConverged>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// What happens when a fit does not converge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum NotConverged {
    /// The request is refused with a problem that says how far the fit came.
    #[default]
    Error,
    /// The answer tells the best parameters so far, with `converged` false.
    Allow,
}

impl Choice for NotConverged {
    type Value = Self;
    const ALL: &'static [(&'static str, Self)] = &[("error", Self::Error), ("allow", Self::Allow)];
    fn of(value: Self) -> Self {
        value
    }
}

impl<'de> Deserialize<'de> for NotConverged {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer)
    }
}

/// The fitted parameters, and how well the data determine them.
#[derive(Debug, Serialize, ToSchema)]
pub struct FitResponse<'a> {
    /// In the order of the request.
    pub parameters: Values<'a>,
    /// The roots of the covariance's diagonal; null where there are as many parameters as rows and `absolute_sigma` is
    /// false.
    pub standard_errors: Option<Values<'a>>,
    /// Rows and columns in the order of the parameters: the inverse of `JᵀJ`, where J holds the derivatives of the model
    /// over sigma, times the square of the residual standard deviation unless `absolute_sigma` is true. Bounds do not
    /// enter. Null as the standard errors.
    pub covariance: Option<Matrix>,
    /// The root of the residual sum of squares over the degrees of freedom; null where there are none.
    pub residual_standard_deviation: Option<Number>,
    /// One minus the residual sum of squares over that of the best constant; null where the target is constant.
    pub r_squared: Option<Number>,
    /// The sum over rows of ((target - model)/sigma)².
    pub residual_sum_of_squares: Number,
    /// Rows less parameters.
    pub degrees_of_freedom: usize,
    /// The parameters that a bound holds back. The standard errors do not know of it.
    pub at_bounds: Vec<String>,
    /// Steps taken.
    pub iterations: u64,
    /// Evaluations of the model with its Jacobian, those of rejected steps included.
    pub evaluations: u64,
    /// Whether the parameters are those of a least sum of squares; always true unless `not_converged` is `allow`.
    pub converged: bool,
    /// Why the fit ended.
    pub reason: Reason,
}

/// Why a fit ended: converged with the first two, not with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The relative offset is within the tolerance.
    RelativeOffset,
    /// The relative offset is small, and rounding errors keep it from falling.
    Rounding,
    /// The evaluations are used up.
    MaxEvaluations,
    /// No step lowers the sum of squares although the relative offset is large: a kink, a jump, the end of a domain, or a
    /// parameter on which the model hardly depends there.
    Stalled,
}

/// Answers the request in `body`.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let mut request: FitRequest<'_> = context.decode(body)?;
    let context = &context.within(request.timeout)?;
    let (expression, graph, model) = (request.expression.take(), request.graph.take(), request.model.take());
    let detail = "A fit takes an `expression` or a `graph`; /v1/train trains an MLP.";
    let scalar = Scalar::one_of(expression, graph, model, detail, context)?;
    context.reply(&fitting::fit(scalar, request, context)?)
}
