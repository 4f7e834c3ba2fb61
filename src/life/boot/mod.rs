//! Process 1 of a machine: from what the kernel hands over to a running command, and from its end to power-off.
//!
//! From `boot` on we must not die: the kernel panics when process 1 ends. What fails is said on the console, and the boot
//! goes on with what there is.

mod early;
mod end;
mod modules;
mod settings;
mod tell;
mod timeline;

use rustix::process::Signal;
use rustix::system::RebootCommand;

use crate::error::Result;
use crate::kernel::{cgroup, console, network, power, root};
use crate::life::boot::timeline::Timeline;
use crate::life::init;
use crate::life::mean::PATH;
use crate::machine::Machine;
use crate::supervise::Outcome;
use crate::supervise::reaper::Over;
use crate::supervise::signals::Signals;
use crate::text::{Word, variable};

/// Boots, runs the command, and powers off.
pub fn boot(environment: &[Word]) -> ! {
    let mut timeline = Timeline::begin();
    let machine = prepare(&mut timeline);
    let grace = machine.grace;
    match live(machine, environment, timeline) {
        Ok(Over::Ended(outcome)) => end::end(outcome, RebootCommand::PowerOff, grace),
        Ok(Over::Asked(signal)) => end::end(Outcome::Exited(0), asked_for(signal), grace),
        Err(error) => {
            tell::failure(&error);
            end::end(Outcome::Exited(error.status()), RebootCommand::PowerOff, grace)
        }
    }
}

/// The signals that ask process 1 to end, as busybox's poweroff, halt and reboot send them.
const ASKING: [Signal; 3] = [Signal::USR2, Signal::USR1, Signal::TERM];

fn asked_for(signal: Signal) -> RebootCommand {
    match signal {
        Signal::TERM => RebootCommand::Restart,
        Signal::USR1 => RebootCommand::Halt,
        _ => RebootCommand::PowerOff,
    }
}

/// The start-up in its order, as far as it does not depend on what is wanted; then what is wanted.
fn prepare(timeline: &mut Timeline) -> &'static Machine {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // The kernel may have made process 1 a session leader already.
    let _leader = rustix::process::setsid();
    timeline.stage("early mounts", early::mount_all);
    timeline.stage("console", || tell::failed("open /dev/console", console::open()));
    timeline.stage("control groups", || tell::failed("enable cgroup controllers", cgroup::enable_all()));
    timeline.stage("settings", settings::read)
}

/// The rest of the start-up, and the workload until it ends or the machine is asked to.
fn live(machine: &Machine, given: &[Word], mut timeline: Timeline) -> Result<Over> {
    // Not before 0, 1 and 2 are taken: a signalfd with one of these numbers would be lost.
    let signals = Signals::take()?;
    timeline.stage("loopback", || tell::failed("raise lo", network::raise_loopback()));
    timeline.stage("modules", || modules::load(&machine.modules));
    tell::failed("take ctrl-alt-del", power::take_ctrl_alt_del());
    timeline.stage("root", || {
        if root::is_initramfs() {
            tell::failed("make the root pivotable", root::make_pivotable());
        }
    });
    timeline.end();
    let command: &[Word] = if machine.command.is_empty() { &[c"/bin/sh"] } else { &machine.command };
    init::look_after(command, &environment(given), &signals, &ASKING)
}

/// What the command finds; of the words that the kernel passed on only TERM is kept.
fn environment(given: &[Word]) -> [Word; 3] {
    [PATH, c"HOME=/root", variable(given, "TERM").unwrap_or(c"TERM=linux")]
}
