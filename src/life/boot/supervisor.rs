//! Process 1 of a machine at work: one loop that owns every wait(2), and starts, ends and starts again what the table of
//! services says (supervise/services.rs), or somebody asks for (clients.rs).
//!
//! From `run` on we must not die, and nothing here allocates, however long the loop goes on: what has to be told, or takes
//! long, a child does.

use std::os::fd::OwnedFd;

use crate::linux::event::{PollFd, PollFlags};
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal, kill_process, kill_process_group};

use crate::kernel::cgroup::leaf;
use crate::kernel::{button, file};
use crate::life::boot::clients::{Clients, Descriptors};
use crate::life::boot::logs;
use crate::life::boot::requests::{self, End};
use crate::life::boot::spawn::{self, Common};
use crate::life::boot::tell;
use crate::log;
use crate::machine::{self, Choice, Kind, Machine, Service};
use crate::packed::{sentence, text};
use crate::supervise::reaper::{self, Manner};
use crate::supervise::request::Verb;
use crate::supervise::services::{Act, NEVER, SECOND, State, Table, Time};
use crate::supervise::signals::{Action, Signals, action};
use crate::supervise::{Outcome, wait_for};
use crate::sys::clock::since_boot as now;
use crate::sys::process::{Cloned, clone3, exit_now, reap};
use crate::sys::watchdog;
use crate::text::{Word, digits, fill, kept};

/// How long what runs at the end of the machine may take.
const LAST: Time = 60 * SECOND;

/// Why the loop is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Over {
    /// The command has ended, and is not to be started again.
    Ended(Outcome),
    /// Somebody asked for the end.
    Asked(End),
}

/// Where what a service has is.
struct Files {
    /// Its control group.
    group: Word,
    /// The group is to be removed: once it is empty, which killed processes leave it to be in their own time.
    left: bool,
    /// Its log, where that is held to a size.
    log: Option<Word>,
}

pub struct Supervisor<'a> {
    table: Table,
    /// Of each service.
    files: Vec<Files>,
    common: Common,
    signals: &'a Signals,
    buttons: Vec<OwnedFd>,
    clients: Clients,
    /// When the logs are looked at next.
    look: Time,
    grace: Time,
}

impl<'a> Supervisor<'a> {
    /// Puts the services into their order, and opens what the loop needs.
    #[inline(never)]
    pub fn new(
        services: &[&'static Service],
        environment: [Word; 3],
        machine: &Machine,
        signals: &'a Signals,
    ) -> Box<Supervisor<'a>> {
        let table = Table::new(services, &mut |service, name| {
            let parts = [service.place, text!(": service "), service.name, text!(": after="), name];
            log::error(text!("% names no service that can be started before it", &parts.concat()));
        });
        // What memory runs out for is somebody else: the end of process 1 is the end of the machine.
        tell::failed(
            sentence!("spare process 1 when memory runs out"),
            file::write(CWD, c"/proc/self/oom_score_adj", b"-1000"),
        );
        let own = openat(CWD, c"/proc/self/exe", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok();
        let (mut files, mut look) = (Vec::with_capacity(table.entries.len()), NEVER);
        for entry in &table.entries {
            let name = entry.service.name;
            let log = entry.service.log.is_empty().then(|| logs::path(name));
            files.push(Files { group: kept(&[b"/sys/fs/cgroup/", name.as_bytes(), b".service"]), left: false, log });
            if log.is_some() && look == NEVER {
                logs::prepare();
                look = 0;
            }
        }
        let clients = Clients::listen();
        let common = Common { own, environment, chart: machine.is(Choice::Chart) };
        let buttons = button::find();
        let grace = machine.time(machine::Time::Grace);
        Box::new(Supervisor { table, files, common, signals, buttons, clients, look, grace })
    }

    /// Takes a service over whose process has been started already.
    pub fn adopt(&mut self, name: &str, pid: Option<Pid>) {
        if let Some(place) = self.table.find(name)
            && pid.is_some()
            && self.table.step(place, now()) == Some(Act::Start)
        {
            self.table.started(place, pid, now());
        }
    }

    /// Goes on until the command has ended, or somebody asks for the end; signals that mean nothing to process 1 are passed on
    /// to the command. What is meant for the end of the machine has run then.
    pub fn run(&mut self) -> Over {
        let over = self.go_on();
        if !matches!(over, Over::Asked(End { at_once: true, .. })) {
            let by = now().saturating_add(LAST);
            for place in 0..self.files.len() {
                self.run_last(place, by);
            }
        }
        over
    }

    fn go_on(&mut self) -> Over {
        loop {
            for place in 0..self.files.len() {
                self.act(place);
            }
            let busy = self.serve();
            if now() >= self.look {
                self.files.iter().filter_map(|files| files.log).for_each(logs::look);
                self.look = now().saturating_add(logs::OFTEN);
            }
            if !busy {
                self.wait();
            }
            if let Some(end) = self.hear() {
                return Over::Asked(end);
            }
            self.reap();
            if let Some(outcome) = self.table.over() {
                return Over::Ended(outcome);
            }
        }
    }

    /// Takes what has come; the end that somebody asks for.
    fn hear(&mut self) -> Option<End> {
        while let Ok(Some(arrived)) = self.signals.next() {
            match (action(arrived.signal), requests::end(arrived.signal)) {
                (Action::Nothing | Action::Resize, _) => {}
                (_, Some(end)) => return Some(end),
                // Ctrl-alt-del means something else where somebody says so.
                _ if arrived.signal == Signal::INT => {
                    if !self.table.begin(Kind::CtrlAltDel) {
                        return Some(requests::REBOOT);
                    }
                }
                _ => self.forward(arrived.signal),
            }
        }
        button::is_pressed(&self.buttons).then_some(requests::POWER_OFF)
    }

    /// Runs one of the services that are meant for the end of the machine, by the time given.
    fn run_last(&mut self, place: usize, by: Time) {
        let Some(entry) = self.table.entries.get_mut(place).filter(|entry| entry.service.kind == Kind::Shutdown) else {
            return;
        };
        entry.start();
        self.act(place);
        while now() < by && self.table.entries.get(place).is_some_and(|entry| entry.pid.is_some()) {
            let mut descriptors = [PollFd::new(self.signals, PollFlags::IN)];
            let _again = wait_for(&mut descriptors, by);
            if self.hear().is_some() {
                // Somebody has no patience.
                return;
            }
            self.reap();
        }
    }

    /// Does what is to be done about a service now.
    fn act(&mut self, place: usize) {
        let act = self.table.step(place, now());
        let (Some(entry), Some(files)) = (self.table.entries.get(place), self.files.get_mut(place)) else { return };
        match act {
            Some(Act::Start) => {
                files.left = false;
                let pid = spawn::start(entry.service, files.group, &self.common).ok();
                self.table.started(place, pid, now());
                if pid.is_none() {
                    self.tell(place);
                }
            }
            Some(Act::Kill) => self.kill(place),
            None if files.left => files.left = leaf::remove(files.group) == Err(Errno::BUSY),
            None => {}
        }
    }

    /// Answers who asks; whether something is to be done for them.
    fn serve(&mut self) -> bool {
        let by = now().saturating_add(self.grace);
        self.clients.serve(&mut self.table, by, &mut |entry, verb| {
            let asked = match verb {
                Verb::Stop => entry.stop(by),
                Verb::Restart => entry.restart(by),
                Verb::Start => {
                    entry.start();
                    false
                }
                Verb::List | Verb::Show => false,
            };
            if let Some(pid) = entry.pid.filter(|_| asked) {
                ask_to_end(pid);
            }
        })
    }

    /// Kills all of a service: its group where it has one, else its process group.
    fn kill(&self, place: usize) {
        let (Some(entry), Some(files)) = (self.table.entries.get(place), self.files.get(place)) else { return };
        if leaf::kill(files.group).is_err()
            && let Some(pid) = entry.pid
        {
            signal(pid, Signal::KILL);
        }
    }

    /// Sleeps until something happens, or is due.
    #[inline(never)]
    fn wait(&self) {
        let mut descriptors = Descriptors::new();
        let _room = descriptors.push(PollFd::new(self.signals, PollFlags::IN));
        for button in &self.buttons {
            let _room = descriptors.push(PollFd::new(button, PollFlags::IN));
        }
        self.clients.interests(&mut descriptors);
        let due = self.table.next_due().min(self.clients.next_due()).min(self.look).min(watchdog::feed());
        let _again = wait_for(&mut descriptors, due);
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
        let (Some(entry), Some(files)) = (self.table.entries.get(place), self.files.get_mut(place)) else { return };
        files.left = true;
        // A task may leave processes behind: that is what many are for.
        if entry.service.kind == Kind::Service || entry.state == State::Stopped {
            self.kill(place);
        }
        self.tell(place);
    }

    /// Tells of a service that has not ended well, in a child: the console may be held up, and the text needs memory.
    fn tell(&self, place: usize) {
        let Some(entry) = self.table.entries.get(place) else { return };
        let Some(outcome) = entry.outcome else { return };
        // What somebody asked for is no news.
        let asked = entry.state == State::Stopped || !entry.is_settled();
        if asked || entry.service.kind == Kind::Command || outcome == Outcome::Exited(0) {
            return;
        }
        if let Ok(Cloned::Child) = clone3(0, None) {
            let next = match entry.state {
                State::Pausing => {
                    let pause = entry.due.saturating_sub(now()).div_ceil(SECOND).max(1);
                    text!("; it is started again in % s", digits(pause))
                }
                _ => "",
            };
            let parts = [entry.service.name, digits(outcome.status().into()), next];
            log::error(fill("service % ended with exit status %%", &parts));
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

/// What is stopped does not see that it is to end before it goes on.
fn ask_to_end(pid: Pid) {
    signal(pid, Signal::TERM);
    signal(pid, Signal::CONT);
}

/// Sends a signal to a service's process and its group. A process that has no group yet finds it once it has.
fn signal(pid: Pid, signal: Signal) {
    if kill_process_group(pid, signal).is_err() {
        let _gone = kill_process(pid, signal);
    }
}
