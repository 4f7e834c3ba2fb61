//! seccomp(2): which system calls a process may make.

use std::ffi::{c_long, c_ushort};

use crate::linux::io::Errno;
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// seccomp(2) with SECCOMP_SET_MODE_FILTER, Linux 3.17: from here on this process, and all that comes of it, makes only the
/// system calls that the program lets through. An instruction is a number, as it lies in memory: struct sock_filter.
pub fn install(program: &[u64]) -> Result<(), Errno> {
    weak!("weak-seccomp", return Ok(()));
    const SET_MODE_FILTER: c_long = 1;
    /// struct sock_fprog.
    #[repr(C)]
    struct Filter {
        length: c_ushort,
        instructions: *const u64,
    }
    let length = c_ushort::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let filter = Filter { length, instructions: program.as_ptr() };
    // SAFETY: the filter says how many instructions there are, and the kernel copies and checks them.
    check(unsafe { syscall(raw::__NR_seccomp as c_long, SET_MODE_FILTER, 0 as c_long, &raw const filter) }).map(drop)
}
