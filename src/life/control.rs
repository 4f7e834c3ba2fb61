//! `contain kill`, `stop`, `wait`, `pause` and `resume`: what is done to containers that run. Several containers are each
//! tried: one that cannot be helped says why, and the others go on.

use crate::linux;
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal, pidfd_send_signal};

use crate::error::{Error, Result};
use crate::kernel::cgroup::Group;
use crate::kernel::file::most_open;
use crate::kernel::proc;
use crate::life::output;
use crate::life::remember::clear;
use crate::life::running::{self, Found, PATIENCE, about, find, handle, not_running, unseen};
use crate::packed::{sentence, text};
use crate::state::place::Places;
use crate::state::record::{Record, Status};
use crate::state::{Damage, Entry, Root, waited};
use crate::supervise::services::NEVER;
use crate::supervise::signals::is_passed_on;
use crate::sys::clock::since_boot;
use crate::sys::signal::from_number;
use crate::text::{digits, joined};

/// Finds several containers, does something to all of them together, and to each in its turn; prints what that gives.
pub fn with_each(
    targets: &[&'static str],
    places: &Places,
    together: &mut dyn FnMut(&mut [Box<Found>]),
    each: &mut dyn FnMut(&Root, &Found) -> Result<&'static str>,
) -> Result<u8> {
    let root = running::root(places, joined(targets, ", "))?;
    let mut status = 0;
    // Each holds two descriptors, and takes some more in its turn.
    for targets in targets.chunks((most_open() / 4).max(1)) {
        let mut all = Vec::new();
        for word in targets {
            match find(root, word) {
                Ok(found) => all.push(found),
                Err(error) => status = output::fail(&error),
            }
        }
        together(&mut all);
        for found in &all {
            match each(root, found) {
                Ok(text) => {
                    output::print(text!("%\n", text))?;
                }
                Err(error) => status = output::fail(&error),
            }
        }
    }
    Ok(status)
}

impl Found {
    fn has_ended(&self) -> bool {
        self.supervisor.as_ref().is_none_or(running::has_ended)
    }

    /// Asks it to end, or makes it.
    fn signal(&self, signal: Signal) -> linux::io::Result<()> {
        let (Some(record), Some(supervisor)) = (self.record, &self.supervisor) else { return Ok(()) };
        let group = Group::open(record.cgroups);
        if signal != Signal::KILL {
            let _ended = pidfd_send_signal(supervisor, signal);
            let _ended = self.thaw(&group);
        } else if let Some(process) = handle(record.process)? {
            running::kill(record, &process, &group);
        } else if record.process.pid == 0 {
            // It has none yet; what is just being made dies with its maker.
            let _ended = pidfd_send_signal(supervisor, signal);
        }
        // One that was stopped as a job of its shell does nothing else.
        if Pid::from_raw(record.supervisor.pid as i32).is_some_and(proc::is_stopped) {
            let _ended = pidfd_send_signal(supervisor, Signal::CONT);
        }
        Ok(())
    }

    /// Lets it go on, and writes it down.
    fn thaw(&self, group: &Group) -> Result<()> {
        let mut thawed = Ok(());
        note(self.word, &self.entry, &mut |record| {
            thawed = group.thaw();
            let was_paused = record.status == Status::Paused && thawed.is_ok();
            if was_paused {
                record.status = Status::Running;
            }
            was_paused
        })?;
        thawed.map_err(|errno| Error::os(text!("resume container %", self.word), errno))
    }

    /// Freezes it, and writes it down.
    fn freeze(&self, group: &Group) -> Result<()> {
        let word = self.word;
        if !group.can_freeze() {
            return Err(about(word, text!(" has no control group that it can be frozen by"))
                .with_hint(sentence!("one that is started with -d has, where its user may make groups")));
        }
        if group.is_frozen() {
            return Err(about(word, text!(" is paused already")));
        }
        // What is frozen is always written down as paused: whoever is killed in between leaves no riddle.
        note(word, &self.entry, &mut |record| {
            let goes_on = record.status == Status::Running;
            if goes_on {
                record.status = Status::Paused;
            }
            goes_on
        })?;
        let mut frozen = Ok(true);
        note(word, &self.entry, &mut |record| {
            frozen = match record.status {
                Status::Paused => group.freeze(),
                // Somebody has resumed it already.
                Status::Running => return false,
                Status::Stopped => Err(Errno::SRCH),
            };
            let failed = frozen != Ok(true) && record.status == Status::Paused;
            if failed {
                record.status = Status::Running;
            }
            failed
        })?;
        match frozen {
            Ok(true) => Ok(()),
            Ok(false) => Err(about(word, text!(" goes on: some process in it did not stop in 10s"))
                .with_hint(sentence!("it may be waiting for a disk: try again later"))),
            Err(errno) => Err(Error::os(text!("freeze container %", word), errno)),
        }
    }
}

/// Changes the record of a container.
pub fn note(word: &str, entry: &Entry, change: &mut dyn FnMut(&mut Record) -> bool) -> Result<()> {
    entry.change(change).map_err(|damage| match damage {
        // Removed meanwhile.
        Damage::Missing | Damage::Unreadable(Errno::NOENT) => not_running(word),
        damage => about(word, text!(" could not be written down: %", damage.text())),
    })
}

/// Whether a container whose record says that it is paused is: whoever was to pause or resume it may have been killed.
pub fn is_frozen(entry: &Entry) -> bool {
    entry.record().is_ok_and(|record| Group::open(record.cgroups).is_frozen())
}

/// SIGKILL ends all of a container and is waited for; other signals are sent to whoever waits for it, who passes them on.
pub fn kill(targets: &[&'static str], signal: i32, places: &Places) -> Result<u8> {
    if signal == Signal::KILL.as_raw() {
        return end(targets, None, places, &mut |_, found| match found.supervisor {
            Some(_) => Ok(()),
            None => Err(not_running(found.word)),
        });
    }
    let signal = from_number(signal).ok_or_else(|| Error::new(sentence!("no such signal")))?;
    with_each(targets, places, &mut |_| (), &mut |_, found| {
        let (record, supervisor) = found.running()?;
        // What contain itself lives by, or dies of, would not be passed on.
        let sent = match is_passed_on(signal) {
            true => pidfd_send_signal(supervisor, signal),
            false => match handle(record.process).map_err(|errno| unseen(found.word, errno))? {
                Some(first) => pidfd_send_signal(first, signal),
                None => Err(Errno::SRCH),
            },
        };
        sent.map(|()| found.word).map_err(|_gone| not_running(found.word))
    })
}

pub fn stop(targets: &[&'static str], grace: u64, places: &Places) -> Result<u8> {
    end(targets, Some(grace), places, &mut |_, _| Ok(()))
}

/// Ends containers that run, and does something to each once it has ended. All are asked with SIGTERM first, where there is
/// a grace, and have the same time for it.
pub fn end(
    targets: &[&'static str],
    grace: Option<u64>,
    places: &Places,
    then: &mut dyn FnMut(&Root, &Found) -> Result<()>,
) -> Result<u8> {
    let mut together = |all: &mut [Box<Found>]| {
        if let Some(grace) = grace {
            end_all(all, Signal::TERM, grace);
        }
        end_all(all, Signal::KILL, PATIENCE);
    };
    with_each(targets, places, &mut together, &mut |root, found| {
        if !found.has_ended() {
            if let Some(errno) = found.refused {
                return Err(unseen(found.word, errno));
            }
            let pid = found.record.as_ref().map_or(0, |record| record.supervisor.pid);
            return Err(about(
                found.word,
                text!(" was killed, but process %, which waits for it, goes on", digits(pid)),
            )
            .with_hint(sentence!("the container may wait for a disk, or that process may be stopped: continue it")));
        }
        clear(root, &found.entry);
        then(root, found).map(|()| found.word)
    })
}

/// Sends a signal to those that have not ended, and waits until all have, or the time is over.
fn end_all(all: &mut [Box<Found>], signal: Signal, time: u64) {
    let until = since_boot().saturating_add(time);
    for found in &mut *all {
        if !found.has_ended() {
            found.refused = found.signal(signal).err();
        }
    }
    for found in all {
        if let (Some(process), None) = (&found.supervisor, found.refused)
            && !running::wait(process, until)
        {
            break;
        }
    }
}

pub fn wait(targets: &[&'static str], places: &Places) -> Result<u8> {
    // Any of them may be over, and gone, before its turn comes.
    let mut register = |all: &mut [Box<Found>]| {
        for found in all {
            let leaves_nothing = found.record.as_ref().is_some_and(|record| !record.keep);
            found.told = if leaves_nothing { found.entry.await_end() } else { None };
        }
    };
    with_each(targets, places, &mut register, &mut |root, found| {
        if let Some(supervisor) = &found.supervisor {
            running::wait(supervisor, NEVER);
        }
        clear(root, &found.entry);
        let noted = found.entry.record().ok().and_then(|record| record.exit_code);
        let code = noted.or_else(|| found.told.as_ref().and_then(waited::told).map(u64::from));
        code.map(digits).ok_or_else(|| {
            about(found.word, text!(" has ended, but its exit status is not known"))
                .with_hint(sentence!("the contain that waited for it was killed"))
        })
    })
}

pub fn pause(targets: &[&'static str], places: &Places) -> Result<u8> {
    each_group(targets, places, &mut |found, group| found.freeze(group))
}

pub fn resume(targets: &[&'static str], places: &Places) -> Result<u8> {
    each_group(targets, places, &mut |found, group| match group.is_frozen() {
        true => found.thaw(group),
        false => Err(about(found.word, text!(" is not paused"))),
    })
}

/// Does something to the control group of each container that runs.
fn each_group(
    targets: &[&'static str],
    places: &Places,
    act: &mut dyn FnMut(&Found, &Group) -> Result<()>,
) -> Result<u8> {
    with_each(targets, places, &mut |_| (), &mut |_, found| {
        let (record, _) = found.running()?;
        let done = act(found, &Group::open(record.cgroups)).map(|()| found.word);
        // What fails because it has just ended needs no other reason.
        done.map_err(|error| if matches!(handle(record.process), Ok(None)) { not_running(found.word) } else { error })
    })
}
