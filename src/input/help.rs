//! The texts of `contain help`, which stand in `help.txt`. Which options a command takes is read off them. The binary has
//! them packed (`build.rs`), which is 3 KB less.

use crate::input::args::Command;
use crate::text::{lines, place, split};

pub use packed::NAMES;

mod packed {
    use super::Command;

    include!(concat!(env!("OUT_DIR"), "/help.rs"));
}

/// The options that stand before a command.
pub const GLOBAL: &str = "  -h, --help\n  -V, --version\n  --root DIR\n";

/// The text of a byte of packed ones: a character, or two more of these.
fn unpack(byte: u8, text: &mut String) {
    match byte.checked_sub(128).and_then(|code| packed::PAIRS.get(usize::from(code))) {
        Some(pair) => pair.iter().for_each(|byte| unpack(*byte, text)),
        None => text.push(char::from(byte)),
    }
}

/// The help text of a command.
pub fn topic(command: &str) -> Option<&'static str> {
    self::command(command).map(|(_, text)| text)
}

/// A command that there is, with its help text.
pub fn command(name: &str) -> Option<(Command, &'static str)> {
    let (command, packed) = packed::COMMANDS[place(NAMES, name.as_bytes())?];
    let mut text = String::with_capacity(4 * packed.len());
    packed.iter().for_each(|byte| unpack(*byte, &mut text));
    Some((command, text.leak()))
}

/// The flags that a help text lists: the words that begin with a dash in its option lines.
pub fn flags(text: &'static str) -> impl Iterator<Item = &'static str> {
    let lines = text.as_bytes().split(|b| *b == b'\n').filter(|line| line.starts_with(b"  -"));
    let words = lines.flat_map(|line| line.split(|b| !b.is_ascii_alphanumeric() && *b != b'-'));
    // The words are ASCII.
    words.filter(|word| word.starts_with(b"-")).map(|word| std::str::from_utf8(word).unwrap_or_default())
}

/// The long form of a flag, where a help text lists it: `--memory` for itself, and for the `-m` before it.
pub fn long(text: &'static str, flag: &str) -> Option<&'static str> {
    let mut letter = false;
    flags(text).find(|found| {
        let is_it = found.starts_with("--") && (letter || *found == flag);
        letter = *found == flag;
        is_it
    })
}

/// What a help text calls the value of a flag, `DIR` or `none|host`; `None` where the flag takes none.
pub fn value(text: &'static str, flag: &str) -> Option<&'static str> {
    let line = lines(text).find(|line| line.starts_with("  -") && split(line, b' ').any(|word| is(word, flag)))?;
    // `-t, --time TIME   how long`, `--pid host  --ipc host`: it ends where there are two blanks, or the line does.
    let mut words = split(line, b' ').skip_while(|word| !is(word, flag)).take_while(|word| !word.is_empty());
    words.by_ref().find(|word| !word.ends_with(',') && word.starts_with('-'))?;
    words.last()
}

fn is(word: &str, flag: &str) -> bool {
    word.strip_suffix(',').unwrap_or(word) == flag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_flags() {
        let all: Vec<_> = flags(topic("run").unwrap()).collect();
        for flag in ["--rootfs", "-m", "--memory", "--volume", "--env", "--ipc", "--uts", "--dry-run", "--cpu", "-h"] {
            assert!(all.contains(&flag), "{flag} in {all:?}");
        }
    }

    #[test]
    fn tells_flags_with_values() {
        for (flag, kind) in [
            ("--rootfs", Some("DIR")),
            ("-m", Some("SIZE")),
            ("--memory", Some("SIZE")),
            ("--cpu", Some("PERIOD]")),
            ("--net", Some("none|host")),
            ("--uts", Some("host")),
            ("-w", Some("DIR")),
            ("-d", None),
            ("--detach", None),
            ("--read-only", None),
            ("--init", None),
            ("-h", None),
            ("--nosuch", None),
        ] {
            assert_eq!(value(topic("run").unwrap(), flag), kind, "{flag}");
        }
        assert_eq!((value(topic("kill").unwrap(), "-s"), value(GLOBAL, "--root")), (Some("SIGNAL"), Some("DIR")));
    }

    #[test]
    fn texts_fit_a_terminal() {
        for name in lines(NAMES) {
            let text = topic(name).unwrap_or_default();
            assert!(text.lines().all(|line| line.len() < 80), "{text}");
        }
    }
}
