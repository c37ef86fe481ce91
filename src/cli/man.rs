//! `gradd man`: manual pages, from the same words as `--help`.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_mangen::Man;

use super::{USAGE, print};

/// Of what.
#[derive(Args, Debug)]
pub struct Arguments {
    /// A command; without one, the page of gradd itself
    command: Option<String>,
}

/// Prints the page in roff, for man(1).
pub fn run(arguments: &Arguments, mut gradd: Command) -> ExitCode {
    gradd.build();
    let command = match &arguments.command {
        None => gradd,
        Some(name) => match gradd.find_subcommand(name) {
            Some(command) => command.clone().name(format!("gradd-{name}")),
            None => {
                eprintln!("gradd: there is no command {name:?}; `gradd help` lists them");
                return ExitCode::from(USAGE);
            }
        },
    };
    let mut page = Vec::new();
    match Man::new(command).render(&mut page) {
        Ok(()) => print(&page),
        Err(error) => {
            eprintln!("gradd: the page could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}
