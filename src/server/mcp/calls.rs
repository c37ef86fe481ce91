//! Calls under way, by the name that their client has for them, so that it can cancel them from another connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The name of a session, and in it the id of a request as it was written.
pub type Name = (String, String);

/// The calls of all clients.
#[derive(Debug, Default)]
pub struct Calls(Mutex<HashMap<Name, Arc<Notify>>>);

/// A call under way.
#[derive(Debug)]
pub struct UnderWay {
    calls: Arc<Calls>,
    /// `None` for a client without a session.
    name: Option<Name>,
    cancelled: Arc<Notify>,
}

impl Calls {
    /// Remembers a call until it is dropped.
    pub fn begin(self: &Arc<Self>, name: Option<Name>) -> UnderWay {
        let cancelled = Arc::new(Notify::new());
        if let Some(name) = &name {
            self.lock().insert(name.clone(), Arc::clone(&cancelled));
        }
        UnderWay { calls: Arc::clone(self), name, cancelled }
    }

    /// Cancels the call of this name, if there still is one.
    pub fn cancel(&self, name: &Name) {
        if let Some(cancelled) = self.lock().get(name) {
            cancelled.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Arc<Notify>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// Resolves when the client cancels the call.
    pub async fn cancelled(&self) {
        self.cancelled.notified().await;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let Some(name) = &self.name else { return };
        let mut calls = self.calls.lock();
        // A client that uses an id twice has replaced this call by another.
        if calls.get(name).is_some_and(|cancelled| Arc::ptr_eq(cancelled, &self.cancelled)) {
            calls.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(id: &str) -> Name {
        ("session".to_owned(), id.to_owned())
    }

    #[tokio::test]
    async fn a_call_is_cancelled_by_its_name_and_forgotten_when_it_ends() {
        let calls = Arc::new(Calls::default());
        let (first, second) = (calls.begin(Some(name("1"))), calls.begin(Some(name("2"))));
        calls.cancel(&name("1"));
        calls.cancel(&("another".to_owned(), "2".to_owned()));
        // Told before it was asked for.
        first.cancelled().await;
        tokio::select! {
            biased;
            () = second.cancelled() => panic!("the second call was not cancelled"),
            () = std::future::ready(()) => {}
        }
        drop((first, second));
        assert!(calls.lock().is_empty());
    }

    #[tokio::test]
    async fn an_id_that_is_used_twice_means_the_later_call() {
        let calls = Arc::new(Calls::default());
        let earlier = calls.begin(Some(name("1")));
        let later = calls.begin(Some(name("1")));
        drop(earlier);
        calls.cancel(&name("1"));
        later.cancelled().await;
    }
}
