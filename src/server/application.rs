//! The server as a value: built from settings, bound to a port, run until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use crate::api::Operation;

use super::access::AccessError;
use super::service::Service;
use super::{Settings, connections, routes};

/// A server that is bound to its address and not yet serving.
#[derive(Debug)]
pub struct Application {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    router: Router,
}

/// Why a server could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {error}; choose another with --listen")]
    Listen {
        /// The address of the settings.
        address: SocketAddr,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The keys cannot be used.
    #[error(transparent)]
    Access(#[from] AccessError),
}

impl Application {
    /// Binds the address of `settings`; port 0 takes a free one.
    pub async fn build(settings: Settings) -> Result<Self, StartError> {
        Self::with_operations(settings, routes::OPERATIONS).await
    }

    /// Like [`build`](Self::build), with other operations than the API's.
    pub async fn with_operations(
        settings: Settings,
        operations: &[(&str, Operation)],
    ) -> Result<Self, StartError> {
        let listen = settings.listen;
        let service = Arc::new(Service::new(settings)?);
        let unable = |error| StartError::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).await.map_err(unable)?;
        let address = listener.local_addr().map_err(unable)?;
        let router = routes::router(&service, operations);
        Ok(Self { listener, address, service, router })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A function that reads the files again which may change while the server runs. A file that cannot be used is logged
    /// and changes nothing.
    pub fn reloader(&self) -> impl Fn() + Send + 'static {
        let service = Arc::clone(&self.service);
        move || match service.access.reload() {
            Ok(()) => info!(keys = service.access.key_count(), "the keys were read again"),
            Err(error) => error!(%error, "the keys stay as they were"),
        }
    }

    /// Serves until `shutdown` resolves. From then on readiness fails and new computations are refused, while those
    /// under way get the grace period to finish; the listener stays open meanwhile, so that probes and refusals
    /// still get their answers.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, address, service, router } = self;
        info!(%address, slots = service.settings.slots(), keys = service.access.key_count(), "listening");
        if service.access.is_exposed(address) {
            warn!(
                "everybody who reaches this address may compute here; ask for API keys with the setting `keys_file`, or \
                 let only those in who should"
            );
        }
        let stop = async {
            shutdown.await;
            info!(grace = ?service.settings.grace, "draining");
            let stopped = service.drain.finish(service.settings.grace).await;
            if stopped > 0 {
                warn!(stopped, "the grace period is over; computations were stopped");
            }
        };
        connections::serve(listener, router, stop).await;
        info!("stopped");
    }
}
