//! A diagram in the DOT language of Graphviz, as micrograd's `draw_dot` writes it: a record for each value, a circle for
//! each op, edges from left to right.

use super::diagram::{Diagram, Kind, Shape};

/// `diagram` as a file for `dot`.
pub fn write(diagram: &Diagram) -> String {
    let mut text = format!(
        "// {}\ndigraph {{\n  rankdir=LR\n  label={}\n  node [fontname=\"Helvetica,Arial,sans-serif\" fontsize=11]\n",
        diagram.description,
        quoted(&diagram.title)
    );
    for (i, shape) in diagram.shapes.iter().enumerate() {
        let cells: Vec<String> = shape.cells.iter().map(|cell| field(cell)).collect();
        text.push_str(&format!(
            "  v{i} [shape=record label=\"{{{}}}\" tooltip={}{}]\n",
            cells.join("|"),
            quoted(&shape.tip),
            style(shape)
        ));
        // Leaves have no op, and edges would have no end.
        if let Some(op) = &shape.op {
            text.push_str(&format!("  o{i} [shape=circle margin=0 label={}]\n  o{i} -> v{i}\n", quoted(op)));
            for operand in &shape.operands {
                let times = if operand.times > 1 {
                    format!(" [label=\"×{}\"]", operand.times)
                } else {
                    String::new()
                };
                text.push_str(&format!("  v{} -> o{i}{times}\n", operand.shape));
            }
        }
    }
    text.push_str("}\n");
    text
}

fn style(shape: &Shape) -> &'static str {
    match shape.kind {
        Kind::Input => " color=steelblue",
        Kind::Constant => " color=gray60",
        Kind::Value => "",
        Kind::Output => " penwidth=2",
        Kind::Group => " style=dashed",
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Text within a record, where braces, bars, angles and blanks mean something.
fn field(text: &str) -> String {
    let mut field = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '{' | '}' | '|' | '<' | '>' | '"' | ' ') {
            field.push('\\');
        }
        field.push(c);
    }
    field
}
