//! The outputs of an MLP.

use crate::nn::{self, Pass, Reduction, Rows, Scalar, Workspace};

use super::columns::Columns;
use super::context::Context;
use super::cost::{Cost, mlp_memory};
use super::data::Table;
use super::dtype::{self, InType, Rounded};
use super::matrix::Matrix;
use super::meter::{Stage, Unit};
use super::mlp::Mlp;
use super::mlp_checks::{check_answer, check_loss, check_outputs, pass_problem};
use super::non_finite::NonFinite;
use super::problem::Problem;

/// The outputs of `wire` for the rows of `data`, and the mean loss where these have targets.
pub(super) fn outputs(
    wire: &Mlp,
    data: Option<Columns<'_>>,
    non_finite: NonFinite,
    context: &Context,
) -> Result<(Matrix, Option<f64>), Problem> {
    let (mlp, parameters) = wire.resolve(&context.limits)?;
    let table = Table::new(data, "/data", &mlp, &wire.preparation(&mlp)?, &context.limits)?;
    check_answer(&mlp, table.rows(), &context.limits)?;
    let (rows, numbers) = (table.rows(), table.rows().saturating_mul(mlp.outputs()));
    context.admit(
        Cost::of_outputs(&mlp, rows as f64) + Cost::of_answered(numbers) + mlp_memory(&mlp, rows, 1),
    )?;
    let (outputs, loss) = wire.dtype.unwrap_or_default().run(Outputs {
        mlp: &mlp,
        parameters: &parameters,
        table: &table,
        context,
    })?;
    if non_finite == NonFinite::Error {
        check_outputs(&mlp, &outputs, table.place)?;
        loss.map_or(Ok(()), |loss| check_loss(loss, table.place))?;
    }
    Ok((Matrix::new(mlp.outputs(), outputs), loss))
}

/// The outputs for the rows of a table, and the loss where it has targets.
struct Outputs<'t> {
    mlp: &'t nn::Mlp,
    parameters: &'t [f64],
    table: &'t Table,
    context: &'t Context,
}

impl InType for Outputs<'_> {
    type Output = Result<(Vec<f64>, Option<f64>), Problem>;

    fn run<T: Scalar>(self) -> Self::Output {
        let Self { mlp, parameters, table, context } = self;
        let parameters = dtype::round::<T>(parameters, "/mlp/parameters")?;
        let rounded = Rounded::<T>::new(table)?;
        let (mut workspace, mut outputs) = (Workspace::new(), Vec::new());
        let interrupt = &context.interrupt;
        context.count(Unit::Samples, table.rows());
        let (x, examples) = (rounded.x()?, rounded.examples(mlp)?);
        let loss = context.stage(Stage::Forward, || {
            let pass =
                Pass { mlp, parameters: &parameters, rows: Rows::All, workspace: &mut workspace, interrupt };
            pass.outputs(x, &mut outputs).map_err(pass_problem)?;
            let loss = |examples| {
                let pass = Pass {
                    mlp,
                    parameters: &parameters,
                    rows: Rows::All,
                    workspace: &mut workspace,
                    interrupt,
                };
                pass.loss(&examples, Reduction::Mean).map_err(pass_problem)
            };
            examples.map(loss).transpose()
        })?;
        Ok((T::widen(outputs), loss))
    }
}
