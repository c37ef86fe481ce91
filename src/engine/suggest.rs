//! "Did you mean": the closest of the known names.

/// The candidate nearest to `word` by edit distance, if one is near enough to be a slip of the keyboard; of two equally
/// near ones, that of the same length.
pub fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let length = word.chars().count();
    let allowed = (length / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, candidate)| (*distance, candidate.chars().count() != length))
        .map(|(_, candidate)| candidate)
}

/// Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment), row by row.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
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
    use super::closest;

    #[test]
    fn finds_the_word_that_was_meant() {
        let known = ["tan", "tanh", "sigmoid", "add", "sub"];
        for (typed, meant) in [("tanhh", "tanh"), ("tahn", "tanh"), ("Sigmoid", "sigmoid"), ("sigmiod", "sigmoid")] {
            assert_eq!(closest(typed, known), Some(meant));
        }
        assert_eq!(closest("convolve", known), None);
    }
}
