//! The nearest known word to a mistyped one, for "did you mean".

/// The candidate that takes the fewest edits, where that is few for its length.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A letter is near to every other.
    candidates
        .into_iter()
        .filter(|_| word.len() > 2)
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .min_by_key(|(edits, _)| *edits)
        .filter(|(edits, candidate)| *edits <= candidate.len().min(word.len()) / 3 + 1)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions and replacements of one byte.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let flags = ["memory", "memory-swap", "pids", "hostname", "cpu", "cpus"];
        for (word, meant) in
            [("memroy", Some("memory")), ("mem", None), ("pid", Some("pids")), ("host-name", Some("hostname"))]
        {
            assert_eq!(nearest(word, flags), meant, "{word}");
        }
        assert_eq!(nearest("zzzzzz", flags), None);
    }
}
