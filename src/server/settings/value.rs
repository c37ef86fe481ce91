//! How one setting is read from text (environment, flags) and from TOML, and written back.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::server::keys::Keys;
use crate::server::spans::Collector;

/// A setting as its source gives it.
#[derive(Clone, Debug)]
pub(super) enum Raw {
    Text(String),
    Toml(toml::Value),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Toml(value) => write!(f, "{value}"),
        }
    }
}

/// The type of a setting.
pub(super) trait Value: Sized {
    /// What a valid value looks like, for the error message.
    const EXPECTED: &'static str;

    /// Whether values must not be shown.
    const SECRET: bool = false;

    fn from_text(text: &str) -> Option<Self>;

    fn from_toml(value: &toml::Value) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    fn to_toml(&self) -> toml::Value;

    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => Self::from_text(text.trim()),
            Raw::Toml(value) => Self::from_toml(value),
        }
        .ok_or_else(|| format!("expected {}", Self::EXPECTED))
    }
}

/// A whole number; `_` may group its digits, as in TOML.
fn whole(text: &str) -> Option<usize> {
    text.replace('_', "").parse().ok()
}

impl Value for usize {
    const EXPECTED: &'static str = "a whole number";

    fn from_text(text: &str) -> Option<Self> {
        whole(text)
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        value.as_integer()?.try_into().ok()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
    }
}

impl Value for NonZeroUsize {
    const EXPECTED: &'static str = "a whole number from 1";

    fn from_text(text: &str) -> Option<Self> {
        Self::new(usize::from_text(text)?)
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        Self::new(usize::from_toml(value)?)
    }

    fn to_toml(&self) -> toml::Value {
        self.get().to_toml()
    }
}

impl Value for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        value.as_bool()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Boolean(*self)
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a number of seconds such as 60 or 0.5, at most a year";

    fn from_text(text: &str) -> Option<Self> {
        let seconds: f64 = text.parse().ok()?;
        // The bound keeps "now plus timeout" clear of overflow.
        (0.0..=31_536_000.0).contains(&seconds).then(|| Self::from_secs_f64(seconds))
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Integer(seconds) => Self::from_text(&seconds.to_string()),
            toml::Value::Float(seconds) => Self::from_text(&seconds.to_string()),
            _ => None,
        }
    }

    fn to_toml(&self) -> toml::Value {
        if self.subsec_nanos() == 0 {
            toml::Value::Integer(i64::try_from(self.as_secs()).unwrap_or(i64::MAX))
        } else {
            toml::Value::Float(self.as_secs_f64())
        }
    }
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

impl Ratio {
    /// The whole.
    pub const ALL: Self = Self(1.0);

    /// `part`, if it is one.
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    /// As a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Value for Ratio {
    const EXPECTED: &'static str = "a number from 0 to 1";

    fn from_text(text: &str) -> Option<Self> {
        Self::new(text.parse().ok()?)
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        match value {
            toml::Value::Integer(part) => Self::new(*part as f64),
            toml::Value::Float(part) => Self::new(*part),
            _ => None,
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Float(self.0)
    }
}

impl Value for Collector {
    const EXPECTED: &'static str = "the address of a collector, such as http://collector:4318, with neither a name and password (which go to the variable OTEL_EXPORTER_OTLP_HEADERS) nor a query, and not https";

    // What is valid has no password, but what is not may have one.
    const SECRET: bool = true;

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for String {
    const EXPECTED: &'static str = "a string";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.clone())
    }
}

impl Value for PathBuf {
    const EXPECTED: &'static str = "the path of a file";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::String(self.display().to_string())
    }
}

/// What stands for each item of a secret.
const HIDDEN: &str = "***";

impl Value for Keys {
    const EXPECTED: &'static str = "lines as `gradd key NAME` makes them, each with a name of its own (comma-separated in the environment and on \
         the command line)";

    // Digests, which are useless to a thief; but a key may stand here in their place, by mistake.
    const SECRET: bool = true;

    fn from_text(text: &str) -> Option<Self> {
        Self::from_lines(&Vec::from_text(text)?)
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        Self::from_lines(&Vec::from_toml(value)?)
    }

    fn to_toml(&self) -> toml::Value {
        vec![HIDDEN.to_owned(); self.as_slice().len()].to_toml()
    }
}

impl Value for Vec<String> {
    const EXPECTED: &'static str =
        "a list of strings (comma-separated in the environment and on the command line)";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
    }

    fn from_toml(value: &toml::Value) -> Option<Self> {
        value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Array(self.iter().cloned().map(toml::Value::String).collect())
    }
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line, for log collectors.
    Json,
}

impl FromStr for LogFormat {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "text or json";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        let name = match self {
            Self::Text => "text",
            Self::Json => "json",
        };
        toml::Value::String(name.to_owned())
    }
}
