//! What is wanted of the machine: read from where it may be written down.

use rustix::fs::CWD;

use crate::input::cmdline::CommandLine;
use crate::input::settings::machine;
use crate::kernel::file;
use crate::life::boot::tell;
use crate::machine::Machine;

/// Reads the kernel command line; what makes no sense there is told and left out.
pub fn read() -> &'static Machine {
    let line = CommandLine::parse(&file::read_text(CWD, c"/proc/cmdline").unwrap_or_default());
    Box::leak(Box::new(machine(&line, &mut |error| tell::failure(&error))))
}
