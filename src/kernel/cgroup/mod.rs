//! A container's own control group: made, locked, written to, and removed however the launch ends. The same for cgroup
//! v2, where it is one directory, and v1, where it is one in each controller; `usage` knows their files apart.
//!
//! Whoever made a group holds flock(2) on its directories. A group that nobody holds was left by a launcher that
//! was killed, and `sweep` removes it.

mod freeze;
pub mod leaf;
pub mod mounts;
pub mod sweep;
pub mod usage;

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::fs::{
    Access, AtFlags, CWD, FlockOperation, Mode, OFlags, accessat, flock, mkdirat, openat, unlinkat,
};
use crate::linux::io::{Errno, Result};
use crate::linux::process::{Pid, Signal, kill_process};

use crate::kernel::device::make_directory;
use crate::kernel::file::{read_text, write};
use crate::kernel::root;
use crate::packed::text;
use crate::text::{Word, decimal, kept, lines, words};

/// The directories of one container's group.
#[derive(Default)]
pub struct Group {
    directories: Vec<(Word, OwnedFd)>,
}

/// A group of this process's making: dropping it kills what is left inside and removes it.
#[derive(Default)]
pub struct Made(Group);

impl Made {
    /// Makes one more directory of it.
    pub fn make(&mut self, path: Word) -> Result<()> {
        self.0.directories.push((path, make_locked(path)?));
        Ok(())
    }
}

impl std::ops::Deref for Made {
    type Target = Group;

    fn deref(&self) -> &Group {
        &self.0
    }
}

impl Group {
    /// The group of a container that somebody else has made. A directory that is gone is left out.
    pub fn open(paths: &[Word]) -> Self {
        let mut group = Group::default();
        for path in paths {
            if let Ok(directory) = root::open(path) {
                group.directories.push((path, directory));
            }
        }
        group
    }

    /// Where the directories are.
    pub fn paths(&self) -> impl Iterator<Item = Word> {
        self.directories.iter().map(|(path, _)| *path)
    }

    pub fn is_none(&self) -> bool {
        self.directories.is_empty()
    }

    /// The directories: on v2 one, to be born in; on v1 one in each controller.
    pub fn directories(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.directories.iter().map(|(_, directory)| directory.as_fd())
    }
}

impl Group {
    /// Sends SIGKILL to all that is inside, and lets it go on to its death where it was frozen.
    pub fn kill(&self) {
        // Each v1 controller's directory has the same processes.
        if let Some((_, directory)) = self.directories.first() {
            let _gone = kill_all(directory);
        }
        let _gone = self.thaw();
    }

    /// Kills what is inside and removes the directories. What cannot be removed even now is left to a later sweep.
    pub fn remove(&self) {
        for (path, directory) in self.directories.iter().rev() {
            let _left = remove(path, directory, &mut || self.thaw());
        }
    }
}

impl Group {
    /// Writes one value into a file of a group that is in use: ENOENT where none of its directories has it.
    pub fn set(&self, file: &CStr, value: &str) -> Result<()> {
        for directory in self.directories() {
            match write(directory, file, value.as_bytes()) {
                Err(Errno::NOENT) => {}
                result => return result,
            }
        }
        Err(Errno::NOENT)
    }

    /// Whether it has a directory with this controller.
    pub fn has(&self, controller: &str) -> bool {
        self.paths().any(|path| is_of(path, controller.as_bytes()))
    }

    /// Whether it is one directory with all controllers.
    pub fn is_v2(&self) -> bool {
        self.directories()
            .any(|directory| accessat(directory, c"cgroup.controllers", Access::EXISTS, AtFlags::empty()).is_ok())
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.0.remove();
    }
}

/// Whether the path of a v1 directory names its controller.
fn is_of(path: &CStr, controller: &[u8]) -> bool {
    path.to_bytes().split(|b| matches!(b, b'/' | b',')).any(|part| part == controller)
}

/// Lets every group below the top of the usual v2 hierarchy have every controller. The top is exempt from the rule
/// that a group with processes has none to give. Where there is no v2 hierarchy there is nothing to enable.
pub fn enable_all() -> Result<()> {
    let path = c"/sys/fs/cgroup";
    let top = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let available = match read_text(top.as_fd(), c"cgroup.controllers") {
        Err(Errno::NOENT) => return Ok(()),
        available => available?,
    };
    // One by one: a kernel refuses +cpu while a realtime task runs, and the others shall not suffer.
    let mut result = Ok(());
    for name in words(available) {
        result = result.and(write(top.as_fd(), c"cgroup.subtree_control", text!("+%", name).as_bytes()));
    }
    result
}

/// Makes a directory that groups are to be made in, where it is missing. It stays.
pub fn make_parent(path: Word) -> Result<()> {
    make_directory(CWD, path)
}

/// Gives a v1 cpuset all the CPUs and memory nodes of the one above, where it has none.
pub fn fill_cpuset(path: Word) -> Result<()> {
    for name in [c"cpuset.cpus", c"cpuset.mems"] {
        let file = |way: &[u8]| kept(&[path.to_bytes(), way, name.to_bytes()]);
        let own = file(b"/");
        if read_text(CWD, own)? == "\n" {
            write(CWD, own, read_text(CWD, file(b"/../"))?.as_bytes())?;
        }
    }
    Ok(())
}

/// The file through which a v1 group is entered. Who has opened it may, whoever enters (cgroups(7)).
pub fn entrance(directory: BorrowedFd<'_>) -> Result<OwnedFd> {
    openat(directory, c"tasks", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Puts this process into a v1 group. Writing another process's id instead would make the kernel wait for an RCU grace
/// period, 10 ms and more. Called between clone and exec.
pub fn join(entrance: BorrowedFd<'_>) -> Result<()> {
    linux::io::write(entrance, b"0").map(drop)
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
    accessat(&directory, c"cgroup.procs", Access::EXISTS, AtFlags::empty())?;
    Ok(directory)
}

/// Removes a group; kills what is left inside first. A process that has just been reaped still counts for a moment.
fn remove(path: &CStr, directory: &OwnedFd, thaw: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    let mut nanos = 50_000;
    for _ in 0..30 {
        match unlinkat(CWD, path, AtFlags::REMOVEDIR) {
            Err(Errno::BUSY) => {}
            Err(Errno::NOENT) => return Ok(()),
            result => return result,
        }
        kill_all(directory)?;
        thaw()?;
        crate::linux::thread::sleep(nanos);
        nanos = (nanos * 2).min(100_000_000);
    }
    Err(Errno::BUSY)
}

/// Sends SIGKILL to every process of the group: at one stroke through cgroup.kill (v2, Linux 5.14), else one by one.
fn kill_all(directory: &OwnedFd) -> Result<()> {
    match write(directory.as_fd(), c"cgroup.kill", b"1") {
        Err(Errno::NOENT) => {}
        result => return result,
    }
    let text = read_text(directory.as_fd(), c"cgroup.procs")?;
    for line in lines(text) {
        let Some(pid) = decimal(line).and_then(|number| Pid::from_raw(number as i32)) else { continue };
        match kill_process(pid, Signal::KILL) {
            Ok(()) | Err(Errno::SRCH) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
