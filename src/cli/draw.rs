//! `gradd draw`: the computation graph of an expression, without a server.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use gradd::api::picture::PictureFormat;
use gradd::api::{self, Context};

use super::expression::Expression;

const EXAMPLES: &str = "\
Without inputs the boxes have no numbers.

Examples:
  gradd draw 'n = x*w + b; o = tanh(n)' x=2 w=-3 b=6.5 > graph.svg
  gradd draw --dot 'a*b + c' | dot -Tpng > graph.png";

/// What to draw.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    expression: Expression,
    /// Write the language of Graphviz instead of SVG
    #[arg(long)]
    dot: bool,
}

/// Writes the picture to standard output; 1 if there is none.
pub fn run(arguments: &Arguments) -> ExitCode {
    let picture = if arguments.dot { PictureFormat::Dot } else { PictureFormat::Svg };
    let context = Context { picture, ..Context::default() };
    let with_inputs = arguments.expression.has_inputs();
    match arguments.expression.answer(api::draw::answer, with_inputs, &context) {
        Ok(reply) => match io::stdout().write_all(&reply.body) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("gradd: {error}");
                ExitCode::FAILURE
            }
        },
        Err(problem) => {
            eprintln!("gradd: {}", problem.detail);
            ExitCode::FAILURE
        }
    }
}
