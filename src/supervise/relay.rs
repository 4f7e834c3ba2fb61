//! Two terminals joined: the caller's, raw, and the controlling side of the container's.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::process::{Pid, Signal};
use rustix::stdio::{stdin, stdout};
use rustix::termios::{LocalModes, SpecialCodeIndex, isatty, tcgetattr, tcgetpgrp, tcgetsid};

use crate::error::{Error, Result};
use crate::kernel::terminal::{Raw, copy_size, other_side};

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
    /// Read from the caller, not yet taken by the container.
    pending: heapless::Vec<u8, 1024>,
    stdin_open: bool,
    /// The caller's last line has no end yet.
    line_open: bool,
    /// Nobody reads the caller's standard output any more.
    deaf: bool,
    /// What poll(2) last said of standard input and of the container's terminal.
    input_ready: bool,
    output_ready: bool,
}

impl<'a> Relay<'a> {
    pub fn new(controller: &'a OwnedFd) -> Result<Self> {
        // Only this end is made non-blocking: the caller's descriptors are shared with others.
        let other_side = fcntl_getfl(controller)
            .and_then(|flags| fcntl_setfl(controller, flags | OFlags::NONBLOCK))
            .and_then(|()| other_side(controller))
            .map_err(|errno| Error::os("set up the terminal", errno))?;
        let mut relay = Relay {
            controller,
            _other_side: other_side,
            raw: None,
            pending: heapless::Vec::new(),
            stdin_open: true,
            line_open: false,
            deaf: false,
            input_ready: false,
            output_ready: false,
        };
        relay.enter_raw();
        Ok(relay)
    }

    /// Raw mode, where the caller's terminal is ours to change: a background job's is not.
    fn enter_raw(&mut self) {
        let foreground = tcgetpgrp(stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
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

    /// What to wait for: input while there is room for it, the container's output, and room for what is pending.
    pub fn interests<'b>(&'b self, mut add: impl FnMut(PollFd<'b>)) {
        let room = if self.pending.is_empty() { PollFlags::IN } else { PollFlags::IN | PollFlags::OUT };
        add(PollFd::new(self.controller, room));
        if self.stdin_open && self.pending.is_empty() {
            add(PollFd::from_borrowed_fd(stdin(), PollFlags::IN));
        }
    }

    /// Takes poll's answers to [`Relay::interests`], in the same order.
    pub fn note(&mut self, ready: &[PollFlags]) {
        let any = |flags: Option<&PollFlags>| flags.is_some_and(|flags| !flags.is_empty());
        self.output_ready = any(ready.first());
        self.input_ready = any(ready.get(1));
    }

    /// Moves what is ready in both directions. Says which signal key went by, if any.
    pub fn pump(&mut self) -> Option<Key> {
        if std::mem::take(&mut self.output_ready) {
            self.move_output();
        }
        let key = if std::mem::take(&mut self.input_ready) { self.take_input() } else { None };
        self.give_pending();
        key
    }

    /// One bufferful of the container's output; false when there is none, or no more will come.
    fn move_output(&mut self) -> bool {
        let mut buffer = [0u8; 4096];
        match rustix::io::read(self.controller, &mut buffer) {
            Ok(count) if count > 0 => {
                self.deaf |= !write_all(&buffer[..count]);
                !self.deaf
            }
            // EIO: the last process that had the terminal open is gone.
            _ => false,
        }
    }

    fn take_input(&mut self) -> Option<Key> {
        let mut buffer = [0u8; 1024];
        match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) => {
                self.stdin_open = false;
                if !isatty(stdin()) {
                    // The end of a file is told to a terminal by its end-of-file key.
                    let end = tcgetattr(self.controller).map_or(4, |modes| modes.special_codes[SpecialCodeIndex::VEOF]);
                    // The first one only hands over an unfinished line.
                    for _ in 0..if self.line_open { 2 } else { 1 } {
                        let _room = self.pending.push(end);
                    }
                }
                None
            }
            Ok(count) => {
                self.line_open = buffer[count - 1] != b'\n';
                // Input is only taken while nothing is pending, so it fits.
                let _room = self.pending.extend_from_slice(&buffer[..count]);
                self.signal_key(&buffer[..count])
            }
            Err(Errno::INTR | Errno::AGAIN) => None,
            Err(_) => {
                self.stdin_open = false;
                None
            }
        }
    }

    fn signal_key(&self, typed: &[u8]) -> Option<Key> {
        let modes = tcgetattr(self.controller).ok().filter(|modes| modes.local_modes.contains(LocalModes::ISIG))?;
        let keys = [
            (SpecialCodeIndex::VINTR, Key::Signal(Signal::INT)),
            (SpecialCodeIndex::VQUIT, Key::Signal(Signal::QUIT)),
            (SpecialCodeIndex::VSUSP, Key::Suspend),
        ];
        // A code of 0 means that the key is switched off.
        let pressed =
            |code: SpecialCodeIndex| modes.special_codes[code] != 0 && typed.contains(&modes.special_codes[code]);
        keys.into_iter().find(|(code, _)| pressed(*code)).map(|(_, key)| key)
    }

    fn give_pending(&mut self) {
        match rustix::io::write(self.controller, &self.pending) {
            Ok(count) => {
                self.pending.rotate_left(count);
                self.pending.truncate(self.pending.len() - count);
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Nobody is there to read it.
            Err(_) => self.pending.clear(),
        }
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

    /// All that the container's terminal still holds.
    pub fn drain(mut self) {
        while self.move_output() {}
    }
}

/// Writes to the caller's standard output; false when that is closed.
fn write_all(mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match rustix::io::write(stdout(), bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let mut room = [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)];
                let _again = rustix::event::poll(&mut room, None);
            }
            Err(_) => return false,
        }
    }
    true
}
