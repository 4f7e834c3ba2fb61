//! `contain exec`: one more command in a container that runs, as if it had been started there, and may no more.

use std::os::fd::AsFd;

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::Errno;

use crate::error::{Error, Result};
use crate::input::args::written::{Flag, Text, Written};
use crate::input::env::Variable;
use crate::kernel::cgroup::{self, Group};
use crate::kernel::file::{place, read_text};
use crate::kernel::root::Rootfs;
use crate::kernel::{mount, proc};
use crate::launch::{Given, Host, launch};
use crate::life::detach::{Caller, detach};
use crate::life::ids::check;
use crate::life::mean::{account, add, has_terminal, held_to, set, word};
use crate::life::running::{self, Running};
use crate::log::Voice;
use crate::packed::{sentence, text};
use crate::plan::join::{self, Guest};
use crate::plan::{Namespaces, Person, Plan};
use crate::spec::Spec;
use crate::state::place::Places;
use crate::state::record::Status;
use crate::supervise::signals::Signals;
use crate::supervise::{Watch, watch};
use crate::text::{Word, digits, kept};

/// Runs the command and tells its exit status; of a detached one that it runs.
#[inline(never)]
pub fn exec(written: &'static Written, places: &Places, environment: &[Word]) -> Result<u8> {
    let tty = has_terminal(written, "exec")?;
    if written.words[0].is_empty() {
        return Err(Error::usage(sentence!("exec: the command is empty: name a program, as /bin/sh")));
    }
    let container = Container::find(written.target, places)?;
    let plan = container.plan(written, environment, tty)?;
    let run = |caller: Option<&Caller>| {
        container.run(&plan, caller).map_err(|error| match container.has_ended() {
            false if error.errno() != Some(Errno::SRCH) => error,
            _ => container.over(),
        })
    };
    if !written.has(Flag::Detach) {
        return run(None);
    }
    // Somebody has to reap it: the container's first process may not do that for others.
    detach(&mut |caller| run(Some(caller)))
}

/// A container that runs.
struct Container<'a> {
    /// As the user calls it.
    word: &'a str,
    running: &'static Running,
    /// Its root directory, as its first process has it.
    root: Rootfs,
    group: Group,
}

impl Container<'_> {
    fn find<'a>(word: &'static str, places: &Places) -> Result<Container<'a>> {
        let running = running::running(places, word)?;
        let record = running.record;
        if record.status == Status::Paused {
            let hint = text!("resume it first: contain resume %", word);
            return Err(running::about(word, text!(" is paused")).with_hint(hint));
        }
        let path = kept(&[b"/proc/", digits(record.process.pid).as_bytes(), b"/root"]);
        let root = openat(CWD, path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let root = root.map_err(|errno| match errno {
            Errno::NOENT | Errno::SRCH => over(word),
            errno => running::unseen(word, errno),
        })?;
        let root = Rootfs { layers: vec![root], upper: None };
        let container = Container { word, group: Group::open(record.cgroups), root, running };
        match container.is_whole()? {
            true => Ok(container),
            false => Err(over(word)),
        }
    }

    /// Whether all that was opened is this container's. The numbers are looked at after it: so they have not become
    /// another's meanwhile.
    fn is_whole(&self) -> Result<bool> {
        let record = self.running.record;
        let same = running::handle(record.process).map_err(|errno| running::unseen(self.word, errno))?.is_some();
        // Whatever a record says, no container sees the host's mounts.
        let mounts = |whose: &str| place(kept(&[b"/proc/", whose.as_bytes(), b"/ns/mnt"]));
        let apart = mounts(digits(record.process.pid)) != mounts("self");
        let whole = same && apart && self.group.paths().count() == record.cgroups.len();
        Ok(whole && self.running.entry.is_alive())
    }

    /// What the container has, unless the user wants something else.
    fn plan(&self, written: &'static Written, ours: &[Word], tty: bool) -> Result<Box<Plan>> {
        let record = self.running.record;
        let spec = &record.spec;
        let mut all = spec.environment.to_vec();
        let user = match &written.user {
            Some(written) => {
                let account = account("--user", written, &self.root)?;
                set(&mut all, ours, &Variable::Set(text!("HOME=%", account.home)));
                account.user
            }
            None => record.spec.user,
        };
        // A map is written for good, and so is that setgroups(2) is given up.
        let setgroups = kept(&[b"/proc/", digits(record.process.pid).as_bytes(), b"/setgroups"]);
        let keeps_groups = !spec.uids.is_none() && read_text(CWD, setgroups).is_ok_and(|text| text.starts_with("deny"));
        check(&user, &[spec.uids, spec.gids], keeps_groups)?;
        if tty {
            set(&mut all, ours, &Variable::Inherit("TERM"));
        }
        add(&mut all, &written.environment, ours)?;
        // What its first process has given up nobody gets back.
        let bounding = proc::bounding(record.process.pid);
        Ok(join::plan(Guest {
            namespaces: namespaces(spec),
            grouped: self.group.directories().any(|directory| mount::exists(directory, c"tasks")),
            command: &written.words,
            environment: all.leak(),
            person: Person {
                user,
                capabilities: record.spec.capabilities & bounding,
                ulimits: held_to(record.spec.ulimits, !record.spec.uids.is_none()),
                oom_score_adj: record.spec.oom_score_adj,
                new_privileges: record.spec.new_privileges,
                seccomp: record.spec.seccomp,
                workdir: word(written, Text::Workdir).unwrap_or(spec.workdir),
                keeps_groups,
                tells: true,
            },
            tty,
            detached: written.has(Flag::Detach),
        }))
    }

    fn run(&self, plan: &Plan, caller: Option<&Caller>) -> Result<u8> {
        let mut streams = Vec::new();
        while caller.is_some() && streams.len() < 3 {
            let null = openat(CWD, c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
            streams.push(null.map_err(|errno| Error::os(sentence!("open /dev/null"), errno))?);
        }
        // Those of v1 are entered through `tasks`.
        let (mut groups, mut born_in) = (Vec::new(), None);
        for directory in self.group.directories() {
            match mount::exists(directory, c"tasks") {
                true => groups.push(
                    cgroup::entrance(directory).map_err(|errno| Error::os(sentence!("enter its cgroup"), errno))?,
                ),
                false => born_in = Some(directory),
            }
        }
        let mut signals = None;
        // Until the command is to begin a signal ends this process, and the guest with it, wherever that hangs.
        let mut release = || {
            signals = Some(Signals::take()?);
            Ok(())
        };
        let child = launch(
            plan,
            &mut Given {
                brief: false,
                lock: None,
                rootfs: &self.root,
                streams: &streams,
                voice: Voice::Plain,
                write_down: &mut |_| Ok(()),
                remove_leftovers: &mut || (),
                host: Some(Host {
                    process: self.running.process.as_fd(),
                    groups: &groups,
                    born_in,
                    release: &mut release,
                }),
            },
        )?;
        if let Some(caller) = caller {
            // Killed with the container, before it had begun?
            if running::has_ended(&child.pidfd) && self.has_ended() {
                return Err(self.over());
            }
            caller.release()?;
        }
        let signals = match signals {
            Some(signals) => signals,
            None => Signals::take()?,
        };
        let ended = watch(Watch {
            pid: child.pid,
            pidfd: child.pidfd.as_fd(),
            shielded: false,
            init: false,
            guest: true,
            terminal: child.terminal.as_ref(),
            limit: None,
            signals,
        })?;
        Ok(ended.outcome.status())
    }

    fn has_ended(&self) -> bool {
        running::has_ended(&self.running.process) || !self.running.entry.is_alive()
    }

    fn over(&self) -> Error {
        over(self.word)
    }
}

/// All that this kernel has. Who comes from a user namespace has no power over the host's, and is in them already.
fn namespaces(spec: &Spec) -> Namespaces {
    match Namespaces::of(spec) {
        own if own.has(Namespaces::USER) => own,
        _ => Namespaces::ALL
            .iter()
            .fold(Namespaces::NONE, |all, (name, kind)| all.with(*kind, proc::has_namespace(name)))
            .without(Namespaces::USER),
    }
}

fn over(word: &str) -> Error {
    running::about(word, text!(" is not running: it has just ended"))
}
