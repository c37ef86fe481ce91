//! A computation graph on the wire.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use crate::engine::op::Op;

use super::number::Number;
use super::positions::Positions;
use super::reading::Elements;
use super::text::Text;
use super::value::Value;

/// `{"nodes": [...]}`, read without a copy of any string and with all operands in one buffer. An operand is looked up
/// while it is read, when the node that it names was most likely read a moment before and lies in the cache: a million
/// nodes take a fraction of a second.
#[derive(Debug)]
pub struct Graph<'a> {
    /// In the order of the request.
    pub nodes: Vec<Node<'a>>,
    /// What each operand of each node refers to.
    operands: Vec<Packed>,
    /// The numbers among the operands.
    numbers: Vec<f64>,
    /// The ids that operands name and no node had when they were read.
    unresolved: Vec<Text<'a>>,
    details: Vec<Details<'a>>,
    positions: Positions,
}

/// One node as it was written.
#[derive(Debug)]
pub struct Node<'a> {
    /// Its name, unique in a correct graph.
    pub id: Text<'a>,
    /// What its `op` names.
    pub role: Role,
    /// Where its operands begin among those of all nodes.
    start: u32,
    /// How many operands it has; [`NONE`] without an `inputs` member.
    count: u32,
    /// Position of its details; [`NONE`] if it has none.
    details: u32,
}

/// In place of a count or a position. An `Option` would take twice the bytes, and there are many nodes.
const NONE: u32 = u32::MAX;

/// What the `op` of a node names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A leaf that takes a value.
    Input,
    /// A leaf that keeps one.
    Constant,
    /// An operation.
    Apply(Op),
    /// Nothing that exists.
    Unknown,
}

/// What most nodes do without.
#[derive(Debug, Default)]
pub struct Details<'a> {
    /// The name of an unknown op.
    pub op: Option<Text<'a>>,
    /// What may be written on the node in a picture or a trace.
    pub label: Option<Text<'a>>,
    /// Value of a leaf.
    pub value: Option<Value>,
}

/// What a node is computed from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operand {
    /// The node at this position of the request.
    Node(u32),
    /// A constant without a node of its own.
    Number(f64),
    /// No node: the id is at this position among the unresolved ones.
    Unknown(u32),
}

/// An operand in four bytes: its kind in the upper two bits, and a position below.
#[derive(Clone, Copy, Debug)]
struct Packed(u32);

impl Packed {
    const NODE: u32 = 0;
    const NUMBER: u32 = 1;
    const UNKNOWN: u32 = 2;
    const BITS: u32 = 30;

    fn new(kind: u32, position: usize) -> Result<Self, &'static str> {
        Ok(Self(kind << Self::BITS | count(position)?))
    }

    fn kind(self) -> u32 {
        self.0 >> Self::BITS
    }

    fn position(self) -> u32 {
        self.0 & ((1 << Self::BITS) - 1)
    }
}

/// Nodes that a graph has room for before any is read, and operands for each: small ones are many, and growing takes longer
/// than reading them.
const ROOM: usize = 16;

impl Default for Graph<'_> {
    fn default() -> Self {
        Self {
            nodes: Vec::with_capacity(ROOM),
            operands: Vec::with_capacity(2 * ROOM),
            numbers: Vec::new(),
            unresolved: Vec::new(),
            details: Vec::new(),
            positions: Positions::with_room_for(ROOM),
        }
    }
}

impl<'a> Graph<'a> {
    /// What `node` is computed from; nothing if it has no `inputs` member.
    pub fn operands(&self, node: &Node<'a>) -> impl ExactSizeIterator<Item = Operand> {
        self.packed(node).iter().map(|&operand| self.unpack(operand))
    }

    /// The one at position `k` of these.
    pub fn operand(&self, node: &Node<'a>, k: u32) -> Option<Operand> {
        self.packed(node).get(k as usize).map(|&operand| self.unpack(operand))
    }

    fn packed(&self, node: &Node<'a>) -> &[Packed] {
        let count = if node.has_operands() { node.count as usize } else { 0 };
        &self.operands[node.start as usize..][..count]
    }

    /// What all nodes are computed from, in their order.
    pub fn all_operands(&self) -> impl ExactSizeIterator<Item = Operand> {
        self.operands.iter().map(|&operand| self.unpack(operand))
    }

    #[inline]
    fn unpack(&self, operand: Packed) -> Operand {
        let position = operand.position();
        match operand.kind() {
            Packed::NODE => Operand::Node(position),
            Packed::NUMBER => Operand::Number(self.numbers[position as usize]),
            _ => Operand::Unknown(position),
        }
    }

    /// Whether there is an [`Operand::Unknown`].
    pub fn has_unknown_operands(&self) -> bool {
        !self.unresolved.is_empty() && self.operands.iter().any(|operand| operand.kind() == Packed::UNKNOWN)
    }

    /// The id that an [`Operand::Unknown`] names.
    pub fn unresolved(&self, position: u32) -> &str {
        &self.unresolved[position as usize]
    }

    /// What `node` has beside its id, op and operands.
    pub fn details(&self, node: &Node<'a>) -> Option<&Details<'a>> {
        self.details.get(node.details as usize)
    }

    /// Nodes whose id an earlier one has, with that one, by position.
    pub fn take_duplicates(&mut self) -> Vec<(u32, u32)> {
        self.positions.take_duplicates(&self.nodes)
    }

    /// The position of the node with this id.
    pub fn find(&self, id: &str) -> Option<u32> {
        self.positions.find(&self.nodes, id)
    }

    /// The ids by position, and the values that nodes hold, also by position. What only served to read is gone before.
    pub(super) fn into_ids_and_values(self) -> (Vec<Text<'a>>, Vec<(usize, Value)>) {
        let Self { nodes, mut details, .. } = self;
        let mut values = Vec::new();
        if !details.is_empty() {
            let mut value = |node: &Node<'_>| details.get_mut(node.details as usize)?.value.take();
            values.extend(nodes.iter().enumerate().filter_map(|(i, node)| Some((i, value(node)?))));
        }
        (nodes.into_iter().map(|node| node.id).collect(), values)
    }

    /// Drops the table of ids: nothing can be found any more.
    pub(super) fn forget_positions(&mut self) {
        self.positions = Positions::default();
    }

    fn push(&mut self, node: Node<'a>) -> Result<(), &'static str> {
        let position = count(self.nodes.len())?;
        self.nodes.push(node);
        self.positions.insert(&self.nodes, position);
        Ok(())
    }

    fn push_id(&mut self, id: Text<'a>) -> Result<(), &'static str> {
        let operand = match self.find(&id) {
            Some(position) => Packed::new(Packed::NODE, position as usize),
            None => {
                self.unresolved.push(id);
                Packed::new(Packed::UNKNOWN, self.unresolved.len() - 1)
            }
        };
        self.operands.push(operand?);
        Ok(())
    }

    fn push_number(&mut self, x: f64) -> Result<(), &'static str> {
        self.numbers.push(x);
        self.operands.push(Packed::new(Packed::NUMBER, self.numbers.len() - 1)?);
        Ok(())
    }

    /// Looks up the ids that came before their nodes.
    fn resolve(&mut self) {
        if self.unresolved.is_empty() {
            return;
        }
        for operand in &mut self.operands {
            if operand.kind() == Packed::UNKNOWN {
                let id = &self.unresolved[operand.position() as usize];
                if let Some(found) = self.positions.find(&self.nodes, id) {
                    *operand = Packed(Packed::NODE << Packed::BITS | found);
                }
            }
        }
    }
}

impl Node<'_> {
    /// Whether the node was written with an `inputs` member.
    pub fn has_operands(&self) -> bool {
        self.count != NONE
    }
}

/// A number of nodes or operands, or a position among them, that fits [`Packed`].
fn count(length: usize) -> Result<u32, &'static str> {
    let count = u32::try_from(length).ok().filter(|count| count >> Packed::BITS == 0);
    count.ok_or("the graph has more nodes or operands than can be counted")
}

impl<'de: 'a, 'a> Deserialize<'de> for Graph<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GraphVisitor)
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum GraphField {
    Nodes,
}

struct GraphVisitor;

impl<'de> Visitor<'de> for GraphVisitor {
    type Value = Graph<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"an object {"nodes": [...]}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Graph<'de>, A::Error> {
        let mut graph = None;
        while let Some(GraphField::Nodes) = map.next_key()? {
            let mut nodes = Graph::default();
            map.next_value_seed(NodesSeed(&mut nodes))?;
            once(&mut graph, "nodes", nodes)?;
        }
        let mut graph = graph.ok_or_else(|| A::Error::missing_field("nodes"))?;
        graph.resolve();
        Ok(graph)
    }
}

/// Reads the nodes into the graph.
struct NodesSeed<'g, 'a>(&'g mut Graph<'a>);

impl<'de> DeserializeSeed<'de> for NodesSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for NodesSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of nodes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut elements = Elements::default();
        while let Some(()) = seq.next_element_seed(NodeSeed(self.0))? {
            elements.another()?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum NodeField {
    Id,
    Op,
    Inputs,
    Value,
    Label,
}

/// Reads one node into the graph.
struct NodeSeed<'g, 'a>(&'g mut Graph<'a>);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a node, such as {"id": "d", "op": "mul", "inputs": ["a", "b"]}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let graph = self.0;
        let start = count(graph.operands.len()).map_err(A::Error::custom)?;
        let (mut id, mut op, mut operands, mut value, mut label) = (None, None, None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                NodeField::Id => once(&mut id, "id", map.next_value()?)?,
                NodeField::Op => once(&mut op, "op", map.next_value::<Text<'de>>()?)?,
                NodeField::Inputs => {
                    once(&mut operands, "inputs", map.next_value_seed(OperandsSeed(graph))?)?;
                }
                NodeField::Value => once(&mut value, "value", map.next_value::<Option<_>>()?)?,
                NodeField::Label => once(&mut label, "label", map.next_value::<Option<_>>()?)?,
            }
        }
        let id = id.ok_or_else(|| A::Error::missing_field("id"))?;
        let op = op.ok_or_else(|| A::Error::missing_field("op"))?;
        let role = Role::from_name(&op);
        let (label, value) = (label.flatten(), value.flatten());
        let details = Details { op: (role == Role::Unknown).then_some(op), label, value };
        let has_details = details.op.is_some() || details.label.is_some() || details.value.is_some();
        let position = if has_details { graph.details.len() as u32 } else { NONE };
        if has_details {
            graph.details.push(details);
        }
        let count = operands.flatten().unwrap_or(NONE);
        graph.push(Node { id, role, start, count, details: position }).map_err(A::Error::custom)
    }
}

impl Role {
    fn from_name(name: &str) -> Self {
        match name {
            "input" => Role::Input,
            "const" => Role::Constant,
            _ => Op::from_name(name).map_or(Role::Unknown, Role::Apply),
        }
    }
}

fn once<T, E: Error>(slot: &mut Option<T>, field: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(field)),
    }
}

/// Reads the operands of one node into the graph and tells their number, unless they are null.
struct OperandsSeed<'g, 'a>(&'g mut Graph<'a>);

impl<'de> DeserializeSeed<'de> for OperandsSeed<'_, 'de> {
    type Value = Option<u32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u32>, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for OperandsSeed<'_, 'de> {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operands, which are ids of nodes or numbers")
    }

    fn visit_none<E: Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<u32>, D::Error> {
        deserializer.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Option<u32>, A::Error> {
        let start = self.0.operands.len();
        while let Some(()) = seq.next_element_seed(OperandSeed(self.0))? {}
        count(self.0.operands.len() - start).map(Some).map_err(A::Error::custom)
    }
}

/// Reads one operand into the graph.
struct OperandSeed<'g, 'a>(&'g mut Graph<'a>);

impl<'de> DeserializeSeed<'de> for OperandSeed<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OperandSeed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a node or a number")
    }

    fn visit_borrowed_str<E: Error>(self, id: &'de str) -> Result<(), E> {
        self.0.push_id(Text(id.into())).map_err(E::custom)
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<(), E> {
        self.0.push_id(Text(id.to_owned().into())).map_err(E::custom)
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<(), E> {
        self.0.push_number(x).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<(), E> {
        self.visit_f64(x as f64)
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<(), E> {
        self.visit_f64(x as f64)
    }
}

/// The shapes above as the OpenAPI document shows them.
mod document {
    #![allow(dead_code)]

    use serde::Serialize;

    use super::{Number, ToSchema, Value};

    /// A computation graph. Nodes may come in any order; the value of a node is that of its operation on its operands.
    #[derive(ToSchema)]
    pub struct Graph {
        /// The nodes. An id comes once, no node depends on itself.
        pub nodes: Vec<GraphNode>,
    }

    /// One node.
    #[derive(ToSchema)]
    pub struct GraphNode {
        /// Its name, by which other nodes, `inputs`, `outputs` and answers call it.
        pub id: String,
        /// An operation of `GET /v1/ops`, `input` for a leaf that takes a value, or `const` for a leaf that keeps one.
        pub op: String,
        /// The operands in order. Not for leaves.
        pub inputs: Option<Vec<Operand>>,
        /// The value of a `const` (a number), or of an `input` that `inputs` of the request does not name.
        pub value: Option<Value>,
        /// A text for traces and pictures, such as the formula the node stands for.
        pub label: Option<String>,
    }

    /// An operand: the id of a node, or a number.
    #[derive(Serialize, ToSchema)]
    #[serde(untagged)]
    pub enum Operand {
        /// The id of a node.
        #[schema(title = "Id")]
        Id(String),
        /// A constant.
        #[schema(title = "Number")]
        Number(Number),
    }
}

impl PartialSchema for Graph<'_> {
    fn schema() -> RefOr<Schema> {
        document::Graph::schema()
    }
}

impl ToSchema for Graph<'_> {
    fn name() -> std::borrow::Cow<'static, str> {
        "Graph".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        document::Graph::schemas(schemas);
    }
}
