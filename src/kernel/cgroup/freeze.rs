//! Stopping all processes of a group where they are, and letting them go on: `cgroup.freeze` of v2 (cgroup-v2.rst),
//! `freezer.state` of v1 (cgroup-v1/freezer-subsystem.rst).

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, Timespec, poll};
use crate::linux::fs::{Access, AtFlags, Mode, OFlags, accessat, openat};
use crate::linux::io::{Errno, Result};

use super::Group;
use crate::kernel::file::{read_text, write};
use crate::sys::clock::since_boot;
use crate::text::lines;

/// One version's files.
struct Files {
    /// Where it is asked for, and the words for it: to let go, to freeze.
    asked: &'static CStr,
    words: [&'static str; 2],
    /// Where it is told, and the line that stands there once all processes are frozen.
    told: &'static CStr,
    frozen: &'static str,
}

const V2: Files = Files { asked: c"cgroup.freeze", words: ["0", "1"], told: c"cgroup.events", frozen: "frozen 1" };
const V1: Files =
    Files { asked: c"freezer.state", words: ["THAWED", "FROZEN"], told: c"freezer.state", frozen: "FROZEN" };

/// A process in the middle of a system call that nothing interrupts is frozen once that is over.
const PATIENCE: u64 = 10_000_000;

impl Group {
    /// Freezes all processes inside. Where one of them cannot be frozen in time all go on, and it is false.
    pub fn freeze(&self) -> Result<bool> {
        let (directory, files) = self.freezer().ok_or(Errno::NOENT)?;
        write(directory, files.asked, files.words[1].as_bytes())?;
        let frozen = wait(directory, files);
        if frozen != Ok(true) {
            write(directory, files.asked, files.words[0].as_bytes())?;
        }
        frozen
    }

    /// Lets all processes inside go on. Where they cannot be frozen there is nothing to do.
    pub fn thaw(&self) -> Result<()> {
        self.freezer().map_or(Ok(()), |(directory, files)| write(directory, files.asked, files.words[0].as_bytes()))
    }

    pub fn can_freeze(&self) -> bool {
        self.freezer().is_some()
    }

    pub fn is_frozen(&self) -> bool {
        self.freezer().is_some_and(|(directory, files)| is_frozen(directory, files))
    }

    fn freezer(&self) -> Option<(BorrowedFd<'_>, &'static Files)> {
        self.directories().find_map(|directory| Some((directory, files(directory)?)))
    }
}

/// Lets the processes of one directory go on, if it is one to freeze by.
pub fn thaw(directory: BorrowedFd<'_>) -> Result<()> {
    files(directory).map_or(Ok(()), |files| write(directory, files.asked, files.words[0].as_bytes()))
}

fn files(directory: BorrowedFd<'_>) -> Option<&'static Files> {
    let has = |files: &&Files| accessat(directory, files.asked, Access::EXISTS, AtFlags::empty()).is_ok();
    [&V2, &V1].into_iter().find(has)
}

fn is_frozen(directory: BorrowedFd<'_>, files: &Files) -> bool {
    read_text(directory, files.told).is_ok_and(|text| lines(text).any(|line| line == files.frozen))
}

/// v2 tells of the change by a poll event; v1 does not, and is asked now and then.
fn wait(directory: BorrowedFd<'_>, files: &Files) -> Result<bool> {
    let file = openat(directory, files.told, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let deadline = since_boot() + PATIENCE;
    let mut pause = 1;
    loop {
        // Read through the descriptor first: only what changes after that is an event.
        let _armed = linux::io::pread(&file, &mut [0; 64], 0)?;
        if is_frozen(directory, files) {
            return Ok(true);
        }
        if since_boot() > deadline {
            return Ok(false);
        }
        let timeout = Timespec { tv_sec: 0, tv_nsec: pause * 1_000_000 };
        match poll(&mut [PollFd::from_borrowed_fd(file.as_fd(), PollFlags::PRI)], Some(&timeout)) {
            Ok(_) | Err(Errno::INTR) => pause = (pause * 2).min(100),
            Err(errno) => return Err(errno),
        }
    }
}
