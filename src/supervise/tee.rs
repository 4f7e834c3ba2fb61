//! What a container prints, on two ways: to its log, and on to the caller's own standard output and error. It comes
//! through pipes; what the caller does not take at once waits there, and the container with it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::buffer::spare_capacity;
use crate::linux::event::{PollFd, PollFlags, Timespec, poll};
use crate::linux::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use crate::linux::io::{Errno, ioctl_fionread};
use crate::linux::stdio::{stderr, stdout};

use crate::kernel::terminal::reopen;

/// A bufferful. A pipe that poll(2) calls ready takes as much without blocking (PIPE_BUF).
pub const MOST: usize = 4096;
/// How long a reader that takes nothing is waited for once the container was killed.
const LAST_WAIT: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Where the container's output is written down: told which stream it is, 0 or 1, and asked whether it could be.
pub type Log<'a> = &'a mut dyn FnMut(usize, &[u8]) -> bool;

/// Whether somebody reads the caller's side of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    Here,
    /// A detached container has none.
    Never,
    /// It went away, as head(1) does. The log goes on; without one, the container's pipe is closed, too.
    Gone,
}

/// One of the container's two outputs.
pub struct Stream {
    /// 0 is standard output, 1 is standard error.
    number: usize,
    /// The end that is read; never blocks.
    pipe: Option<OwnedFd>,
    /// How much of it is still to be read: at the end of the container, what is in it then.
    left: u64,
    /// Read and logged, not yet taken by the caller.
    held: Vec<u8>,
    /// The caller's stream where that is a terminal, as an open file of our own that never blocks.
    sink: Option<OwnedFd>,
    reader: Reader,
    ready: bool,
}

impl Stream {
    pub fn new(number: usize, pipe: OwnedFd, reader: Reader) -> linux::io::Result<Stream> {
        fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        let sink = if reader == Reader::Here { reopen(caller(number)) } else { None };
        let held = Vec::with_capacity(MOST);
        Ok(Stream { number, pipe: Some(pipe), left: u64::MAX, held, sink, reader, ready: false })
    }

    /// What to wait for: what is held goes on before more is read.
    fn interest(&self) -> Option<PollFd<'_>> {
        match &self.pipe {
            _ if !self.held.is_empty() => Some(PollFd::from_borrowed_fd(self.outlet(), PollFlags::OUT)),
            Some(pipe) => Some(PollFd::new(pipe, PollFlags::IN)),
            None => None,
        }
    }

    fn outlet(&self) -> BorrowedFd<'_> {
        self.sink.as_ref().map_or(caller(self.number), AsFd::as_fd)
    }

    fn pump(&mut self, log: Log<'_>) {
        match (std::mem::take(&mut self.ready), self.held.is_empty()) {
            (false, _) => {}
            (true, true) => self.take(log),
            (true, false) => self.give(),
        }
    }

    /// Reads a bufferful and logs it.
    fn take(&mut self, log: Log<'_>) {
        let Some(pipe) = &self.pipe else { return };
        let count = match linux::io::read_into(pipe.as_fd(), spare_capacity(&mut self.held)) {
            Ok(count) => count as u64,
            Err(Errno::INTR) => return,
            // Somebody in the container reads it, too.
            Err(Errno::AGAIN) if self.left == u64::MAX => return,
            Err(_) => 0,
        };
        let logged = log(self.number, &self.held);
        if self.left != u64::MAX {
            self.left = self.left.saturating_sub(count);
        }
        if count == 0 || self.left == 0 || (self.reader == Reader::Gone && !logged) {
            self.pipe = None;
        }
        if self.reader != Reader::Here {
            self.held.clear();
        }
    }

    fn give(&mut self) {
        let outlet = self.sink.as_ref().map_or(caller(self.number), AsFd::as_fd);
        if !give(outlet, &mut self.held) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        self.reader = Reader::Gone;
        self.held.clear();
    }
}

/// The caller's own.
fn caller(number: usize) -> BorrowedFd<'static> {
    if number == 0 { stdout() } else { stderr() }
}

/// All that is not just the caller's own, and its log.
pub struct Tee<'a> {
    /// Two at most.
    pub streams: Vec<Stream>,
    pub log: Log<'a>,
}

impl Tee<'_> {
    /// Puts what to wait for in the streams' places; says whether there is anything.
    pub fn interests<'b>(&'b self, places: &mut [PollFd<'b>]) -> bool {
        let mut any = false;
        for (place, stream) in places.iter_mut().zip(&self.streams) {
            if let Some(interest) = stream.interest() {
                *place = interest;
                any = true;
            }
        }
        any
    }

    /// Takes poll's answers; whether there is one.
    pub fn note(&mut self, answers: &[PollFlags]) -> bool {
        let mut any = false;
        for (stream, answer) in self.streams.iter_mut().zip(answers) {
            stream.ready = !answer.is_empty();
            any |= stream.ready;
        }
        any
    }

    /// What came from the container's terminal, which the relay gives to the caller.
    pub fn log_terminal(&mut self, bytes: &[u8]) {
        let _goes_on = (self.log)(0, bytes);
    }

    pub fn pump(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.pump(self.log));
    }

    /// All that is in the pipes now that the container has ended; what somebody writes later who has one open is not
    /// waited for. A reader that does not read is waited for until `give_up`, asked when a signal has come, or not long
    /// when that is what ended the container. The log gets everything.
    #[inline(never)]
    pub fn drain(&mut self, signals: BorrowedFd<'_>, patient: bool, give_up: &mut dyn FnMut() -> bool) {
        for stream in &mut self.streams {
            stream.left = stream.pipe.as_ref().map_or(0, |pipe| ioctl_fionread(pipe).unwrap_or(0));
        }
        loop {
            for stream in &mut self.streams {
                while stream.held.is_empty() && stream.pipe.is_some() {
                    stream.take(self.log);
                }
            }
            let mut descriptors: [_; 3] =
                std::array::from_fn(|_| PollFd::from_borrowed_fd(signals, PollFlags::empty()));
            descriptors[0] = PollFd::from_borrowed_fd(signals, PollFlags::IN);
            if !self.interests(&mut descriptors[1..]) {
                return;
            }
            let count = poll(&mut descriptors, (!patient).then_some(&LAST_WAIT));
            let answers = descriptors.map(|descriptor| descriptor.revents());
            if self.note(&answers[1..]) {
                self.pump();
            } else if count == Ok(0) || give_up() {
                self.streams.iter_mut().for_each(Stream::leave);
            }
        }
    }
}

/// Writes what there is room for, and keeps the rest; false where nobody reads any more.
pub fn give(to: BorrowedFd<'_>, held: &mut Vec<u8>) -> bool {
    match linux::io::write(to, held) {
        Ok(count) => drop(held.drain(..count)),
        Err(Errno::AGAIN | Errno::INTR) => {}
        Err(_) => {
            held.clear();
            return false;
        }
    }
    true
}
