//! Models that requests name instead of sending them: prepared once, kept in memory, shared by all.

mod definition;
mod description;
mod registry;
mod stored;
mod tapes;

pub use definition::ModelDefinition;
pub use description::{ModelDescription, ModelForm, ModelList, ModelSize};
pub use registry::Models;
pub use stored::Stored;

pub(super) use stored::{Form, Prepared};

use std::sync::Arc;

use super::context::{Context, Reply};
use super::problem::Problem;

/// `POST /v1/models`: prepares the model in `body`, and answers by which name requests have it.
pub fn answer(body: &[u8], context: &Context) -> Result<Reply, Problem> {
    let stored = Stored::new(body, context)?;
    stored.compile(context)?;
    let description = stored.describe(None);
    context.models.keep(Arc::new(stored))?;
    context.reply(&description)
}
