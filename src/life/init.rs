//! `contain init`: the first process of a container, or a subreaper where it is not number 1.

use rustix::process::Signal;

use crate::error::{Error, NOT_EXECUTABLE, Result};
use crate::kernel::{program, root};
use crate::plan::candidates;
use crate::supervise::Outcome;
use crate::supervise::reaper::{self, Over, Workload};
use crate::supervise::signals::Signals;
use crate::text::Word;

/// Runs the command, reaps whatever is left behind, and tells the command's status.
pub fn init(words: &[Word], environment: &[Word]) -> Result<u8> {
    if rustix::process::getpid() != rustix::process::Pid::INIT {
        reaper::become_subreaper()?;
    }
    let signals = Signals::take()?;
    match look_after(words, environment, &signals, &[])? {
        Over::Ended(outcome) => Ok(outcome.status()),
        Over::Asked(signal) => Ok(Outcome::Killed(signal.as_raw()).status()),
    }
}

/// Runs the command to its end, or says why it could not be executed.
pub fn look_after(arguments: &[Word], environment: &[Word], signals: &Signals, asking: &[Signal]) -> Result<Over> {
    let candidates = candidates(arguments[0], environment);
    let workload = Workload { candidates: &candidates, arguments, environment };
    reaper::run(&workload, signals, asking).map_err(|errno| match root::open(c"/") {
        Ok(own) => program::failure(&root::Rootfs { layers: vec![own], upper: None }, &candidates, arguments[0], errno),
        Err(_) => Error::os("execute the command", errno).with_status(NOT_EXECUTABLE),
    })
}
