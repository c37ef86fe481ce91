//! A computation graph on the wire.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::number::Number;
use super::text::Text;
use super::value::Value;

/// `{"nodes": [...]}`, read without a copy of any string and with all operands in one buffer, so that a million nodes
/// take a fraction of a second.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph<'a> {
    /// In the order of the request.
    pub nodes: Vec<Node<'a>>,
    operands: Vec<Operand<'a>>,
}

/// One node as it was written; nothing is resolved yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'a> {
    /// Its name, unique in a correct graph.
    pub id: Text<'a>,
    /// Name of an operation, or `input` or `const`.
    pub op: Text<'a>,
    /// What may be written on the node in a picture or a trace.
    pub label: Option<Text<'a>>,
    /// Value of a leaf.
    pub value: Option<Value>,
    /// Where its operands lie among those of all nodes; they are in the order of the nodes.
    operands: Option<Range<u32>>,
}

/// What a node is computed from.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<'a> {
    /// Another node.
    Id(Text<'a>),
    /// A constant without a node of its own.
    Number(f64),
}

impl<'a> Graph<'a> {
    /// The operands of `node`; none if it has no `inputs` member.
    pub fn operands(&self, node: &Node<'a>) -> &[Operand<'a>] {
        &self.operands[node.operand_range()]
    }

    /// How many operands all nodes have together.
    pub fn operand_count(&self) -> usize {
        self.operands.len()
    }
}

impl Node<'_> {
    /// Where the node's operands lie among those of all nodes.
    pub fn operand_range(&self) -> Range<usize> {
        self.operands.as_ref().map_or(0..0, |range| range.start as usize..range.end as usize)
    }

    /// Whether the node was written with an `inputs` member.
    pub fn has_operands(&self) -> bool {
        self.operands.is_some()
    }
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
        let mut operands = Vec::new();
        let mut nodes = None;
        while let Some(GraphField::Nodes) = map.next_key()? {
            if nodes.is_some() {
                return Err(A::Error::duplicate_field("nodes"));
            }
            nodes = Some(map.next_value_seed(NodesSeed(&mut operands))?);
        }
        Ok(Graph { nodes: nodes.ok_or_else(|| A::Error::missing_field("nodes"))?, operands })
    }
}

/// Reads the nodes, their operands into the buffer that all share.
struct NodesSeed<'b, 'a>(&'b mut Vec<Operand<'a>>);

impl<'de> DeserializeSeed<'de> for NodesSeed<'_, 'de> {
    type Value = Vec<Node<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for NodesSeed<'_, 'de> {
    type Value = Vec<Node<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of nodes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element_seed(NodeSeed(self.0))? {
            nodes.push(node);
        }
        Ok(nodes)
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

struct NodeSeed<'b, 'a>(&'b mut Vec<Operand<'a>>);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_, 'de> {
    type Value = Node<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_, 'de> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a node, such as {"id": "d", "op": "mul", "inputs": ["a", "b"]}"#)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let (mut id, mut op, mut operands, mut value, mut label) = (None, None, None, None, None);
        while let Some(field) = map.next_key()? {
            match field {
                NodeField::Id => once(&mut id, "id", map.next_value()?)?,
                NodeField::Op => once(&mut op, "op", map.next_value()?)?,
                NodeField::Inputs => {
                    once(&mut operands, "inputs", map.next_value_seed(OperandsSeed(self.0))?)?;
                }
                NodeField::Value => once(&mut value, "value", map.next_value()?)?,
                NodeField::Label => once(&mut label, "label", map.next_value()?)?,
            }
        }
        let id = id.ok_or_else(|| A::Error::missing_field("id"))?;
        let op = op.ok_or_else(|| A::Error::missing_field("op"))?;
        Ok(Node { id, op, label, value, operands })
    }
}

fn once<T, E: Error>(slot: &mut Option<T>, field: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(field)),
    }
}

struct OperandsSeed<'b, 'a>(&'b mut Vec<Operand<'a>>);

impl<'de> DeserializeSeed<'de> for OperandsSeed<'_, 'de> {
    type Value = Range<u32>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for OperandsSeed<'_, 'de> {
    type Value = Range<u32>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of operands, which are ids of nodes or numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let start = position(self.0.len())?;
        while let Some(operand) = seq.next_element()? {
            self.0.push(operand);
        }
        Ok(start..position(self.0.len())?)
    }
}

fn position<E: Error>(length: usize) -> Result<u32, E> {
    u32::try_from(length).map_err(|_| E::custom("the graph has more operands than can be counted"))
}

struct OperandVisitor;

impl<'de> Visitor<'de> for OperandVisitor {
    type Value = Operand<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a node or a number")
    }

    fn visit_borrowed_str<E>(self, id: &'de str) -> Result<Operand<'de>, E> {
        Ok(Operand::Id(Text(id.into())))
    }

    fn visit_str<E>(self, id: &str) -> Result<Operand<'de>, E> {
        Ok(Operand::Id(Text(id.to_owned().into())))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Operand<'de>, E> {
        Ok(Operand::Number(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Operand<'de>, E> {
        Ok(Operand::Number(x as f64))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Operand<'de>, E> {
        Ok(Operand::Number(x as f64))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Operand<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OperandVisitor)
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
