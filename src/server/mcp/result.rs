//! An answer or a problem as the result of a tool.

use std::fmt::Write as _;

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::Value;

use crate::api::format::Format;
use crate::api::{Fault, Problem};
use crate::server::answer::Answer;

/// JSON as text, for assistants that read, and as values, for programs. A picture is its SVG as text: of images most assistants
/// take pixels only.
pub fn of_answer(answer: &Answer) -> CallToolResult {
    let text = String::from_utf8_lossy(&answer.body);
    let is_json = Format::of(answer.content_type) == Some(Format::Json);
    let mut result = CallToolResult::success(vec![ContentBlock::text(text)]);
    result.structured_content = is_json.then(|| serde_json::from_slice(&answer.body).ok()).flatten();
    result
}

/// An error that an assistant can mend its call by: what is wrong, where in the arguments, and the remedy.
pub fn of_problem(problem: &Problem) -> CallToolResult {
    let mut result = CallToolResult::error(vec![ContentBlock::text(told(problem))]);
    let mut structured = serde_json::to_value(problem).unwrap_or_default();
    if let (Value::Object(members), Some(seconds)) = (&mut structured, problem.retry_after) {
        // The header of a route's answer.
        members.insert("retry_after".to_owned(), seconds.into());
    }
    result.structured_content = Some(structured);
    result
}

fn told(problem: &Problem) -> String {
    let mut text = problem.detail.clone();
    for Fault { detail, pointer, .. } in &problem.errors {
        let Some(pointer) = pointer else { continue };
        // A pointer to the whole is empty.
        let place = if pointer.is_empty() { "the arguments" } else { pointer };
        let _ = if text.contains(detail.as_str()) {
            write!(text, "\nIn {place}.")
        } else {
            write!(text, "\nIn {place}: {detail}")
        };
    }
    if let Some(seconds) = problem.retry_after {
        let _ = write!(text, "\nTry again in {seconds} s.");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    #[test]
    fn a_problem_tells_every_place_and_when_to_try_again() {
        let fault = |pointer: &str, detail: &str| Fault {
            detail: detail.to_owned(),
            pointer: Some(pointer.to_owned()),
            ..Fault::default()
        };
        let problem = Problem {
            errors: vec![
                fault("/inputs/x", "Too much."),
                fault("/wrt", "No such input."),
                fault("", "More."),
            ],
            retry_after: Some(3),
            ..Problem::new(Kind::BUSY, "Too much.")
        };
        let text =
            "Too much.\nIn /inputs/x.\nIn /wrt: No such input.\nIn the arguments: More.\nTry again in 3 s.";
        assert_eq!(told(&problem), text);
        let structured = of_problem(&problem).structured_content.expect("a problem");
        assert_eq!((&structured["status"], &structured["retry_after"]), (&429.into(), &3.into()));
    }
}
