//! The time since the kernel started: rustix asks the kernel's vdso, whose reading is 2 KB of code.

use std::ffi::c_long;

use linux_raw_sys::general as raw;

use super::syscall;

/// Microseconds of CLOCK_BOOTTIME (clock_gettime(2)).
pub fn since_boot() -> u64 {
    // SAFETY: all zero is a valid timespec; it holds integers only.
    let mut time: raw::__kernel_timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills one live timespec, and has this clock (Linux 2.6.39).
    unsafe { syscall(raw::__NR_clock_gettime as c_long, raw::CLOCK_BOOTTIME, &raw mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}
