//! The only unsafe code of the crate: the few system calls that rustix lacks, each behind a small safe function.
//! Nothing here knows the rest of the crate. Remove a wrapper when rustix has the call.
#![allow(unsafe_code)]

pub mod arch;
pub mod clock;
pub mod crash;
pub mod heap;
pub mod idle;
#[cfg(target_env = "musl")]
mod libc;
pub mod loopback;
pub mod module;
pub mod mount;
pub mod net;
pub mod process;
pub mod seccomp;
pub mod signal;
pub mod start;
pub mod tty;

use std::ffi::{c_int, c_long};

use rustix::io::Errno;

unsafe extern "C" {
    /// syscall(2): musl's and glibc's, which std links anyway.
    fn syscall(number: c_long, ...) -> c_long;
    /// Where errno is.
    safe fn __errno_location() -> *mut c_int;
}

/// Turns a C-style result into ours. Those of the calls here are no larger than an int.
#[inline(never)]
fn check(result: c_long) -> Result<c_int, Errno> {
    if result >= 0 {
        return Ok(result as c_int);
    }
    // SAFETY: errno is the calling thread's own, and always there.
    Err(Errno::from_raw_os_error(unsafe { *__errno_location() }))
}
