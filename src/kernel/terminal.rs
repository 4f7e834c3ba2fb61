//! Terminals: the container's own, opened inside it, and the caller's, made raw while the two are joined.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{CWD, Gid, Mode, OFlags, Uid, fchown, fstatfs, openat};
use crate::linux::io::{Errno, Result};
use crate::linux::mount::mount_bind;
use crate::linux::process::fchdir;
use crate::linux::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use crate::linux::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use crate::linux::termios::{isatty, tcgetwinsize, tcsetwinsize};

use crate::kernel::file;
use crate::kernel::mount;
use crate::sys;
use crate::sys::tty::Modes;

/// A new pseudo-terminal of the devpts mounted below `dev`: the controlling side and the container's. The latter is
/// opened through the former (TIOCGPTPEER), never by a name that could have been replaced (CVE-2025-52565).
pub fn open_pair(dev: BorrowedFd<'_>) -> Result<(OwnedFd, OwnedFd)> {
    let pts = mount::real_directory(dev, c"pts")?;
    // DEVPTS_SUPER_MAGIC of statfs(2). A container that was there before may have anything in that place.
    if fstatfs(&pts)?.f_type as u64 != 0x1cd1 {
        return Err(Errno::NODEV);
    }
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let controller = openat(&pts, c"ptmx", flags, Mode::empty())?;
    unlockpt(&controller)?;
    let terminal = other_side(&controller)?;
    Ok((controller, terminal))
}

/// The terminal that belongs to a controlling side (TIOCGPTPEER, Linux 4.13).
pub fn other_side(controller: &OwnedFd) -> Result<OwnedFd> {
    ioctl_tiocgptpeer(controller, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
}

/// Makes the terminal, owned by `owner`, the standard streams. A standard error that the caller sent elsewhere stays
/// there.
pub fn adopt(terminal: BorrowedFd<'_>, owner: u32) -> Result<()> {
    fchown(terminal, Some(Uid::from_raw(owner)), None::<Gid>)?;
    let keeps_error = !is_error();
    dup2_stdin(terminal)?;
    dup2_stdout(terminal)?;
    if !keeps_error {
        dup2_stderr(terminal)?;
    }
    Ok(())
}

/// Makes the first terminal of a fresh devpts, which is number 0, /dev/console too.
pub fn be_console(dev: BorrowedFd<'_>) -> Result<()> {
    mount::create_file(dev, c"console")?;
    weak!("weak-console", return mount_bind(c"/dev/pts/0", c"/dev/console"));
    fchdir(dev)?;
    mount_bind(c"pts/0", c"console")
}

/// The caller's terminal in raw mode; dropping it, or a crash, brings back what was.
pub struct Raw {
    before: Box<Modes>,
}

impl Raw {
    pub fn enter() -> Result<Raw> {
        let stdin = linux::stdio::stdin();
        let before = Box::new(Modes::of(stdin)?);
        sys::crash::remember_terminal(Some(&before));
        let entered = Raw { before };
        // Where this fails, dropping it undoes what may have been done.
        entered.before.raw().give(stdin)?;
        Ok(entered)
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone has no mode to bring back.
        let _gone = self.before.give(linux::stdio::stdin());
        sys::crash::remember_terminal(None);
    }
}

/// One of the standard streams as an open file of its own that never blocks, where that is a terminal: a write to one can
/// block although poll(2) calls it ready, and to make the caller's own non-blocking would be felt by others.
pub fn reopen(stream: BorrowedFd<'_>) -> Option<OwnedFd> {
    if !isatty(stream) {
        return None;
    }
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    openat(CWD, file::own(stream), flags, Mode::empty()).ok()
}

/// Gives the container's terminal the size of the caller's. A caller without a terminal has none to give.
pub fn copy_size(controller: &OwnedFd) {
    if let Ok(size) = tcgetwinsize(linux::stdio::stdout()).or_else(|_| tcgetwinsize(linux::stdio::stdin())) {
        let _gone = tcsetwinsize(controller.as_fd(), size);
    }
}

/// The columns and rows of the terminal that standard output is; `None` where it is none.
pub fn size() -> Option<(usize, usize)> {
    tcgetwinsize(linux::stdio::stdout()).ok().map(|size| (size.ws_col.into(), size.ws_row.into()))
}

/// Whether standard input and output are terminals.
pub fn is_caller() -> bool {
    isatty(linux::stdio::stdin()) && isatty(linux::stdio::stdout())
}

/// Whether standard error is one.
pub fn is_error() -> bool {
    isatty(linux::stdio::stderr())
}
