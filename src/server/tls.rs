//! TLS from PEM files, which may be renewed while the server runs.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

use super::Settings;

/// The server's certificate. Connections keep the one that they began with.
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    acceptor: RwLock<TlsAcceptor>,
}

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or does not hold what it should.
    #[error("cannot read {what} in PEM from {}: {error}", path.display())]
    Pem {
        /// What it should hold.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: pem::Error,
    },
    /// They do not go together, or are of a kind that is not known.
    #[error("cannot use the certificate {} with the key {}: {error}", certificate.display(), key.display())]
    Unfit {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong with them.
        #[source]
        error: rustls::Error,
    },
}

impl Tls {
    /// The certificate that `settings` name, if they name one.
    pub fn new(settings: &Settings) -> Result<Option<Self>, TlsError> {
        let (certificate, key) = (settings.tls_certificate.clone(), settings.tls_key.clone());
        if certificate.as_os_str().is_empty() {
            return Ok(None);
        }
        let acceptor = RwLock::new(load(&certificate, &key)?);
        Ok(Some(Self { certificate, key, acceptor }))
    }

    /// Reads the files again. When anything is wrong with them the certificate stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let acceptor = load(&self.certificate, &self.key)?;
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        Ok(())
    }

    /// What begins the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn load(certificate: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .and_then(|chain: Vec<_>| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) })
        .map_err(|error| TlsError::Pem { what: "certificates", path: certificate.into(), error })?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::Pem {
        what: "a private key",
        path: key.into(),
        error,
    })?;
    let unfit = |error| TlsError::Unfit { certificate: certificate.into(), key: key.into(), error };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
