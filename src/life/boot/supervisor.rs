//! Process 1 of a machine at work: one loop that owns every wait(2), and starts, ends and starts again what the table of
//! services says (supervise/services.rs).
//!
//! From `run` on we must not die, and nothing here allocates, however long the loop goes on: what has to be told, a child
//! tells.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Signal, kill_process};

use crate::kernel::cgroup::leaf;
use crate::kernel::file;
use crate::life::boot::spawn::{self, Common};
use crate::life::boot::tell;
use crate::log;
use crate::machine::{Kind, Service};
use crate::supervise::reaper::{self, Manner};
use crate::supervise::services::{Act, State, Table};
use crate::supervise::signals::{Action, Signals, action};
use crate::supervise::{Outcome, wait_for};
use crate::sys::clock::since_boot as now;
use crate::sys::process::{Cloned, clone3, exit_now, reap};
use crate::sys::signal::send_group;
use crate::text::{Word, digits, fill, kept};

/// Why the loop is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// The command has ended, and is not to be started again.
    Ended(Outcome),
    /// One of the signals came that ask for it.
    Asked(Signal),
}

pub struct Supervisor<'a> {
    table: Table,
    /// The control group of each service.
    groups: Vec<Word>,
    common: Common,
    signals: &'a Signals,
}

impl<'a> Supervisor<'a> {
    /// Puts the services into their order, and opens what the loop needs.
    pub fn new(services: &'static [Service], environment: [Word; 3], signals: &'a Signals) -> Supervisor<'a> {
        let table = Table::new(services, &mut |service, name| {
            let parts = [service.place, ": service ", service.name, ": after=", name];
            log::error(&[&parts.concat(), " names no service that can be started before it"].concat());
        });
        // What memory runs out for is somebody else: the end of process 1 is the end of the machine.
        tell::failed("spare process 1 when memory runs out", file::write(CWD, c"/proc/self/oom_score_adj", b"-1000"));
        let own: Option<OwnedFd> = openat(CWD, c"/proc/self/exe", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
        let group = |entry: &Service| kept(&[b"/sys/fs/cgroup/", entry.name.as_bytes(), b".service"]);
        let groups = table.entries.iter().map(|entry| group(entry.service)).collect();
        let common = Common { own, environment };
        Supervisor { table, groups, common, signals }
    }

    /// Goes on until the command has ended, or one of the signals in `asking` has come; all others are passed on to the
    /// command.
    pub fn run(mut self, asking: &[Signal]) -> Over {
        loop {
            self.act();
            self.wait();
            while let Ok(Some(arrived)) = self.signals.next() {
                match action(arrived.signal) {
                    Action::Nothing | Action::Resize => {}
                    _ if asking.contains(&arrived.signal) => return Over::Asked(arrived.signal),
                    _ => self.forward(arrived.signal),
                }
            }
            self.reap();
            if let Some(outcome) = self.table.over() {
                return Over::Ended(outcome);
            }
        }
    }

    /// Does all that is to be done now.
    fn act(&mut self) {
        for place in 0..self.groups.len() {
            match self.table.step(place, now()) {
                Some(Act::Start) => self.start(place),
                Some(Act::Kill) => self.kill(place),
                None => {}
            }
        }
    }

    fn start(&mut self, place: usize) {
        let (Some(entry), Some(group)) = (self.table.entries.get(place), self.groups.get(place)) else { return };
        let pid = spawn::start(entry.service, group, &self.common).ok();
        self.table.started(place, pid, now());
        if pid.is_none() {
            self.tell(place);
        }
    }

    /// Kills all of a service: its group where it has one, else what is left of its process group.
    fn kill(&self, place: usize) {
        let (Some(entry), Some(group)) = (self.table.entries.get(place), self.groups.get(place)) else { return };
        if leaf::kill(group).is_err()
            && let Some(pid) = entry.pid
        {
            let _gone = send_group(pid, Signal::KILL);
            let _gone = kill_process(pid, Signal::KILL);
        }
    }

    /// Sleeps until something happens, or is due.
    fn wait(&self) {
        let mut descriptors = [PollFd::new(self.signals, PollFlags::IN)];
        let timeout = self.table.next_due().map(|due| Duration::from_micros(due.saturating_sub(now())));
        let _again = wait_for(&mut descriptors, timeout);
    }

    /// Takes the end of every child that has ended: those of services, and those that nobody else waits for.
    fn reap(&mut self) {
        while let Ok(Some(ended)) = reap(None) {
            let outcome = Outcome::of(ended.status);
            if let Some(place) = self.table.exited(ended.pid, outcome, now()) {
                self.ended(place);
            }
        }
    }

    /// Clears away behind a service that has ended.
    fn ended(&mut self, place: usize) {
        let (Some(entry), Some(group)) = (self.table.entries.get(place), self.groups.get(place)) else { return };
        // A task may leave processes behind: that is what many are for.
        if entry.service.kind == Kind::Service || entry.state == State::Stopped {
            self.kill(place);
        }
        leaf::remove(group);
        self.tell(place);
    }

    /// Tells of a service that has not ended well, in a child: the console may be held up, and the text needs memory.
    fn tell(&self, place: usize) {
        let Some(entry) = self.table.entries.get(place) else { return };
        let Some(outcome) = entry.outcome else { return };
        if entry.service.kind == Kind::Command || outcome == Outcome::Exited(0) || entry.state == State::Stopped {
            return;
        }
        if let Ok(Cloned::Child) = clone3(0, None) {
            let how = match outcome {
                Outcome::Exited(status) => fill("with exit status %", &[digits(status.into())]),
                Outcome::Killed(signal) => ["by ", &log::signal_name(signal)].concat(),
            };
            let next = match entry.state {
                State::Pausing => {
                    let pause = entry.due.saturating_sub(now()).div_ceil(1_000_000);
                    fill("; it is started again in % s", &[digits(pause)])
                }
                _ => String::new(),
            };
            log::error(&fill("service % ended %%", &[entry.service.name, &how, &next]));
            exit_now(0);
        }
    }

    fn forward(&self, signal: Signal) {
        let command = self.table.entries.iter().find(|entry| entry.service.kind == Kind::Command);
        if let Some(pid) = command.and_then(|entry| entry.pid) {
            reaper::forward(pid, signal, Manner::default());
        }
    }
}
