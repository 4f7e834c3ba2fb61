//! Process 1 with a single command to look after: it starts it in a session of its own, passes signals on, reaps every
//! orphan, and ends when the command has ended.
//!
//! From `run` on we must not die: the end of process 1 is the end of the container, or of the machine. Nothing in the loop
//! allocates, and no error leaves it.

use std::os::fd::{AsFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, poll};
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal, getpgrp, ioctl_tiocsctty, kill_process, setpgid, setsid};
use crate::linux::termios::tcsetpgrp;

use crate::error::{Error, Result};
use crate::kernel::proc::{Disposition, disposition};
use crate::kernel::program;
use crate::log;
use crate::packed::sentence;
use crate::supervise::Outcome;
use crate::supervise::signals::{Action, Signals, action};
use crate::sys::process::{Cloned, Vector, clone3, exit_now, reap};
use crate::sys::signal::{Set, block, ignore, reset_dispositions, send_group};
use crate::text::Word;

/// A command as process 1 starts it.
pub struct Workload<'a> {
    pub candidates: &'a [Word],
    pub arguments: &'a [Word],
    pub environment: &'a [Word],
    pub manner: Manner,
}

/// How the command is started and looked after, where that is not as `contain init` does it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Manner {
    /// It gets no session of its own but a process group, in the foreground of this session's terminal; and every signal
    /// but SIGCHLD.
    pub stays: bool,
    /// Every signal goes to its whole process group; else those of the terminal's keys do, or with `stays` none.
    pub to_group: bool,
    /// Each process that is reaped beside it is told.
    pub tells: bool,
}

/// Starts the command and looks after everything until it has ended; signals are passed on to it. The error is that it could
/// not be executed.
pub fn run(workload: &Workload<'_>, signals: &Signals) -> std::result::Result<Outcome, Errno> {
    let main = start(workload)?;
    loop {
        let mut descriptors = [PollFd::new(signals, PollFlags::IN)];
        let _again = poll(&mut descriptors, None);
        while let Ok(Some(arrived)) = signals.next() {
            let own = match workload.manner.stays {
                true => arrived.signal == Signal::CHILD,
                false => matches!(action(arrived.signal), Action::Nothing | Action::Resize),
            };
            if !own {
                forward(main, arrived.signal, workload.manner);
            }
        }
        if let Some(outcome) = reap_all(main, workload.manner.tells) {
            return Ok(outcome);
        }
    }
}

/// What the terminal's keys mean goes to the command's whole group, as the terminal would have it; the rest to itself.
pub fn forward(main: Pid, signal: Signal, manner: Manner) {
    if !manner.stays && signal == Signal::TSTP && disposition(main, signal) == Disposition::Default {
        // The kernel lets a terminal's stop pass by a group without a parent in its session, as this one is.
        let _ended = send_group(main, Signal::STOP);
        return;
    }
    let keys = [Signal::INT, Signal::QUIT, Signal::TSTP, Signal::HUP, Signal::CONT];
    let _ended = match manner.to_group || !manner.stays && keys.contains(&signal) {
        true => send_group(main, signal),
        false => kill_process(main, signal),
    };
}

/// Reaps every child that has ended; the outcome of `main` where it was among them.
fn reap_all(main: Pid, tells: bool) -> Option<Outcome> {
    let mut outcome = None;
    while let Ok(Some(ended)) = reap(None) {
        if ended.pid == main {
            outcome = Some(Outcome::of(ended.status));
        } else if tells {
            log::number(b"contain: reaped process ", ended.pid.as_raw_pid() as u32);
        }
    }
    outcome
}

/// Forks and executes.
fn start(workload: &Workload<'_>) -> std::result::Result<Pid, Errno> {
    let arguments = Vector::new(&[], workload.arguments);
    let environment = Vector::new(&[], workload.environment);
    let (ours, theirs) = linux::pipe::pipe_with(linux::pipe::PipeFlags::CLOEXEC)?;
    match clone3(0, None)? {
        Cloned::Child => {
            let errno = become_workload(workload, &arguments, &environment);
            let _gone = linux::io::write(&theirs, &errno.raw_os_error().to_ne_bytes());
            exit_now(crate::error::SET_UP)
        }
        Cloned::Parent { child, .. } => {
            drop(theirs);
            failure(&ours).map_or(Ok(child), Err)
        }
    }
}

/// The child's way to the command: nothing here allocates.
fn become_workload(workload: &Workload<'_>, arguments: &Vector<'_>, environment: &Vector<'_>) -> Errno {
    let begun = match workload.manner.stays {
        true => begin_group(),
        false => begin_session(),
    };
    match begun {
        Err(errno) => errno,
        Ok(()) => program::execute(workload.candidates, arguments, environment),
    }
}

/// A session of its own with standard input as its terminal, if that is one, and signals as if nobody had ever touched them.
pub fn begin_session() -> linux::io::Result<()> {
    setsid()?;
    // Not a terminal, or another session's: the command then has none to control.
    let _none = ioctl_tiocsctty(linux::stdio::stdin());
    reset_dispositions();
    block(Set::EMPTY)
}

/// A process group of its own, in the foreground of the session's terminal if standard input is that; signals as there.
fn begin_group() -> linux::io::Result<()> {
    setpgid(None, None)?;
    // By this one, which is not blocked, the terminal would stop a group that is not in the foreground yet.
    ignore(Signal::TTOU);
    let _none = tcsetpgrp(linux::stdio::stdin(), getpgrp());
    reset_dispositions();
    block(Set::EMPTY)
}

/// The errno that the child sent; `None` when the pipe was closed by its exec.
fn failure(pipe: &OwnedFd) -> Option<Errno> {
    let mut bytes = [0u8; 4];
    loop {
        match linux::io::read(pipe.as_fd(), &mut bytes) {
            Err(Errno::INTR) => {}
            Ok(4) => return Some(Errno::from_raw_os_error(i32::from_ne_bytes(bytes))),
            _ => return None,
        }
    }
}

/// For a process that is not number 1: orphans of its descendants become its children (prctl(2), Linux 3.4).
pub fn become_subreaper() -> Result<()> {
    linux::process::set_child_subreaper(Some(linux::process::getpid()))
        .map_err(|errno| Error::os(sentence!("become a subreaper"), errno))
}
