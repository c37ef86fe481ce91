//! Merging the layers: built-in defaults < file < environment < flags.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Settings;
use super::value::Raw;

/// The file that is read when none is named; it may be missing.
pub const DEFAULT_FILE: &str = "config/gradd.toml";

/// Variables that OpenTelemetry has named for all services, and the settings that they are; ours win over them. Empty they
/// say nothing.
const STANDARD: [(&str, &str); 2] =
    [("OTEL_EXPORTER_OTLP_ENDPOINT", "otlp_endpoint"), ("OTEL_SERVICE_NAME", "otlp_service_name")];

/// Where a setting comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The built-in default.
    #[default]
    Default,
    /// The file at this path.
    File(PathBuf),
    /// The environment variable of this name.
    Environment(String),
    /// The flag of this name, with its dashes.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the built-in default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => write!(f, "the environment variable {variable}"),
            Self::Flag(flag) => write!(f, "the flag {flag}"),
        }
    }
}

/// Why settings could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file was named, but cannot be read.
    #[error("cannot read the settings file {}: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The file is not TOML.
    #[error("{} is not valid TOML: {message}", path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// What the parser said, with line and column.
        message: String,
    },
    /// There is no setting of this name.
    #[error("unknown setting `{key}` in {origin}; `gradd serve --help` lists them all")]
    Unknown {
        /// The name.
        key: String,
        /// Where it was found.
        origin: Origin,
    },
    /// The setting exists, but not with this value.
    #[error("setting `{key}` = {value} in {origin}: {message}")]
    Invalid {
        /// Its name.
        key: String,
        /// The value as it was given.
        value: String,
        /// Where it was found.
        origin: Origin,
        /// What is wrong with it.
        message: String,
    },
}

/// Everything that settings are read from. Explicit, so that tests need not touch the process's environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`.
    pub config: Option<PathBuf>,
    /// Environment variables; those that neither begin with `GRADD_` nor are [`STANDARD`] are ignored.
    pub environment: Vec<(String, String)>,
    /// Names of settings, in snake case, and their values from the command line.
    pub flags: Vec<(&'static str, String)>,
}

impl Sources {
    /// The process's environment beside `config` and `flags`.
    pub fn with_environment(config: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })
            .collect();
        Self { config, environment, flags }
    }
}

impl Settings {
    /// Merges the layers and validates the whole.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let mut merge = Merge::default();
        merge.file(sources)?;
        merge.environment(sources)?;
        for (key, value) in &sources.flags {
            let flag = Origin::Flag(format!("--{}", key.replace('_', "-")));
            merge.set(key, Raw::Text(value.clone()), flag)?;
        }
        merge.finish()
    }
}

#[derive(Default)]
struct Merge {
    settings: Settings,
    set: HashMap<String, (Raw, Origin)>,
}

impl Merge {
    fn file(&mut self, sources: &Sources) -> Result<(), SettingsError> {
        let from_environment = || {
            sources.environment.iter().find(|(name, _)| name == "GRADD_CONFIG").map(|(_, path)| path.into())
        };
        let named: Option<PathBuf> = sources.config.clone().or_else(from_environment);
        let path = named.clone().unwrap_or_else(|| Path::new(DEFAULT_FILE).to_owned());
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(SettingsError::Unreadable { path, error }),
        };
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| SettingsError::NotToml {
            path: path.clone(),
            message: error.to_string(),
        })?;
        for (key, value) in table {
            self.set(&key, Raw::Toml(value), Origin::File(path.clone()))?;
        }
        Ok(())
    }

    fn environment(&mut self, sources: &Sources) -> Result<(), SettingsError> {
        for (standard, key) in STANDARD {
            let is_set = |(name, value): &&(String, String)| name == standard && !value.is_empty();
            if let Some((name, value)) = sources.environment.iter().find(is_set) {
                self.set(key, Raw::Text(value.clone()), Origin::Environment(name.clone()))?;
            }
        }
        for (name, value) in &sources.environment {
            if let Some(key) = name.strip_prefix("GRADD_")
                && key != "CONFIG"
                && !is_service_link(key)
            {
                let origin = Origin::Environment(name.clone());
                self.set(&key.to_ascii_lowercase(), Raw::Text(value.clone()), origin)?;
            }
        }
        Ok(())
    }

    fn set(&mut self, key: &str, raw: Raw, origin: Origin) -> Result<(), SettingsError> {
        match self.settings.set(key, &raw) {
            None => Err(SettingsError::Unknown { key: key.to_owned(), origin }),
            Some(Err(message)) => {
                let value = if Settings::is_secret(key) { "***".to_owned() } else { raw.to_string() };
                Err(SettingsError::Invalid { key: key.to_owned(), value, origin, message })
            }
            Some(Ok(())) => {
                self.set.insert(key.to_owned(), (raw, origin));
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Result<Settings, SettingsError> {
        match self.settings.validate() {
            Ok(()) => Ok(self.settings),
            Err((key, message)) => {
                // A default is out of range only in relation to another setting.
                let (value, origin) = match self.set.remove(key) {
                    Some((raw, origin)) => (raw.to_string(), origin),
                    None => (default_of(key), Origin::Default),
                };
                Err(SettingsError::Invalid { key: key.to_owned(), value, origin, message })
            }
        }
    }
}

fn default_of(key: &str) -> String {
    let entries = Settings::default().entries();
    entries.into_iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_string()).unwrap_or_default()
}

/// Kubernetes puts variables such as `GRADD_PORT` and `GRADD_SERVICE_HOST` into every pod beside a Service named
/// `gradd`; they are not settings of ours.
fn is_service_link(key: &str) -> bool {
    let key = format!("_{key}");
    key.ends_with("_SERVICE_HOST")
        || key.contains("_SERVICE_PORT")
        || key.ends_with("_PORT")
        || key.contains("_PORT_")
}
