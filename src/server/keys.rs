//! API keys: who holds which, told by digest. A key itself is seen once, when it is made, and then only by its holder.
//!
//! One line stands for one key, in the keys file and in the setting `keys` alike: a name for the logs, the SHA-256 digest
//! of the key and, where the key opens only some paths, these paths.
//!
//! ```text
//! alice sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
//! sensor-7 sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752 /v1/evaluate /v1/gradient
//! ```
//!
//! A plain digest is enough where a password would need a slow one: 256 random bits cannot be guessed.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq;

/// Lets people, and scanners for leaked secrets, see what a string is.
const PREFIX: &str = "gradd_";
const SCHEME: &str = "sha256:";
const LONGEST_NAME: usize = 64;

type Digest = [u8; 32];

/// One key, without the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    name: String,
    digest: Digest,
    /// The paths that it opens; all where there are none.
    paths: Vec<String>,
}

/// The keys that open a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

/// Why a line is no key. The line itself is not told: what stands there by mistake may be a key in plain text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The name is missing, too long, or has characters that do not belong in logs.
    #[error("a name has 1 to {LONGEST_NAME} letters, digits and -_.@")]
    Name,
    /// The second word is no digest.
    #[error("after the name comes `{SCHEME}` and 64 hexadecimal digits; `gradd key NAME` makes such a line")]
    Digest,
    /// What follows is no path.
    #[error("after the digest come only paths that the key opens, such as /v1/gradient")]
    Path,
    /// Two keys have one name, so that the logs could not tell them apart.
    #[error("two keys are called {0}; give each its own name")]
    Twice(String),
}

impl Key {
    /// A new key from the randomness of the operating system: its text for the holder, and what a server knows of it.
    pub fn generate(name: &str) -> Result<(String, Self), KeyError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).expect("the operating system has randomness");
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let key = Self { name: checked(name)?, digest: digest(&text), paths: Vec::new() };
        Ok((text, key))
    }

    /// Its name, fit to be logged.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The paths that it opens, where it does not open all.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Whether it opens `path`.
    pub fn opens(&self, path: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|open| open == path)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {SCHEME}", self.name)?;
        self.digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        self.paths.iter().try_for_each(|path| write!(f, " {path}"))
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(line: &str) -> Result<Self, KeyError> {
        let mut words = line.split_whitespace();
        let name = checked(words.next().unwrap_or_default())?;
        let digest = words.next().and_then(from_hex).ok_or(KeyError::Digest)?;
        let paths: Vec<String> = words.map(str::to_owned).collect();
        if paths.iter().all(|path| path.starts_with('/')) {
            Ok(Self { name, digest, paths })
        } else {
            Err(KeyError::Path)
        }
    }
}

impl Keys {
    /// `keys`, if no two have one name.
    pub fn new(keys: Vec<Key>) -> Result<Self, KeyError> {
        let twice =
            keys.iter().enumerate().find(|(i, key)| keys[..*i].iter().any(|other| other.name == key.name));
        match twice {
            Some((_, key)) => Err(KeyError::Twice(key.name.clone())),
            None => Ok(Self(keys)),
        }
    }

    /// The keys of these lines, if every line is one.
    pub fn from_lines(lines: &[String]) -> Option<Self> {
        Self::new(lines.iter().map(|line| line.parse()).collect::<Result<_, _>>().ok()?).ok()
    }

    /// The keys themselves.
    pub fn as_slice(&self) -> &[Key] {
        &self.0
    }

    /// The key that `text` is. Takes the same time whichever it is and however near another comes.
    pub fn find(&self, text: &str) -> Option<&Key> {
        let digest = digest(text);
        self.0
            .iter()
            .fold(None, |found, key| if key.digest.ct_eq(&digest).into() { Some(key) } else { found })
    }
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

fn checked(name: &str) -> Result<String, KeyError> {
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    // A key that stands where its name belongs would get into the logs.
    let valid =
        (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fit) && !name.starts_with(PREFIX);
    if valid { Ok(name.to_owned()) } else { Err(KeyError::Name) }
}

fn from_hex(word: &str) -> Option<Digest> {
    let digits = word.strip_prefix(SCHEME)?.as_bytes();
    let mut digest = Digest::default();
    if digits.len() != 2 * digest.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}
