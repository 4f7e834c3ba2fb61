//! What process 1 is asked for by signals: busybox's, which `poweroff`, `reboot` and `halt` send, and systemd's, by the numbers
//! that glibc has for real-time signals.

use crate::linux::process::Signal;
use crate::linux::system::RebootCommand;

/// What comes when the last process has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum After {
    Power(RebootCommand),
    /// Process 1 begins anew.
    Anew,
    /// Process 1 ends, and the kernel does what `panic=` says.
    Panic,
}

/// An end of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    pub after: After,
    /// Without waiting for anything.
    pub at_once: bool,
}

pub const POWER_OFF: End = waiting(RebootCommand::PowerOff);
pub const REBOOT: End = waiting(RebootCommand::Restart);
pub const HALT: End = waiting(RebootCommand::Halt);
pub const PANIC: End = End { after: After::Panic, at_once: false };

const fn waiting(how: RebootCommand) -> End {
    End { after: After::Power(how), at_once: false }
}

const fn at_once(how: RebootCommand) -> End {
    End { after: After::Power(how), at_once: true }
}

const SIGNALS: [(i32, End); 13] = [
    (Signal::TERM.as_raw(), REBOOT),
    (Signal::USR1.as_raw(), HALT),
    (Signal::USR2.as_raw(), POWER_OFF),
    (Signal::POWER.as_raw(), HALT),
    (Signal::QUIT.as_raw(), End { after: After::Anew, at_once: false }),
    (37, HALT),
    (38, POWER_OFF),
    (39, REBOOT),
    (40, waiting(RebootCommand::Kexec)),
    (47, at_once(RebootCommand::Halt)),
    (48, at_once(RebootCommand::PowerOff)),
    (49, at_once(RebootCommand::Restart)),
    (50, at_once(RebootCommand::Kexec)),
];

/// The end that a signal asks for.
pub fn end(signal: Signal) -> Option<End> {
    SIGNALS.iter().find(|(number, _)| *number == signal.as_raw()).map(|(_, end)| *end)
}
