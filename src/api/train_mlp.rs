//! Training an MLP.

use crate::nn::{self, Reduction, Scalar};
use crate::train::{MlpObjective, Split};

use super::columns::Columns;
use super::context::Context;
use super::cost::{Cost, mlp_memory};
use super::data::Table;
use super::dtype::{Dtype, InType, Rounded};
use super::interchange::file;
use super::meter::Unit;
use super::mlp::Mlp;
use super::problem::Problem;
use super::tensors::{Shape, Tensors};
use super::train::{TrainRequest, TrainResponse};
use super::training::{self, Subject};
use super::validation::{Held, Validation, split};
use super::{coverage, fingerprint};

/// Trains `mlp` as the request says.
pub(super) fn train(
    wire: &Mlp,
    mut request: TrainRequest<'_>,
    context: &Context,
) -> Result<TrainResponse<'static>, Problem> {
    let format = file::wanted(context, request.format)?;
    let (mlp, parameters) = wire.resolve(&context.limits)?;
    let mut preparation = wire.preparation(&mlp)?;
    if request.standardize && preparation.standardize.is_some() {
        let detail = "`mlp.standardize` is how inputs are transformed already; give one of the two.";
        return Err(Problem::at("/standardize", detail));
    }
    let data = request.data.take();
    let mut table = Table::new(data, "/data", &mlp, &preparation, &context.limits)?;
    table.targets()?;
    let all = table.rows();
    let mut place = "";
    let validation = match request.validation.take().map(Validation::held) {
        None => 0,
        Some(Held::Fraction(fraction)) => {
            place = "/validation/fraction";
            let Split { training, validation } = split(all, fraction, request.seed)?;
            table = table.take(training.iter().chain(&validation).copied());
            validation.len()
        }
        Some(Held::Rows(rows)) => {
            place = if let Columns::Csv(_) = rows { "/validation/csv" } else { "/validation/y" };
            preparation.classes = table.classes().map(<[String]>::to_vec);
            let held_back = Table::new(Some(rows), "/validation", &mlp, &preparation, &context.limits)?;
            held_back.targets()?;
            table.append(held_back)?;
            table.rows() - all
        }
    };
    let places = (&*table.place.y(), place);
    coverage::check(table.targets()?, table.rows() - validation, &mlp, table.classes(), places)?;
    if request.standardize {
        preparation.standardize = Some(table.standardize(table.rows() - validation)?);
    }
    let dtype = wire.dtype.unwrap_or_default();
    let work = Train { mlp: &mlp, dtype, parameters, table: &table, validation, request, context };
    let response = dtype.run(work)?;
    let file = match (format, &response.parameters) {
        (Some(format), Tensors::Layers(layers)) => {
            Some(format.write(&mlp, preparation.standardize.as_ref(), layers))
        }
        _ => None,
    };
    Ok(TrainResponse {
        file,
        standardize: preparation.standardize.as_ref().map(Into::into),
        classes: table.classes().map(<[String]>::to_vec),
        ..response
    })
}

/// A run over the rows of `table`, of which the last ones are held back.
struct Train<'t, 'r> {
    mlp: &'t nn::Mlp,
    dtype: Dtype,
    parameters: Vec<f64>,
    table: &'t Table,
    validation: usize,
    request: TrainRequest<'r>,
    context: &'t Context,
}

impl InType for Train<'_, '_> {
    type Output = Result<TrainResponse<'static>, Problem>;

    fn run<T: Scalar>(self) -> Self::Output {
        let Self { mlp, dtype, parameters, table, validation, request, context } = self;
        let rows = table.rows() - validation;
        context.count(Unit::Samples, table.rows());
        let rounded = Rounded::<T>::new(table)?;
        let reduction = request.reduction.map_or(Reduction::Mean, Into::into);
        let examples = rounded.examples(mlp)?.expect("the targets were looked for");
        let objective = || Ok(MlpObjective::new(mlp, examples, reduction));
        let subject = Subject {
            shape: Shape::Layers(mlp),
            model: fingerprint::of_mlp(mlp, table.weights.as_deref(), dtype),
            data: fingerprint::of_table(table, rows),
            row: Cost::of_loss_gradient(mlp, 1.0) + mlp_memory(mlp, table.rows(), 1),
            parameters,
            place: "/mlp/parameters",
            rows,
            validation,
            bounds: Vec::new(),
            explain: &|_| None,
        };
        training::run(objective, subject, request, context)
    }
}
