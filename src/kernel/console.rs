//! The console of the machine, as the standard streams of process 1.

use std::os::fd::AsRawFd;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Result;
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};

/// Makes the console the standard streams, without making it the controlling terminal: that is the workload's to have.
pub fn open() -> Result<()> {
    let console = openat(CWD, c"/dev/console", OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    dup2_stdin(&console)?;
    dup2_stdout(&console)?;
    dup2_stderr(&console)?;
    if console.as_raw_fd() <= 2 {
        // With the streams closed it is one of them itself, and stays.
        std::mem::forget(console);
    }
    Ok(())
}
