//! The services of a machine: which is to be started, asked to end or killed, and when. This decides and touches nothing;
//! process 1's loop carries it out (life/boot/supervisor.rs). Once the table is made, nothing here allocates or fails.

use crate::linux::process::Pid;

pub use crate::machine::SECOND;
use crate::machine::{Kind, Restart, Service};
use crate::supervise::Outcome;

/// Microseconds since the boot.
pub type Time = u64;
pub const NEVER: Time = Time::MAX;

/// How a service fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// For those that it is started after.
    Waiting,
    Running,
    /// It was asked to end, and is killed when that takes too long.
    Stopping,
    /// It ended, and is started again when the pause is over.
    Pausing,
    /// It ended by itself, for good.
    Ended,
    /// It is not wanted: nobody asked for it yet, or somebody stopped it.
    Stopped,
}

/// One service: what it is meant to be, and how it fares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry {
    pub service: &'static Service,
    /// The places of those that it is started after: all of them before its own.
    after: &'static [usize],
    pub state: State,
    pub pid: Option<Pid>,
    /// When it was last started.
    pub since: Time,
    /// When the pause, or the time to end in, is over.
    pub due: Time,
    /// How long the next pause is.
    pause: Time,
    pub starts: u32,
    /// How it last ended.
    pub outcome: Option<Outcome>,
    /// It has ended well once, which is what counts of a task; or at all, which is what counts of a step.
    done: bool,
    /// It is started again when it has stopped.
    again: bool,
}

/// What is to be done about a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    Start,
    Kill,
}

pub struct Table {
    /// Each stands behind those that it is started after.
    pub entries: Vec<Entry>,
}

impl Table {
    /// Puts services into an order in which they can be started. `tell` hears of each name that cannot be waited for: no
    /// service has it, or that one waits for this one.
    pub fn new(services: &[&'static Service], tell: &mut dyn FnMut(&'static Service, &'static str)) -> Table {
        let mut table = Table { entries: Vec::with_capacity(services.len()) };
        let mut left: Vec<&'static Service> = services.to_vec();
        while !left.is_empty() {
            let waits = |service: &Service| left.iter().any(|other| service.after.contains(&other.name));
            let ready = left.iter().position(|service| !waits(service));
            let service = left.remove(ready.unwrap_or(0));
            let mut after = Vec::new();
            for name in service.after {
                match table.find(name) {
                    Some(place) => after.push(place),
                    None => tell(service, name),
                }
            }
            table.entries.push(Entry {
                service,
                after: after.leak(),
                state: match service.kind {
                    Kind::CtrlAltDel | Kind::Shutdown => State::Stopped,
                    _ => State::Waiting,
                },
                pid: None,
                since: 0,
                due: 0,
                pause: service.backoff[0],
                starts: 0,
                outcome: None,
                done: false,
                again: false,
            });
        }
        table
    }

    pub fn find(&self, name: &str) -> Option<usize> {
        self.entries.iter().position(|entry| entry.service.name == name)
    }

    /// What is to be done now about the service in one place. Asked from the first place to the last, one pass is enough.
    pub fn step(&mut self, place: usize, now: Time) -> Option<Act> {
        let is_ready = self.is_ready(place);
        let entry = self.entries.get_mut(place)?;
        match entry.state {
            State::Waiting if is_ready => {}
            State::Pausing if entry.due <= now => {}
            State::Stopping if entry.due <= now => {
                // What even SIGKILL does not end at once is asked about again, in case it missed a process being born.
                entry.due = now.saturating_add(SECOND);
                return Some(Act::Kill);
            }
            _ => return None,
        }
        entry.state = State::Running;
        entry.since = now;
        entry.starts = entry.starts.saturating_add(1);
        entry.again = false;
        Some(Act::Start)
    }

    /// A task must have ended well, and another have been started. The command waits for no task that has failed.
    fn is_ready(&self, place: usize) -> bool {
        let Some(entry) = self.entries.get(place) else { return false };
        if entry.service.kind == Kind::Command {
            let runs = |entry: &Entry| entry.is_task() && entry.pid.is_some() && entry.outcome.is_none();
            return !self.entries.iter().any(runs);
        }
        let is_up = |entry: &Entry| if entry.is_task() { entry.done } else { entry.starts > 0 };
        entry.after.iter().all(|place| self.entries.get(*place).is_some_and(is_up))
    }

    /// Notes the process of a service that was to be started; none where there could be none.
    pub fn started(&mut self, place: usize, pid: Option<Pid>, now: Time) {
        if let Some(entry) = self.entries.get_mut(place) {
            entry.pid = pid;
            if pid.is_none() {
                entry.ended(Outcome::Exited(crate::error::SET_UP), now);
            }
        }
    }

    /// Notes the end of a process; the place of the service whose it was.
    pub fn exited(&mut self, pid: Pid, outcome: Outcome, now: Time) -> Option<usize> {
        let place = self.entries.iter().position(|entry| entry.pid == Some(pid))?;
        self.entries.get_mut(place)?.ended(outcome, now);
        Some(place)
    }

    /// When `step` has something to do next, by time alone.
    pub fn next_due(&self) -> Time {
        let mut due = NEVER;
        for entry in &self.entries {
            if matches!(entry.state, State::Pausing | State::Stopping) {
                due = due.min(entry.due);
            }
        }
        due
    }

    /// How the command ended, where that is the end of the boot.
    pub fn over(&self) -> Option<Outcome> {
        let entry = self.entries.iter().find(|entry| entry.service.kind == Kind::Command)?;
        match (entry.state, entry.service.restart) {
            (State::Ended, _) | (State::Stopped, Restart::No) => entry.outcome,
            _ => None,
        }
    }

    /// Has the services of a kind started that wait for an occasion; whether there are any.
    pub fn begin(&mut self, kind: Kind) -> bool {
        let mut any = false;
        for entry in self.entries.iter_mut().filter(|entry| entry.service.kind == kind) {
            entry.start();
            any = true;
        }
        any
    }
}

impl Entry {
    fn is_task(&self) -> bool {
        matches!(self.service.kind, Kind::Task | Kind::Step)
    }

    /// Has it started, whatever it was to wait for.
    pub fn start(&mut self) {
        match self.state {
            State::Running => {}
            State::Stopping => self.again = true,
            _ => {
                self.pause = self.service.backoff[0];
                (self.state, self.due) = (State::Pausing, 0);
            }
        }
    }

    /// Has it ended, by the time given; whether its process is to be asked.
    pub fn stop(&mut self, by: Time) -> bool {
        self.again = false;
        match self.state {
            State::Running => {
                (self.state, self.due) = (State::Stopping, by);
                true
            }
            State::Stopping => false,
            _ => {
                self.state = State::Stopped;
                false
            }
        }
    }

    /// Has it ended and started again; whether its process is to be asked.
    pub fn restart(&mut self, by: Time) -> bool {
        let asked = self.stop(by);
        self.start();
        asked
    }

    /// Whether nothing is under way that somebody asked for.
    pub fn is_settled(&self) -> bool {
        self.state != State::Stopping && !self.again && (self.state != State::Pausing || self.due > 0)
    }

    fn ended(&mut self, outcome: Outcome, now: Time) {
        let well = outcome == Outcome::Exited(0);
        self.pid = None;
        self.outcome = Some(outcome);
        self.done |= well || self.service.kind == Kind::Step;
        let [least, most] = self.service.backoff;
        if now.saturating_sub(self.since) > most {
            self.pause = least;
        }
        let restarts = match self.service.restart {
            Restart::No => false,
            Restart::OnFailure => !well,
            Restart::Always => true,
        };
        self.state = match self.state {
            State::Stopping if self.again => {
                self.due = 0;
                State::Pausing
            }
            State::Stopping => State::Stopped,
            _ if restarts => {
                self.due = now.saturating_add(self.pause);
                self.pause = self.pause.saturating_mul(2).min(most.max(least));
                State::Pausing
            }
            _ => State::Ended,
        };
    }
}

#[cfg(test)]
mod tests;
