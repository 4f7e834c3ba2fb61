//! What the child becomes: the program, by the paths that are tried in turn, and the line that shows it.

use crate::log::visible;
use crate::text::{Word, kept_below, shown, split};

/// What the child becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Paths to try in turn: one, or one for each directory of PATH.
    pub candidates: Vec<Word>,
    pub arguments: &'static [Word],
    pub environment: &'static [Word],
    /// Execute contain itself as the container's init, which is given the arguments.
    pub init: bool,
}

impl Program {
    pub(super) fn of(arguments: &'static [Word], environment: &'static [Word], init: bool) -> Program {
        let candidates = if init { Vec::new() } else { candidates(arguments[0], environment) };
        Program { candidates, arguments, environment, init }
    }
}

/// The paths that execvp(3) would try: the word itself where it has a slash, else below each directory of PATH.
pub fn candidates(command: Word, environment: &[Word]) -> Vec<Word> {
    let word = command.to_bytes();
    let mut candidates = Vec::new();
    if word.contains(&b'/') || word.is_empty() {
        candidates.push(command);
        return candidates;
    }
    let all = environment.iter().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH=")).unwrap_or(b"/bin:/usr/bin");
    for directory in all.split(|b| *b == b':') {
        // An empty entry means the working directory (environ(7)).
        let directory = if directory.is_empty() { b"." } else { directory };
        candidates.push(kept_below(directory, word));
    }
    candidates
}

/// A command line as a shell would take it.
pub fn shell_line(words: &[Word]) -> &'static str {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(&b);
    let mut all = String::new();
    for word in words {
        if !all.is_empty() {
            all.push(' ');
        }
        let word = shown(word);
        if !word.is_empty() && word.bytes().all(plain) {
            all.push_str(word);
            continue;
        }
        let told = visible(word);
        let (opening, quote) = if word == told { ("'", r"'\''") } else { ("$'", "'") };
        let mut before = opening;
        for part in split(&told, b'\'') {
            all.push_str(before);
            all.push_str(part);
            before = quote;
        }
        all.push('\'');
    }
    all.leak()
}
