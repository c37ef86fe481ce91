//! The server as a value: built from settings, bound to a port, run until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::api::Operation;

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

impl Application {
    /// Binds the address of `settings`; port 0 takes a free one.
    pub async fn build(settings: Settings) -> io::Result<Self> {
        Self::with_operations(settings, routes::OPERATIONS).await
    }

    /// Like [`build`](Self::build), with other operations than the API's.
    pub async fn with_operations(settings: Settings, operations: &[(&str, Operation)]) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let service = Arc::new(Service::new(settings));
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

    /// Serves until `shutdown` resolves. From then on readiness fails and new computations are refused, while those
    /// under way get the grace period to finish; the listener stays open meanwhile, so that probes and refusals
    /// still get their answers.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, address, service, router } = self;
        info!(%address, slots = service.settings.slots(), "listening");
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
