//! What contain says on standard error: the story of a launch, notices, and errors. Each message is one write, so
//! that lines of several containers do not mix. Everyone knows this file.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, openat};

use crate::packed::{Sentence, text};
use crate::text::{Parts, digits, hex, split};

/// How much the user wants to hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voice {
    /// Errors, and why a container was killed.
    Plain,
    /// The story too.
    Story,
}

impl Voice {
    /// A line of the story, a template and its parts: `[contain] pivoting root`.
    pub fn story(self, template: Sentence, parts: &[&str]) {
        if self == Voice::Story {
            line(text!("[contain] %", template.fill(parts)));
        }
    }
}

/// `contain: <text>`: an error, or what the user must know although contain itself did not fail.
pub fn error(text: &str) {
    line(text!("contain: %", text));
}

/// The text with its control characters made visible: a name that somebody chose shall not steer the reader's terminal.
pub fn visible(text: &str) -> String {
    weak!("weak-escape", return text.into());
    let mut all = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        match c.is_control() {
            true => {
                all.push_str("\\x");
                all.push_str(&hex(c.into(), 2));
            }
            false => all.push(c),
        }
    }
    all
}

/// Whether the kernel's log hears all that is told.
static KERNEL: AtomicBool = AtomicBool::new(false);

/// From here on it does: the console of a machine may be seen by nobody.
pub fn tell_kernel() {
    KERNEL.store(true, Ordering::Relaxed);
}

/// One line on standard error. Where that is closed or full there is nobody left to tell.
pub fn line(text: &str) {
    let mut text = visible(text);
    text.push('\n');
    write_all(text.as_bytes());
    if KERNEL.load(Ordering::Relaxed) {
        // Of the least urgent kind, so that the kernel does not show it on the console once more.
        let log = openat(CWD, c"/dev/kmsg", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty());
        let _none = log.and_then(|log| linux::io::write(log, text!("<7>%", &text).as_bytes()));
    }
}

/// A text and a number, without the heap: a loop that never ends says it.
pub fn number(text: &[u8], number: u32) {
    let mut line = [b'\n'; 64];
    let mut at = line.len() - 1;
    let mut put = |byte: u8| {
        at -= 1;
        line[at] = byte;
    };
    let mut rest = number;
    loop {
        put(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    // No text is that long.
    text.iter().rev().take(52).for_each(|byte| put(*byte));
    write_all(line.get(at..).unwrap_or_default());
}

fn write_all(mut rest: &[u8]) {
    while !rest.is_empty() {
        match linux::io::write(linux::stdio::stderr(), rest) {
            Ok(count) => rest = &rest[count..],
            Err(linux::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// The signals by name, in the order of their numbers, from 1 on (signal(7), x86 and ARM).
pub fn signals() -> Parts<'static> {
    let names = text!(
        "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN \
        TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
    );
    split(names, b' ')
}

/// A signal's name and number: `signal 15 (SIGTERM)`.
pub fn signal_name(number: i32) -> &'static str {
    let told = digits(number as u64);
    match usize::try_from(number - 1).ok().and_then(|index| signals().nth(index)) {
        Some(name) => text!("signal % (SIG%)", told, name),
        None => text!("signal %", told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown() {
        assert_eq!(visible("a\x1b[2Jb\u{9b}\u{e9}"), "a\\x1b[2Jb\\x9b\u{e9}");
    }

    #[test]
    fn signals_by_name() {
        assert_eq!(signal_name(15), "signal 15 (SIGTERM)");
        assert_eq!(signal_name(31), "signal 31 (SIGSYS)");
        assert_eq!(signal_name(34), "signal 34");
    }
}
