//! A container's own control group: made, locked, written to, and removed however the launch ends. The same for cgroup
//! v2, where it is one directory, and v1, where it is one in each controller; `usage` knows their files apart.
//!
//! Whoever made a group holds flock(2) on its directories. A group that nobody holds was left by a launcher that
//! was killed, and `sweep` removes it.

pub mod mounts;
pub mod sweep;
pub mod usage;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, FlockOperation, Mode, OFlags, flock, mkdirat, openat, unlinkat};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::kernel::file::read_text;

/// The directories of one container's group. Dropping it kills what is left inside and removes them.
#[derive(Default)]
pub struct Group {
    directories: Vec<(CString, OwnedFd)>,
}

impl Group {
    /// Makes one more directory of it.
    pub fn make(&mut self, path: &CStr) -> Result<()> {
        self.directories.push((path.into(), make_locked(path)?));
        Ok(())
    }

    pub fn is_none(&self) -> bool {
        self.directories.is_empty()
    }

    /// The directories: on v2 one, to be born in; on v1 one in each controller.
    pub fn directories(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.directories.iter().map(|(_, directory)| directory.as_fd())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for (path, directory) in self.directories.iter().rev() {
            // What cannot be removed even now is removed by the next command's sweep.
            let _left = remove(path, directory);
        }
    }
}

/// Lets every group below the top of the usual v2 hierarchy have every controller. The top is exempt from the rule
/// that a group with processes has none to give. Where there is no v2 hierarchy there is nothing to enable.
pub fn enable_all() -> Result<()> {
    let path = c"/sys/fs/cgroup";
    let top = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let available = match read_text(&top, c"cgroup.controllers") {
        Err(Errno::NOENT) => return Ok(()),
        available => available?,
    };
    // One by one: a kernel refuses +cpu while a realtime task runs, and the others shall not suffer.
    let mut result = Ok(());
    for name in available.split_ascii_whitespace() {
        result = result.and(write(&top, c"cgroup.subtree_control", &format!("+{name}")));
    }
    result
}

/// Puts this process into a v1 group. Writing another process's id instead would make the kernel wait for an RCU grace
/// period, 10 ms and more. Called between clone and exec.
pub fn join(directory: &OwnedFd) -> Result<()> {
    write(directory, c"tasks", "0")
}

/// Writes one value into one file below an open directory, or at an absolute path. Called between clone and exec too.
pub fn write(directory: impl AsFd, file: &CStr, value: &str) -> Result<()> {
    let file = openat(directory, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, value.as_bytes()).map(drop)
}

/// Makes a group's directory and locks it. Between the two a sweep may take it for a leftover; then it is made again.
fn make_locked(path: &CStr) -> Result<OwnedFd> {
    for _ in 0..100 {
        mkdirat(CWD, path, Mode::from_raw_mode(0o755))?;
        let locked = lock(CWD, path, FlockOperation::LockExclusive);
        match locked {
            Ok(directory) => return Ok(directory),
            Err(Errno::NOENT | Errno::NODEV) => {}
            Err(errno) => {
                let _left = unlinkat(CWD, path, AtFlags::REMOVEDIR);
                return Err(errno);
            }
        }
    }
    Err(Errno::BUSY)
}

/// Opens and locks a group's directory, and makes sure that it was not removed meanwhile.
fn lock(parent: BorrowedFd<'_>, path: &CStr, operation: FlockOperation) -> Result<OwnedFd> {
    let directory = openat(parent, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    flock(&directory, operation)?;
    // A removed group has no files any more.
    rustix::fs::accessat(&directory, c"cgroup.procs", rustix::fs::Access::EXISTS, AtFlags::empty())?;
    Ok(directory)
}

/// Removes a group; kills what is left inside first. A process that has just been reaped still counts for a moment.
fn remove(path: &CStr, directory: &OwnedFd) -> Result<()> {
    let mut pause = Duration::from_micros(50);
    for _ in 0..30 {
        match unlinkat(CWD, path, AtFlags::REMOVEDIR) {
            Err(Errno::BUSY) => {}
            Err(Errno::NOENT) => return Ok(()),
            result => return result,
        }
        kill_all(directory)?;
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(100));
    }
    Err(Errno::BUSY)
}

/// Sends SIGKILL to every process of the group: at one stroke through cgroup.kill (v2, Linux 5.14), else one by one.
fn kill_all(directory: &OwnedFd) -> Result<()> {
    match write(directory, c"cgroup.kill", "1") {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    let text = read_text(directory, c"cgroup.procs")?;
    for pid in text.lines().filter_map(|line| line.parse().ok()).filter_map(Pid::from_raw) {
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
