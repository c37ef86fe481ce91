//! The `gradd` command.

fn main() {}
