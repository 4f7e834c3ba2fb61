//! The end of a machine: its processes, what is mounted, what is told of its command, its power.

use std::os::fd::AsFd;

use crate::linux::fs::sync;
use crate::linux::process::Signal;
use crate::linux::stdio::stdin;
use crate::linux::system::RebootCommand;

use crate::kernel::{power, program, unmount};
use crate::life::boot::requests::{self, After, End};
use crate::life::boot::tell;
use crate::life::boot::{hardware, report};
use crate::machine::{Machine, SECOND, Time};
use crate::packed::sentence;
use crate::supervise::Outcome;
use crate::supervise::signals::Signals;
use crate::sys::process::exit_now;

/// How long processes have that were sent SIGKILL: all but those that the kernel itself holds up are gone at once.
const KILLED: u64 = 5 * SECOND;

/// Ends every process and what is mounted, tells the command's outcome, and ends the machine.
pub fn end(outcome: Outcome, end: End, machine: &Machine) -> ! {
    let grace = machine.time(Time::Grace);
    hardware::hand_watchdog_over(grace);
    end_processes(if end.at_once { 0 } else { grace });
    if end.after == After::Anew {
        tell::failed(sentence!("begin anew"), Err(program::start_over()));
    }
    let done = power::aside(&mut || {
        hardware::renew_seed(machine, false);
        unmount::all(&mut |error| tell::failure(&error));
        sync();
    });
    if !done {
        power::aside(&mut sync);
    }
    let is_last = end.after == After::Power(RebootCommand::PowerOff);
    let say = &mut || report::report(outcome, machine.report, is_last);
    match end.after {
        After::Power(how) => {
            hardware::release_watchdog(how);
            power::end(how, say)
        }
        After::Anew => power::end(RebootCommand::Restart, say),
        After::Panic => {
            power::aside(&mut || {
                say();
                report::panic();
            });
            exit_now(outcome.status())
        }
    }
}

/// Has every process end; a second signal that asks for the end makes that quick.
fn end_processes(grace: u64) {
    let signals = Signals::take();
    let mut hurry = || {
        let mut is_hurried = false;
        while let Ok(Some(arrived)) = signals.as_ref().map_or(Ok(None), |signals| signals.next()) {
            is_hurried |= arrived.signal == Signal::INT || requests::end(arrived.signal).is_some();
        }
        is_hurried
    };
    let events = signals.as_ref().map_or(stdin(), |signals| signals.as_fd());
    // A stopped process does not see SIGTERM before it goes on.
    let all = [Signal::TERM, Signal::CONT];
    if grace == 0 || all.map(power::signal_everyone)[0] && !power::reap_everyone(grace, events, &mut hurry) {
        power::signal_everyone(Signal::KILL);
        power::reap_everyone(KILLED, events, &mut || {
            hurry();
            false
        });
    }
}
