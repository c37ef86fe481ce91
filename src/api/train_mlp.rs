//! Training an MLP.

use crate::nn::Reduction;
use crate::train::MlpObjective;

use super::context::Context;
use super::data::Table;
use super::mlp::Mlp;
use super::problem::Problem;
use super::tensors::Shape;
use super::train::{TrainRequest, TrainResponse};
use super::training::{Subject, run};

/// Trains `mlp` as the request says.
pub(super) fn train(
    mlp: Mlp,
    mut request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let (mlp, parameters) = mlp.resolve(&context.limits)?;
    let table = Table::new(request.data.take(), &mlp, &context.limits)?;
    let reduction = request.reduction.map_or(Reduction::Mean, Into::into);
    let mut objective = MlpObjective::new(&mlp, table.examples(&mlp)?, reduction);
    let subject = Subject {
        shape: Shape::Layers(&mlp),
        parameters,
        place: "/mlp/parameters",
        rows: table.rows(),
        explain: &|_| None,
    };
    run(&mut objective, subject, request, context)
}
