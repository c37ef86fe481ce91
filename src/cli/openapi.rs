//! `gradd openapi`.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use gradd::api::openapi;

/// In which form.
#[derive(Args, Debug)]
pub struct Arguments {
    /// As JSON instead of YAML
    #[arg(long)]
    json: bool,
}

/// Writes the document to standard output.
pub fn run(arguments: &Arguments) -> ExitCode {
    let document = if arguments.json { openapi::json() } else { openapi::yaml() };
    let end = if document.ends_with('\n') { "" } else { "\n" };
    // Not `print!`, which panics when the reader, say `head`, has gone away.
    match write!(io::stdout(), "{document}{end}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gradd: {error}");
            ExitCode::FAILURE
        }
    }
}
