//! The group of a service, as process 1 keeps it: made before the service's process is born in it, and removed when it is
//! empty. Nothing here allocates.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use crate::linux::fs::{AtFlags, CWD, Mode, mkdirat, unlinkat};
use crate::linux::io::Result;

use crate::kernel::file::write;
use crate::kernel::root;

/// Makes it, where it is not there already.
pub fn make(path: &CStr) -> Result<OwnedFd> {
    let _there = mkdirat(CWD, path, Mode::from_raw_mode(0o755));
    root::open(path)
}

/// Kills everything in it (cgroup.kill, Linux 5.14).
pub fn kill(path: &CStr) -> Result<()> {
    write(root::open(path)?.as_fd(), c"cgroup.kill", b"1")
}

/// Removes it, which works once no process is in it.
pub fn remove(path: &CStr) -> Result<()> {
    unlinkat(CWD, path, AtFlags::REMOVEDIR)
}
