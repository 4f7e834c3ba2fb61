//! The clocks: rustix asks the kernel's vdso, whose reading is 2 KB of code.

use std::ffi::{c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::event::Timespec;
use crate::linux::io::Errno;
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// A clock that can be read: a CLOCK_ of time.h, or a device's.
pub type Clock = c_int;

pub const REAL: Clock = raw::CLOCK_REALTIME as Clock;

/// Seconds and nanoseconds.
pub type Time = (i64, i64);

/// Microseconds of CLOCK_BOOTTIME.
pub fn since_boot() -> u64 {
    // The kernel has this clock (Linux 2.6.39).
    let (seconds, nanoseconds) = read(raw::CLOCK_BOOTTIME as Clock).unwrap_or_default();
    seconds as u64 * 1_000_000 + nanoseconds as u64 / 1000
}

/// A span of microseconds.
pub fn timespec(micros: u64) -> Timespec {
    Timespec { tv_sec: (micros / 1_000_000) as i64, tv_nsec: (micros % 1_000_000 * 1000) as i64 }
}

/// The clock of an open device, as /dev/ptp0 (clock_getres(2), "Dynamic clocks").
pub fn of_device(device: BorrowedFd<'_>) -> Clock {
    !device.as_raw_fd() << 3 | 3
}

/// clock_gettime(2).
pub fn read(clock: Clock) -> Result<Time, Errno> {
    // SAFETY: all zero is a valid timespec; it holds integers only.
    let mut time: raw::__kernel_timespec = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills one live timespec.
    check(unsafe { syscall(raw::__NR_clock_gettime as c_long, clock, &raw mut time) })?;
    Ok((time.tv_sec, time.tv_nsec))
}

/// clock_settime(2) of the real-time clock.
pub fn set((tv_sec, tv_nsec): Time) -> Result<(), Errno> {
    let time = raw::__kernel_timespec { tv_sec, tv_nsec };
    // SAFETY: the kernel reads one live timespec.
    check(unsafe { syscall(raw::__NR_clock_settime as c_long, REAL, &raw const time) }).map(drop)
}
