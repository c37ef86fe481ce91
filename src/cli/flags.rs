//! One flag per setting, made from the table of settings.

use std::path::PathBuf;

use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use gradd::server::Settings;

/// The flags that were given, as text; the settings read them.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The settings file.
    pub config: Option<PathBuf>,
    /// Names of settings and their values.
    pub values: Vec<(&'static str, String)>,
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Settings file; also GRADD_CONFIG [default: config/gradd.toml, where there is one]");
        let defaults = Settings::default().entries();
        Settings::KEYS.iter().zip(defaults).fold(command.arg(config), |command, (key, (_, default))| {
            let help = key.help.lines().map(str::trim).collect::<Vec<_>>().join(" ");
            command.arg(
                Arg::new(key.name)
                    .long(key.name.replace('_', "-"))
                    .value_name(key.value_name)
                    .allow_hyphen_values(true)
                    .help(format!("{} [default: {}]", help.trim_end_matches('.'), plain(&default))),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let values = Settings::KEYS
            .iter()
            .filter_map(|key| Some((key.name, matches.get_one::<String>(key.name)?.clone())))
            .collect();
        Ok(Self { config: matches.get_one("config").cloned(), values })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A default as one would type it.
fn plain(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) if text.is_empty() => "none".to_owned(),
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) if items.is_empty() => "none".to_owned(),
        toml::Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
