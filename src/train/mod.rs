//! Training: an objective behind one trait, an optimizer, and the loop that steps it.
//!
//! A [`Recipe`] names an optimizer, a learning-rate schedule, a bound on gradients and when to stop; a [`Plan`] says which
//! rows each step sees. [`Trainer`] knows a model only as a [`Model`]: a loss and its gradient by a flat parameter vector, over some of the
//! rows of its data. A run's whole state is the parameters and a [`State`]; a trainer that starts from those continues
//! the run bit for bit.

#![forbid(unsafe_code)]

pub mod adagrad;
pub mod adam;
pub mod clip;
pub mod error;
pub mod expression;
pub mod fit;
pub mod history;
pub mod lbfgs;
mod line_search;
pub mod metrics;
pub mod mlp;
pub mod model;
pub mod one_cycle;
pub mod optimizer;
pub mod plan;
pub mod plateau;
pub mod recipe;
pub mod rmsprop;
pub mod schedule;
pub mod setting;
pub mod sgd;
pub mod split;
pub mod trainer;
mod vector;
pub mod watch;

pub use adagrad::Adagrad;
pub use adam::Adam;
pub use clip::Clip;
pub use error::Error;
pub use expression::ExpressionObjective;
pub use history::History;
pub use lbfgs::{Lbfgs, LineSearch};
pub use metrics::Metrics;
pub use mlp::MlpObjective;
pub use model::{Model, Rows};
pub use one_cycle::{Anneal, OneCycle};
pub use optimizer::{Optimizer, OptimizerState, StateError};
pub use plan::{Length, Plan, PlanError};
pub use plateau::{Plateau, PlateauState, ThresholdMode};
pub use recipe::Recipe;
pub use rmsprop::RmsProp;
pub use schedule::{Schedule, WarmUp};
pub use setting::SettingError;
pub use sgd::Sgd;
pub use split::{Split, SplitError};
pub use trainer::{Report, State, Step, Stopped, Trainer};
pub use watch::{Best, EarlyStopping, Watch};
