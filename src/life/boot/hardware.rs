//! What the machine has beside processors and disks, at its boot and its end: a watchdog, a clock, a seed of randomness.

use crate::linux::io::Errno;
use crate::linux::system::RebootCommand;

use crate::error::Error;
use crate::input::settings::word;
use crate::kernel::{clock, random};
use crate::life::boot::tell;
use crate::log;
use crate::machine::{Machine, SECOND, Text, Time};
use crate::packed::{sentence, text};
use crate::sys::watchdog;

/// Sets the watchdog, where one is wanted.
pub fn set_watchdog(machine: &Machine) {
    let time = machine.time(Time::Watchdog);
    if time > 0 {
        tell::failed(sentence!("set /dev/watchdog for contain.watchdog="), watchdog::start(time));
    }
}

/// Steps the clock where it is wrong.
pub fn step_clock(machine: &Machine) {
    match clock::step() {
        Ok(Some(told)) if machine.tells() => log::error(told),
        Ok(_) => {}
        Err(errno) => tell::failed(sentence!("set the clock"), Err(errno)),
    }
}

/// Where the seed is, if it is not said. A machine without the directory keeps none.
const SEED: &str = "/var/lib/contain/seed";

/// Takes the seed that the boot before left, and leaves one for the next.
pub fn renew_seed(machine: &Machine, at_boot: bool) {
    let named = machine.text(Text::Seed);
    let path = if named.is_empty() { SEED } else { named };
    match random::renew(word(path), at_boot) {
        Ok(()) => {}
        Err(Errno::NOENT | Errno::ROFS) if named.is_empty() => {}
        Err(errno) => tell::failure(&Error::os(text!("renew the seed %", path), errno)),
    }
}

/// How long the end of a machine, and the start of its next boot, may take beyond the time that processes have.
const REBOOT: u64 = 600 * SECOND;

/// From here on nobody feeds the watchdog: it gets the time that the end of the machine takes.
pub fn hand_watchdog_over(grace: u64) {
    // Where it cannot have as much, it keeps its own.
    let _kept = watchdog::set(grace.saturating_add(REBOOT));
}

/// A machine that is off or stays halted needs no watchdog; one that boots again is caught where it hangs on the way.
pub fn release_watchdog(how: RebootCommand) {
    if !matches!(how, RebootCommand::Restart) {
        watchdog::release();
    }
}
