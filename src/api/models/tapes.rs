//! The tapes of a prepared model: compiled at their first use, and kept for the next one.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{CompileOptions, NodeId, Role, Tape};

/// Most tapes that are kept of a model, each for other outputs, gradients or samples. Clients that minimise a function ask for
/// one or two of them again and again.
pub(super) const MOST: usize = 4;

/// Tapes of one graph, the one that was used last first.
#[derive(Debug, Default)]
pub(in crate::api) struct Tapes(Mutex<Vec<Kept>>);

#[derive(Debug)]
struct Kept {
    outputs: Vec<NodeId>,
    roles: Vec<Role>,
    options: CompileOptions,
    tape: Arc<Tape>,
}

impl Tapes {
    /// The tape of these outputs, made by `compile` unless it is there.
    pub fn get<E>(
        &self,
        outputs: &[NodeId],
        roles: &[Role],
        options: CompileOptions,
        compile: impl FnOnce() -> Result<Arc<Tape>, E>,
    ) -> Result<Arc<Tape>, E> {
        if let Some(tape) = self.find(outputs, roles, options) {
            return Ok(tape);
        }
        // Nobody waits for somebody else's compiling, which is not held up by a lock.
        let tape = compile()?;
        let (outputs, roles) = (outputs.to_vec(), roles.to_vec());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(MOST - 1);
        kept.insert(0, Kept { outputs, roles, options, tape: Arc::clone(&tape) });
        Ok(tape)
    }

    fn find(&self, outputs: &[NodeId], roles: &[Role], options: CompileOptions) -> Option<Arc<Tape>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = |one: &Kept| one.options == options && one.roles == roles && one.outputs == outputs;
        let found = kept.iter().position(is_meant)?;
        kept[..=found].rotate_right(1);
        Some(Arc::clone(&kept[0].tape))
    }
}
