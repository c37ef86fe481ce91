//! The server as a value: built from settings, bound to a port, run until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use opentelemetry_otlp::ExporterBuildError;
use tokio::net::TcpListener;
use tracing::{error, info, warn};

use super::access::AccessError;
use super::connections::Connections;
use super::endpoint::Endpoint;
use super::metrics::Cancellation;
use super::models::{self, ModelsError};
use super::service::Service;
use super::spans::Spans;
use super::tls::{Tls, TlsError};
use super::{Settings, routes};

/// A server that is bound to its address and not yet serving.
#[derive(Debug)]
pub struct Application {
    listener: TcpListener,
    address: SocketAddr,
    service: Arc<Service>,
    tls: Option<Arc<Tls>>,
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
    /// A model cannot be used.
    #[error(transparent)]
    Models(#[from] ModelsError),
    /// What the environment says of the export of spans cannot be used.
    #[error("cannot export spans: {0}")]
    Spans(#[from] ExporterBuildError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Application {
    /// Binds the address of `settings`; port 0 takes a free one.
    pub async fn build(settings: Settings) -> Result<Self, StartError> {
        Self::with_operations(settings, routes::OPERATIONS).await
    }

    /// Like [`build`](Self::build), with other operations than the API's.
    pub async fn with_operations(settings: Settings, operations: &[Endpoint]) -> Result<Self, StartError> {
        let listen = settings.listen;
        let tls = Tls::new(&settings)?.map(Arc::new);
        let patterns = routes::patterns(operations);
        let spans = Spans::start(&settings)?.map(Arc::new);
        let service = Arc::new(Service::new(settings, &patterns, spans)?);
        let unable = |error| StartError::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).await.map_err(unable)?;
        let address = listener.local_addr().map_err(unable)?;
        let router = routes::router(&service, operations);
        Ok(Self { listener, address, service, tls, router })
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
    pub fn reloader(&self) -> impl Fn() + Send + Sync + 'static {
        let (service, tls) = (Arc::clone(&self.service), self.tls.clone());
        move || {
            match service.access.reload() {
                Ok(()) => info!(keys = service.access.key_count(), "the keys were read again"),
                Err(error) => error!(%error, "the keys stay as they were"),
            }
            match models::load(&service.settings, &service.models) {
                Ok(count) => info!(models = count, "the models were read again"),
                Err(error) => error!(%error, "the models stay as they were"),
            }
            match tls.as_ref().map(|tls| tls.reload()) {
                Some(Ok(())) => info!("the certificate was read again"),
                Some(Err(error)) => error!(%error, "the certificate stays as it was"),
                None => {}
            }
        }
    }

    /// Serves until `shutdown` resolves. From then on readiness fails and new computations are refused, while those
    /// under way get the grace period to finish; the listener stays open meanwhile, so that probes and refusals
    /// still get their answers.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let Self { listener, address, service, tls, router } = self;
        let (slots, keys) = (service.settings.slots(), service.access.key_count());
        info!(%address, tls = tls.is_some(), slots, keys, "listening");
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
                service.requests.cancelled(Cancellation::Shutdown, stopped);
                warn!(stopped, "the grace period is over; computations were stopped");
            }
        };
        Connections::new(router, tls, &service.settings).serve(listener, stop).await;
        if let Some(spans) = &service.spans {
            spans.finish().await;
        }
        info!("stopped");
    }
}
