//! The standard streams of a container whose output is logged.
//!
//! A detached container has the log files themselves, and nobody has to copy. Where its output goes to the caller as well,
//! or the files are to be rotated, it has pipes, and the supervisor writes the files: a file that the container holds open
//! cannot be rotated, since it would go on writing to the one that was renamed, or lose what it writes while it is cut.

use std::os::fd::OwnedFd;

use crate::linux::fs::{CWD, Mode, OFlags, Uid, fchown, openat};
use crate::linux::io::fcntl_dupfd_cloexec;
use crate::linux::pipe::{PipeFlags, pipe_with};
use crate::linux::stdio::stdin;

use crate::error::{Error, Result};
use crate::input::args::written::{Flag, Number, Written};
use crate::kernel::terminal;
use crate::log;
use crate::packed::{sentence, text};
use crate::spec::Spec;
use crate::state::log::{Log, NAMES};
use crate::state::{Entry, Root};
use crate::supervise::tee::{Reader, Stream};

#[derive(Default)]
pub struct Streams {
    /// For the container: standard input, output and error, or just error where it has a terminal.
    pub given: Vec<OwnedFd>,
    /// What is read from it.
    pub pipes: Vec<Stream>,
    pub logs: Logs,
}

/// The log files that the supervisor writes.
#[derive(Default)]
pub struct Logs {
    files: Vec<(Log, &'static str)>,
    /// It was said that they cannot be written.
    told: bool,
}

/// Which outputs are not the caller's own, 0 and 1 being standard output and error, a bit for each. Those of a terminal pass by here anyway.
pub fn redirected(run: &Written, tty: bool) -> u8 {
    match tty {
        _ if !run.has(Flag::Log) && !run.has(Flag::Detach) => 0,
        false => 0b11,
        // A standard error that the caller sent elsewhere stays there, see kernel/terminal.rs, adopt.
        true if terminal::is_error() => 0,
        true => 0b10,
    }
}

impl Streams {
    /// Opens what a container needs whose output is logged.
    pub fn open(&mut self, run: &Written, spec: &Spec, (root, entry): (&Root, &Entry)) -> Result<()> {
        let failed = |errno| Error::os(sentence!("open the container's standard streams"), errno);
        if !spec.tty {
            let input = match run.has(Flag::Detach) {
                true => openat(CWD, c"/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()),
                false => fcntl_dupfd_cloexec(stdin(), 3),
            };
            self.given.push(input.map_err(failed)?);
        }
        let direct = run.has(Flag::Detach) && run.number(Number::LogMax).is_none();
        let redirected = redirected(run, spec.tty);
        for (number, names) in NAMES.iter().enumerate() {
            let path = root.file(entry.id, names.current);
            let failed_here = |errno| Error::os(text!("open %", &path), errno);
            if direct {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::APPEND;
                self.given.push(entry.open_harmless(names.current, flags).map_err(failed_here)?);
                continue;
            }
            let log = Log::open(entry, names, run.number(Number::LogMax).unwrap_or(u64::MAX)).map_err(failed_here)?;
            self.logs.files.push((log, path));
            if redirected & 1 << number != 0 {
                let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(failed)?;
                let reader = if run.has(Flag::Detach) { Reader::Never } else { Reader::Here };
                self.pipes.push(Stream::new(number, ours, reader).map_err(failed)?);
                self.given.push(theirs);
            }
        }
        for output in self.given.iter().skip(usize::from(!spec.tty)) {
            // For its user to open as /dev/stdout; one that cannot be given away can still be written to.
            let _ours = fchown(output, Some(Uid::from_raw(spec.user.uid)), None);
        }
        Ok(())
    }
}

impl Logs {
    /// Writes down what the container printed; says whether that could be done.
    pub fn write(&mut self, number: usize, bytes: &[u8]) -> bool {
        let Some((log, path)) = self.files.get_mut(number) else { return false };
        let written = log.write(bytes);
        if let Err(errno) = written
            && !std::mem::replace(&mut self.told, true)
        {
            let error = Error::os(text!("write %", path), errno);
            log::error(text!("%: what does not fit is left out, and the container goes on", error.sentence()));
        }
        written.is_ok()
    }
}
