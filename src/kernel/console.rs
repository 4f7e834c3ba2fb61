//! The console of the machine, as the standard streams of process 1.

use std::os::fd::AsRawFd;

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::{Errno, Result};
use crate::linux::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin};
use crate::linux::termios::isatty;

use crate::kernel::file;
use crate::sys::tty::hang_up;
use crate::text::{Word, kept_two, words};

/// Makes the console the standard streams, without making it the controlling terminal: that is the workload's to have. Where
/// there is none, or it is dead, they lead nowhere; the error says why.
pub fn open() -> Result<()> {
    // With the streams closed it is one of them itself, which a program that is executed is to have.
    let open = |path: Word, flags| openat(CWD, path, flags | OFlags::NOCTTY, Mode::empty());
    let console = open(c"/dev/console", OFlags::RDWR);
    let failed = console.as_ref().map(|_| ()).map_err(|errno| *errno);
    // No directory can be written to or read from, but it takes the numbers 0 to 2 that nothing else may get.
    let console = console
        .or_else(|_| open(last(), OFlags::RDWR))
        .or_else(|_| open(c"/dev/null", OFlags::RDWR))
        .or_else(|_| open(c"/", OFlags::RDONLY))?;
    dup2_stdin(&console)?;
    dup2_stdout(&console)?;
    dup2_stderr(&console)?;
    if console.as_raw_fd() <= 2 {
        std::mem::forget(console);
    }
    if is_there() { Ok(()) } else { failed.and(Err(Errno::NOTTY)) }
}

/// Takes it from whoever has it for a terminal, so that a shell can.
pub fn seize() -> Result<()> {
    let _none = hang_up(stdin());
    open()
}

/// Whether somebody can be talked to.
pub fn is_there() -> bool {
    isatty(stdin())
}

/// The device that /dev/console stands for: the last of the consoles that are in use.
fn last() -> Word {
    let active = file::read_text(CWD, c"/sys/class/tty/console/active").unwrap_or_default();
    kept_two(b"/dev/", words(active).last().unwrap_or(&"null").as_bytes())
}
