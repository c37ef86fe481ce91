//! A whole MLP as an ONNX model: one `Gemm` and the nodes of an activation per layer, from rows `x` to rows `y`, of any
//! number, in double precision.

use prost::Message;

use crate::api::mlp::LayerParameters;
use crate::nn;

use super::file::little_endian;
use super::onnx_activations::activate;
use super::onnx_proto::{
    AttributeProto, DOUBLE, DimensionProto, GraphProto, INT, INT64, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};

/// Of June 2022: every runtime in use knows it, and it has all that is needed.
const OPERATOR_SET: i64 = 17;
/// The one that came with that operator set.
const IR_VERSION: i64 = 8;

/// The file.
pub(super) fn write(
    mlp: &nn::Mlp,
    description: String,
    standardize: Option<&nn::Standardize>,
    layers: &[LayerParameters],
) -> Vec<u8> {
    let mut nodes = Nodes::default();
    let mut value = "x".to_owned();
    if let Some(standardize) = standardize {
        nodes.layer = "standardize".to_owned();
        let mean = nodes.doubles("mean", &[mlp.inputs()], standardize.mean());
        let scale = nodes.doubles("scale", &[mlp.inputs()], standardize.scale());
        let shifted = nodes.add("Sub", &[&value, &mean]);
        value = nodes.add("Div", &[&shifted, &scale]);
    }
    for (i, (span, LayerParameters { weight, bias })) in mlp.spans().iter().zip(layers).enumerate() {
        nodes.layer = format!("layers.{i}");
        let weight = nodes.doubles("weight", &[weight.rows, weight.columns], &weight.data);
        let bias = nodes.doubles("bias", &[bias.0.len()], &bias.0);
        let z = nodes.add("Gemm", &[&value, &weight, &bias]);
        // The weight is [out, in], as PyTorch has it.
        nodes.graph.node.last_mut().expect("just added").attribute =
            vec![AttributeProto { name: "transB".to_owned(), i: 1, r#type: INT }];
        value = activate(&mut nodes, span.activation, z);
    }
    let Nodes { mut graph, .. } = nodes;
    graph.node.last_mut().expect("a model has a layer").output = vec!["y".to_owned()];
    graph.name = "mlp".to_owned();
    graph.input = vec![rows("x", mlp.inputs())];
    graph.output = vec![rows("y", mlp.outputs())];
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: env!("CARGO_PKG_NAME").to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATOR_SET }],
        metadata_props: vec![StringStringEntryProto { key: "mlp".to_owned(), value: description }],
    };
    model.encode_to_vec()
}

/// Any number of rows, `columns` wide.
fn rows(name: &str, columns: usize) -> ValueInfoProto {
    let any = DimensionProto { dim_param: Some("rows".to_owned()), ..Default::default() };
    let fixed = DimensionProto { dim_value: Some(columns as i64), ..Default::default() };
    let shape = Some(TensorShapeProto { dim: vec![any, fixed] });
    let tensor_type = Some(TensorTypeProto { elem_type: DOUBLE, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

/// A graph that grows node by node; the last one makes its output.
#[derive(Default)]
pub(super) struct Nodes {
    graph: GraphProto,
    /// Before the names of what is added.
    layer: String,
}

impl Nodes {
    /// Adds an operation on named values; gives the name of its result.
    pub(super) fn add(&mut self, op: &str, inputs: &[&str]) -> String {
        let name = format!("{}.{}_{}", self.layer, op.to_lowercase(), self.graph.node.len());
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: op.to_owned(),
            attribute: Vec::new(),
        });
        name
    }

    /// Adds a constant tensor; gives its name, which is `name` behind that of the layer.
    pub(super) fn doubles(&mut self, name: &str, shape: &[usize], numbers: &[f64]) -> String {
        self.tensor(name, shape, DOUBLE, little_endian(numbers))
    }

    /// Adds one constant number.
    pub(super) fn double(&mut self, name: &str, number: f64) -> String {
        self.doubles(name, &[], &[number])
    }

    /// Adds a constant list of one axis.
    pub(super) fn axis(&mut self, name: &str, axis: i64) -> String {
        self.tensor(name, &[1], INT64, axis.to_le_bytes().to_vec())
    }

    fn tensor(&mut self, name: &str, shape: &[usize], data_type: i32, raw_data: Vec<u8>) -> String {
        let name = format!("{}.{name}", self.layer);
        let dims = shape.iter().map(|&length| length as i64).collect();
        self.graph.initializer.push(TensorProto { dims, data_type, name: name.clone(), raw_data });
        name
    }
}
