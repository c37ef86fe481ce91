//! The diagram of an MLP: its layers, with the shapes of weights and biases.

use crate::api::choice::{ActivationName, LossName};
use crate::api::context::Limits;
use crate::api::problem::Problem;
use crate::api::short::grouped;
use crate::nn;

use super::diagram::{Diagram, Kind, Operand, Shape};

/// Draws the layers of `mlp`, from the inputs to the loss.
pub fn diagram(mlp: &nn::Mlp, limits: &Limits) -> Result<Diagram, Problem> {
    let boxes = 3 * mlp.spans().len() + 3;
    if boxes > limits.max_drawn_nodes {
        let detail = format!(
            "The picture of {} layers has {boxes} boxes; at most {} are drawn. Draw some of the layers.",
            mlp.spans().len(),
            limits.max_drawn_nodes
        );
        return Err(Problem::limit("max_drawn_nodes", limits.max_drawn_nodes as u64, boxes as u64, detail));
    }
    let mut shapes = vec![leaf("x", &counted(mlp.inputs(), "value"))];
    for (i, span) in mlp.spans().iter().enumerate() {
        let (units, inputs) = (span.units, span.inputs);
        let below = shapes.len() - 1;
        shapes.push(leaf(&format!("layers.{i}.weight"), &format!("{units} × {inputs}")));
        shapes.push(leaf(&format!("layers.{i}.bias"), &units.to_string()));
        let is_last = i + 1 == mlp.spans().len();
        let name = if is_last { "outputs".to_owned() } else { format!("layer {i}") };
        let op = word(&ActivationName(span.activation));
        let tip = format!("{name} = {op}(weight x + bias)");
        let kind = if is_last { Kind::Output } else { Kind::Value };
        shapes.push(computed(kind, op, &name, &counted(units, "value"), tip, &[below, below + 1, below + 2]));
    }
    let outputs = shapes.len() - 1;
    shapes.push(leaf("y", "targets"));
    let loss = word(&LossName(mlp.loss()));
    let tip = format!("loss = {loss}(outputs, y)");
    shapes.push(computed(Kind::Value, loss.clone(), "loss", "1 value", tip, &[outputs, outputs + 1]));
    let title = format!("MLP of {}", counted(mlp.spans().len(), "layer"));
    let description = format!(
        "From {} to {} with {}; the loss is {loss}.",
        counted(mlp.inputs(), "input"),
        counted(mlp.outputs(), "output"),
        counted(mlp.parameters(), "parameter")
    );
    Ok(Diagram { title, description, shapes })
}

fn leaf(name: &str, shape: &str) -> Shape {
    let cells = vec![name.to_owned(), shape.to_owned()];
    Shape { kind: Kind::Input, op: None, tip: cells.join(": "), cells, operands: Vec::new() }
}

fn computed(kind: Kind, op: String, name: &str, shape: &str, tip: String, operands: &[usize]) -> Shape {
    let cells = vec![name.to_owned(), shape.to_owned()];
    Shape { kind, op: Some(op), cells, tip, operands: Operand::distinct(operands.iter().copied()) }
}

fn counted(count: usize, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The name of an activation or a loss in requests.
fn word(choice: &impl serde::Serialize) -> String {
    serde_json::to_value(choice).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default()
}
