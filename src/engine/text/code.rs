//! What lies between a text and its graph: the operations of a statement in postfix order. What may run more than once, the
//! body of a function or of a comprehension, is a block of its own.

use std::collections::BTreeMap;

use super::super::op::Op;

/// One operation on the stack of values, and where the text asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub action: Action,
    pub offset: u32,
}

/// What a step does. Numbers and names are positions in [`Code`], so that a step is small: a text may have millions.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    Number(u32),
    Name(u32),
    /// A name that is indexed: if nothing was assigned to it, its elements are inputs.
    Base(u32),
    /// So many operands into one value.
    Apply(Op, u32),
    /// So many values into a vector.
    Vector(u32),
    /// A vector and the position of an element into that.
    Index,
    /// A vector into its length.
    Length,
    /// Arguments into the value of a function.
    Call(u32),
    /// The bounds of a range into the vector of what a block gives for each number in it.
    Each(u32),
}

/// `for name in range(...)`.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    pub block: u32,
    pub name: u32,
    /// How many bounds: the end, or begin and end.
    pub bounds: u32,
}

/// A user's function.
#[derive(Clone, Debug)]
pub struct Function {
    pub parameters: Vec<u32>,
    pub block: u32,
}

/// Everything that steps refer to.
#[derive(Debug, Default)]
pub struct Code<'s> {
    pub numbers: Vec<f64>,
    pub names: Vec<&'s str>,
    /// A tree, not a hash table: the names are the client's, who could choose them to collide.
    pub name_of: BTreeMap<&'s str, u32>,
    pub blocks: Vec<Vec<Step>>,
    pub loops: Vec<Loop>,
    pub functions: Vec<Function>,
    pub function_of: BTreeMap<&'s str, u32>,
}

impl<'s> Code<'s> {
    pub fn number(&mut self, value: f64) -> u32 {
        self.numbers.push(value);
        self.numbers.len() as u32 - 1
    }

    pub fn name(&mut self, name: &'s str) -> u32 {
        *self.name_of.entry(name).or_insert_with(|| {
            self.names.push(name);
            self.names.len() as u32 - 1
        })
    }

    pub fn block(&mut self, steps: Vec<Step>) -> u32 {
        self.blocks.push(steps);
        self.blocks.len() as u32 - 1
    }
}
