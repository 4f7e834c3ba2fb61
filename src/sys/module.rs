//! Modules of the kernel: finit_module(2), as rustix has no flag for a compressed file.

use std::ffi::{CStr, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general::__NR_finit_module;

use super::{check, syscall};

/// MODULE_INIT_COMPRESSED_FILE of linux/module.h.
const COMPRESSED: c_long = 4;

/// finit_module(2), Linux 3.8: loads the module in a file, which the kernel unpacks where it is `compressed` (Linux 5.17).
pub fn load(file: BorrowedFd<'_>, parameters: &CStr, compressed: bool) -> Result<(), Errno> {
    let flags = if compressed { COMPRESSED } else { 0 };
    // SAFETY: the parameters end in a NUL, and the kernel copies them.
    check(unsafe { syscall(__NR_finit_module as c_long, file.as_raw_fd(), parameters.as_ptr(), flags) }).map(drop)
}
