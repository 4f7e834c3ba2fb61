//! What contain says on standard error: the story of a launch, notices, and errors. Each message is one write, so
//! that lines of several containers do not mix. Everyone knows this file; it knows nobody.

use std::fmt::Arguments;

/// How much the user wants to hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Voice {
    /// Errors only.
    Quiet,
    /// Errors and notices: why a container was killed.
    Plain,
    /// The story too.
    Story,
}

impl Voice {
    /// A line of the story: `[contain] pivoting root`.
    pub fn story(self, text: Arguments<'_>) {
        if self == Voice::Story {
            line(format_args!("[contain] {text}"));
        }
    }

    /// Something the user must know although nothing failed in contain itself.
    pub fn notice(self, text: Arguments<'_>) {
        if self != Voice::Quiet {
            error(text);
        }
    }
}

/// `contain: <text>`, whatever the voice.
pub fn error(text: Arguments<'_>) {
    line(format_args!("contain: {text}"));
}

/// One line on standard error. Where that is closed or full there is nobody left to tell.
pub fn line(text: Arguments<'_>) {
    let text = format!("{text}\n");
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stderr(), rest) {
            Ok(count) => rest = &rest[count..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// A signal's name and number: `signal 15 (SIGTERM)`.
pub fn signal_name(number: i32) -> String {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ];
    match usize::try_from(number - 1).ok().and_then(|index| NAMES.get(index)) {
        Some(name) => format!("signal {number} (SIG{name})"),
        None => format!("signal {number}"),
    }
}
