//! Two terminals joined: the caller's, raw, and the controlling side of the container's.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::buffer::spare_capacity;
use crate::linux::event::{PollFd, PollFlags, Timespec};
use crate::linux::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal};
use crate::linux::stdio::{stdin, stdout};
use crate::linux::termios::{isatty, tcgetpgrp, tcgetsid};

use crate::error::{Error, Result};
use crate::kernel::terminal::{self, Raw, copy_size, other_side};
use crate::packed::sentence;
use crate::supervise::tee::{MOST, give};
use crate::sys::tty::Modes;

/// A key that the container's terminal turns into a signal (termios(3), ISIG).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    Signal(Signal),
    Suspend,
}

pub struct Relay<'a> {
    controller: &'a OwnedFd,
    /// The container's own side, held open: with nobody else there, poll(2) would report the hang-up without end.
    _other_side: OwnedFd,
    raw: Option<Raw>,
    /// The caller's standard output where that is a terminal, as an open file of our own that never blocks.
    sink: Option<OwnedFd>,
    /// Read from the container, not yet taken by the caller.
    output: Vec<u8>,
    /// Read from the caller, not yet taken by the container.
    pending: Vec<u8>,
    stdin_open: bool,
    /// The caller's last line has no end yet.
    line_open: bool,
    /// Nobody reads the caller's standard output any more.
    deaf: bool,
    /// What poll(2) last said of the caller's input, of the controller, and of the output.
    ready: [bool; 3],
}

impl<'a> Relay<'a> {
    pub fn new(controller: &'a OwnedFd) -> Result<Box<Self>> {
        // Only this end is made non-blocking: the caller's descriptors are shared with others.
        let other_side = fcntl_getfl(controller)
            .and_then(|flags| fcntl_setfl(controller, flags | OFlags::NONBLOCK))
            .and_then(|()| other_side(controller))
            .map_err(|errno| Error::os(sentence!("set up the terminal"), errno))?;
        let mut relay = Box::new(Relay {
            controller,
            _other_side: other_side,
            raw: None,
            sink: terminal::reopen(stdout()),
            output: Vec::with_capacity(MOST),
            pending: Vec::with_capacity(1024),
            stdin_open: true,
            line_open: false,
            deaf: false,
            ready: [false; 3],
        });
        relay.enter_raw();
        Ok(relay)
    }

    /// Raw mode, where the caller's terminal is ours to change: a background job's is not.
    fn enter_raw(&mut self) {
        let foreground = tcgetpgrp(stdin()).is_ok_and(|group| group == linux::process::getpgrp());
        if foreground && self.raw.is_none() {
            self.raw = Raw::enter().ok();
        }
    }

    /// Gives the caller's terminal back for a while.
    pub fn pause(&mut self) {
        self.raw = None;
    }

    pub fn resume(&mut self) {
        self.enter_raw();
        self.resize();
    }

    pub fn resize(&self) {
        copy_size(self.controller);
    }

    /// Puts what to wait for in its three places: each direction has one buffer, and what it holds goes on before more is read.
    pub fn interests<'b>(&'b self, places: &mut [PollFd<'b>]) {
        let [input, controller, output, ..] = places else { return };
        let mut flags = PollFlags::empty();
        if self.output.is_empty() {
            flags |= PollFlags::IN;
        } else {
            *output = PollFd::from_borrowed_fd(self.sink(), PollFlags::OUT);
        }
        if !self.pending.is_empty() {
            flags |= PollFlags::OUT;
        } else if self.stdin_open {
            *input = PollFd::from_borrowed_fd(stdin(), PollFlags::IN);
        }
        if !flags.is_empty() {
            *controller = PollFd::new(self.controller, flags);
        }
    }

    /// Takes poll's answers for the [`Relay::interests`].
    pub fn note(&mut self, answers: &[PollFlags]) {
        self.ready.iter_mut().zip(answers).for_each(|(ready, answer)| *ready = !answer.is_empty());
    }

    fn sink(&self) -> BorrowedFd<'_> {
        self.sink.as_ref().map_or(stdout(), AsFd::as_fd)
    }

    /// Moves what is ready in both directions; what comes out of the container is given to `log`, too. Says which signal
    /// key went by, if any.
    #[inline(never)]
    pub fn pump(&mut self, log: &mut dyn FnMut(&[u8])) -> Option<Key> {
        let [input, controller, output] = std::mem::take(&mut self.ready);
        if output {
            self.give_output();
        }
        if controller && self.output.is_empty() {
            self.take_output(log);
        }
        let key = if input { self.take_input() } else { None };
        // Where nobody is there to read it, it is gone.
        give(self.controller.as_fd(), &mut self.pending);
        key
    }

    /// One bufferful of the container's output. EIO: the last process that had the terminal open is gone.
    fn take_output(&mut self, log: &mut dyn FnMut(&[u8])) {
        if linux::io::read_into(self.controller.as_fd(), spare_capacity(&mut self.output)).is_ok() {
            log(&self.output);
        }
    }

    fn give_output(&mut self) {
        let sink = self.sink.as_ref().map_or(stdout(), AsFd::as_fd);
        self.deaf |= !give(sink, &mut self.output);
    }

    fn take_input(&mut self) -> Option<Key> {
        // Input is only taken while nothing is pending.
        match linux::io::read_into(stdin(), spare_capacity(&mut self.pending)) {
            Ok(0) => {
                self.stdin_open = false;
                if !isatty(stdin()) {
                    // The end of a file is told to a terminal by its end-of-file key.
                    let end = Modes::of(self.controller.as_fd()).map_or(4, |modes| modes.keys()[0]);
                    // The first one only hands over an unfinished line.
                    self.pending.push(end);
                    if self.line_open {
                        self.pending.push(end);
                    }
                }
                None
            }
            Ok(_) => {
                self.line_open = !self.pending.ends_with(b"\n");
                self.signal_key()
            }
            Err(Errno::INTR | Errno::AGAIN) => None,
            Err(_) => {
                self.stdin_open = false;
                None
            }
        }
    }

    fn signal_key(&self) -> Option<Key> {
        let [_, keys @ ..] = Modes::of(self.controller.as_fd()).ok()?.keys();
        let meant = [Key::Signal(Signal::INT), Key::Signal(Signal::QUIT), Key::Suspend];
        let pressed = keys.iter().position(|key| *key != 0 && self.pending.contains(key))?;
        Some(meant[pressed])
    }

    /// Whether standard output has just turned out to be closed or full.
    pub fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// The container's session leader, where its own process group is in the foreground: no shell is between.
    pub fn lone_leader(&self) -> Option<Pid> {
        let leader = tcgetsid(self.controller).ok()?;
        (tcgetpgrp(self.controller).ok()? == leader).then_some(leader)
    }

    /// All that the container's terminal still holds, for as long as the caller takes it. A reader that does not read is
    /// waited for until `give_up`, asked when a signal has come; not at all when that is what ended the container. The log
    /// gets everything.
    #[inline(never)]
    pub fn drain(
        &mut self,
        signals: BorrowedFd<'_>,
        patient: bool,
        log: &mut dyn FnMut(&[u8]),
        give_up: &mut dyn FnMut() -> bool,
    ) {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        loop {
            if self.output.is_empty() {
                self.take_output(log);
            }
            if self.output.is_empty() {
                return;
            }
            if self.deaf {
                self.output.clear();
                continue;
            }
            let sink = PollFd::from_borrowed_fd(self.sink(), PollFlags::OUT);
            let mut descriptors = [sink, PollFd::from_borrowed_fd(signals, PollFlags::IN)];
            let _again = linux::event::poll(&mut descriptors, (!patient).then_some(&now));
            if !descriptors[0].revents().is_empty() {
                self.give_output();
            } else if !patient || give_up() {
                self.deaf = true;
            }
        }
    }
}
