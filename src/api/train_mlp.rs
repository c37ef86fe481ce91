//! Training an MLP.

use crate::nn::Reduction;
use crate::train::{MlpObjective, Split};

use super::context::Context;
use super::data::Table;
use super::interchange::file;
use super::mlp::Mlp;
use super::problem::Problem;
use super::tensors::{Shape, Tensors};
use super::train::{TrainRequest, TrainResponse};
use super::training::{Subject, run};
use super::validation::{Held, Validation, split};

/// Trains `mlp` as the request says.
pub(super) fn train(
    mlp: Mlp,
    mut request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let format = file::wanted(context, request.format)?;
    let (mlp, parameters) = mlp.resolve(&context.limits)?;
    let data = request.data.take();
    let mut table = Table::new(data, "/data", &mlp, &context.limits)?;
    table.examples(&mlp)?;
    let all = table.rows();
    let validation = match request.validation.take().map(Validation::held) {
        None => 0,
        Some(Held::Fraction(fraction)) => {
            let Split { training, validation } = split(all, fraction, request.seed)?;
            table = table.take(training.iter().chain(&validation).copied());
            validation.len()
        }
        Some(Held::Rows(rows)) => {
            let held_back = Table::new(Some(rows), "/validation", &mlp, &context.limits)?;
            held_back.examples(&mlp)?;
            table.append(held_back)?;
            table.rows() - all
        }
    };
    let reduction = request.reduction.map_or(Reduction::Mean, Into::into);
    let mut objective = MlpObjective::new(&mlp, table.examples(&mlp)?, reduction);
    let subject = Subject {
        shape: Shape::Layers(&mlp),
        parameters,
        place: "/mlp/parameters",
        rows: table.rows() - validation,
        validation,
        explain: &|_| None,
    };
    let mut response = run(&mut objective, subject, request, context)?;
    if let (Some(format), Tensors::Layers(layers)) = (format, &response.parameters) {
        response.file = Some(format.write(&mlp, layers));
    }
    Ok(response)
}
