//! Who may ask: open paths, and API keys for the others.
//!
//! Where neither the setting `keys` nor `keys_file` is set, everybody may. The file is read again on SIGHUP.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::{HeaderMap, header};

use crate::api::{Kind, Problem};

use super::Settings;
use super::keys::{Key, KeyError, Keys};

/// The keys of a server and the paths that need none.
#[derive(Debug)]
pub struct Access {
    open_paths: Vec<String>,
    from_settings: Keys,
    file: Option<PathBuf>,
    /// `None` where no key is asked for.
    keys: RwLock<Option<Arc<Keys>>>,
}

/// Why the keys could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read.
    #[error("cannot read the keys file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// A line of it is no key.
    #[error("line {line} of the keys file {}: {error}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        #[source]
        error: KeyError,
    },
    /// Its keys, with those of the settings, do not go together.
    #[error("the keys file {}, with the setting `keys`: {error}", path.display())]
    Together {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        error: KeyError,
    },
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The holder of this key.
    Key(Key),
    /// Anybody; the server asks for no keys.
    Anybody,
}

impl Caller {
    /// # Errors
    /// 403 with a key that does not open `path`.
    pub fn may_ask(&self, path: &str) -> Result<(), Problem> {
        match self {
            Self::Key(key) if !key.opens(path) => Err(not_this_path(key, path)),
            _ => Ok(()),
        }
    }
}

impl Access {
    /// Access as `settings` have it.
    pub fn new(settings: &Settings) -> Result<Self, AccessError> {
        let access = Self {
            open_paths: settings.open_paths.clone(),
            from_settings: settings.keys.clone(),
            file: (!settings.keys_file.as_os_str().is_empty()).then(|| settings.keys_file.clone()),
            keys: RwLock::default(),
        };
        access.reload()?;
        Ok(access)
    }

    /// Reads the file again. When anything is wrong with it the keys stay as they were.
    pub fn reload(&self) -> Result<(), AccessError> {
        let keys = self.load()?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.map(Arc::new);
        Ok(())
    }

    /// Whether `path`, or a path above it, needs no key.
    pub fn is_open(&self, path: &str) -> bool {
        self.open_paths.iter().any(|open| {
            path.strip_prefix(open.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// How many keys there are, if any key is asked for.
    pub fn key_count(&self) -> Option<usize> {
        self.keys().map(|keys| keys.as_slice().len())
    }

    /// Whether a server at `address` serves everybody who can reach this machine.
    pub fn is_exposed(&self, address: SocketAddr) -> bool {
        !address.ip().to_canonical().is_loopback() && self.key_count().is_none()
    }

    /// Who asks, by the headers of the request.
    ///
    /// # Errors
    /// 401 without a key that is known.
    pub fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let Some(keys) = self.keys() else { return Ok(Caller::Anybody) };
        let Some(authorization) = headers.get(header::AUTHORIZATION) else { return Err(no_key()) };
        let text = authorization.to_str().ok().and_then(bearer).ok_or_else(not_bearer)?;
        keys.find(text).cloned().map(Caller::Key).ok_or_else(unknown_key)
    }

    fn keys(&self) -> Option<Arc<Keys>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn load(&self) -> Result<Option<Keys>, AccessError> {
        let from_settings = self.from_settings.as_slice();
        let Some(path) = &self.file else {
            return Ok((!from_settings.is_empty()).then(|| self.from_settings.clone()));
        };
        let keys = [from_settings, &read(path)?].concat();
        Keys::new(keys).map(Some).map_err(|error| AccessError::Together { path: path.clone(), error })
    }
}

/// The keys of a file: one a line, with empty lines and comments.
fn read(path: &Path) -> Result<Vec<Key>, AccessError> {
    let text =
        fs::read_to_string(path).map_err(|error| AccessError::Unreadable { path: path.into(), error })?;
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(i, line)| {
            line.parse().map_err(|error| AccessError::Line { path: path.into(), line: i + 1, error })
        })
        .collect()
}

/// The token of `Bearer TOKEN`.
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// RFC 6750: without a key no error is named, since none was made.
const ASK: &str = "Bearer realm=\"gradd\"";
const UNKNOWN: &str = "Bearer realm=\"gradd\", error=\"invalid_token\"";
const TOO_LITTLE: &str = "Bearer realm=\"gradd\", error=\"insufficient_scope\"";

fn unauthorized(challenge: &'static str, detail: &str) -> Problem {
    Problem { challenge: Some(challenge), ..Problem::new(Kind::UNAUTHORIZED, detail) }
}

fn no_key() -> Problem {
    unauthorized(
        ASK,
        "This path needs an API key. Send it as `Authorization: Bearer KEY`; whoever runs the server can make one with \
         `gradd key NAME`.",
    )
}

fn not_bearer() -> Problem {
    unauthorized(ASK, "The Authorization header has no key. Write it as `Authorization: Bearer KEY`.")
}

fn unknown_key() -> Problem {
    unauthorized(
        UNKNOWN,
        "The server does not know this key. Check that it is whole, and ask whoever runs the server whether it was \
         withdrawn.",
    )
}

fn not_this_path(key: &Key, path: &str) -> Problem {
    let detail = format!(
        "The key {} does not open {path}; it opens {}. Ask whoever runs the server for another.",
        key.name(),
        key.paths().join(", ")
    );
    Problem { challenge: Some(TOO_LITTLE), ..Problem::new(Kind::FORBIDDEN, detail) }
}
