//! How the reading of a long body is told to stop.
//!
//! Serde's visitors take nothing along, so the interrupt of the body that a thread reads is the thread's.

use std::cell::RefCell;

use serde::de::Error;

use crate::engine::Interrupt;

use super::problem::Problem;

thread_local! {
    static INTERRUPT: RefCell<Option<Interrupt>> = const { RefCell::new(None) };
}

/// Reads until `interrupt` fires.
pub(super) fn until<T>(
    interrupt: &Interrupt,
    read: impl FnOnce() -> Result<T, Problem>,
) -> Result<T, Problem> {
    INTERRUPT.replace(Some(interrupt.clone()));
    let result = read();
    INTERRUPT.take();
    // An interrupted reader says that the body is wrong.
    result.map_err(|problem| interrupt.check().err().map_or(problem, Into::into))
}

/// Counts the elements of what may be long.
#[derive(Default)]
pub(super) struct Elements(usize);

impl Elements {
    /// Elements between two looks at the interrupt: well below a millisecond.
    const EVERY: usize = 1 << 12;

    /// To be called with each element.
    #[inline]
    pub(super) fn another<E: Error>(&mut self) -> Result<(), E> {
        self.0 += 1;
        if self.0.is_multiple_of(Self::EVERY) { look() } else { Ok(()) }
    }
}

#[cold]
fn look<E: Error>() -> Result<(), E> {
    INTERRUPT.with_borrow(|interrupt| interrupt.as_ref().map_or(Ok(()), Interrupt::check)).map_err(E::custom)
}
