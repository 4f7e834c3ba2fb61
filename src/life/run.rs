//! `contain run`: the story of one container, from the words on the command line to its exit status.

use std::os::fd::AsFd;

use crate::linux::process::geteuid;

use crate::error::{Error, Result, TIMED_OUT};
use crate::input::args::written::{Flag, Number, Text, Written};
use crate::input::number::readable;
use crate::kernel::cgroup::{Group, sweep};
use crate::kernel::root::Rootfs;
use crate::launch::{Child, Given, facts, launch};
use crate::life::detach::{Caller, detach};
use crate::life::mean::{mean, voice};
use crate::life::output;
use crate::life::remember::{Remembered, clear_some, sweep_all};
use crate::life::streams::{Streams, redirected};
use crate::log::{self, Voice, signal_name};
use crate::packed::{sentence, text};
use crate::plan::{Plan, Watching, plan};
use crate::spec::{Limit, MAX, Spec};
use crate::state::place::Places;
use crate::state::record::Record;
use crate::supervise::signals::Signals;
use crate::supervise::tee::Tee;
use crate::supervise::{Ended, Outcome, Watch, watch_and_log};
use crate::text::{Word, digits};

/// Runs a container and tells its exit status; of a detached one that it runs.
pub fn run(written: &'static Written, environment: &[Word], places: &Places) -> Result<u8> {
    let record = Record::blank();
    let (id, name) = (facts::draw_id()?, written.text(Text::Name));
    (record.id, record.name) = (id, name);
    let spec: &mut Spec = Box::leak(Box::new(Spec::NONE));
    let (rootfs, mapper) = mean(written, environment, id, places, spec)?;
    record.spec = *spec;
    let voice = voice(written);
    let (story, detached) = (voice == Voice::Story, written.has(Flag::Detach));
    record.log = written.has(Flag::Log) || detached;
    if written.number(Number::LogMax).is_some() && !record.log {
        return Err(Error::usage(sentence!("--log-max caps log files, and nothing is logged: add --log, or -d")));
    }
    let redirected = redirected(written, spec.tty) != 0;
    let counted = story || spec.share.pid || detached;
    let mut facts = facts::gather(id, spec, counted);
    facts.mapper = mapper;
    let plan = plan(spec, &facts, Watching { story, counted, redirected })?;
    if written.has(Flag::DryRun) {
        return output::print(&plan.text());
    }
    record.keep = (detached || written.has(Flag::Keep) || name.is_some()) && !written.has(Flag::Remove);
    let mut remembered = Remembered::new(record);
    let mut live = |caller: Option<&Caller>| {
        let lived = Job { written, spec, plan: &plan, voice, places }.live(rootfs, caller, &mut remembered);
        remembered.leave();
        lived
    };
    if !detached {
        return live(None);
    }
    detach(&mut |caller| live(Some(caller)))?;
    output::print(text!("%\n", id))
}

/// A container that is decided on.
struct Job<'a> {
    written: &'a Written,
    spec: &'a Spec,
    plan: &'a Plan,
    voice: Voice,
    places: &'a Places,
}

impl Job<'_> {
    /// From the launch to the end.
    fn live(self, rootfs: &mut Rootfs, caller: Option<&Caller>, remembered: &mut Remembered) -> Result<u8> {
        let Job { written, spec, plan, voice, places } = self;
        let Record { id, name, log, .. } = *remembered.record;
        let signals = Signals::take()?;
        // Whether the user asked for something that only a written-down container has.
        let must = log || written.has(Flag::Keep) || name.is_some();
        // A group shall be found whenever this process is killed: by the container's id, or where it is written down.
        let groups = plan.groups();
        let elsewhere = !groups.is_empty() && (!spec.cgroup_parent.is_empty() || !geteuid().is_root());
        // What is left of them keeps the container's directory there, by which they are found.
        remembered.record.cgroups = groups;
        if must || elsewhere {
            let begun = remembered.begin(places).and_then(|()| {
                remembered.describe(rootfs);
                remembered.publish()
            });
            if must {
                begun?;
            }
        } else if !groups.is_empty() {
            let _unfound = remembered.begin(places);
        }
        let lock = remembered.place;
        // Closed nowhere: they are this process's for as long as it lives.
        let streams: &mut Streams = Box::leak(Box::default());
        if let Some(place) = lock
            && log
        {
            streams.open(written, spec, place)?;
        }
        let Streams { given, pipes, logs } = streams;
        let mut write_down = |child: &Child| {
            if !must {
                let _unseen = remembered.begin(places);
                remembered.describe(rootfs);
            }
            let noted = remembered.running(child.pid, &child.group);
            // Where nobody asked for it, and it cannot be written, the container runs unseen.
            if must { noted } else { Ok(()) }
        };
        let mut remove_leftovers = || {
            if elsewhere {
                groups.iter().for_each(|group| sweep::beside(group));
            }
            match places.find() {
                Ok(Some(root)) => clear_some(root, id),
                _ => sweep_all(),
            }
        };
        let child = launch(
            plan,
            &mut Given {
                rootfs,
                streams: given,
                voice,
                brief: !must,
                write_down: &mut write_down,
                remove_leftovers: &mut remove_leftovers,
                lock: lock.map(|(_, entry)| entry.directory.as_fd()),
                host: None,
            },
        )?;
        // The lock on the directory of an upper layer stays.
        rootfs.layers.clear();
        if !pipes.is_empty() {
            // These ends are to be the container's only. But log files stay open here too: on a file that it alone has open, the
            // container could take a lease (fcntl(2)), and keep readers out.
            given.clear();
        }
        if let Some(caller) = caller {
            caller.release()?;
        }
        let tee = Tee { streams: std::mem::take(pipes), log: &mut |number, bytes| logs.write(number, bytes) };
        let watch = Watch {
            pid: child.pid,
            pidfd: child.pidfd.as_fd(),
            shielded: !spec.share.pid,
            init: spec.init,
            guest: false,
            terminal: child.terminal.as_ref(),
            limit: written.number(Number::Timeout),
            signals,
        };
        let ended = watch_and_log(watch, tee)?;
        let oom_kills = child.group.oom_kills();
        tell_end(&ended, voice);
        if let (true, Some(limit)) = (ended.timed_out, written.number(Number::Timeout)) {
            log::error(text!("killed: timed out after %", &time(limit)));
        }
        tell_limits_met(spec, &ended, oom_kills, &child.group);
        if voice == Voice::Story {
            tell_usage(&ended, &child.group);
        }
        let status = if ended.timed_out { TIMED_OUT } else { ended.outcome.status() };
        // Whoever reads that it has ended finds nothing of it any more.
        drop(child);
        remembered.ended(status, oom_kills > 0);
        Ok(status)
    }
}

/// Says how the container ended.
fn tell_end(ended: &Ended, voice: Voice) {
    match ended.outcome {
        Outcome::Exited(_) if ended.rebooted => voice.story(sentence!("container exited: it powered itself off"), &[]),
        Outcome::Killed(_) if ended.rebooted => {
            log::error(text!("the container asked for a restart, and is not started again"))
        }
        Outcome::Exited(status) => voice.story(sentence!("container exited: exit status %"), &[digits(status.into())]),
        Outcome::Killed(number) => voice.story(sentence!("container exited: killed by %"), &[signal_name(number)]),
    }
}

/// Says what it used.
fn tell_usage(ended: &Ended, group: &Group) {
    let usage = group.usage();
    let (user, system) = (usage.user.unwrap_or(ended.used.user), usage.system.unwrap_or(ended.used.system));
    let memory = readable(usage.memory_peak.unwrap_or(ended.used.resident));
    let pids = usage.pids_peak.map_or("", |peak| text!(", pids % peak", digits(peak)));
    let (user, system) = (digits(user / 1000), digits(system / 1000));
    Voice::Story.story(sentence!("used: memory % peak, cpu %ms user %ms sys%"), &[memory, user, system, pids]);
    if !group.is_none() {
        Voice::Story.story(sentence!("cleaning up cgroups"), &[]);
    }
}

/// Names the limits that the container ran into, from the kernel's own counters.
fn tell_limits_met(spec: &Spec, ended: &Ended, oom_kills: u64, group: &Group) {
    if let Some(limit) = spec.limits.get(Limit::Memory)
        && oom_kills > 0
    {
        let who = match (oom_kills, ended.outcome) {
            // An init of ours tells its command's death as a status.
            (_, Outcome::Killed(9) | Outcome::Exited(137)) => "",
            (1, _) => text!("a process was "),
            (kills, _) => text!("% processes were ", digits(kills)),
        };
        let peak = group.memory_peak().map_or("", |peak| text!(", peak %", readable(peak)));
        log::error(text!("%killed: out of memory (limit %%)", &who, &readable(limit), &peak));
    }
    if let Some(limit) = spec.limits.get(Limit::Pids)
        && limit != MAX
    {
        let forks = match group.pids_refused() {
            0 => return,
            1 => text!("a fork was"),
            times => text!("% forks were", digits(times)),
        };
        log::error(text!("% refused: too many processes (limit %)", &forks, digits(limit)));
    }
}

/// A time limit in milliseconds as `--timeout` would take it.
fn time(limit: u64) -> &'static str {
    let (number, unit) = if limit.is_multiple_of(1000) { (limit / 1000, "s") } else { (limit, "ms") };
    text!("%%", digits(number), unit)
}
