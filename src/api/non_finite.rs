//! A result that is not a finite number, told so that a person finds its cause.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::engine::sweep::Origin;
use crate::engine::{self, Interrupted, Node, NonFinitePolicy, SweepError};

use super::choice::{self, Choice};
use super::computation::Computation;
use super::faults::quote;
use super::problem::{Fault, Kind, Problem};

/// What happens when a result is infinite or NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum NonFinite {
    /// The request is refused with a problem that names the node where it began.
    #[default]
    Error,
    /// The number travels on, in the answer as one of the strings "NaN", "Infinity" and "-Infinity".
    Allow,
}

impl Choice for NonFinite {
    type Value = Self;
    const ALL: &'static [(&'static str, Self)] = &[("error", Self::Error), ("allow", Self::Allow)];
    fn of(value: Self) -> Self {
        value
    }
}

impl<'de> Deserialize<'de> for NonFinite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choice::deserialize(deserializer)
    }
}

impl From<NonFinite> for NonFinitePolicy {
    fn from(policy: NonFinite) -> Self {
        match policy {
            NonFinite::Error => NonFinitePolicy::Refuse,
            NonFinite::Allow => NonFinitePolicy::Allow,
        }
    }
}

/// What to do about it.
pub(super) const REMEDY: &str = "Change the values so that the result is finite, or send \"non_finite\": \"allow\" to get such numbers as strings.";

impl From<Interrupted> for Problem {
    fn from(interrupted: Interrupted) -> Self {
        match interrupted {
            Interrupted::DeadlineExceeded => Problem::new(
                Kind::DEADLINE_EXCEEDED,
                "The computation took longer than the server's `timeout` allows; ask for less in one request.",
            ),
            Interrupted::Cancelled => {
                Problem::new(Kind::DRAINING, "The computation was cancelled before it was done; try again.")
            }
        }
    }
}

/// Why a sweep over `computation` failed.
pub(super) fn sweep_problem(computation: &Computation<'_>, error: SweepError) -> Problem {
    match error {
        SweepError::Interrupted(interrupted) => interrupted.into(),
        SweepError::NonFinite(found) => {
            let (detail, fault) = explain(computation, &found);
            Problem { errors: vec![fault], ..Problem::new(Kind::NON_FINITE, format!("{detail} {REMEDY}")) }
        }
        // Lengths and roles were checked when the values were bound.
        SweepError::Role { .. } | SweepError::Length { .. } => {
            Problem::new(Kind::INTERNAL, error.to_string())
        }
    }
}

/// Where a number that is not finite began: in full sentences, and as a fault.
pub(super) fn explain(computation: &Computation<'_>, found: &engine::NonFinite) -> (String, Fault) {
    let node = computation.describe(found.node);
    let operands = operands(computation, found);
    let sample = found.sample.map_or_else(String::new, |sample| format!(" in sample {sample}"));
    let value = show(found.value);
    let what = match found.origin {
        Origin::Value => format!("The value of {node} is {value}{sample}{operands}."),
        Origin::Partial(k) => {
            let operand = computation.graph.operands(found.node).get(k);
            let name = operand
                .map_or_else(String::new, |&operand| format!(" {}", quote(&computation.name(operand))));
            format!(
                "The derivative of {node} with respect to its operand{name} is {value}{sample}{operands}."
            )
        }
        Origin::Tangent => {
            format!("The derivative of {node} in the direction asked for is {value}{sample}{operands}.")
        }
        Origin::Second(k, j) => {
            let operand = |k: usize| {
                let operand = computation.graph.operands(found.node).get(k);
                operand.map_or_else(|| format!("number {}", k + 1), |&node| quote(&computation.name(node)))
            };
            let with = if k == j {
                format!("its operand {}", operand(k))
            } else {
                format!("its operands {} and {}", operand(k), operand(j))
            };
            format!("The second derivative of {node} with respect to {with} is {value}{sample}{operands}.")
        }
        Origin::Adjoint => {
            format!("The derivative of the objective with respect to {node} is {value}{sample}{operands}.")
        }
    };
    let domain = match (found.op, found.origin) {
        (Some(op), Origin::Value) if op.info().domain != "all reals" => {
            format!(" `{}` is defined for {}.", op.name(), op.info().domain)
        }
        _ => String::new(),
    };
    let fault =
        Fault { detail: what.clone(), pointer: Some(computation.place(found.node)), ..Fault::default() };
    (format!("{what}{domain}"), fault)
}

/// `, where `a` is 1 and `b` is 0`, or nothing for a leaf.
fn operands(computation: &Computation<'_>, found: &engine::NonFinite) -> String {
    let nodes = computation.graph.operands(found.node);
    if found.operands.is_empty() {
        return String::new();
    }
    let shown: Vec<String> = found
        .operands
        .iter()
        .enumerate()
        .map(|(k, &value)| match nodes.get(k) {
            // A composed op is computed by ops of two operands, which are then not its own.
            Some(&node) if nodes.len() == found.operands.len() => match computation.graph.node(node) {
                Node::Constant(_) => format!("operand {} is {}", k + 1, show(value)),
                _ => format!("{} is {}", quote(&computation.name(node)), show(value)),
            },
            _ => show(value),
        })
        .collect();
    if nodes.len() == found.operands.len() {
        format!(", where {}", shown.join(" and "))
    } else {
        format!(", where it combines {}", shown.join(" and "))
    }
}

/// A number as JSON would have it.
pub(super) fn show(x: f64) -> String {
    if x.is_nan() {
        "NaN".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        format!("{x:?}")
    }
}
