//! All faults of a request, up to a bound.

use super::problem::{Fault, Kind, Problem};

/// Faults that are told at once; what comes after is only counted.
pub const MOST: usize = 20;

/// Longest piece of the request that a message repeats.
const LONGEST_QUOTE: usize = 80;

/// Collects faults while validation goes on.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<Fault>,
    more: usize,
}

impl Faults {
    /// Notes one fault at `pointer`. The text is made only while it will be told.
    pub(super) fn add(&mut self, pointer: impl FnOnce() -> String, detail: impl FnOnce() -> String) {
        if self.found.len() < MOST {
            self.found.push(Fault { detail: detail(), pointer: Some(pointer()), ..Fault::default() });
        } else {
            self.more += 1;
        }
    }

    /// A 422 that tells all faults, unless there are none.
    pub(super) fn into_result(self) -> Result<(), Problem> {
        let detail = match self.found.as_slice() {
            [] => return Ok(()),
            [only] => only.detail.clone(),
            [first, ..] if self.more > 0 => format!(
                "{} The request has {} faults, of which `errors` lists the first {MOST}.",
                first.detail,
                self.found.len() + self.more
            ),
            [first, ..] => {
                format!("{} The request has {} faults; see `errors`.", first.detail, self.found.len())
            }
        };
        Err(Problem { errors: self.found, ..Problem::new(Kind::INVALID_REQUEST, detail) })
    }
}

/// `text` between backticks, shortened where it is long.
pub(super) fn quote(text: &str) -> String {
    match text.char_indices().nth(LONGEST_QUOTE) {
        None => format!("`{text}`"),
        Some((end, _)) => format!("`{}…`", &text[..end]),
    }
}

/// Up to ten names, between backticks and with commas, then how many more there are.
pub(super) fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = names.into_iter();
    let mut text = names.by_ref().take(10).map(quote).collect::<Vec<_>>().join(", ");
    let more = names.count();
    if more > 0 {
        text += &format!(" and {more} more");
    }
    text
}
