//! The log files of services, held to a size. The services write them themselves, so nothing is lost while process 1 is
//! busy, and none waits for it.

use std::os::fd::AsFd;

use crate::linux;
use crate::linux::fs::{CWD, Mode, OFlags, fstat, ftruncate, mkdirat, openat, stat};
use crate::linux::mount::MountFlags;

use crate::kernel::file::{self, write_all};
use crate::kernel::mount::mount_here;
use crate::life::boot::tell;
use crate::packed::sentence;
use crate::supervise::services::{SECOND, Time};
use crate::sys::process::{Cloned, clone3, exit_now};
use crate::text::{Word, kept, kept_two};

/// How often they are looked at.
pub const OFTEN: Time = 5 * SECOND;
/// What a log may have before all but its end goes.
const MOST: u64 = 64 << 10;

/// Gives the logs a file system of their own: a service that floods its log takes no room from anybody else in /run.
pub fn prepare() {
    for directory in &[c"/run/contain", c"/run/contain/log"] {
        let _there = mkdirat(CWD, directory, Mode::RWXU);
    }
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let mounted = mount_here(c"/run/contain/log", c"tmpfs", c"size=10%,mode=0700", flags);
    tell::failed(sentence!("mount tmpfs on /run/contain/log"), mounted);
}

/// The log file of a service.
pub fn path(name: &str) -> Word {
    kept(&[b"/run/contain/log/", name.as_bytes(), b".log"])
}

/// What stood in it before it became too long.
pub fn previous(path: Word) -> Word {
    kept_two(path.to_bytes(), b".1")
}

/// Has a log shortened that has become too long, by a child.
pub fn look(path: Word) {
    if stat(path).is_ok_and(|found| found.st_size as u64 > MOST)
        && let Ok(Cloned::Child) = clone3(0, None)
    {
        let _full = shorten(path);
        exit_now(0);
    }
}

/// Keeps the end of it under another name, and begins anew: the service goes on writing where the file then ends. What it
/// writes between the two is lost.
fn shorten(path: Word) -> linux::io::Result<()> {
    let open = |path, flags| openat(CWD, path, flags | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    let log = open(path, OFlags::RDWR)?;
    let size = fstat(&log)?.st_size as u64;
    let kept = open(previous(path), OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC);
    if let Ok(kept) = kept {
        let _full = file::copy(log.as_fd(), size.saturating_sub(MOST)..size, &mut |part| write_all(kept.as_fd(), part));
    }
    ftruncate(&log, 0)
}
