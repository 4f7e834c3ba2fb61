//! `contain poweroff`, `reboot` and `halt`: asking process 1 for the end of the machine, or ending it at once.

use crate::linux::fs::sync;
use crate::linux::process::{Pid, Signal, kill_process};
use crate::linux::system::{RebootCommand, reboot};

use crate::error::{Error, Result};
use crate::input::args::Command;
use crate::input::args::written::{Flag, Written};
use crate::kernel::file;
use crate::kernel::proc::{Disposition, disposition};
use crate::packed::text;
use crate::sys::signal::from_number;

/// What each asks for: its name, the signal as busybox has it, the one as systemd does, and what reboot(2) does at once.
type Ask = (&'static str, Signal, i32, RebootCommand);
const POWER_OFF: Ask = ("poweroff", Signal::USR2, 38, RebootCommand::PowerOff);
const REBOOT: Ask = ("reboot", Signal::TERM, 39, RebootCommand::Restart);
const HALT: Ask = ("halt", Signal::USR1, 37, RebootCommand::Halt);

pub fn ask(command: Command, written: &Written) -> Result<u8> {
    let (name, busybox, systemd, how) = match command {
        Command::PowerOff => POWER_OFF,
        Command::Reboot => REBOOT,
        _ => HALT,
    };
    let failed = |errno| Error::os(text!("% this machine", name), errno);
    if written.has(Flag::Force) {
        if !written.has(Flag::NoSync) {
            sync();
        }
        // Inside a container it ends that, if it returns at all.
        return reboot(how).map(|()| 0).map_err(failed);
    }
    // To systemd, busybox's signals mean other things (systemd(1), SIGNALS). It makes this directory (sd_booted(3)).
    let has_systemd = file::place(c"/run/systemd/system").is_some();
    let signal = if has_systemd { from_number(systemd).unwrap_or(busybox) } else { busybox };
    if disposition(Pid::INIT, signal) == Disposition::Default {
        let text = text!("process 1 takes no signal that asks it to % this machine", name);
        return Err(Error::new(text).with_hint(text!("contain % -f does it at once, with nothing ended first", name)));
    }
    kill_process(Pid::INIT, signal).map(|()| 0).map_err(failed)
}
