//! `gradd completions SHELL`.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::print;

/// For which shell.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the script that completes `command` in the shell.
pub fn run(arguments: &Arguments, mut command: Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "gradd", &mut script);
    print(&script)
}
