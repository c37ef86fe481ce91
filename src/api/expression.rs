//! From the text of an expression to a computation.

use std::sync::Arc;

use crate::engine::text::{ParseError, ParseErrorKind, ParseLimits, parse_until};

use super::computation::{Computation, resolve_outputs};
use super::context::{Context, Limits};
use super::faults::Faults;
use super::names::Names;
use super::problem::{Fault, Kind, Problem};
use super::text::Text;

/// Parses `source`. A name in `inputs` is an input even where it is also a constant's. Without `outputs`, the output is
/// the last statement.
pub(super) fn parse_expression<'a, 'i>(
    source: &str,
    inputs: impl IntoIterator<Item = &'i str>,
    outputs: Option<&[Text<'a>]>,
    context: &Context,
) -> Result<Computation<'a>, Problem> {
    let Limits { max_nodes, max_nesting, .. } = context.limits;
    let bounds = ParseLimits { max_nodes, max_nesting };
    let names: Vec<String> = inputs.into_iter().map(str::to_owned).collect();
    let program = parse_until(source, names.iter().map(String::as_str), bounds, &context.interrupt)
        .map_err(|error| problem(&error))?;
    let outputs = match outputs {
        None => vec![(program.output.0.into(), program.output.1)],
        Some(asked) => {
            let mut faults = Faults::default();
            let find = |name: &str| program.names.get(name).copied();
            let known = || program.names.keys().map(String::as_str);
            let outputs = resolve_outputs(asked, find, known, &mut faults);
            faults.into_result()?;
            outputs
        }
    };
    Ok(Computation {
        graph: Arc::new(program.graph),
        outputs,
        names: Arc::new(Names::Expression(program.names)),
        inline: Vec::new(),
        prepared: None,
    })
}

fn problem(error: &ParseError) -> Problem {
    let (line, column) = (error.line, error.column);
    let fault = Fault {
        detail: error.to_string(),
        pointer: Some("/expression".to_owned()),
        line: Some(line),
        column: Some(column),
    };
    let stop = if error.to_string().ends_with('?') { "" } else { "." };
    let detail = format!("Line {line}, column {column}: {error}{stop}\n{}", error.excerpt);
    let problem = match error.kind {
        ParseErrorKind::Syntax(_) => Problem::new(Kind::SYNTAX, detail),
        ParseErrorKind::Nesting { limit } => over("max_nesting", limit, detail),
        ParseErrorKind::Nodes { limit } => over("max_nodes", limit, detail),
        ParseErrorKind::Interrupted(interrupted) => return interrupted.into(),
    };
    Problem { errors: vec![fault], ..problem }
}

/// How far the text goes beyond the limit is not known: reading stops there.
fn over(setting: &'static str, limit: usize, detail: String) -> Problem {
    Problem::limit(setting, limit as u64, limit as u64 + 1, detail)
}
