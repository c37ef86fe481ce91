//! The gradient of an MLP's loss.

use crate::nn::{Pass, Reduction, Rows, Workspace};

use super::context::Context;
use super::data::Table;
use super::gradient::{GradientRequest, MlpGradient};
use super::interchange::file;
use super::matrix::Matrix;
use super::mlp::{Mlp, unflatten};
use super::mlp_checks::{check_answer, check_loss, check_outputs, check_parameters, pass_problem};
use super::non_finite::NonFinite;
use super::number::Number;
use super::problem::Problem;
use super::tensors::Shape;

/// Outputs, loss, gradients, and what else `request` asks for.
pub(super) fn gradient(
    mlp: Mlp,
    request: GradientRequest<'_>,
    context: &Context,
) -> Result<MlpGradient, Problem> {
    let GradientRequest { data, reduction, sgd, non_finite, format, .. } = request;
    let file = file::wanted(context, format)?;
    if file.is_some() && sgd.is_none() {
        let place = if format.is_some() { "/format" } else { "" };
        let detail =
            "A file holds updated parameters; give `sgd` for them, or post the MLP as it is to /v1/convert.";
        return Err(Problem::at(place, detail));
    }
    let (mlp, mut parameters) = mlp.resolve(&context.limits)?;
    let table = Table::new(data, "/data", &mlp, &context.limits)?;
    check_answer(&mlp, table.rows(), &context.limits)?;
    let examples = table.examples(&mlp)?;
    let (mut workspace, mut outputs) = (Workspace::new(), Vec::new());
    let mut gradient = vec![0.0; mlp.parameters()];
    let pass = Pass {
        mlp: &mlp,
        parameters: &parameters,
        rows: Rows::All,
        workspace: &mut workspace,
        interrupt: &context.interrupt,
    };
    let reduction = reduction.map_or(Reduction::Mean, Into::into);
    let loss = pass
        .loss_and_gradient(&examples, reduction, &mut gradient, Some(&mut outputs))
        .map_err(pass_problem)?;
    let is_strict = non_finite.unwrap_or_default() == NonFinite::Error;
    if is_strict {
        check_outputs(&mlp, &outputs)?;
        check_loss(loss)?;
        check_parameters(&mlp, "gradient", &gradient)?;
    }
    let (mut updated, mut new_velocity) = (None, None);
    if let Some(sgd) = sgd {
        let velocity = sgd.step(&Shape::Layers(&mlp), &mut parameters, &gradient)?;
        if is_strict {
            check_parameters(&mlp, "updated value", &parameters)?;
        }
        updated = Some(unflatten(&mlp, &parameters));
        new_velocity = velocity.map(|velocity| unflatten(&mlp, &velocity));
    }
    let file = file.zip(updated.as_ref()).map(|(format, updated)| format.write(&mlp, updated));
    Ok(MlpGradient {
        outputs: Matrix::new(mlp.outputs(), outputs),
        loss: Number(loss),
        gradients: unflatten(&mlp, &gradient),
        updated,
        velocity: new_velocity,
        file,
    })
}
