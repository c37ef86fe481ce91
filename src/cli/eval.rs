//! `gradd eval`: outputs and gradients of an expression, without a server.

use std::process::ExitCode;

use clap::Args;
use gradd::api::{self, Context, Problem};
use serde_json::Value;

use super::expression::Expression;

const EXAMPLES: &str = "\
Examples:
  gradd eval 'tanh(x1*w1 + x2*w2 + b)' x1=2 x2=0 w1=-3 w2=1 b=6.8813735870195432
  gradd eval 'a = x**2; a * y' x=1,2,3 y=10
  gradd eval --json 'sin(x)/x' x=0.5";

/// What to compute.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    expression: Expression,
    /// Print the answer of POST /v1/gradient instead of a table
    #[arg(long)]
    json: bool,
}

/// Prints the answer; 1 if there is none.
pub fn run(arguments: &Arguments) -> ExitCode {
    match answer(arguments) {
        Ok(answer) if arguments.json => println!("{answer}"),
        Ok(answer) => print!("{}", table(&answer)),
        Err(problem) => {
            eprintln!("gradd: {}", problem.detail);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn answer(arguments: &Arguments) -> Result<Value, Problem> {
    let reply = arguments.expression.answer(api::gradient::answer, true, &Context::default())?;
    Ok(serde_json::from_slice(&reply.body).expect("answers are JSON"))
}

/// One row per name: outputs first, then the derivative with respect to each input.
fn table(answer: &Value) -> String {
    let rows: Vec<(String, String)> = [("outputs", ""), ("gradients", "d/d")]
        .into_iter()
        .flat_map(|(section, prefix)| {
            let columns = answer[section].as_object().into_iter().flatten();
            columns.map(move |(name, value)| (format!("{prefix}{name}"), value.to_string()))
        })
        .collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let line = |(name, value): &(String, String)| format!("{name:width$}  {value}\n");
    rows.iter().map(line).collect()
}
