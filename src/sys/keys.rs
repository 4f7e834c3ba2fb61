//! The keys that a machine's init hears of: alt-up arrow on a virtual console (ioctl_console(2)), and those of an input device.

use std::ffi::c_long;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// KDSIGACCEPT: the kernel sends this process that signal for the key.
pub fn accept(console: BorrowedFd<'_>, signal: i32) -> Result<(), Errno> {
    const KDSIGACCEPT: u32 = 0x4b4e;
    // SAFETY: the argument is a number.
    let result = unsafe { syscall(raw::__NR_ioctl as c_long, console.as_raw_fd(), KDSIGACCEPT, c_long::from(signal)) };
    check(result).map(drop)
}

/// EVIOCGBIT(EV_KEY): which keys an input device has, a bit for each.
pub fn known(device: BorrowedFd<'_>) -> Result<[u8; 96], Errno> {
    const REQUEST: u32 = 2 << 30 | 96 << 16 | (b'E' as u32) << 8 | 0x21;
    let mut keys = [0; 96];
    // SAFETY: the kernel fills at most the 96 bytes that the request names.
    check(unsafe { syscall(raw::__NR_ioctl as c_long, device.as_raw_fd(), REQUEST, keys.as_mut_ptr()) })?;
    Ok(keys)
}
