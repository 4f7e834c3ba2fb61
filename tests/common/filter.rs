//! A command under a seccomp(2) filter that answers one system call with an errno, as the filters of other launchers do
//! to calls that they do not know.

use std::ffi::{c_int, c_long};
use std::io::Error;
use std::os::unix::process::CommandExt;
use std::process::Command;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn prctl(option: c_int, ...) -> c_int;
}

/// These have one number on every machine.
pub const CLONE3: u32 = 435;
pub const OPENAT2: u32 = 437;
pub const EPERM: i32 = 1;
pub const ENOSYS: i32 = 38;

/// struct sock_filter.
#[repr(C)]
struct Line(u16, u8, u8, u32);

/// struct sock_fprog.
#[repr(C)]
struct Program {
    length: u16,
    lines: *const Line,
}

/// The command fails to start where the filter does not do what it is for.
pub fn answer(command: &mut Command, call: u32, errno: i32) {
    let (load, equal, give) = (0x20, 0x15, 0x06);
    let lines = [
        Line(load, 0, 0, 0),
        Line(equal, 0, 1, call),
        Line(give, 0, 0, 0x0005_0000 | errno as u32),
        Line(give, 0, 0, 0x7fff_0000),
    ];
    let install = move || {
        let program = Program { length: 4, lines: lines.as_ptr() };
        // SAFETY: three system calls; the program outlives the one that takes it, and the last has no arguments that work.
        let (installed, answered) =
            unsafe { (prctl(22, 2, &raw const program), syscall(call.into(), 0usize, 0usize, 0usize, 0usize)) };
        match (installed, answered, Error::last_os_error().raw_os_error()) {
            (0, -1, Some(got)) if got == errno => Ok(()),
            _ => Err(Error::other("the filter does not filter")),
        }
    };
    // SAFETY: between fork and exec this makes system calls, and allocates only where it fails.
    unsafe { command.pre_exec(install) };
}
