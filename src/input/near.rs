//! The nearest known word to a mistyped one, for "did you mean".

use crate::error::Error;
use crate::packed::text;

/// The known word that takes the fewest edits.
pub struct Near<'a> {
    word: &'a str,
    nearest: &'static str,
    edits: usize,
}

impl<'a> Near<'a> {
    pub fn to(word: &'a str) -> Self {
        Near { word, nearest: "", edits: usize::MAX }
    }

    pub fn consider(&mut self, known: &'static str) {
        let edits = distance(self.word.as_bytes(), known.as_bytes());
        if edits < self.edits {
            (self.nearest, self.edits) = (known, edits);
        }
    }

    /// The error that the word is none of them.
    pub fn unknown(self, sentence: &'static str) -> Error {
        Error::usage(sentence).with_hint(self.hint())
    }

    /// The question that is asked where there is a near one; else empty.
    pub fn hint(&self) -> &'static str {
        self.nearest().map_or("", |nearest| text!("did you mean %?", nearest))
    }

    /// The nearest where the edits are few for the word's length.
    pub fn nearest(&self) -> Option<&'static str> {
        let Near { word, nearest, edits } = *self;
        // A letter is near to every other.
        (word.len() > 2 && edits <= nearest.len().min(word.len()) / 3 + 1).then_some(nearest)
    }
}

/// Levenshtein's distance: insertions, deletions and replacements of one byte.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row = vec![0; b.len() + 1];
    row.iter_mut().enumerate().for_each(|(j, cell)| *cell = j);
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
        let hint = |word| {
            let mut near = Near::to(word);
            ["memory", "memory-swap", "pids", "hostname", "cpu", "cpus"].iter().for_each(|known| near.consider(known));
            near.unknown("").hint().to_string()
        };
        for (word, meant) in [("memroy", "memory"), ("pid", "pids"), ("host-name", "hostname")] {
            assert_eq!(hint(word), format!("did you mean {meant}?"), "{word}");
        }
        assert_eq!((hint("mem"), hint("zzzzzz")), (String::new(), String::new()));
    }
}
