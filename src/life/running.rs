//! Finding a container that runs, for the commands that do something to it: the truth about it first, then handles that
//! cannot turn into another process's.

use std::os::fd::OwnedFd;

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, poll};
use crate::linux::io::Errno;
use crate::linux::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use crate::linux::thread::sleep;

use crate::error::{Error, Result};
use crate::kernel::cgroup::Group;
use crate::kernel::proc;
use crate::life::remember;
use crate::packed::{sentence, text};
use crate::state::place::Places;
use crate::state::record::{Process, Record, Status};
pub use crate::state::select::unknown;
use crate::state::{Damage, Entry, Root};
use crate::supervise::services::NEVER;
use crate::sys::clock::{since_boot, timespec};

/// A container whose `contain` lives.
pub struct Running {
    pub entry: Entry,
    pub record: &'static Record,
    /// Its first process.
    pub process: OwnedFd,
}

/// A container as it is found.
pub struct Found {
    /// What it was named by.
    pub word: &'static str,
    pub entry: Entry,
    /// None where it cannot be read.
    pub record: Option<&'static Record>,
    /// The `contain` that waits for it and passes signals on to it, while it does.
    pub supervisor: Option<OwnedFd>,
    /// Where its end will be told to who waits for it, if nothing else is to tell of it.
    pub told: Option<OwnedFd>,
    /// Why it could not be told to end.
    pub refused: Option<Errno>,
}

/// The containers' directory, which there must be when a container is named.
pub fn root(places: &Places, word: &str) -> Result<&'static Root> {
    places.find()?.ok_or_else(|| unknown(word))
}

/// The container that a word means, running or not. What a killed `contain` left of it has been cleared away.
pub fn find(root: &Root, word: &'static str) -> Result<Box<Found>> {
    let entry = root.select(word)?;
    remember::clear(root, &entry);
    let record = match entry.record() {
        Ok(record) => Some(&*record),
        // It is just being made, or removed.
        Err(Damage::Missing) => return Err(unknown(word)),
        Err(damage) if entry.is_alive() => {
            let error = about(word, text!(" runs, but %", damage.text()));
            return Err(error.with_hint(sentence!("end the `contain run` that waits for it")));
        }
        Err(_) => None,
    };
    let supervisor = match record {
        Some(record) => supervisor(word, &entry, record)?,
        None => None,
    };
    Ok(Box::new(Found { word, entry, record, supervisor, told: None, refused: None }))
}

/// The `contain` that waits for a container, if that runs. The lock is held only by the supervisor of the record: with it
/// alive, all numbers there are still whose they were.
fn supervisor(word: &'static str, entry: &Entry, record: &Record) -> Result<Option<OwnedFd>> {
    for pause in 0..30 {
        let handle = handle(record.supervisor).map_err(|errno| unseen(word, errno))?;
        if !entry.is_alive() {
            return Ok(None);
        }
        if handle.is_some() {
            return Ok(handle);
        }
        // Who clears it away has the lock for a moment, too.
        sleep(pause * 1_000_000);
    }
    Err(held(word))
}

/// What could not be looked at may well run.
pub fn unseen(word: &str, errno: Errno) -> Error {
    Error::os(text!("look at the processes of container %", word), errno)
}

/// Somebody has a container's lock, who is not to be found by its record.
pub fn held(word: &str) -> Error {
    about(word, text!(" is held by a process that is not the one in its record"))
        .with_hint(sentence!("that may be removing it, or live in another pid or time namespace"))
}

impl Found {
    /// Its record and its supervisor, if it runs.
    pub fn running(&self) -> Result<(&'static Record, &OwnedFd)> {
        match (self.record, &self.supervisor) {
            (Some(record), Some(supervisor)) if record.status != Status::Stopped => Ok((record, supervisor)),
            _ => Err(not_running(self.word)),
        }
    }
}

/// The container that a word means, if it runs. Its handles stay open.
pub fn running(places: &Places, word: &'static str) -> Result<&'static Running> {
    let found = find(root(places, word)?, word)?;
    let (record, _) = found.running()?;
    let process = handle(record.process).map_err(|errno| unseen(word, errno))?.ok_or_else(|| not_running(word))?;
    Ok(Box::leak(Box::new(Running { entry: found.entry, record, process })))
}

pub fn not_running(word: &str) -> Error {
    about(word, text!(" is not running"))
}

/// A sentence about a container.
pub fn about(word: &str, what: &str) -> Error {
    Error::new(text!("container %%", word, what))
}

/// Sends SIGKILL to all of a container: a paused one goes on to its death.
pub fn kill(record: &Record, process: &OwnedFd, group: &Group) {
    let _gone = pidfd_send_signal(process, Signal::KILL);
    match record.spec.share.pid {
        // No end of a pid namespace takes the others along.
        true => group.kill(),
        false => drop(group.thaw()),
    }
}

/// What a killed process may take to be gone, in microseconds.
pub const PATIENCE: u64 = 10_000_000;

/// Waits until a process has ended; false where it has not by then, or [`NEVER`].
pub fn wait(process: &OwnedFd, until: u64) -> bool {
    loop {
        let left = timespec(until.saturating_sub(since_boot()));
        let left = if until == NEVER { None } else { Some(&left) };
        match poll(&mut [PollFd::new(process, PollFlags::IN)], left) {
            Err(Errno::INTR) => {}
            ended => break ended == Ok(1),
        }
    }
}

pub fn has_ended(process: &OwnedFd) -> bool {
    wait(process, 0)
}

/// A handle on a process that was written down, if it still is that one. What could not be looked at is not taken for gone.
pub fn handle(process: Process) -> linux::io::Result<Option<OwnedFd>> {
    let Some(pid) = i32::try_from(process.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    let handle = match pidfd_open(pid, PidfdFlags::empty()) {
        Err(Errno::SRCH) => return Ok(None),
        handle => handle?,
    };
    // Looked at after it was opened: a number that was given to another process shows another start.
    Ok((proc::start_time(pid)? == Some(process.start)).then_some(handle))
}
