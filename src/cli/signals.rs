//! SIGTERM and SIGINT: the first asks the server to drain, the second ends the process. SIGHUP reads files again.

use std::io;
use std::process;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::warn;

/// Installs the handlers and gives a future that resolves at the first signal.
pub fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        either(&mut terminate, &mut interrupt).await;
        tokio::spawn(async move {
            let second = either(&mut terminate, &mut interrupt).await;
            warn!("a second signal came while draining; ending at once");
            // The exit code by which shells report a process that died of the signal.
            process::exit(128 + second.as_raw_value());
        });
    })
}

/// Calls `reload` on every SIGHUP, which without a handler would end the process.
pub fn on_hangup(reload: impl Fn() + Send + Sync + 'static) -> io::Result<()> {
    let reload = Arc::new(reload);
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            // Files, and models to be checked: not for an async thread. A panic has been logged.
            let reload = Arc::clone(&reload);
            let _ = tokio::task::spawn_blocking(move || reload()).await;
        }
    });
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) -> SignalKind {
    tokio::select! {
        _ = terminate.recv() => SignalKind::terminate(),
        _ = interrupt.recv() => SignalKind::interrupt(),
    }
}
