//! Process 1 of a machine: from what the kernel hands over to a running command, and from its end to power-off.
//!
//! From `boot` on we must not die: the kernel panics when process 1 ends. What fails is said on the console, and the boot
//! goes on with what there is.

mod clients;
mod early;
mod end;
mod hardware;
pub mod logs;
mod modules;
mod mounts;
mod network;
pub mod root;
mod settings;
mod source;
mod spawn;
mod supervisor;
mod tell;
pub mod timeline;

use rustix::process::Signal;
use rustix::system::RebootCommand;

use crate::error::Result;
use crate::kernel::{cgroup, console, net, power};
use crate::life::boot::supervisor::{Over, Supervisor};
use crate::life::boot::timeline::Timeline;
use crate::life::mean::PATH;
use crate::machine::{Kind, Machine, OnExit, Restart, Service};
use crate::supervise::Outcome;
use crate::supervise::request::COMMAND;
use crate::supervise::signals::Signals;
use crate::text::{Word, variable};

/// Boots, runs the command, and powers off.
pub fn boot(words: &[Word], environment: &[Word]) -> ! {
    let mut timeline = Timeline::begin();
    let machine = prepare(&mut timeline);
    match live(machine, words, environment, timeline) {
        Ok(Over::Ended(outcome)) => end::end(outcome, RebootCommand::PowerOff, machine),
        Ok(Over::Asked(signal)) => end::end(Outcome::Exited(0), asked_for(signal), machine),
        Err(error) => {
            tell::failure(&error);
            end::end(Outcome::Exited(error.status()), RebootCommand::PowerOff, machine)
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
    early::limit_files();
    timeline.stage("early mounts", early::mount_all);
    timeline.stage("console", || tell::failed("open /dev/console", console::open()));
    timeline.stage("control groups", || tell::failed("enable cgroup controllers", cgroup::enable_all()));
    // Settings may lie on a device, too (qemu_fw_cfg).
    timeline.stage("modules", modules::plug);
    timeline.stage("settings", settings::read)
}

/// The rest of the start-up, and the workload until it ends or the machine is asked to.
fn live(machine: &'static Machine, words: &[Word], given: &[Word], mut timeline: Timeline) -> Result<Over> {
    // Not before 0, 1 and 2 are taken: a signalfd with one of these numbers would be lost.
    let signals = Signals::take()?;
    timeline.stage("loopback", || tell::failed("raise lo", net::raise_loopback()));
    timeline.stage("named modules", || modules::load(&machine.modules));
    timeline.stage("watchdog", || hardware::set_watchdog(machine));
    timeline.stage("clock", || hardware::step_clock(machine));
    tell::failed("take ctrl-alt-del", power::take_ctrl_alt_del());
    let mut machine = machine;
    let _kept = timeline.stage("root", || root::enter(machine, words, given))?;
    if !machine.has_file && !machine.root.device.is_empty() {
        // The new root may have one.
        machine = timeline.stage("settings of the root", settings::read);
    }
    timeline.stage("mounts", || mounts::mount_all(machine));
    // Not for the init of another root, which has a network of its own.
    timeline.stage("name", || network::name(machine));
    let clients = timeline.stage("network", || network::set_up(machine, &environment(given)));
    timeline.stage("seed", || hardware::renew_seed(machine, true));
    timeline.end(machine.chart);
    let services = services(machine, &clients);
    let mut supervisor = Supervisor::new(services, environment(given), machine, &signals);
    clients.iter().for_each(|(service, pid)| supervisor.adopt(service.name, *pid));
    Ok(supervisor.run(&ASKING))
}

/// The services, and the command of the boot as the last of them; a shell where nothing is wanted.
fn services(machine: &Machine, clients: &[network::Client]) -> &'static [Service] {
    let mut services = if machine.single { Vec::new() } else { machine.services.clone() };
    let command: &[Word] = match machine.command.is_empty() {
        true if services.is_empty() => &[c"/bin/sh"],
        _ => &machine.command,
    };
    if !command.is_empty() {
        services.push(Service {
            command: command.to_vec().leak(),
            options: machine.options.clone().leak(),
            restart: if machine.on_exit == OnExit::Respawn { Restart::Always } else { Restart::No },
            log: c"console",
            ..Service::plain(COMMAND, Kind::Command, "")
        });
    }
    clients.iter().for_each(|(service, _)| services.push(*service));
    services.leak()
}

/// What the command finds; of the words that the kernel passed on only TERM is kept.
fn environment(given: &[Word]) -> [Word; 3] {
    [PATH, c"HOME=/root", variable(given, "TERM").unwrap_or(c"TERM=linux")]
}
