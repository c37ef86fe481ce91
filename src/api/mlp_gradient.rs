//! The gradient of an MLP's loss.

use std::time::{Duration, Instant};

use crate::nn::{self, Pass, Reduction, Rows, Scalar, Workspace};

use super::context::Context;
use super::cost::{Cost, mlp_memory};
use super::data::Table;
use super::dtype::{self, InType, Rounded};
use super::gradient::{GradientRequest, MlpGradient};
use super::interchange::file;
use super::matrix::Matrix;
use super::meter::Unit;
use super::mlp::{Mlp, unflatten};
use super::mlp_checks::{check_answer, check_loss, check_outputs, check_parameters, pass_problem};
use super::non_finite::NonFinite;
use super::number::Number;
use super::problem::Problem;
use super::tensors::Shape;

/// Outputs, loss, gradients, and what else `request` asks for.
pub(super) fn gradient(
    wire: &Mlp,
    mut request: GradientRequest<'_>,
    context: &Context,
) -> Result<MlpGradient, Problem> {
    let file = file::wanted(context, request.format)?;
    if file.is_some() && request.sgd.is_none() {
        let place = if request.format.is_some() { "/format" } else { "" };
        let detail =
            "A file holds updated parameters; give `sgd` for them, or post the MLP as it is to /v1/convert.";
        return Err(Problem::at(place, detail));
    }
    let (mlp, parameters) = wire.resolve(&context.limits)?;
    let preparation = wire.preparation(&mlp)?;
    let table = Table::new(request.data.take(), "/data", &mlp, &preparation, &context.limits)?;
    check_answer(&mlp, table.rows(), &context.limits)?;
    context.admit(cost(&mlp, table.rows(), request.sgd.is_some()))?;
    table.targets()?;
    let work = Gradient { mlp: &mlp, parameters: &parameters, table: &table, request, context };
    let mut response = wire.dtype.unwrap_or_default().run(work)?;
    response.file = file
        .zip(response.updated.as_ref())
        .map(|(format, updated)| format.write(&mlp, preparation.standardize.as_ref(), updated));
    Ok(response)
}

fn cost(mlp: &nn::Mlp, rows: usize, steps: bool) -> Cost {
    // The gradient, and with a step the parameters and the velocity after it.
    let answered = mlp.parameters() * if steps { 3 } else { 1 } + rows * mlp.outputs();
    Cost::of_loss_gradient(mlp, rows as f64) + Cost::of_answered(answered) + mlp_memory(mlp, rows, 4)
}

struct Gradient<'t, 'r> {
    mlp: &'t nn::Mlp,
    parameters: &'t [f64],
    table: &'t Table,
    request: GradientRequest<'r>,
    context: &'t Context,
}

impl InType for Gradient<'_, '_> {
    type Output = Result<MlpGradient, Problem>;

    fn run<T: Scalar>(self) -> Self::Output {
        let Self { mlp, parameters, table, request, context } = self;
        let GradientRequest { reduction, sgd, non_finite, .. } = request;
        let mut parameters = dtype::round::<T>(parameters, "/mlp/parameters")?.into_owned();
        let rounded = Rounded::<T>::new(table)?;
        let examples = rounded.examples(mlp)?.expect("the targets were looked for");
        context.count(Unit::Samples, table.rows());
        let (mut workspace, mut outputs) = (Workspace::new(), Vec::new());
        workspace.reverse = Some(Duration::ZERO);
        let mut gradient = vec![T::ZERO; mlp.parameters()];
        let reduction = reduction.map_or(Reduction::Mean, Into::into);
        let loss = context.meter.time_sweeps(|| {
            let begun = Instant::now();
            let pass = Pass {
                mlp,
                parameters: &parameters,
                rows: Rows::All,
                workspace: &mut workspace,
                interrupt: &context.interrupt,
            };
            let loss = pass.loss_and_gradient(&examples, reduction, &mut gradient, Some(&mut outputs));
            let reverse = workspace.reverse.unwrap_or_default();
            (loss, reverse.as_secs_f64() / begun.elapsed().as_secs_f64().max(1e-9))
        });
        let loss = loss.map_err(pass_problem)?;
        let (outputs, wide) = (T::widen(outputs), T::widen(gradient.clone()));
        let is_strict = non_finite.unwrap_or_default() == NonFinite::Error;
        if is_strict {
            check_outputs(mlp, &outputs, table.place)?;
            check_loss(loss, table.place)?;
            check_parameters(mlp, "gradient", &wide)?;
        }
        let (mut updated, mut new_velocity) = (None, None);
        if let Some(sgd) = sgd {
            let velocity = sgd.step(&Shape::Layers(mlp), &mut parameters, &gradient)?;
            let parameters = T::widen(parameters);
            if is_strict {
                check_parameters(mlp, "updated value", &parameters)?;
            }
            updated = Some(unflatten(mlp, &parameters));
            new_velocity = velocity.map(|velocity| unflatten(mlp, &T::widen(velocity)));
        }
        Ok(MlpGradient {
            outputs: Matrix::new(mlp.outputs(), outputs),
            loss: Number(loss),
            gradients: unflatten(mlp, &wide),
            updated,
            velocity: new_velocity,
            file: None,
        })
    }
}
