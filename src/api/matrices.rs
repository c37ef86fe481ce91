//! What Jacobians and Hessians have in common: their request, and their entries by name.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::engine::Column;
use crate::engine::derivatives::{Hessian, Jacobian, Pattern};

use super::context::Context;
use super::cost::Cost;
use super::graph::Graph;
use super::non_finite::NonFinite;
use super::number::Number;
use super::problem::Problem;
use super::real;
use super::text::Text;
use super::value::Value;
use super::values::Values;

/// What to differentiate for which inputs: exactly one of `expression`, `graph` and `model`, and its values.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatrixRequest<'a> {
    /// Statements separated by `;` or newline, in Python's arithmetic. The last one is the output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub expression: Option<Text<'a>>,
    /// A computation graph.
    #[serde(borrow, default)]
    pub graph: Option<Graph<'a>>,
    /// Refused with a reason.
    #[serde(default)]
    #[schema(ignore)]
    pub mlp: Option<IgnoredAny>,
    /// The name of a model that the server has, or the hash of one that was posted to `/v1/models`.
    #[serde(borrow, default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Text<'a>>,
    /// A value for each input of the expression or graph.
    #[serde(borrow, default)]
    pub inputs: Option<Values<'a>>,
    /// Names of assigned values or ids of nodes to differentiate instead of the last statement or the node that no other
    /// uses. A Hessian is that of one output.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub outputs: Option<Vec<Text<'a>>>,
    /// Names of the inputs to differentiate for, in the order of rows and columns; all unless given, in the order of the
    /// request.
    #[serde(borrow, default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub wrt: Option<Vec<Text<'a>>>,
    /// Leaves out the entries that are zero whatever the values of the inputs.
    #[serde(default)]
    #[schema(default = false)]
    pub sparse: bool,
    /// Asks for the list of all entries that are not zero whatever the values of the inputs.
    #[serde(default)]
    #[schema(default = false)]
    pub structure: bool,
    /// What happens when an output or a derivative is infinite or NaN; `error` unless given.
    #[serde(default)]
    #[schema(value_type = Option<NonFinite>)]
    pub non_finite: Option<NonFinite>,
    /// Seconds from the request's head to its answer, at most; later the computation is stopped. At most, and unless given, what
    /// the server's setting `timeout` says.
    #[serde(default, deserialize_with = "real::optional")]
    #[schema(exclusive_minimum = 0)]
    pub timeout: Option<f64>,
}

/// Asks for what a growing number of entries takes, before they are kept; where all were asked for already, for nothing.
pub(super) fn growing<'c>(
    context: &'c Context,
    cost: impl Fn(usize) -> Cost + 'c,
    sparse: bool,
) -> impl FnMut(usize) -> Result<(), Problem> + 'c {
    let mut total = 0;
    move |more| {
        if !sparse {
            return Ok(());
        }
        total += more;
        cost(total).check(&context.limits)?;
        context.admit(cost(more))
    }
}

/// A matrix as the engine computed it.
#[derive(Debug)]
pub(super) enum Matrix {
    Jacobian(Jacobian),
    Hessian(Hessian),
}

impl Matrix {
    fn pattern(&self) -> &Pattern {
        match self {
            Matrix::Jacobian(jacobian) => &jacobian.pattern,
            Matrix::Hessian(hessian) => &hessian.pattern,
        }
    }

    /// An entry, unless it is always zero.
    pub(super) fn get(&self, row: usize, column: usize) -> Option<&Column> {
        match self {
            Matrix::Jacobian(jacobian) => jacobian.get(row, column),
            Matrix::Hessian(hessian) => hessian.get(row, column),
        }
    }

    /// The output whose derivatives a row holds.
    pub(super) fn output(&self, row: usize) -> &Column {
        match self {
            Matrix::Jacobian(jacobian) => &jacobian.outputs[row],
            Matrix::Hessian(hessian) => &hessian.output,
        }
    }
}

/// The entries of a matrix, by the names of its rows and columns.
#[derive(Debug)]
pub struct Entries {
    pub(super) matrix: Matrix,
    pub(super) rows: Vec<String>,
    pub(super) columns: Vec<String>,
    /// Whether entries that are always zero are left out.
    pub(super) sparse: bool,
}

impl Entries {
    /// The list of entries that are not always zero.
    pub(super) fn structure(&self) -> Structure {
        Structure {
            pattern: self.matrix.pattern().clone(),
            rows: self.rows.clone(),
            columns: self.columns.clone(),
        }
    }
}

impl Serialize for Entries {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_map(Some(self.rows.len()))?;
        for (row, name) in self.rows.iter().enumerate() {
            rows.serialize_entry(name, &Row { entries: self, row })?;
        }
        rows.end()
    }
}

struct Row<'e> {
    entries: &'e Entries,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row { entries: Entries { matrix, columns, sparse, .. }, row } = *self;
        let present = matrix.pattern().row(row);
        let count = if *sparse { present.len() } else { columns.len() };
        let mut members = serializer.serialize_map(Some(count))?;
        if *sparse {
            for &column in present {
                let column = column as usize;
                members
                    .serialize_entry(&columns[column], &Entry(matrix.get(row, column), matrix.output(row)))?;
            }
        } else {
            for (column, name) in columns.iter().enumerate() {
                members.serialize_entry(name, &Entry(matrix.get(row, column), matrix.output(row)))?;
            }
        }
        members.end()
    }
}

/// An entry, or zero in the form of the output.
struct Entry<'e>(Option<&'e Column>, &'e Column);

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Entry(Some(Column::Number(x)), _) => Number(*x).serialize(serializer),
            Entry(Some(Column::Samples(all)), _) => serializer.collect_seq(all.iter().copied().map(Number)),
            Entry(None, Column::Number(_)) => Number(0.0).serialize(serializer),
            Entry(None, Column::Samples(all)) => serializer.collect_seq(all.iter().map(|_| Number(0.0))),
        }
    }
}

impl PartialSchema for Entries {
    fn schema() -> RefOr<Schema> {
        let row = ObjectBuilder::new().additional_properties(Some(Ref::from_schema_name(Value::name())));
        ObjectBuilder::new()
            .additional_properties(Some(row))
            .description(Some(
                "Rows by name, each an object of entries by the name of the input: a number, or where the output is an array \
                 one per sample.",
            ))
            .into()
    }
}

impl ToSchema for Entries {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Value::name().into_owned(), Value::schema()));
        Value::schemas(schemas);
    }
}

/// Which entries are not zero whatever the values of the inputs.
#[derive(Debug)]
pub struct Structure {
    pattern: Pattern,
    rows: Vec<String>,
    columns: Vec<String>,
}

impl Serialize for Structure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_struct("Structure", 2)?;
        members.serialize_field("nonzeros", &self.pattern.nonzeros())?;
        members.serialize_field("entries", &Names(self))?;
        members.end()
    }
}

struct Names<'s>(&'s Structure);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Structure { pattern, rows, columns } = self.0;
        let mut names = serializer.serialize_seq(Some(pattern.nonzeros()))?;
        for (row, name) in rows.iter().enumerate() {
            for &column in pattern.row(row) {
                names.serialize_element(&[name, &columns[column as usize]])?;
            }
        }
        names.end()
    }
}

impl PartialSchema for Structure {
    fn schema() -> RefOr<Schema> {
        let name = || ObjectBuilder::new().schema_type(Type::String);
        let pair = ArrayBuilder::new().items(name()).min_items(Some(2)).max_items(Some(2));
        let count = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        ObjectBuilder::new()
            .property("nonzeros", count.description(Some("How many there are.")))
            .required("nonzeros")
            .property(
                "entries",
                ArrayBuilder::new().items(pair).description(Some("Row and column of each, by name.")),
            )
            .required("entries")
            .description(Some(
                "The entries that are not zero whatever the values of the inputs, as far as the graph tells.",
            ))
            .into()
    }
}

impl ToSchema for Structure {}
