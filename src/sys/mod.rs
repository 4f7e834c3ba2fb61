//! The only unsafe code of the crate: the few system calls that rustix lacks, each behind a small safe function.
//! Nothing here knows the rest of the crate. Remove a wrapper when rustix has the call.
#![allow(unsafe_code)]

pub mod arch;
pub mod clock;
pub mod clone;
pub mod crash;
pub mod heap;
pub mod idle;
pub mod keys;
#[cfg(target_env = "musl")]
mod libc;
pub mod loopback;
pub mod module;
pub mod mount;
pub mod net;
pub mod port;
pub mod process;
pub mod random;
pub mod seccomp;
pub mod signal;
pub mod start;
pub mod thin;
pub mod tty;
pub mod vsock;
pub mod watchdog;

use std::ffi::{c_int, c_long};

use crate::linux::io::Errno;

unsafe extern "C" {
    /// syscall(2), but with the kernel's own result, an error as its negative: libc's errno is in memory, and a child that
    /// goes on in this one (clone.rs) would write to it too.
    #[link_name = "system_call"]
    fn syscall(number: c_long, ...) -> c_long;
}

/// By C's convention the arguments are in the registers one after where the kernel wants them.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn system_call() {
    std::arch::naked_asm!(
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "ret"
    )
}

/// The same here.
#[cfg(target_arch = "aarch64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn system_call() {
    std::arch::naked_asm!(
        "mov x8, x0",
        "mov x0, x1",
        "mov x1, x2",
        "mov x2, x3",
        "mov x3, x4",
        "mov x4, x5",
        "mov x5, x6",
        "svc 0",
        "ret"
    )
}

/// Turns the kernel's result into ours. Those of the calls here are no larger than an int.
#[inline(never)]
fn check(result: c_long) -> Result<c_int, Errno> {
    if result >= 0 { Ok(result as c_int) } else { Err(Errno::from_raw_os_error(-result as c_int)) }
}
