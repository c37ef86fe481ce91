//! Pictures of computations, as micrograd's `draw_dot` makes them.
//!
//! A computation becomes a [`diagram`] of boxes: by [`scalar`] from an expression or a graph, of which [`summary`] chooses
//! what is drawn where there are too many nodes, or by [`network`] from an MLP. The diagram is written by [`dot`], or
//! placed by [`layered`] and written by [`svg`].

pub(super) mod diagram;
mod dot;
mod layered;
pub(super) mod network;
pub(super) mod scalar;
mod summary;
mod svg;

use crate::engine::{Interrupt, Interrupted};

use diagram::Diagram;
pub(super) use diagram::fitting;

/// What a picture is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PictureFormat {
    /// To look at.
    #[default]
    Svg,
    /// The language of Graphviz.
    Dot,
}

impl PictureFormat {
    /// Every format, in the order of preference where a client has none.
    pub const ALL: [PictureFormat; 2] = [PictureFormat::Svg, PictureFormat::Dot];

    /// Its media type, without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            PictureFormat::Svg => "image/svg+xml",
            PictureFormat::Dot => "text/vnd.graphviz",
        }
    }

    /// Writes `diagram`.
    pub(super) fn write(self, diagram: &Diagram, interrupt: &Interrupt) -> Result<String, Interrupted> {
        match self {
            PictureFormat::Svg => svg::write(diagram, interrupt),
            PictureFormat::Dot => Ok(dot::write(diagram)),
        }
    }
}
