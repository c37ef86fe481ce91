//! What a call of a tool takes along past the SDK: its arguments on the way in, room for its answer on the way out.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::api::{Operation, Problem};
use crate::server::answer::Answer;
use crate::server::body::Held;
use crate::server::compute::Admitted;
use crate::server::negotiate::Formats;
use crate::server::service::Service;
use crate::server::spans::Account;

use super::calls::UnderWay;

/// One call, among the extensions of its request.
#[derive(Clone, Debug)]
pub struct Call(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    /// `None` once they are on their way to a worker.
    arguments: Mutex<Option<Held>>,
    formats: Formats,
    deadline: Instant,
    account: Arc<Account>,
    under_way: UnderWay,
    /// What the answer takes until it has been sent.
    room: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Call {
    /// A call with these arguments, to be answered before `deadline`.
    pub fn new(
        arguments: Held,
        formats: Formats,
        deadline: Instant,
        account: Arc<Account>,
        under_way: UnderWay,
    ) -> Self {
        let arguments = Mutex::new(Some(arguments));
        Self(Arc::new(Parts { arguments, formats, deadline, account, under_way, room: Mutex::default() }))
    }

    /// Runs `operation` on the arguments, as a route does on its body.
    pub async fn run(&self, service: &Arc<Service>, operation: Operation) -> Result<Answer, Problem> {
        let Parts { arguments, formats, deadline, .. } = &*self.0;
        let arguments = arguments.lock().unwrap_or_else(PoisonError::into_inner).take();
        let arguments = arguments.expect("the SDK calls once");
        let account = Arc::clone(&self.0.account);
        let admitted = Admitted::with_body(service, *formats, arguments, *deadline, account)?;
        admitted.run(operation, None).await
    }

    /// What its span shall tell.
    pub fn account(&self) -> &Account {
        &self.0.account
    }

    /// Resolves when the client cancels the call.
    pub async fn cancelled(&self) {
        self.0.under_way.cancelled().await;
    }

    /// Keeps `room` until the answer has been sent.
    pub fn keep(&self, room: Option<OwnedSemaphorePermit>) {
        *self.0.room.lock().unwrap_or_else(PoisonError::into_inner) = room;
    }
}
