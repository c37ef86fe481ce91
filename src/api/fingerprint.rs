//! What a training run depends on, in a few letters each, by which a state knows the requests that it belongs to.
//!
//! XXH3, whose results are fixed by its specification, over numbers in little-endian order: the same on every machine, and
//! for a request in any format. It tells apart what was mixed up, and does not keep out who means to.

use std::fmt::{self, Debug, Write};
use std::hash::Hasher;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};
use twox_hash::XxHash3_64;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::engine::{Graph, Node, NodeId};
use crate::nn;
use crate::train::fit::Bounds;
use crate::train::{Plan, Recipe};

use super::bind::Bound;
use super::data::{Checked, Table};
use super::dtype::Dtype;
use super::faults::Faults;
use super::gradient::Reduction;
use super::problem::Problem;
use super::value::Value;

/// Fingerprints of what decides the steps of a run: a state is refused where one of them is not that of the request. One
/// that is left out is not compared. When a run ends and what is told on the way are no part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// Of the expression or graph, whichever way it was written; or of the MLP: widths, activations, loss, weights of classes and
    /// type of numbers, without its parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Print>,
    /// Of the rows to train on and those held back, as the model sees them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Print>,
    /// Of `batch_size`, of `shuffle` and its `seed`, and of `reduction`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Print>,
    /// Of `optimizer`, `schedule`, `clip` and `bounds`. The state of a run that diverged lacks it: it goes on with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub optimizer: Option<Print>,
}

impl Fingerprint {
    /// Refuses a run that is not the one whose state has the fingerprint `given`, and names what differs.
    pub(super) fn check(&self, given: &Self) -> Result<(), Problem> {
        let mut faults = Faults::default();
        for (member, own, given, what) in [
            ("model", self.model, given.model, "another model"),
            (
                "data",
                self.data,
                given.data,
                "other data: `data`, what becomes of it before the model, or the rows that `validation` holds back (a \
                 `fraction` draws them by `seed`)",
            ),
            (
                "batches",
                self.batches,
                given.batches,
                "other batches: `batch_size`, `shuffle`, `seed` or `reduction`",
            ),
            (
                "optimizer",
                self.optimizer,
                given.optimizer,
                "other settings of `optimizer`, `schedule`, `clip` or `bounds`",
            ),
        ] {
            if given.is_some_and(|given| Some(given) != own) {
                faults.add(
                    || format!("/state/fingerprint/{member}"),
                    || {
                        format!(
                            "The state is of a run with {what}. Post the same as for that run, or leave `state` out and \
                             start from its parameters; without this member the state is taken all the same, but the run is \
                             no longer as if it had not been cut."
                        )
                    },
                );
            }
        }
        faults.into_result()
    }
}

/// Of an MLP without its parameters.
pub(super) fn of_mlp(mlp: &nn::Mlp, weights: Option<&[f64]>, dtype: Dtype) -> Print {
    let mut digest = Digest::default();
    digest.debug(mlp);
    digest.debug(&dtype);
    digest.numbers(weights.unwrap_or_default());
    digest.finish()
}

/// Of what `output` is computed by. Each node is printed by its operands, so that neither their order in the request nor
/// nodes without effect play a part.
pub(super) fn of_graph(graph: &Graph, output: NodeId) -> Print {
    let mut prints: Vec<u64> = Vec::with_capacity(graph.len());
    let mut bytes = Vec::new();
    for node in graph.nodes() {
        bytes.clear();
        match graph.node(node) {
            Node::Constant(x) => {
                bytes.push(0);
                bytes.extend(bits(x));
            }
            Node::Input(position) => {
                bytes.push(1);
                bytes.extend(graph.inputs()[position].0.as_bytes());
            }
            Node::Apply(op, operands) => {
                bytes.push(2);
                bytes.extend(op.name().as_bytes());
                operands.iter().for_each(|operand| bytes.extend(prints[operand.index()].to_le_bytes()));
            }
        }
        prints.push(XxHash3_64::oneshot(&bytes));
    }
    Print(prints[output.index()])
}

/// Of the rows of a table, of which the first `rows` are trained on.
pub(super) fn of_table(table: &Table, rows: usize) -> Print {
    let mut digest = Digest::default();
    digest.counts(&[rows, table.x.columns]);
    digest.numbers(&table.x.data);
    match &table.targets {
        None => {}
        Some(Checked::Values(values)) => digest.numbers(values),
        Some(Checked::Classes(classes)) => digest.classes(classes),
    }
    digest.finish()
}

/// Of the values of all inputs but those that are `trained`, by their names; `rows` of their samples are trained on.
pub(super) fn of_values(graph: &Graph, bound: &Bound, trained: &[usize], rows: usize) -> Print {
    let mut is_given = vec![true; bound.values.len()];
    trained.iter().for_each(|&input| is_given[input] = false);
    let mut inputs: Vec<usize> = (0..is_given.len()).filter(|&input| is_given[input]).collect();
    inputs.sort_by_key(|&input| &graph.inputs()[input].0);
    let mut digest = Digest::default();
    digest.counts(&[rows]);
    for input in inputs {
        digest.debug(&graph.inputs()[input].0);
        digest.counts(&[usize::from(matches!(bound.values[input], Value::Samples(_)))]);
        digest.numbers(bound.values[input].numbers());
    }
    digest.finish()
}

/// Of how a run takes its rows.
pub(super) fn of_batches(plan: &Plan, reduction: Option<Reduction>) -> Print {
    let mut digest = Digest::default();
    digest.counts(&[plan.batch_size()]);
    digest.debug(&plan.shuffle());
    digest.debug(&reduction.unwrap_or(Reduction::Mean));
    digest.finish()
}

/// Of how gradients become steps.
pub(super) fn of_recipe(recipe: &Recipe, bounds: &[Bounds]) -> Print {
    let mut digest = Digest::default();
    let Recipe { optimizer, schedule, warm_up, clip, early_stopping: _, target_loss: _ } = recipe;
    digest.debug(&(optimizer, schedule, warm_up, clip));
    for bounds in bounds {
        digest.numbers(&[bounds.lower, bounds.upper]);
    }
    digest.finish()
}

/// A fingerprint: 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print(u64);

impl Serialize for Print {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

struct PrintVisitor;

impl Visitor<'_> for PrintVisitor {
    type Value = Print;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fingerprint of 16 hexadecimal digits")
    }

    fn visit_str<E: Error>(self, digits: &str) -> Result<Print, E> {
        let is_hex = digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u64::from_str_radix(digits, 16) {
            Ok(print) if is_hex => Ok(Print(print)),
            _ => Err(E::invalid_value(Unexpected::Str(digits), &self)),
        }
    }
}

impl<'de> Deserialize<'de> for Print {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PrintVisitor)
    }
}

impl PartialSchema for Print {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some("^[0-9a-f]{16}$"))
            .description(Some("A fingerprint."))
            .into()
    }
}

impl ToSchema for Print {}

/// What a fingerprint is made from. Each part ends in a way that no other begins.
#[derive(Default)]
struct Digest(XxHash3_64);

impl Digest {
    /// Names and settings as Rust prints them: the shortest digits of a number are the same everywhere. A test holds these
    /// prints; where one has to change, the version of the state does.
    fn debug(&mut self, value: &impl Debug) {
        write!(self, "{value:?}").expect("a digest takes all text");
        self.0.write(&[0]);
    }

    fn counts(&mut self, counts: &[usize]) {
        counts.iter().for_each(|&count| self.0.write(&(count as u64).to_le_bytes()));
    }

    fn numbers(&mut self, numbers: &[f64]) {
        self.all(numbers, |&x| bits(x));
    }

    fn classes(&mut self, classes: &[u32]) {
        self.all(classes, |class| class.to_le_bytes());
    }

    /// Hands over many numbers at a time: one by one, the calls would cost more than the hashing.
    fn all<T, const N: usize>(&mut self, numbers: &[T], bytes: impl Fn(&T) -> [u8; N]) {
        const AT_ONCE: usize = 128;
        self.counts(&[numbers.len()]);
        let mut buffer = [[0; N]; AT_ONCE];
        for numbers in numbers.chunks(AT_ONCE) {
            buffer.iter_mut().zip(numbers).for_each(|(to, number)| *to = bytes(number));
            self.0.write(buffer[..numbers.len()].as_flattened());
        }
    }

    fn finish(self) -> Print {
        Print(self.0.finish())
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// A number as it is; there is one NaN, as in JSON.
fn bits(x: f64) -> [u8; 8] {
    let x = if x.is_nan() { f64::NAN } else { x };
    x.to_le_bytes()
}
