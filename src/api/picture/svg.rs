//! A diagram as SVG: readable in light and dark, without scripts, and with words for those who cannot see it.

use std::fmt::Write;

use crate::engine::{Interrupt, Interrupted};

use super::diagram::{Diagram, Kind, Shape};
use super::layered::{Layout, place};

/// Where no style is applied, as within a page that forbids it, lines and text take the colour of the text around.
const STYLE: &str = "\
.gradd{--ink:#1f2328;--faint:#6e7781;--paper:#fff;--input:#ddf4ff;--result:#fff8c5;color:var(--ink);color-scheme:light dark}\
@media(prefers-color-scheme:dark){.gradd{--ink:#e6edf3;--faint:#8d96a0;--paper:#0d1117;--input:#0c2d6b;--result:#3b2300}}\
.gradd .paper,.gradd rect,.gradd .op rect{fill:var(--paper)}\
.gradd .input rect{fill:var(--input)}.gradd .output .value{fill:var(--result);stroke-width:2}\
.gradd .constant,.gradd .edge{color:var(--faint)}.gradd .group .value{stroke-dasharray:5 3}";

/// Advance of a character in the monospaced font, and what a box has around it.
const CHARACTER: f64 = 7.25;
const PADDING: f64 = 9.0;
const HEIGHT: f64 = 28.0;
/// Between an op and its box.
const STEM: f64 = 18.0;
const MARGIN: f64 = 12.0;

/// `diagram` as an SVG document.
pub fn write(diagram: &Diagram, interrupt: &Interrupt) -> Result<String, Interrupted> {
    let sizes: Vec<(f64, f64)> = diagram.shapes.iter().map(|shape| (width(shape), HEIGHT)).collect();
    let operands: Vec<Vec<usize>> = diagram
        .shapes
        .iter()
        .map(|shape| shape.operands.iter().map(|operand| operand.shape).collect())
        .collect();
    let layout = place(&sizes, &operands, interrupt)?;
    let mut svg = Svg(String::new());
    svg.document(diagram, &layout, &sizes);
    Ok(svg.0)
}

fn width(shape: &Shape) -> f64 {
    let op = shape.op.as_deref().map_or(0.0, |op| op_width(op) + STEM);
    op + shape.cells.iter().map(|cell| text_width(cell)).sum::<f64>()
}

fn op_width(op: &str) -> f64 {
    text_width(op).max(HEIGHT)
}

fn text_width(text: &str) -> f64 {
    // Characters of East Asian scripts take two places.
    let places: usize = text
        .chars()
        .map(|c| if ('\u{1100}'..'\u{fb00}').contains(&c) && c > '\u{2e7f}' { 2 } else { 1 })
        .sum();
    places as f64 * CHARACTER + 2.0 * PADDING
}

struct Svg(String);

impl Svg {
    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a string takes everything");
    }

    fn document(&mut self, diagram: &Diagram, layout: &Layout, sizes: &[(f64, f64)]) {
        let (width, height) = (layout.width + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
        self.line(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"gradd\" role=\"img\" width=\"{width:.0}\" height=\"{height:.0}\" \
             viewBox=\"{:.0} {:.0} {width:.0} {height:.0}\" font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,\
             'DejaVu Sans Mono',monospace\" font-size=\"12\" fill=\"none\" stroke=\"currentColor\">",
            -MARGIN, -MARGIN
        ));
        self.line(format_args!("<title>{}</title>", escaped(&diagram.title)));
        self.line(format_args!("<desc>{}</desc>", escaped(&diagram.description)));
        self.line(format_args!("<style>{STYLE}</style>"));
        self.line(format_args!(
            "<rect class=\"paper\" stroke=\"none\" x=\"{:.0}\" y=\"{:.0}\" width=\"{width:.0}\" height=\"{height:.0}\"/>",
            -MARGIN, -MARGIN
        ));
        for (shape, routes) in diagram.shapes.iter().zip(&layout.routes) {
            for (operand, route) in shape.operands.iter().zip(routes) {
                self.edge(route, operand.times);
            }
        }
        for ((shape, center), size) in diagram.shapes.iter().zip(&layout.centers).zip(sizes) {
            self.shape(shape, center.0 - size.0 / 2.0, center.1);
        }
        self.0.push_str("</svg>\n");
    }

    /// Curves between the points, flat at each, with a head at the end.
    fn edge(&mut self, route: &[(f64, f64)], times: usize) {
        let mut path = String::new();
        for (i, &(x, y)) in route.iter().enumerate() {
            let written = match i.checked_sub(1).map(|before| route[before]) {
                None => write!(path, "M{x:.1} {y:.1}"),
                Some((_, before)) if before == y => write!(path, "H{x:.1}"),
                Some((from, before)) => {
                    let middle = f64::midpoint(from, x);
                    write!(path, "C{middle:.1} {before:.1} {middle:.1} {y:.1} {x:.1} {y:.1}")
                }
            };
            written.expect("a string takes everything");
        }
        let (x, y) = *route.last().expect("an edge has two ends");
        self.line(format_args!("<g class=\"edge\"><path d=\"{path}\"/>{}", head(x, y)));
        if times > 1 {
            self.text(x - 22.0, y - 6.0, &format!("×{times}"));
        }
        self.0.push_str("</g>\n");
    }

    fn shape(&mut self, shape: &Shape, x: f64, y: f64) {
        let class = match shape.kind {
            Kind::Input => "input",
            Kind::Constant => "constant",
            Kind::Value => "inner",
            Kind::Output => "output",
            Kind::Group => "group",
        };
        self.line(format_args!("<g class=\"{class}\"><title>{}</title>", escaped(&shape.tip)));
        let mut left = x;
        let top = y - HEIGHT / 2.0;
        if let Some(op) = &shape.op {
            let (width, radius) = (op_width(op), HEIGHT / 2.0);
            self.line(format_args!(
                "<rect class=\"op\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"{radius}\"/>"
            ));
            self.text(left + width / 2.0, y, op);
            left += width + STEM;
            self.line(format_args!("<path d=\"M{:.1} {y:.1}H{left:.1}\"/>{}", left - STEM, head(left, y)));
        }
        let width: f64 = shape.cells.iter().map(|cell| text_width(cell)).sum();
        self.line(format_args!(
            "<rect class=\"value\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"3\"/>"
        ));
        for (i, cell) in shape.cells.iter().enumerate() {
            if i > 0 {
                self.line(format_args!("<path d=\"M{left:.1} {top:.1}v{HEIGHT}\"/>"));
            }
            self.text(left + text_width(cell) / 2.0, y, cell);
            left += text_width(cell);
        }
        self.0.push_str("</g>\n");
    }

    fn text(&mut self, x: f64, y: f64, text: &str) {
        self.line(format_args!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"currentColor\" stroke=\"none\">{}</text>",
            y + 4.0,
            escaped(text)
        ));
    }
}

fn head(x: f64, y: f64) -> String {
    format!("<path d=\"M{x:.1} {y:.1}l-6-3v6z\" fill=\"currentColor\" stroke=\"none\"/>")
}

/// Text within XML. What XML cannot write at all has been replaced before.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
