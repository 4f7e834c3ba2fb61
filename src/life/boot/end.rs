//! The end of a machine: its processes, what is told of its command, its power.

use rustix::process::Signal;
use rustix::system::RebootCommand;

use crate::kernel::{console, power};
use crate::life::boot::hardware;
use crate::log;
use crate::machine::Machine;
use crate::supervise::Outcome;
use crate::text::{digits, fill};

/// Ends every process, tells the command's outcome on the console, and ends the machine.
pub fn end(outcome: Outcome, how: RebootCommand, machine: &Machine) -> ! {
    let grace = machine.grace;
    hardware::hand_watchdog_over(grace);
    // A stopped process does not see SIGTERM before it goes on.
    if power::signal_everyone(Signal::TERM) && power::signal_everyone(Signal::CONT) && !power::reap_everyone(grace) {
        power::signal_everyone(Signal::KILL);
        power::reap_everyone(grace);
    }
    hardware::renew_seed(machine, false);
    // The command's session may have taken the console with it.
    let _none = console::open();
    let (exit, signal) = match outcome {
        Outcome::Exited(status) => (u64::from(status), 0),
        Outcome::Killed(signal) => (0, signal as u64),
    };
    power::last_words(|| log::line(&fill("contain: exit=% signal=%", &[digits(exit), digits(signal)])));
    hardware::release_watchdog(how);
    power::end(how)
}
