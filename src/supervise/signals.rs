//! The signals that a supervisor takes as events, and what each is to the process it watches.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::process::Signal;

use crate::error::{Error, Result};
use crate::packed::sentence;
use crate::sys::signal::{Arrived, Set, block, descriptor, is_ignored, next, reset};

/// Left to the kernel: faults of our own, what cannot be blocked, and the two that stop a background job which
/// touches its terminal. With those blocked, tcsetattr(3) would change the terminal under the foreground job.
const NOT_TAKEN: [Signal; 11] = [
    Signal::SEGV,
    Signal::ILL,
    Signal::BUS,
    Signal::FPE,
    Signal::TRAP,
    Signal::SYS,
    Signal::ABORT,
    Signal::KILL,
    Signal::STOP,
    Signal::TTIN,
    Signal::TTOU,
];

/// Every signal that is taken, blocked and waiting in one descriptor, for as long as the process lives.
pub struct Signals {
    descriptor: OwnedFd,
    /// Ignored by the caller, as nohup(1) has it: they stay so.
    ignored: Set,
}

impl Signals {
    /// From here on signals wait for somebody to take them.
    pub fn hold() -> linux::io::Result<()> {
        block(Set::all_but(&NOT_TAKEN))
    }

    /// From here on signals wait instead of acting.
    pub fn take() -> Result<&'static Signals> {
        let set = Set::all_but(&NOT_TAKEN);
        let mut ignored = Set::EMPTY;
        for signal in [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM] {
            if is_ignored(signal) {
                ignored = ignored.with(signal);
            }
        }
        // A caller that ignores SIGCHLD would have the kernel reap our child, and its status lost (wait(2), NOTES).
        reset(Signal::CHILD);
        block(set).map_err(|errno| Error::os(sentence!("block signals"), errno))?;
        let descriptor = descriptor(set).map_err(|errno| Error::os(sentence!("open a signalfd"), errno))?;
        Ok(Box::leak(Box::new(Signals { descriptor, ignored })))
    }

    /// The next signal that has arrived and is not to be ignored.
    pub fn next(&self) -> Result<Option<Arrived>> {
        loop {
            match next(self.descriptor.as_fd()).map_err(|errno| Error::os(sentence!("read a signal"), errno))? {
                Some(arrived) if self.ignored.has(arrived.signal) => {}
                arrived => return Ok(arrived),
            }
        }
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// What a signal is to the watched process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Passed on; ends a process that does not handle it (signal(7)).
    End,
    Stop,
    Continue,
    Resize,
    Nothing,
}

/// Whether the supervisor passes a signal that somebody sends to it on to the watched process.
pub fn is_passed_on(signal: Signal) -> bool {
    !NOT_TAKEN.contains(&signal) && !matches!(action(signal), Action::Nothing | Action::Resize)
}

pub fn action(signal: Signal) -> Action {
    match signal {
        Signal::TSTP => Action::Stop,
        Signal::CONT => Action::Continue,
        Signal::WINCH => Action::Resize,
        // Our own business: children, and writes to a closed pipe.
        Signal::CHILD | Signal::PIPE | Signal::URG => Action::Nothing,
        _ => Action::End,
    }
}
