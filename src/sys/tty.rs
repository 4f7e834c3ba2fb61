//! A terminal's modes (ioctl_tty(2), TCGETS) as the kernel has them: rustix takes the speeds apart too, a kilobyte of code.

use std::ffi::c_long;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general as raw;
use linux_raw_sys::ioctl::{TCGETS, TCSETS, TCSETSW, TIOCVHANGUP};

use super::{check, syscall};

/// TIOCVHANGUP: takes a terminal from everybody who has it, this process too.
pub fn hang_up(terminal: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: the request takes no argument.
    check(unsafe { syscall(raw::__NR_ioctl as c_long, terminal.as_raw_fd(), TIOCVHANGUP) }).map(drop)
}

#[derive(Clone, Copy)]
pub struct Modes(raw::termios);

impl Modes {
    pub fn of(terminal: BorrowedFd<'_>) -> Result<Modes, Errno> {
        // SAFETY: all zero is a valid termios; it holds integers only.
        let mut modes: raw::termios = unsafe { std::mem::zeroed() };
        // SAFETY: TCGETS fills one live termios.
        check(unsafe { syscall(raw::__NR_ioctl as c_long, terminal.as_raw_fd(), TCGETS, &raw mut modes) })?;
        Ok(Modes(modes))
    }

    /// Gives a terminal these modes, once all that was written to it is out.
    pub fn give(&self, terminal: BorrowedFd<'_>) -> Result<(), Errno> {
        self.set(terminal, TCSETSW)
    }

    /// The same at once.
    pub fn give_now(&self, terminal: BorrowedFd<'_>) -> Result<(), Errno> {
        self.set(terminal, TCSETS)
    }

    fn set(&self, terminal: BorrowedFd<'_>, request: u32) -> Result<(), Errno> {
        // SAFETY: both requests read one live termios.
        let result = unsafe { syscall(raw::__NR_ioctl as c_long, terminal.as_raw_fd(), request, &raw const self.0) };
        check(result).map(drop)
    }

    /// Bytes pass through as they are: cfmakeraw of termios(3).
    pub fn raw(mut self) -> Modes {
        let Modes(modes) = &mut self;
        let lines = raw::INLCR | raw::IGNCR | raw::ICRNL;
        modes.c_iflag &= !(raw::IGNBRK | raw::BRKINT | raw::PARMRK | raw::ISTRIP | lines | raw::IXON);
        modes.c_oflag &= !raw::OPOST;
        modes.c_lflag &= !(raw::ECHO | raw::ECHONL | raw::ICANON | raw::ISIG | raw::IEXTEN);
        modes.c_cflag = modes.c_cflag & !(raw::CSIZE | raw::PARENB) | raw::CS8;
        modes.c_cc[raw::VMIN as usize] = 1;
        modes.c_cc[raw::VTIME as usize] = 0;
        self
    }

    /// The keys that mean end of file, SIGINT, SIGQUIT and SIGTSTP; 0 where one means nothing.
    pub fn keys(&self) -> [u8; 4] {
        let makes_signals = self.0.c_lflag & raw::ISIG != 0;
        let key = |number: u32, works| if works { self.0.c_cc[number as usize] } else { 0 };
        [
            key(raw::VEOF, true),
            key(raw::VINTR, makes_signals),
            key(raw::VQUIT, makes_signals),
            key(raw::VSUSP, makes_signals),
        ]
    }
}
