//! The machine's watchdog (the kernel's watchdog-api): it resets the machine when process 1 has not fed it for a time. It is one
//! for the whole process, so that whatever waits can feed it.

use std::ffi::c_long;
use std::os::fd::{AsRawFd, BorrowedFd, IntoRawFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::{Errno, write};
use linux_raw_sys::general::__NR_ioctl;
use linux_raw_sys::ioctl::WDIOC_GETTIMEOUT;

use super::clock::since_boot;
use super::{check, syscall};

/// _IOWR('W', 6, int), next to WDIOC_GETTIMEOUT, which only reads.
const WDIOC_SETTIMEOUT: u32 = (WDIOC_GETTIMEOUT - 1) | (1 << 30);
/// What makes the device stop when it is closed.
const MAGIC: &[u8] = b"V";

/// The device, -1 while there is none; how often it is fed, and when it is next, in microseconds.
static DEVICE: AtomicI32 = AtomicI32::new(-1);
static EVERY: AtomicU64 = AtomicU64::new(0);
static DUE: AtomicU64 = AtomicU64::new(0);

fn device() -> Option<BorrowedFd<'static>> {
    let number = DEVICE.load(Ordering::Relaxed);
    // SAFETY: what is kept there is open until `release`, after which nobody finds it.
    (number >= 0).then(|| unsafe { BorrowedFd::borrow_raw(number) })
}

/// Sets the watchdog to reset the machine when it is not fed for so many microseconds, a second at least.
pub fn start(time: u64) -> Result<(), Errno> {
    let opened = openat(CWD, c"/dev/watchdog", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    DEVICE.store(opened.into_raw_fd(), Ordering::Relaxed);
    EVERY.store(time / 3, Ordering::Relaxed);
    feed();
    // One that cannot have this time would reset the machine at another.
    set(time).inspect_err(|_| release())
}

/// Gives it another time, and feeds it.
pub fn set(time: u64) -> Result<(), Errno> {
    let Some(device) = device() else { return Ok(()) };
    let seconds = i32::try_from(time / 1_000_000).unwrap_or(i32::MAX).max(1);
    // SAFETY: the request reads and writes one live int.
    check(unsafe { syscall(__NR_ioctl as c_long, device.as_raw_fd(), WDIOC_SETTIMEOUT, &raw const seconds) })?;
    DUE.store(0, Ordering::Relaxed);
    feed();
    Ok(())
}

/// Feeds it, where a third of its time has passed; says when that is to be done again, in microseconds of `since_boot`: never
/// where there is none.
pub fn feed() -> u64 {
    let Some(device) = device() else { return u64::MAX };
    let (now, mut due) = (since_boot(), DUE.load(Ordering::Relaxed));
    if due <= now {
        let _not_fed = write(device, b"\0");
        due = now + EVERY.load(Ordering::Relaxed);
        DUE.store(due, Ordering::Relaxed);
    }
    due
}

/// Stops it, as far as it can be stopped.
pub fn release() {
    if let Some(device) = device() {
        let _goes_on = write(device, MAGIC);
        let _closed = super::process::close(device);
        DEVICE.store(-1, Ordering::Relaxed);
    }
}
