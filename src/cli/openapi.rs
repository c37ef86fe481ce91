//! `gradd openapi`.

use std::process::ExitCode;

use clap::Args;
use gradd::api::openapi;

use super::print;

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
    print(format!("{document}{end}").as_bytes())
}
