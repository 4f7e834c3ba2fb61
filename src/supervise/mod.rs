//! The event loops: signals, processes and terminals are descriptors in one poll(2). They see descriptors and process
//! ids only, and know nothing of what a container is.

pub mod reaper;
pub mod relay;
pub mod request;
pub mod services;
pub mod signals;
pub mod tee;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, poll};
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal, pidfd_send_signal};

use crate::error::{Error, Result};
use crate::kernel::proc::{Disposition, disposition};
use crate::packed::sentence;
use crate::supervise::relay::{Key, Relay};
use crate::supervise::services::{NEVER, SECOND, Time};
use crate::supervise::signals::{Action, Signals};
use crate::supervise::tee::Tee;
use crate::sys;
use crate::sys::clock::{since_boot as now, timespec};
use crate::sys::process::Reaped;
use crate::sys::signal::{Arrived, send_group};

/// How long a process that was sent SIGTERM at its time limit has until SIGKILL.
const GRACE: Time = 5 * SECOND;

/// How a process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Exited(u8),
    Killed(i32),
}

impl Outcome {
    /// From the status word of wait(2).
    pub fn of(status: i32) -> Self {
        match status & 0x7f {
            0 => Outcome::Exited((status >> 8) as u8),
            signal => Outcome::Killed(signal),
        }
    }

    /// As a shell tells it: the status itself, or 128 and the signal's number.
    pub fn status(self) -> u8 {
        match self {
            Outcome::Exited(status) => status,
            Outcome::Killed(signal) => 128 + signal as u8,
        }
    }
}

/// The end of what was watched.
pub struct Ended {
    pub outcome: Outcome,
    pub timed_out: bool,
    /// It called reboot(2): to the parent that looks like SIGHUP for a restart, SIGINT for power-off and halt
    /// (pid_namespaces(7)), which nothing else can kill a first process by.
    pub rebooted: bool,
    pub used: Reaped,
}

/// A process to be watched from outside, as if it were the caller's own.
pub struct Watch<'a> {
    pub pid: Pid,
    pub pidfd: BorrowedFd<'a>,
    /// It is process 1 of a namespace, so the kernel spares it every signal that it does not handle.
    pub shielded: bool,
    /// It is an init of ours, which stops its command when asked.
    pub init: bool,
    /// It lives in somebody else's pid namespace, which cannot end before it is reaped.
    pub guest: bool,
    pub terminal: Option<&'a OwnedFd>,
    /// How long it may take, in milliseconds.
    pub limit: Option<u64>,
    pub signals: &'a Signals,
}

/// The loop's own state.
struct Supervisor<'a> {
    watch: Watch<'a>,
    relay: Option<Box<Relay<'a>>>,
    tee: Tee<'a>,
    deadline: Time,
    timed_out: bool,
    /// The container was told that its terminal is gone.
    hung_up: bool,
    /// The signal whose default action was carried out for a shielded process.
    ended_by: Option<Signal>,
}

/// Passes signals and the terminal's bytes through until the process has ended.
pub fn watch(watch: Watch<'_>) -> Result<Ended> {
    watch_and_log(watch, Tee { streams: Vec::new(), log: &mut |_, _| false })
}

/// The same for a process whose output is logged.
pub fn watch_and_log<'a>(watch: Watch<'a>, tee: Tee<'a>) -> Result<Ended> {
    let relay = watch.terminal.map(Relay::new).transpose()?;
    let deadline = watch.limit.map_or(NEVER, |limit| now() + limit * 1000);
    let (timed_out, hung_up, ended_by) = (false, false, None);
    Supervisor { watch, relay, tee, deadline, timed_out, hung_up, ended_by }.run()
}

impl Supervisor<'_> {
    fn run(&mut self) -> Result<Ended> {
        let used = loop {
            self.wait()?;
            // A process that has ended is past all signals.
            if let Some(used) = self.reap()? {
                break used;
            }
            while let Some(arrived) = self.watch.signals.next()? {
                self.handle(arrived);
            }
            self.keep_time();
            let tee = &mut self.tee;
            if let Some(key) = self.relay.as_mut().and_then(|relay| relay.pump(&mut |bytes| tee.log_terminal(bytes))) {
                self.key(key);
            }
            self.tee.pump();
            if !self.hung_up && self.relay.as_ref().is_some_and(|relay| relay.is_deaf()) {
                // As when a terminal is gone: what is printed reaches nobody.
                self.hung_up = true;
                self.deliver(Arrived { signal: Signal::HUP, from_kernel: true });
            }
        };
        // The status is known: now what the terminal and the pipes still hold, before they are closed.
        let patient = !self.timed_out && self.ended_by.is_none();
        let signals = self.watch.signals;
        if let Some(relay) = &mut self.relay {
            let log = &mut |bytes: &[u8]| self.tee.log_terminal(bytes);
            relay.drain(signals.as_fd(), patient, log, &mut || ends(signals));
        }
        // The caller has its terminal back.
        self.relay = None;
        self.tee.drain(signals.as_fd(), patient, &mut || ends(signals));
        const OFF: i32 = Signal::INT.as_raw();
        let mut outcome = Outcome::of(used.status);
        let rebooted = self.watch.shielded && self.ended_by.is_none() && matches!(outcome, Outcome::Killed(OFF | 1));
        match (self.ended_by, outcome) {
            (Some(signal), Outcome::Killed(_)) => outcome = Outcome::Killed(signal.as_raw()),
            // It has powered itself off, which is how a machine ends well.
            (_, Outcome::Killed(OFF)) if rebooted => outcome = Outcome::Exited(0),
            _ => {}
        }
        Ok(Ended { outcome, timed_out: self.timed_out, rebooted, used })
    }

    /// Sleeps until something happens.
    #[inline(never)]
    fn wait(&mut self) -> Result<()> {
        // Two descriptors here, the relay's three, the tee's two; a signalfd of which nothing is asked tells nothing.
        let mut descriptors: [_; 7] = std::array::from_fn(|_| PollFd::new(self.watch.signals, PollFlags::empty()));
        descriptors[0] = PollFd::new(self.watch.signals, PollFlags::IN);
        descriptors[1] = PollFd::from_borrowed_fd(self.watch.pidfd, PollFlags::IN);
        if let Some(relay) = &self.relay {
            relay.interests(&mut descriptors[2..]);
        }
        self.tee.interests(&mut descriptors[5..]);
        match wait_for(&mut descriptors, self.deadline) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::os(sentence!("wait for the container"), errno)),
        }
        let answers = descriptors.map(|descriptor| descriptor.revents());
        if let Some(relay) = &mut self.relay {
            relay.note(&answers[2..]);
        }
        self.tee.note(&answers[5..]);
        Ok(())
    }

    fn reap(&self) -> Result<Option<Reaped>> {
        match sys::process::reap(Some(self.watch.pid)) {
            // It was killed while nobody looked, see `stop_self`.
            Err(Errno::CHILD) => Ok(Some(Reaped::unseen(self.watch.pid, Signal::KILL))),
            reaped => reaped.map_err(|errno| Error::os(sentence!("wait for the container"), errno)),
        }
    }

    fn handle(&mut self, arrived: Arrived) {
        if self.ended_by.is_some() {
            // It is being killed: the first signal that ends it has the say.
            return;
        }
        match signals::action(arrived.signal) {
            Action::Resize => {
                if let Some(relay) = &self.relay {
                    relay.resize();
                }
            }
            Action::Stop => self.stop(arrived),
            Action::Continue => self.resume(),
            Action::Nothing => {}
            Action::End => self.deliver(arrived),
        }
    }

    /// Passes a signal on; where process 1 of a namespace does not handle it, carries out what it means by default.
    fn deliver(&mut self, arrived: Arrived) {
        if self.is_spared(self.watch.pid, arrived.signal) {
            return self.kill_for(arrived.signal);
        }
        // A key or a hang-up is meant for the whole process group, as the caller's terminal would have it.
        let _ended = match arrived.from_kernel {
            true => send_group(self.watch.pid, arrived.signal),
            false => pidfd_send_signal(self.watch.pidfd, arrived.signal),
        };
    }

    fn is_spared(&self, pid: Pid, signal: Signal) -> bool {
        self.watch.shielded && pid == self.watch.pid && disposition(pid, signal) == Disposition::Default
    }

    fn kill_for(&mut self, signal: Signal) {
        self.ended_by = Some(signal);
        let _ended = pidfd_send_signal(self.watch.pidfd, Signal::KILL);
    }

    /// A key on the caller's terminal that means a signal inside. The container's terminal has sent it already; but a
    /// first process is spared it, and stopping is nothing that the kernel does to a session without a parent.
    fn key(&mut self, key: Key) {
        let Some(relay) = &self.relay else { return };
        let Some(leader) = relay.lone_leader() else { return };
        match key {
            Key::Signal(signal) if self.is_spared(leader, signal) => self.kill_for(signal),
            Key::Suspend if disposition(leader, Signal::TSTP) == Disposition::Default => self.stop_all(leader),
            _ => {}
        }
    }

    fn stop(&mut self, arrived: Arrived) {
        if self.watch.init {
            self.deliver(arrived);
            return self.stop_self();
        }
        match disposition(self.watch.pid, Signal::TSTP) {
            Disposition::Default => self.stop_all(self.watch.pid),
            Disposition::Own => self.deliver(arrived),
        }
    }

    /// Stops a process group of the container, then this process, as the caller's shell expects of a job. Going on comes
    /// as SIGCONT.
    fn stop_all(&mut self, group: Pid) {
        let _ended = send_group(group, Signal::STOP);
        self.stop_self();
    }

    fn stop_self(&mut self) {
        if let Some(relay) = &mut self.relay {
            relay.pause();
        }
        if self.watch.guest {
            // The container's end, which kills the guest too, shall not wait for this job to go on: for as long as it is
            // stopped, the kernel reaps.
            sys::signal::ignore(Signal::CHILD);
        }
        let _own = linux::process::kill_process(linux::process::getpid(), Signal::STOP);
        // Going on: as `Signals::take` has left it.
        sys::signal::reset(Signal::CHILD);
    }

    fn resume(&mut self) {
        let mut group = self.watch.pid;
        if let Some(relay) = &mut self.relay {
            relay.resume();
            group = relay.lone_leader().unwrap_or(group);
        }
        let _ended = send_group(group, Signal::CONT);
        let _ended = pidfd_send_signal(self.watch.pidfd, Signal::CONT);
    }

    /// At the time limit SIGTERM, and SIGKILL when that was not enough.
    fn keep_time(&mut self) {
        if self.deadline == NEVER || now() < self.deadline {
            return;
        }
        if self.timed_out {
            self.deadline = NEVER;
            let _ended = pidfd_send_signal(self.watch.pidfd, Signal::KILL);
        } else {
            self.timed_out = true;
            self.deadline = now() + GRACE;
            self.deliver(Arrived { signal: Signal::TERM, from_kernel: false });
        }
    }
}

/// Whether a signal that ends a process has come.
fn ends(signals: &Signals) -> bool {
    let next = signals.next().ok().flatten();
    next.is_some_and(|arrived| signals::action(arrived.signal) == Action::End)
}

/// A container that is over in a moment is waited for as quickly as can be; a longer wait is done in little memory.
const MOMENT: Time = SECOND / 50;

/// Waits for one of the descriptors, or for a time to come.
pub fn wait_for(descriptors: &mut [PollFd<'_>], until: Time) -> linux::io::Result<usize> {
    let left = if until == NEVER { NEVER } else { until.saturating_sub(now()) };
    match poll(descriptors, Some(&timespec(left.min(MOMENT))))? {
        0 if left == NEVER => sys::idle::poll_idle(descriptors, None),
        0 => sys::idle::poll_idle(descriptors, Some(&timespec(left.saturating_sub(MOMENT)))),
        count => Ok(count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        for (word, outcome, status) in [
            (0, Outcome::Exited(0), 0),
            (0xff00, Outcome::Exited(255), 255),
            (9, Outcome::Killed(9), 137),
            (0x8b, Outcome::Killed(11), 139),
        ] {
            assert_eq!((Outcome::of(word), Outcome::of(word).status()), (outcome, status));
        }
    }
}
