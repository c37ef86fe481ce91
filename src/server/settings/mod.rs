//! Every setting there is, in one table: the struct, its defaults, the keys of the file, the environment variables
//! and the flags all follow from it. `max_nodes` is `max_nodes = ...` in the file, `GRADD_MAX_NODES` in the
//! environment and `--max-nodes` on the command line.

mod layers;
mod validate;
mod value;

pub use layers::{Origin, SettingsError, Sources};
pub use value::{LogFormat, Ratio};
use value::{Raw, Value};

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::api::Limits;

use super::keys::Keys;
use super::spans::Collector;

/// What the command line and the documentation need to know of a setting.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name, in snake case.
    pub name: &'static str,
    /// What stands for the value in a usage line.
    pub value_name: &'static str,
    /// Its doc comment.
    pub help: &'static str,
}

/// What a probe or somebody who is new needs. `/info` is not among them: it tells how to overload the server.
/// The pages are, as a browser loads them before somebody can type a key into them.
const OPEN_PATHS: [&str; 8] =
    ["/", "/page", "/docs", "/healthz", "/readyz", "/openapi.yaml", "/openapi.json", "/problems"];

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:expr, $value_name:literal;)+) => {
        /// The settings of a server, merged and valid.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Settings {
            /// Every setting, in the order of the file.
            pub const KEYS: &'static [Key] = &[
                $(Key { name: stringify!($name), value_name: $value_name, help: concat!($($doc, "\n"),+) },)+
            ];

            /// Reads `raw` into the setting called `name`; `None` when there is no such setting.
            fn set(&mut self, name: &str, raw: &Raw) -> Option<Result<(), String>> {
                match name {
                    $(stringify!($name) => Some(Value::read(raw).map(|value| self.$name = value)),)+
                    _ => None,
                }
            }

            /// Whether the setting called `name` is not to be shown, not even where it is wrong.
            fn is_secret(name: &str) -> bool {
                match name {
                    $(stringify!($name) => <$type as Value>::SECRET,)+
                    _ => false,
                }
            }

            /// Names and values, in the order of the file.
            pub fn entries(&self) -> Vec<(&'static str, toml::Value)> {
                vec![$((stringify!($name), self.$name.to_toml()),)+]
            }
        }
    };
}

fn count(value: usize) -> NonZeroUsize {
    NonZeroUsize::new(value).unwrap_or(NonZeroUsize::MIN)
}

settings! {
    /// Address and port to listen on.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), "ADDRESS:PORT";
    /// Certificate chain in PEM; with it and `tls_key` the server speaks TLS only. Both are read again on SIGHUP.
    tls_certificate: PathBuf = PathBuf::new(), "FILE";
    /// Private key of the certificate, in PEM.
    tls_key: PathBuf = PathBuf::new(), "FILE";
    /// Seconds for which browsers that came over TLS shall use nothing else on this host (HSTS); 0 tells them nothing.
    hsts_max_age: Duration = Duration::from_hours(365 * 24), "SECONDS";
    /// Connections at the same time; when all are taken, idle ones are closed for those that wait.
    max_connections: NonZeroUsize = count(1000), "N";
    /// Seconds that a connection may be idle, take for a request's head, or leave an answer lying.
    idle_timeout: Duration = Duration::from_secs(75), "SECONDS";
    /// Largest request body in bytes.
    max_body_bytes: NonZeroUsize = count(64 << 20), "BYTES";
    /// Bytes of all request bodies together that may be held in memory; more are refused with 429.
    max_held_bytes: NonZeroUsize = count(1 << 30), "BYTES";
    /// Short computations that run at the same time, and as many long ones beside them; 0 means one per core.
    compute_slots: usize = 0, "N";
    /// Requests that may wait for a slot of the short ones, and of the long ones; more are refused with 429.
    queue: usize = 256, "N";
    /// Seconds from a request's head to its answer; later its computation is stopped.
    timeout: Duration = Duration::from_mins(1), "SECONDS";
    /// Seconds that running requests get to finish after SIGTERM or SIGINT.
    grace: Duration = Duration::from_secs(25), "SECONDS";
    /// File of the API keys, one line a key, read again on SIGHUP; `gradd key NAME` makes such lines.
    keys_file: PathBuf = PathBuf::new(), "FILE";
    /// API keys as such lines, beside those of the file; without keys everybody is served.
    keys: Keys = Keys::default(), "LINE,...";
    /// Paths that need no key, with those below them.
    open_paths: Vec<String> = OPEN_PATHS.map(str::to_owned).to_vec(), "PATH,...";
    /// Requests that one key, else one address, may send within `rate_window`; 0 is no limit. Open paths do not count.
    rate_limit: usize = 0, "N";
    /// Seconds within which `rate_limit` requests may be sent, all at once or spread.
    rate_window: Duration = Duration::from_mins(1), "SECONDS";
    /// Directory of models that requests may name, one JSON file each; read again on SIGHUP.
    models: PathBuf = PathBuf::new(), "DIRECTORY";
    /// Name of the one of these models that is served as a Tesseract, at `/apply` and its relatives.
    tesseract: String = String::new(), "NAME";
    /// Bytes of all models together that were posted to be named by requests; those unused for longest go first.
    max_prepared_bytes: usize = 64 << 20, "BYTES";
    /// Origins that browsers may call from, "*" for any; none switches CORS off.
    cors_origins: Vec<String> = Vec::new(), "ORIGIN,...";
    /// Compress answers for clients that accept gzip.
    compression: bool = true, "true|false";
    /// Answer assistants at /mcp, by the Model Context Protocol.
    mcp: bool = false, "true|false";
    /// What to log: error, warn, info, debug, trace, or a filter such as "warn,gradd=debug".
    log_level: String = "info".to_owned(), "LEVEL";
    /// Form of the log lines: text or json.
    log_format: LogFormat = LogFormat::Text, "text|json";
    /// Collector that takes the spans of requests over OTLP, in protobuf over HTTP, such as `http://collector:4318`; empty
    /// sends none. `OTEL_EXPORTER_OTLP_ENDPOINT` sets it too, and `OTEL_EXPORTER_OTLP_HEADERS` what is sent beside.
    otlp_endpoint: Collector = Collector::default(), "URL";
    /// Name of this service in traces; `OTEL_SERVICE_NAME` sets it too.
    otlp_service_name: String = "gradd".to_owned(), "NAME";
    /// Part of the traces beginning here that is recorded, from 0 to 1. Of others their beginner decides.
    otlp_sampling_ratio: Ratio = Ratio::ALL, "RATIO";
    /// Nodes of a graph, or operations of an expression.
    max_nodes: NonZeroUsize = count(Limits::default().max_nodes), "N";
    /// Depth of brackets and calls in an expression.
    max_nesting: NonZeroUsize = count(Limits::default().max_nesting), "N";
    /// Boxes of a picture; of larger graphs a summary is drawn.
    max_drawn_nodes: NonZeroUsize = count(Limits::default().max_drawn_nodes), "N";
    /// Samples of a batch, rows of a data set.
    max_samples: NonZeroUsize = count(Limits::default().max_samples), "N";
    /// Weights and biases of an MLP, or parameters of an expression.
    max_parameters: NonZeroUsize = count(Limits::default().max_parameters), "N";
    /// Optimizer steps of one training run, or evaluations of one fit.
    max_steps: NonZeroUsize = count(Limits::default().max_steps), "N";
    /// Floating-point operations of one request, as estimated from its sizes.
    max_work: NonZeroUsize = count(Limits::default().max_work), "N";
    /// Bytes that all computations together may take beside their bodies, as estimated; more are refused with 429.
    max_memory: NonZeroUsize = count(Limits::default().max_memory), "BYTES";
}

impl Settings {
    /// The bounds that operations check.
    pub fn limits(&self) -> Limits {
        Limits {
            max_nodes: self.max_nodes.get(),
            max_nesting: self.max_nesting.get(),
            max_drawn_nodes: self.max_drawn_nodes.get(),
            max_samples: self.max_samples.get(),
            max_parameters: self.max_parameters.get(),
            max_steps: self.max_steps.get(),
            max_work: self.max_work.get(),
            max_memory: self.max_memory.get(),
            timeout: self.timeout,
        }
    }

    /// How many computations run at the same time, with 0 resolved to the number of cores.
    pub fn slots(&self) -> usize {
        match self.compute_slots {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            slots => slots,
        }
    }
}
