//! Training: an objective behind one trait, an optimizer, and the loop that steps it.
//!
//! [`Trainer`] knows a model only as a [`Model`]: a loss and its gradient by a flat parameter vector, over some of the
//! rows of its data. A run's whole state is the parameters and a [`State`]; a trainer that starts from those continues
//! the run bit for bit.

pub mod error;
pub mod expression;
pub mod fit;
pub mod history;
pub mod mlp;
pub mod model;
pub mod optimizer;
pub mod plan;
pub mod sgd;
pub mod trainer;

pub use error::Error;
pub use expression::ExpressionObjective;
pub use history::History;
pub use mlp::MlpObjective;
pub use model::{Model, Rows};
pub use optimizer::{Optimizer, OptimizerState, StateError};
pub use plan::{Length, Plan, PlanError};
pub use sgd::{Sgd, SgdError};
pub use trainer::{Report, State, Step, Stopped, Trainer};
