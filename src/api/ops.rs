//! `GET /v1/ops`: the op table.

use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::{Arity, Op};

use super::context::{Context, Reply};

/// Every operation that expressions and graphs can use.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpsResponse {
    /// By kind: of one, two, three and many operands.
    pub ops: Vec<OpDescription>,
}

/// One operation.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpDescription {
    /// Its name in a graph and as a function in an expression.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// How an expression writes it.
    pub text: &'static str,
    /// How many operands it takes.
    pub operands: OperandCount,
    /// What it computes, and its convention where the derivative does not exist.
    pub doc: &'static str,
    /// The local partial derivatives as expressions, one per operand, where y is the value. Of an operation of any number of
    /// operands the one with respect to a, any of its n operands, of which k are equal to y; where that needs the others, in
    /// words.
    pub derivative: &'static str,
    /// Where the value is a real number.
    pub domain: &'static str,
}

/// How many operands an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OperandCount {
    /// At least so many.
    pub min: usize,
    /// At most so many; no bound unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<usize>,
    /// A multiple of this.
    pub multiple_of: usize,
}

impl From<Arity> for OperandCount {
    fn from(arity: Arity) -> Self {
        match arity {
            Arity::Exactly(n) => Self { min: n, max: Some(n), multiple_of: 1 },
            Arity::AtLeastOne => Self { min: 1, max: None, multiple_of: 1 },
            Arity::Pairs => Self { min: 2, max: None, multiple_of: 2 },
        }
    }
}

/// Answers the whole table.
///
/// # Panics
/// Never: the table is made of strings and numbers, which JSON can write.
pub fn answer() -> Reply {
    let describe = |op: &Op| {
        let info = op.info();
        OpDescription {
            name: info.name,
            aliases: info.aliases,
            text: info.text,
            operands: info.arity.into(),
            doc: info.doc,
            derivative: info.derivative,
            domain: info.domain,
        }
    };
    let response = OpsResponse { ops: Op::ALL.iter().map(describe).collect() };
    Context::default().reply(&response).expect("strings and numbers")
}
