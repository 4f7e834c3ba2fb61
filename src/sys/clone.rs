//! A child that goes on in its parent's memory until it executes a program, as that of vfork(2) does, beside the parent. A
//! copy of the memory is dear: the tables of pages first, then a fault for each page that either of the two writes to.

use std::arch::asm;
use std::ffi::{c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::null_mut;

use crate::linux::io::Errno;
use crate::linux::process::Pid;
use linux_raw_sys::general as raw;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// What a child runs on.
pub struct Stack(*mut c_void);

/// Several times what the child of a launch needs: it neither recurses nor takes large values.
const SIZE: usize = 256 << 10;

impl Stack {
    pub fn new() -> Result<Stack, Errno> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: an anonymous mapping where the kernel likes touches nothing that exists.
        Ok(Stack(unsafe { mmap_anonymous(null_mut(), SIZE, access, flags) }?))
    }

    /// Once the child runs a program of its own, or is gone.
    pub fn unmap(self) {
        // SAFETY: as the doc line says, nobody runs on it any more; nothing else is there.
        let _gone = unsafe { munmap(self.0, SIZE) };
    }
}

/// clone3(2) with CLONE_VM: a child in the new namespaces of `flags` that calls `run` on the stack, and shares all of this
/// process's memory, but neither its descriptors nor its place among the files.
///
/// Until the child has executed a program or is gone, the parent keeps `given` and all that it leads to as it is, and the
/// stack. The child in turn allocates nothing: the heap is the parent's (sys/heap.rs), and has no lock.
pub fn clone_beside<T>(
    flags: u64,
    stack: &Stack,
    given: &T,
    run: extern "C" fn(&T) -> !,
) -> Result<(Pid, OwnedFd), Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: all zero is a valid clone_args; it holds integers only.
    let mut args: raw::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags | u64::from(raw::CLONE_PIDFD | raw::CLONE_VM);
    args.pidfd = &raw mut pidfd as u64;
    args.exit_signal = u64::from(raw::SIGCHLD);
    (args.stack, args.stack_size) = (stack.0 as u64, SIZE as u64);
    let (args, size) = (&raw mut args, size_of::<raw::clone_args>());
    let result: isize;
    // SAFETY: the child comes back from the call on a stack of its own, where it uses nothing of this one, and calls a function
    // that does not return. The registers that the calls of either machine change are said; what the child changes is its own.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r8",
            "call r9",
            "ud2",
            "2:",
            inlateout("rax") raw::__NR_clone3 as isize => result,
            in("rdi") args,
            in("rsi") size,
            in("r8") given,
            in("r9") run,
            out("rcx") _,
            out("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x2",
            "blr x3",
            "brk 1",
            "2:",
            in("x8") raw::__NR_clone3 as usize,
            inlateout("x0") args => result,
            in("x1") size,
            in("x2") given,
            in("x3") run,
        );
    }
    match Pid::from_raw(result as c_int) {
        Some(child) if result > 0 => {
            // SAFETY: the kernel has just put a new descriptor there that nobody else owns.
            Ok((child, unsafe { OwnedFd::from_raw_fd(pidfd) }))
        }
        _ => Err(Errno::from_raw_os_error(-result as c_int)),
    }
}
