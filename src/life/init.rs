//! `contain init`: the first process of a container, or a subreaper where it is not number 1.

use std::ffi::{CString, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStringExt;

use rustix::process::Signal;

use crate::error::{Error, NOT_EXECUTABLE, Result};
use crate::kernel::{program, root};
use crate::plan::candidates;
use crate::supervise::Outcome;
use crate::supervise::reaper::{self, Over, Workload};
use crate::supervise::signals::Signals;

/// Runs the command, reaps whatever is left behind, and tells the command's status.
pub fn init(words: Vec<OsString>, environment: &[OsString]) -> Result<u8> {
    if rustix::process::getpid() != rustix::process::Pid::INIT {
        reaper::become_subreaper()?;
    }
    let signals = Signals::take()?;
    let environment = arguments(environment.to_vec())?;
    match look_after(&arguments(words)?, &environment, &signals, &[])? {
        Over::Ended(outcome) => Ok(outcome.status()),
        Over::Asked(signal) => Ok(Outcome::Killed(signal.as_raw()).status()),
    }
}

/// Runs the command to its end, or says why it could not be executed.
pub fn look_after(
    arguments: &[CString],
    environment: &[CString],
    signals: &Signals,
    asking: &[Signal],
) -> Result<Over> {
    let candidates = candidates(&arguments[0], environment);
    let workload = Workload { candidates: &candidates, arguments, environment };
    reaper::run(&workload, signals, asking).map_err(|errno| match root::open(c"/") {
        Ok(own) => program::failure(own.as_fd(), &candidates, &arguments[0], errno),
        Err(_) => Error::os("execute the command", errno).with_status(NOT_EXECUTABLE),
    })
}

/// Words of the command line, or variables, as the kernel wants them.
pub fn arguments(words: Vec<OsString>) -> Result<Vec<CString>> {
    let word = |word: OsString| CString::new(word.into_vec()).map_err(|_| Error::usage("the command has a NUL byte"));
    words.into_iter().map(word).collect()
}
