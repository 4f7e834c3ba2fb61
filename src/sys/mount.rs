//! mount_setattr(2), Linux 5.12; swapoff(2).

use std::ffi::{CStr, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// Sets MOUNT_ATTR_* flags and the propagation of a mount and of all below it; MOUNT_ATTR_IDMAP is to a user namespace.
pub fn set_attributes(
    mount: BorrowedFd<'_>,
    attr_set: u64,
    propagation: u64,
    users: Option<BorrowedFd<'_>>,
) -> Result<(), Errno> {
    let userns_fd = users.map_or(0, |users| users.as_raw_fd() as u64);
    let attributes = raw::mount_attr { attr_set, attr_clr: 0, propagation, userns_fd };
    let flags = raw::AT_EMPTY_PATH | raw::AT_RECURSIVE;
    // SAFETY: the kernel reads one live mount_attr of the size given; the empty path is a NUL-terminated constant.
    let result = unsafe {
        syscall(
            raw::__NR_mount_setattr as c_long,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attributes,
            size_of::<raw::mount_attr>(),
        )
    };
    check(result).map(drop)
}

/// swapoff(2).
pub fn swapoff(path: &CStr) -> Result<(), Errno> {
    // SAFETY: the kernel reads a string that ends in NUL.
    check(unsafe { syscall(raw::__NR_swapoff as c_long, path.as_ptr()) }).map(drop)
}
