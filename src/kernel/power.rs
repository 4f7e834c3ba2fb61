//! The end of a machine: its processes, its disks, its power; and the keys that ask for it.

use std::time::Duration;

use rustix::fs::sync;
use rustix::io::{Errno, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::stdio::stdout;
use rustix::system::{RebootCommand, reboot};
use rustix::termios::tcdrain;

use crate::sys::process::{Cloned, clone3, exit_now, reap};

/// From here on ctrl-alt-del sends SIGINT to process 1 instead of rebooting at once (reboot(2)).
pub fn take_ctrl_alt_del() -> Result<()> {
    reboot(RebootCommand::CadOff)
}

/// Sends a signal to every process but this one and the kernel's own: kill(2) with -1, which is the group of process 1.
/// False when there is none.
pub fn signal_everyone(signal: Signal) -> bool {
    kill_process_group(Pid::INIT, signal) != Err(Errno::SRCH)
}

/// Reaps until no child is left, for at most this long. True when none is left.
pub fn reap_everyone(patience: Duration) -> bool {
    const PAUSE: Duration = Duration::from_millis(5);
    let mut waited = Duration::ZERO;
    loop {
        match reap(None) {
            Ok(Some(_)) => {}
            Ok(None) if waited < patience => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// How long what may hang has until the machine ends without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// Does the last words on the console in a child: a terminal that is held up must not keep the machine on.
pub fn last_words(say: impl FnOnce()) {
    if let Ok(Cloned::Child) = clone3(0, None) {
        say();
        let _no_terminal = tcdrain(stdout());
        exit_now(0);
    }
    reap_everyone(PATIENCE);
}

/// Writes everything to the disks, then ends the machine as asked; where that fails
/// by power-off, restart, halt. Never returns: process 1 has nowhere to return to.
pub fn end(how: RebootCommand) -> ! {
    sync();
    for command in [how, RebootCommand::PowerOff, RebootCommand::Restart, RebootCommand::Halt] {
        // From a child: reboot(2) may end its caller, and the end of process 1 would be a panic.
        match clone3(0, None) {
            Ok(Cloned::Child) => {
                let _refused = reboot(command);
                exit_now(1)
            }
            Ok(Cloned::Parent { .. }) => drop(reap_everyone(PATIENCE)),
            Err(_) => drop(reboot(command)),
        }
    }
    loop {
        std::thread::sleep(Duration::from_secs(3600));
    }
}
