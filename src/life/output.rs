//! What contain itself prints on standard output, all of it or an error: nothing is lost in silence.

use crate::linux;
use crate::linux::io::Errno;
use crate::linux::stdio::stdout;

use crate::error::{Error, Result};
use crate::log;
use crate::packed::{sentence, text};

/// Writes the text; the exit status of a command that was to do no more. A reader that has gone (EPIPE) wanted no more, which
/// is no error.
pub fn print(text: &str) -> Result<u8> {
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        match linux::io::write(stdout(), rest) {
            Ok(count) => rest = &rest[count..],
            Err(Errno::INTR) => {}
            Err(Errno::PIPE) => break,
            Err(errno) => return Err(Error::os(sentence!("write to standard output"), errno)),
        }
    }
    Ok(0)
}

/// Says what went wrong and what would be right; the exit status of that.
pub fn fail(error: &Error) -> u8 {
    log::error(error.sentence());
    if !error.hint().is_empty() {
        log::line(text!("hint: %", error.hint()));
    }
    error.status()
}

/// Makes sure that 0, 1 and 2 are open, so that nothing else ever gets these numbers. A closed standard output is an
/// error: what the command prints would be lost.
pub fn require_streams() -> Result<()> {
    use linux::fs::{CWD, Mode, OFlags, openat};
    use linux::io::{FdFlags, fcntl_getfd};
    use linux::stdio::{stderr, stdin};
    let is_open = |result: linux::io::Result<FdFlags>| result != Err(Errno::BADF);
    if !is_open(fcntl_getfd(stdout())) {
        return Err(Error::new(sentence!("standard output is closed: open it, or send it to /dev/null")));
    }
    // openat gives the lowest free number: the closed one, since those below it are open.
    for _closed in [stdin(), stderr()].into_iter().filter(|stream| !is_open(fcntl_getfd(stream))) {
        let null = openat(CWD, c"/dev/null", OFlags::RDWR, Mode::empty());
        match null {
            Ok(null) => std::mem::forget(null),
            Err(errno) => return Err(Error::os(sentence!("open /dev/null in place of a closed stream"), errno)),
        }
    }
    Ok(())
}
