//! Removing what a killed launcher left behind: groups named `contain-*` that nobody holds locked.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use rustix::fs::{CWD, Dir, FlockOperation, Mode, OFlags, fstat, openat};

use super::{lock, remove};

/// Removes every abandoned group directly below `parent`. Best effort: a group that another sweep removes at the same
/// time, or that cannot be removed, is no concern of this command.
pub fn below(parent: &str) {
    let Ok(directory) = openat(CWD, parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()) else {
        return;
    };
    // kernfs counts the directories inside as links: with none of them there is nothing to read.
    if fstat(&directory).is_ok_and(|found| found.st_nlink <= 2) {
        return;
    }
    let Ok(entries) = Dir::read_from(directory.as_fd()) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_bytes().starts_with(b"contain-")) {
        if let Ok(path) = CString::new([parent.as_bytes(), b"/", entry.file_name().to_bytes()].concat()) {
            remove_abandoned(&path);
        }
    }
}

fn remove_abandoned(path: &CStr) {
    if let Ok(directory) = lock(path, FlockOperation::NonBlockingLockExclusive) {
        let _left = remove(path, &directory);
    }
}
