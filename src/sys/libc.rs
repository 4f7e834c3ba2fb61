//! What std takes from the C library that would need a C library that was started (sys/start.rs): here without threads,
//! and without the kernel's vdso. It is linked in place of musl's own.

use std::ffi::{c_int, c_long};
use std::ptr::addr_of_mut;

use linux_raw_sys::general as raw;

use super::syscall;

static mut ERRNO: c_int = 0;

/// Where errno is: musl has it in a thread's own memory, and there is none.
#[unsafe(no_mangle)]
extern "C" fn __errno_location() -> *mut c_int {
    addr_of_mut!(ERRNO)
}

/// As musl calls it from inside.
#[unsafe(no_mangle)]
extern "C" fn ___errno_location() -> *mut c_int {
    addr_of_mut!(ERRNO)
}

#[unsafe(no_mangle)]
extern "C" fn clock_gettime(clock: c_int, time: *mut raw::timespec) -> c_int {
    // SAFETY: the caller's time is what the kernel fills.
    unsafe { syscall(raw::__NR_clock_gettime as c_long, clock, time).max(-1) as c_int }
}

#[unsafe(no_mangle)]
extern "C" fn close(descriptor: c_int) -> c_int {
    // SAFETY: the caller owns the descriptor.
    unsafe { syscall(raw::__NR_close as c_long, descriptor).max(-1) as c_int }
}
