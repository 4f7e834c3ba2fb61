//! The end of a machine: its processes, what is told of its command, its power.

use std::time::Duration;

use rustix::process::Signal;
use rustix::system::RebootCommand;

use crate::kernel::{console, power};
use crate::log;
use crate::supervise::Outcome;
use crate::text::{digits, fill};

/// Ends every process, tells the command's outcome on the console, and ends the machine.
pub fn end(outcome: Outcome, how: RebootCommand, grace: Duration) -> ! {
    // A stopped process does not see SIGTERM before it goes on.
    if power::signal_everyone(Signal::TERM) && power::signal_everyone(Signal::CONT) && !power::reap_everyone(grace) {
        power::signal_everyone(Signal::KILL);
        power::reap_everyone(grace);
    }
    // The command's session may have taken the console with it.
    let _none = console::open();
    let (exit, signal) = match outcome {
        Outcome::Exited(status) => (u64::from(status), 0),
        Outcome::Killed(signal) => (0, signal as u64),
    };
    power::last_words(|| log::line(&fill("contain: exit=% signal=%", &[digits(exit), digits(signal)])));
    power::end(how)
}
