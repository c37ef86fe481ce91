//! An expression with values on the command line, for the commands that compute without a server.

use clap::Args;
use gradd::api::{Context, Operation, Problem, Reply};
use serde_json::{Map, Value, json};

/// What to compute.
#[derive(Debug, Args)]
pub struct Expression {
    /// The expression
    expression: String,
    /// Inputs as name=number, or name=number,number,... for an array of samples
    #[arg(value_parser = input, allow_hyphen_values = true)]
    inputs: Vec<(String, Value)>,
}

fn input(argument: &str) -> Result<(String, Value), String> {
    let (name, numbers) = argument.split_once('=').ok_or("write an input as name=number")?;
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("{text:?} is not a number"));
    let value = match numbers.split_once(',') {
        None => json!(number(numbers)?),
        Some(_) => json!(numbers.split(',').map(number).collect::<Result<Vec<f64>, String>>()?),
    };
    Ok((name.to_owned(), value))
}

impl Expression {
    /// Whether any input has a value.
    pub fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// The answer of the route itself, so that both say the same. Without `with_inputs` the request has no such member.
    pub fn answer(
        &self,
        operation: Operation,
        with_inputs: bool,
        context: &Context,
    ) -> Result<Reply, Problem> {
        let mut inputs = Map::new();
        for (name, value) in &self.inputs {
            if inputs.insert(name.clone(), value.clone()).is_some() {
                return Err(Problem::at(
                    format!("/inputs/{name}"),
                    format!("the input {name} is given twice; keep one"),
                ));
            }
        }
        let mut request = json!({"expression": self.expression});
        if with_inputs {
            request["inputs"] = Value::Object(inputs);
        }
        operation(request.to_string().as_bytes(), context)
    }
}
