//! Accepting connections, not more than allowed, and serving HTTP/1.1 on them.
//!
//! Nobody can hold a connection for nothing: the head of a request has to come within the idle timeout, its body within
//! the request's deadline, and an answer has to be taken bit by bit. When all connections are taken, those that are idle,
//! or have not brought a request yet, are closed for those that wait.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tracing::{debug, warn};

use super::Settings;
use super::tls::Tls;

/// Pause after a failed accept; the usual cause is that the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long answers may take to be written once the grace period is over; computations whose events are heard have a part of
/// it to stop.
const FLUSH: Duration = Duration::from_secs(2);

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a new connection may be idle even when others wait for its place.
const SETTLING: Duration = Duration::from_secs(1);

/// Largest head of a request, and what is read of a body at once. hyper's own bound is 400 KiB, which for every connection
/// would be more than some machines have.
const BUFFER: usize = 64 << 10;

/// The address at the other end of a request's connection, among the request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What all connections are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    Stay,
    /// Others wait; idle connections shall end.
    MakeRoom,
    /// The server stops.
    Leave,
}

/// The connections of a server.
#[derive(Debug)]
pub struct Connections {
    router: Router,
    tls: Option<Arc<Tls>>,
    idle_timeout: Duration,
    most: usize,
    /// One for each connection that may yet be accepted.
    places: Arc<Semaphore>,
    notice: watch::Sender<Notice>,
}

impl Connections {
    /// No connections yet, to be served by `router`.
    pub fn new(router: Router, tls: Option<Arc<Tls>>, settings: &Settings) -> Self {
        let most = settings.max_connections.get();
        Self {
            router,
            tls,
            idle_timeout: settings.idle_timeout,
            most,
            places: Arc::new(Semaphore::new(most)),
            notice: watch::Sender::new(Notice::Stay),
        }
    }

    /// Serves those that come to `listener` until `stop` resolves, then closes idle connections and lets the busy ones
    /// write their answers.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = self.accept(&listener) => accepted,
            };
            let (place, stream, peer) = accepted;
            tokio::spawn(self.connection(place, stream, peer));
        }
        drop(listener);
        self.notice.send_replace(Notice::Leave);
        let all = self.places.acquire_many(u32::try_from(self.most).unwrap_or(u32::MAX));
        if timeout(FLUSH, all).await.is_err() {
            warn!("closing connections that did not take their answers in time");
        }
    }

    async fn accept(&self, listener: &TcpListener) -> (OwnedSemaphorePermit, TcpStream, Peer) {
        let place = self.place().await;
        loop {
            match listener.accept().await {
                Ok((stream, address)) => return (place, stream, Peer(address.ip())),
                Err(error) => {
                    warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// A place for one more connection, for which others may have to leave.
    async fn place(&self) -> OwnedSemaphorePermit {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return place;
        }
        loop {
            debug!(most = self.most, "all connections are taken; closing those that are idle");
            self.notice.send_replace(Notice::MakeRoom);
            let place = Arc::clone(&self.places).acquire_owned();
            if let Ok(Ok(place)) = timeout(SETTLING, place).await {
                return place;
            }
        }
    }

    fn connection(
        &self,
        place: OwnedSemaphorePermit,
        stream: TcpStream,
        peer: Peer,
    ) -> impl Future<Output = ()> + Send + use<> {
        let connection = Connection {
            router: self.router.clone(),
            peer,
            idle_timeout: self.idle_timeout,
            notice: self.notice.subscribe(),
            _place: place,
        };
        let acceptor = self.tls.as_ref().map(|tls| tls.acceptor());
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "cannot set TCP_NODELAY");
        }
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.idle_timeout));
        let stream = Box::pin(stream);
        async move {
            match acceptor {
                None => connection.serve(stream).await,
                Some(acceptor) => tokio::select! {
                    accepted = timeout(HANDSHAKE, acceptor.accept(stream)) => match accepted {
                        Ok(Ok(stream)) => connection.serve(stream).await,
                        Ok(Err(error)) => debug!(%error, "the TLS handshake failed"),
                        Err(_) => debug!("the TLS handshake took too long"),
                    },
                    () = leave(connection.notice.clone()) => {}
                },
            }
        }
    }
}

/// One connection, before it is known what it runs over.
struct Connection {
    router: Router,
    peer: Peer,
    idle_timeout: Duration,
    notice: watch::Receiver<Notice>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let Self { router, peer, idle_timeout, notice, _place } = self;
        let router = TowerToHyperService::new(router);
        let asked = AtomicBool::new(false);
        let service = service_fn(|mut request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            request.extensions_mut().insert(peer);
            router.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = leave(notice) => {
                // Nothing is owed to who has not asked; what has been asked is answered.
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "connection ended early");
        }
    }
}

/// Resolves when a connection that begins now shall end as soon as it is idle.
async fn leave(mut notice: watch::Receiver<Notice>) {
    let begun = Instant::now();
    let shall = |notice: Notice| match notice {
        Notice::Stay => false,
        Notice::MakeRoom => begun.elapsed() >= SETTLING,
        Notice::Leave => true,
    };
    while !shall(*notice.borrow_and_update()) {
        if notice.changed().await.is_err() {
            return;
        }
    }
}
