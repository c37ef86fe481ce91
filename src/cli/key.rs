//! `gradd key NAME`: a new API key.

use std::process::ExitCode;

use clap::Args;
use gradd::server::keys::Key;

use super::USAGE;

/// For whom.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Name of the key in the logs: letters, digits and -_.@
    name: String,
}

/// Writes the key to standard error and its line for the keys file to standard output, so that `>> keys` keeps only the
/// latter.
pub fn run(arguments: &Arguments) -> ExitCode {
    match Key::generate(&arguments.name) {
        Ok((text, key)) => {
            eprintln!("The key, which is shown only now: {text}\nIts line for the keys file:");
            println!("{key}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("gradd: {error}");
            ExitCode::from(USAGE)
        }
    }
}
