//! The only unsafe code of the crate: the few system calls that rustix lacks, each behind a small safe function.
//! Nothing here knows the rest of the crate. Remove a wrapper when rustix has the call.
#![allow(unsafe_code)]

pub mod crash;
pub mod heap;
pub mod idle;
pub mod mount;
pub mod net;
pub mod process;
pub mod signal;
pub mod start;

use std::ffi::c_long;

use rustix::io::Errno;

unsafe extern "C" {
    /// syscall(2): musl's and glibc's, which std links anyway.
    fn syscall(number: c_long, ...) -> c_long;
}

/// Turns a C-style result into ours; errno is the calling thread's own.
fn check(result: c_long) -> Result<c_long, Errno> {
    if result >= 0 {
        return Ok(result);
    }
    let raw = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    Err(Errno::from_raw_os_error(raw))
}
