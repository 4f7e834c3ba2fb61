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
mod report;
mod requests;
pub mod root;
mod settings;
mod source;
mod spawn;
mod supervisor;
mod tell;
pub mod timeline;

use crate::error::{Error, Result};
use crate::kernel::{cgroup, console, file, net, power};
use crate::life::boot::requests::End;
use crate::life::boot::supervisor::{Over, Supervisor};
use crate::life::boot::timeline::Timeline;
use crate::life::mean::PATH;
use crate::linux;
use crate::log;
use crate::machine::{Choice, Kind, Machine, OnExit, OnFail, Restart, Service, Text};
use crate::packed::{sentence, text};
use crate::supervise::Outcome;
use crate::supervise::request::COMMAND;
use crate::supervise::signals::Signals;
use crate::sys::crash;
use crate::text::{Word, variable};

/// Boots, runs the command, and ends the machine.
pub fn boot(words: &[Word], environment: &[Word]) -> ! {
    let again = words.first().is_some_and(|word| *word == crash::AGAIN);
    crash::guard_first(again);
    let timeline = Timeline::begin();
    let mut machine = prepare(timeline);
    let lived = match again {
        true => {
            // Nobody feeds it since.
            hardware::set_watchdog(machine);
            Err(Error::new(sentence!("process 1 has failed, and began anew")))
        }
        false => live(&mut machine, words, environment, timeline),
    };
    let (outcome, end) = lived.unwrap_or_else(|error| {
        tell::failure(&error);
        fail(machine, environment, Outcome::Exited(error.status()))
    });
    end::end(outcome, end, machine)
}

/// The start-up in its order, as far as it does not depend on what is wanted; then what is wanted.
fn prepare(timeline: &mut Timeline) -> &'static Machine {
    // What arrives before somebody listens waits.
    tell::failed(sentence!("block signals"), Signals::hold());
    linux::process::umask(linux::fs::Mode::from_raw_mode(0o022));
    // The kernel may have made process 1 a session leader already.
    let _leader = linux::process::setsid();
    log::tell_kernel();
    early::limit_files();
    timeline.stage("early mounts", early::mount_all);
    timeline.stage("console", || tell::failed(sentence!("open /dev/console"), console::open()));
    timeline.stage("control groups", || tell::failed(sentence!("enable cgroup controllers"), cgroup::enable_all()));
    // Settings may lie on a device, too (qemu_fw_cfg).
    timeline.stage("modules", modules::plug);
    timeline.stage("settings", settings::read)
}

/// The rest of the start-up, and the workload until it ends or the machine is asked to.
fn live(
    machine: &mut &'static Machine,
    words: &[Word],
    given: &[Word],
    timeline: &mut Timeline,
) -> Result<(Outcome, End)> {
    timeline.stage("loopback", || tell::failed(sentence!("raise lo"), net::raise_loopback()));
    timeline.stage("named modules", || modules::load(&machine.modules));
    timeline.stage("watchdog", || hardware::set_watchdog(machine));
    timeline.stage("clock", || hardware::step_clock(machine));
    tell::failed(sentence!("take ctrl-alt-del"), power::take_keys());
    // Held to the end.
    std::mem::forget(timeline.stage("root", || root::enter(machine, words, given))?);
    if !machine.has_file && !machine.text(Text::Root).is_empty() {
        // The new root may have one.
        *machine = timeline.stage("settings of the root", settings::read);
    }
    timeline.stage("mounts", || mounts::mount_all(machine));
    // Not for the init of another root, which has a network of its own.
    timeline.stage("name", || network::name(machine));
    let clients = timeline.stage("network", || network::set_up(machine, &environment(given)));
    timeline.stage("seed", || hardware::renew_seed(machine, true));
    timeline.end(machine.is(Choice::Chart));
    let outcome = match work(&services(machine, &clients), &clients, given, machine)? {
        Over::Asked(end) => return Ok((Outcome::Exited(0), end)),
        Over::Ended(outcome) => outcome,
    };
    let end = match machine.on_exit() {
        OnExit::Reboot => requests::REBOOT,
        OnExit::Halt => requests::HALT,
        OnExit::Shell => shell(machine, given).unwrap_or(requests::POWER_OFF),
        OnExit::PowerOff | OnExit::Respawn => requests::POWER_OFF,
    };
    Ok((outcome, end))
}

/// Looks after the services until the command among them ends, or somebody asks for the end.
fn work(services: &[&'static Service], begun: &[network::Client], given: &[Word], machine: &Machine) -> Result<Over> {
    // Not before 0, 1 and 2 are taken: a signalfd with one of these numbers would be lost.
    let signals = Signals::take()?;
    let mut supervisor = Supervisor::new(services, environment(given), machine, signals);
    begun.iter().for_each(|(service, pid)| supervisor.adopt(service.name, *pid));
    Ok(supervisor.run())
}

/// What follows on a failure of the boot, or of process 1 itself.
fn fail(machine: &Machine, given: &[Word], outcome: Outcome) -> (Outcome, End) {
    let end = match policy(machine, console::is_there()) {
        OnFail::Shell => shell(machine, given).unwrap_or(requests::PANIC),
        OnFail::Reboot => requests::REBOOT,
        OnFail::PowerOff => requests::POWER_OFF,
        OnFail::Panic => requests::PANIC,
    };
    (outcome, end)
}

/// What the settings say of that; else a shell, where somebody is there and `panic=` says nothing of his being away.
fn policy(machine: &Machine, has_console: bool) -> OnFail {
    let usual = if has_console && !machine.is(Choice::Panics) { OnFail::Shell } else { OnFail::Panic };
    machine.on_fail().unwrap_or(usual)
}

/// A shell on the console, until it ends or somebody asks for the end of the machine; none where there is no shell.
fn shell(machine: &Machine, given: &[Word]) -> Option<End> {
    file::place(SHELL)?;
    tell::failed(sentence!("take the console"), console::seize());
    log::error(text!("here is a shell: when it ends, the machine powers off"));
    let command = command(vec![SHELL], Vec::new(), Restart::No);
    match work(&[command], &[], given, machine).ok()? {
        Over::Asked(end) => Some(end),
        Over::Ended(_) => Some(requests::POWER_OFF),
    }
}

const SHELL: Word = c"/bin/sh";

/// The services, and the command of the boot as the last of them; a shell where nothing is wanted.
fn services(machine: &Machine, clients: &[network::Client]) -> Vec<&'static Service> {
    let mut services = if machine.is(Choice::Single) { Vec::new() } else { machine.services.clone() };
    let words = match machine.command.is_empty() {
        true if services.is_empty() => vec![SHELL],
        _ => machine.command.clone(),
    };
    if !words.is_empty() {
        let restart = if machine.on_exit() == OnExit::Respawn { Restart::Always } else { Restart::No };
        services.push(command(words, machine.options.clone(), restart));
    }
    clients.iter().for_each(|(service, _)| services.push(service));
    services
}

fn command(words: Vec<Word>, options: Vec<Word>, restart: Restart) -> &'static Service {
    let command = Service::plain(COMMAND, Kind::Command, "");
    (command.command, command.options) = (words.leak(), options.leak());
    (command.restart, command.log) = (restart, c"console");
    command
}

/// What the command finds; of the words that the kernel passed on only TERM is kept.
fn environment(given: &[Word]) -> [Word; 3] {
    [PATH, c"HOME=/root", variable(given, "TERM").unwrap_or(c"TERM=linux")]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::UNSAID;

    #[test]
    fn a_failure_leads_to_a_shell_only_where_somebody_is_there() {
        let machine = |panics, on_fail: Option<OnFail>| {
            let mut machine = Machine::nothing();
            machine.choices[Choice::Panics as usize] = u8::from(panics);
            machine.choices[Choice::OnFail as usize] = on_fail.map_or(UNSAID, |on_fail| on_fail as u8);
            machine
        };
        for (panics, has_console, expected) in [
            (false, true, OnFail::Shell),
            (false, false, OnFail::Panic),
            (true, true, OnFail::Panic),
            (true, false, OnFail::Panic),
        ] {
            assert_eq!(policy(&machine(panics, None), has_console), expected);
            assert_eq!(policy(&machine(panics, Some(OnFail::Reboot)), has_console), OnFail::Reboot);
        }
    }
}
