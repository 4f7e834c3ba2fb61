//! A file as a block device: loop(4).

use std::ffi::c_long;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general as raw;
use linux_raw_sys::loop_device as device;

use super::{check, syscall};

/// LOOP_CTL_GET_FREE: the number of a device that is free at this moment.
pub fn free(control: BorrowedFd<'_>) -> Result<u32, Errno> {
    // SAFETY: the request takes no argument.
    let number = unsafe { syscall(raw::__NR_ioctl as c_long, control.as_raw_fd(), device::LOOP_CTL_GET_FREE, 0) };
    check(number).map(|number| number as u32)
}

/// LOOP_CONFIGURE, Linux 5.8: puts a file behind a device, to be read only. Who uses the device last gives it back.
pub fn configure(number: BorrowedFd<'_>, file: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: all zero is a valid loop_config; it holds integers only.
    let mut config: device::loop_config = unsafe { std::mem::zeroed() };
    config.fd = file.as_raw_fd() as u32;
    config.info.lo_flags = device::LO_FLAGS_READ_ONLY as u32 | device::LO_FLAGS_AUTOCLEAR as u32;
    // SAFETY: the kernel reads one live loop_config.
    let done =
        unsafe { syscall(raw::__NR_ioctl as c_long, number.as_raw_fd(), device::LOOP_CONFIGURE, &raw const config) };
    check(done).map(drop)
}
