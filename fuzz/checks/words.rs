//! Any words, with NULs between, as a command line: they are taken, or refused with one sentence.

use crate::input::args::{is_command, parse};
use crate::text::kept;

pub fn check(bytes: &[u8]) {
    let words: Vec<_> = bytes.split(|b| *b == 0).map(|word| kept(&[word])).collect();
    let first = words[0];
    match parse(words) {
        // Completion asks by a name that nobody types.
        Ok(_) => assert!(is_command(first) || first == c"__complete", "{first:?} is taken, but no command"),
        Err(error) => assert!(!error.sentence().is_empty()),
    }
}
