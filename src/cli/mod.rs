//! The command line: one module per subcommand.

#![forbid(unsafe_code)]

mod any_certificate;
mod completions;
mod draw;
mod eval;
mod expression;
mod flags;
mod healthcheck;
mod key;
mod man;
mod openapi;
mod serve;
mod signals;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use gradd::server::Settings;
use gradd::server::settings::Sources;

use flags::Flags;

/// Settings or arguments that cannot be used, as clap itself has it.
const USAGE: u8 = 2;

const EXAMPLES: &str = "\
Without a command, gradd serves: `gradd --listen 0.0.0.0:8080` is `gradd serve --listen 0.0.0.0:8080`.

Examples:
  gradd                            serve on 127.0.0.1:8080
  gradd serve --help               every setting
  GRADD_QUEUE=16 gradd serve       a setting from the environment
  gradd eval 'sin(x)/x' x=0.5      outputs and gradients here, without a server
  gradd draw 'a*b' > graph.svg     its computation graph
  gradd openapi > openapi.yaml     the API for code generators
  gradd healthcheck                exit code 0 when the server answers
  gradd man | man -l -             the manual page; `gradd man serve` has the settings
  gradd key alice >> keys          an API key for `gradd --keys-file keys`

  curl --json '{\"expression\": \"a*b\", \"inputs\": {\"a\": 2, \"b\": -3}}' localhost:8080/v1/gradient";

const SETTINGS: &str = "\
Each setting has one name everywhere: --max-nodes on the command line, GRADD_MAX_NODES in the \
environment, max_nodes in the file. Flags win over the environment, the environment over the file, the file over \
the defaults.

SIGTERM or SIGINT drains: running requests finish within the grace period, then the exit code is 0. A second signal \
ends the process at once. SIGHUP reads the files of the keys, of the certificate and of the models again; one that cannot be used changes nothing.

Exit codes: 0 after draining, 1 when the address cannot be listened on, 2 when the settings or a file that they name \
cannot be used, 143 or 130 after a second SIGTERM or SIGINT.

Examples:
  gradd serve --listen 0.0.0.0:8080 --compute-slots 4
  gradd serve --config /etc/gradd.toml --log-format json";

/// Gradients over HTTP: exact derivatives and small trained models from one JSON request.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answer requests until told to stop (the default)
    #[command(after_help = SETTINGS)]
    Serve(Flags),
    /// Compute an expression and its gradients here, without a server
    Eval(eval::Arguments),
    /// Draw the computation graph of an expression as SVG
    Draw(draw::Arguments),
    /// Print the OpenAPI document
    Openapi(openapi::Arguments),
    /// Make an API key, and its line for the keys file
    Key(key::Arguments),
    /// Ask a running server on this machine whether it is alive: exit code 0 when it is, 1 when it is not
    Healthcheck(healthcheck::Arguments),
    /// Print a script that completes commands and settings in a shell
    Completions(completions::Arguments),
    /// Print a manual page in roff
    Man(man::Arguments),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let cli = Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit());
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(flags) => serve::run(flags),
        Command::Eval(arguments) => eval::run(&arguments),
        Command::Draw(arguments) => draw::run(&arguments),
        Command::Openapi(arguments) => openapi::run(&arguments),
        Command::Key(arguments) => key::run(&arguments),
        Command::Healthcheck(arguments) => healthcheck::run(arguments),
        Command::Completions(arguments) => completions::run(&arguments, command()),
        Command::Man(arguments) => man::run(&arguments, command()),
    }
}

/// The command line as clap has it.
fn command() -> clap::Command {
    // The settings are shown by `gradd serve --help`; here they would bury the commands.
    Settings::KEYS
        .iter()
        .fold(Cli::command(), |command, key| command.mut_arg(key.name, |argument| argument.hide(true)))
}

/// Writes to standard output. Not `print!`, which panics when the reader, say `head`, has gone away.
fn print(bytes: &[u8]) -> ExitCode {
    match io::stdout().write_all(bytes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gradd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Loads the settings; a mistake in them goes to standard error.
fn load(config: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Result<Settings, ExitCode> {
    Settings::load(&Sources::with_environment(config, flags)).map_err(|error| {
        eprintln!("gradd: {error}");
        ExitCode::from(USAGE)
    })
}
