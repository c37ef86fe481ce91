//! "Did you mean": the known word nearest to a mistyped one.

/// Longest word that is compared; a longer one is no typing mistake.
const LONGEST: usize = 64;

/// The word of `known` nearest to `word`, if it is near enough to be what was meant: a third of its letters may be wrong,
/// or only the case.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if letters.len() > LONGEST {
        return None;
    }
    let within = (letters.len().max(3) / 3).min(3);
    known
        .into_iter()
        .filter_map(|candidate| {
            let distance =
                if candidate.eq_ignore_ascii_case(word) { 0 } else { edit_distance(&letters, candidate) };
            (distance <= within).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `; did you mean `x`?`, or nothing.
pub(super) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |found| format!("; did you mean `{found}`?"))
}

/// Least number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn edit_distance(a: &[char], b: &str) -> usize {
    let b: Vec<char> = b.chars().take(LONGEST + 1).collect();
    if b.len() > LONGEST {
        return usize::MAX;
    }
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["tanh", "tan", "sigmoid", "add", "sub"];
        for (typed, meant) in
            [("tanhh", "tanh"), ("tnah", "tanh"), ("Sigmoid", "sigmoid"), ("sigmiod", "sigmoid")]
        {
            assert_eq!(nearest(typed, known), Some(meant));
        }
    }

    #[test]
    fn stays_silent_where_nothing_is_near() {
        assert_eq!(nearest("convolve", ["tanh", "add"]), None);
        assert_eq!(nearest(&"t".repeat(1000), ["tanh"]), None);
    }
}
