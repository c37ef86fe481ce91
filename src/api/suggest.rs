//! "Did you mean": the end of a sentence about an unknown name.

use crate::engine::suggest::closest;

/// Longest word that is compared; a longer one is no typing mistake.
const LONGEST: usize = 64;
/// Most words it is compared with, so that a large graph with many unknown names stays cheap to refuse.
const MOST: usize = 1_000;

/// The word of `known` that was probably meant.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > LONGEST {
        return None;
    }
    closest(word, known.into_iter().filter(|candidate| candidate.len() <= LONGEST).take(MOST))
}

/// ``; did you mean `x`?``, or a full stop.
pub(super) fn ending<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(word, known).map_or_else(|| ".".to_owned(), |meant| format!("; did you mean `{meant}`?"))
}
