//! `contain run`: the story of one container, from the words on the command line to its exit status.

use std::ffi::OsString;
use std::os::fd::AsFd;
use std::time::Duration;

use crate::error::{Error, Result, TIMED_OUT};
use crate::input::args::Run;
use crate::input::number::readable;
use crate::kernel::cgroup::Group;
use crate::kernel::identity;
use crate::launch::{facts, launch};
use crate::life::mean::{Meant, mean};
use crate::life::output;
use crate::log::{self, Voice, signal_name};
use crate::plan::{Plan, Watching, plan};
use crate::spec::{Bound, Spec};
use crate::supervise::signals::Signals;
use crate::supervise::{Ended, Outcome, Watch, watch};

/// Runs a container and tells its exit status.
pub fn run(written: &Run, environment: &[OsString]) -> Result<u8> {
    let id = facts::draw_id()?;
    let Meant { spec, rootfs, voice } = mean(written, environment, &id)?;
    let watching = Watching { story: voice == Voice::Story };
    let facts = facts::gather(id, &spec.limits, watching.story || spec.share.pid);
    let decided = plan(&spec, &facts, watching)?;
    if written.dry_run {
        return show(&decided);
    }
    if !identity::is_administrator() {
        return Err(Error::new("run needs root: this user has no CAP_SYS_ADMIN").with_hint("run it with sudo"));
    }
    let signals = Signals::take()?;
    let child = launch(&decided, rootfs.as_fd(), voice)?;
    let ended = watch(Watch {
        pid: child.pid,
        pidfd: child.pidfd.as_fd(),
        shielded: !spec.share.pid,
        init: spec.init,
        terminal: child.terminal.as_ref(),
        limit: written.timeout,
        signals: &signals,
    })?;
    tell_end(&spec, written.timeout, &ended, &child.group, voice);
    Ok(if ended.timed_out { TIMED_OUT } else { ended.outcome.status() })
}

/// `--dry-run`.
fn show(plan: &Plan) -> Result<u8> {
    output::print(&plan.to_string())?;
    Ok(0)
}

/// Says how the container ended, why it was killed, and what it used.
fn tell_end(spec: &Spec, limit: Option<Duration>, ended: &Ended, group: &Group, voice: Voice) {
    match ended.outcome {
        Outcome::Exited(status) => voice.story(format_args!("container exited: exit status {status}")),
        Outcome::Killed(number) => voice.story(format_args!("container exited: killed by {}", signal_name(number))),
    }
    if let (true, Some(limit)) = (ended.timed_out, limit) {
        log::error(format_args!("killed: timed out after {}", time(limit)));
    }
    tell_limits_met(spec, ended, group);
    if voice != Voice::Story {
        return;
    }
    let usage = group.usage();
    let (user, system) = (usage.user.unwrap_or(ended.used.user), usage.system.unwrap_or(ended.used.system));
    let memory = readable(usage.memory_peak.unwrap_or(ended.used.resident));
    let pids = usage.pids_peak.map(|peak| format!(", pids {peak} peak")).unwrap_or_default();
    voice.story(format_args!(
        "used: memory {memory} peak, cpu {}ms user {}ms sys{pids}",
        user.as_millis() as u64,
        system.as_millis() as u64
    ));
    if !group.is_none() {
        voice.story(format_args!("cleaning up cgroups"));
    }
}

/// Names the limits that the container ran into, from the kernel's own counters.
fn tell_limits_met(spec: &Spec, ended: &Ended, group: &Group) {
    if let Some(limit) = spec.limits.memory {
        let kills = group.oom_kills();
        let met = || {
            let peak = group.memory_peak().map(|peak| format!(", peak {}", readable(peak))).unwrap_or_default();
            format!("(limit {}{peak})", readable(limit))
        };
        match (kills, ended.outcome) {
            (0, _) => {}
            // An init of ours tells its command's death as a status.
            (_, Outcome::Killed(9) | Outcome::Exited(137)) => {
                log::error(format_args!("killed: out of memory {}", met()))
            }
            (1, _) => log::error(format_args!("a process was killed: out of memory {}", met())),
            (kills, _) => log::error(format_args!("{kills} processes were killed: out of memory {}", met())),
        }
    }
    if let Some(Bound::At(limit)) = spec.limits.pids {
        match group.pids_refused() {
            0 => {}
            1 => log::error(format_args!("a fork was refused: too many processes (limit {limit})")),
            times => log::error(format_args!("{times} forks were refused: too many processes (limit {limit})")),
        }
    }
}

/// A time limit as `--timeout` would take it.
fn time(limit: Duration) -> String {
    match (limit.as_secs(), limit.subsec_millis()) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, millis) => format!("{}ms", seconds * 1000 + u64::from(millis)),
    }
}
