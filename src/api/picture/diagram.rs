//! What is drawn, before it has a place: boxes, each with the op that makes it, joined by the operands.

/// A picture without coordinates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diagram {
    /// In a few words, what it shows.
    pub title: String,
    /// In a sentence or two, for those who cannot see it.
    pub description: String,
    /// Operands before those that use them.
    pub shapes: Vec<Shape>,
}

/// A box, and the op in front of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// What it stands for.
    pub kind: Kind,
    /// What it is computed by; leaves have none.
    pub op: Option<String>,
    /// What stands in the box, from left to right.
    pub cells: Vec<String>,
    /// What a pointer over it tells.
    pub tip: String,
    /// What it is computed from, each once.
    pub operands: Vec<Operand>,
}

/// What a box stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A leaf that takes a value.
    Input,
    /// A leaf that keeps one.
    Constant,
    /// An inner value.
    Value,
    /// What the computation is for.
    Output,
    /// Many nodes that are not drawn one by one.
    Group,
}

/// Where an edge comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// Position of the box.
    pub shape: usize,
    /// How often it is used here.
    pub times: usize,
}

/// The most characters of a cell or an op.
const LONGEST: usize = 40;

impl Operand {
    /// Positions of boxes, each once, in the order in which they come first.
    pub fn distinct(positions: impl IntoIterator<Item = usize>) -> Vec<Operand> {
        let mut place = std::collections::HashMap::new();
        let mut operands: Vec<Operand> = Vec::new();
        for shape in positions {
            let position = *place.entry(shape).or_insert_with(|| {
                operands.push(Operand { shape, times: 0 });
                operands.len() - 1
            });
            operands[position].times += 1;
        }
        operands
    }
}

/// `text` as it fits into a box: cut where it is long, and without what XML and Graphviz cannot write.
pub fn fitting(text: &str) -> String {
    let clean = |c: char| if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { c };
    let mut characters = text.chars().map(clean);
    let mut fitting: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() {
        fitting.pop();
        fitting.push('…');
    }
    fitting
}
