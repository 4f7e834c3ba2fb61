//! mount_setattr(2), Linux 5.12.

use std::ffi::c_long;
use std::os::fd::{AsRawFd, BorrowedFd};

use linux_raw_sys::general as raw;
use rustix::io::Errno;

use super::{check, syscall};

/// Sets MOUNT_ATTR_* flags on a mount and on all below it.
pub fn set_attributes(mount: BorrowedFd<'_>, set: u64) -> Result<(), Errno> {
    let attributes = raw::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
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
