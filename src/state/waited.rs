//! The end of a container that leaves no record, for those who wait for it. Each of them opens one file in its directory;
//! where that file is, the container's `contain` writes the exit status there before it removes everything.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use crate::linux::fs::{Access, AtFlags, OFlags, accessat, unlinkat};
use crate::linux::io::{pread, write};

use super::{Entry, METADATA};

pub const WAITED: &CStr = c"waited";

impl Entry {
    /// The file in which the end will be told; `None` where it is too late for that.
    pub fn await_end(&self) -> Option<OwnedFd> {
        let file = self.open(WAITED, OFlags::RDWR | OFlags::CREATE).ok()?;
        // The record is removed before the file is looked for: while it is there the file was not missed.
        accessat(&self.directory, METADATA, Access::EXISTS, AtFlags::SYMLINK_NOFOLLOW).is_ok().then_some(file)
    }

    /// Tells those who wait.
    pub fn tell_end(&self, exit_code: u8) {
        let _none = unlinkat(&self.directory, METADATA, AtFlags::empty());
        if let Ok(file) = self.open(WAITED, OFlags::WRONLY) {
            let _unheard = write(&file, &[exit_code]);
        }
    }
}

/// The exit status that was told.
pub fn told(file: &OwnedFd) -> Option<u8> {
    let mut status = [0];
    (pread(file, &mut status, 0) == Ok(1)).then_some(status[0])
}
