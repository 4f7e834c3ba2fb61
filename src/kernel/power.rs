//! The end of a machine: its processes, its disks, its power; and the keys that ask for it.

use std::os::fd::{AsFd, BorrowedFd};

use crate::linux::event::{PollFd, PollFlags, poll};
use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::{Errno, Result};
use crate::linux::process::{Pid, Signal, kill_process_group};
use crate::linux::system::{RebootCommand, reboot};

use crate::sys;
use crate::sys::clock::{since_boot, timespec};
use crate::sys::process::{Cloned, clone3, exit_now, reap};

/// From here on ctrl-alt-del sends SIGINT to process 1 instead of rebooting at once (reboot(2)), and alt-up arrow on a
/// virtual console, where there is one, SIGWINCH.
pub fn take_keys() -> Result<()> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    if let Ok(console) = openat(CWD, c"/dev/tty0", flags, Mode::empty()) {
        let _none = sys::keys::accept(console.as_fd(), Signal::WINCH.as_raw());
    }
    reboot(RebootCommand::CadOff)
}

/// Sends a signal to every process but this one and the kernel's own: kill(2) with -1, which is the group of process 1.
/// False when there is none.
pub fn signal_everyone(signal: Signal) -> bool {
    kill_process_group(Pid::INIT, signal) != Err(Errno::SRCH)
}

/// Reaps until no child is left, for at most so many microseconds, or until `hurry` says so. It is asked each time that `events` has
/// something, which the end of a child must be. True when none is left.
pub fn reap_everyone(patience: u64, events: BorrowedFd<'_>, hurry: &mut dyn FnMut() -> bool) -> bool {
    let end = since_boot() + patience;
    loop {
        // Before the children are looked at: the end of one that comes afterwards is another event.
        let is_hurried = hurry();
        loop {
            match reap(None) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return true,
            }
        }
        let left = end.saturating_sub(since_boot());
        if left == 0 || is_hurried {
            return false;
        }
        wait(events, left);
    }
}

/// Waits for an event, for at most so many microseconds.
fn wait(events: BorrowedFd<'_>, time: u64) {
    let time = timespec(time);
    let _again = poll(&mut [PollFd::from_borrowed_fd(events, PollFlags::IN)], Some(&time));
}

/// How long what may hang has until the machine ends without it, in microseconds.
const PATIENCE: u64 = 10_000_000;

/// Does something in a child: a disk that does not answer, or a terminal that is held up, must not keep the machine on.
/// Whether it came to its end, and well.
pub fn aside(act: &mut dyn FnMut()) -> bool {
    match clone3(0, None) {
        Ok(Cloned::Child) => {
            act();
            exit_now(0)
        }
        Ok(Cloned::Parent { child, pidfd }) => {
            wait(pidfd.as_fd(), PATIENCE);
            matches!(reap(Some(child)), Ok(Some(ended)) if ended.status == 0)
        }
        Err(_) => {
            act();
            true
        }
    }
}

/// Ends the machine as asked, after the last words; where that fails by power-off, restart, halt. Never returns: process 1
/// has nowhere to return to.
pub fn end(how: RebootCommand, say: &mut dyn FnMut()) -> ! {
    // From a child: reboot(2) may end its caller, and the end of process 1 would be a panic.
    let mut done = aside(&mut || {
        say();
        refuse(reboot(how));
    });
    for how in [how, RebootCommand::PowerOff, RebootCommand::Restart, RebootCommand::Halt] {
        // A machine that halts may have returned from it.
        done = done || aside(&mut || refuse(reboot(how)));
    }
    loop {
        crate::linux::thread::sleep(u64::MAX >> 1);
    }
}

/// Ends the child where the kernel has refused.
fn refuse(done: Result<()>) {
    if done.is_err() {
        exit_now(1)
    }
}
