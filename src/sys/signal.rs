//! Signal masks, dispositions, signalfd(2), and signals by number: rustix leaves these to its libc.

use std::ffi::{c_int, c_long};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};

use crate::linux;
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal};
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// The kernel's sigset: bit n-1 stands for signal n.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Set(pub u64);

impl Set {
    pub const EMPTY: Set = Set(0);

    /// Every signal but those listed.
    pub const fn all_but(left_out: &[Signal]) -> Set {
        let mut bits = u64::MAX;
        let mut index = 0;
        while index < left_out.len() {
            bits &= !(1 << (left_out[index].as_raw() - 1));
            index += 1;
        }
        Set(bits)
    }

    pub fn with(self, signal: Signal) -> Set {
        Set(self.0 | 1 << (signal.as_raw() - 1))
    }

    pub fn has(self, signal: Signal) -> bool {
        self.0 & 1 << (signal.as_raw() - 1) != 0
    }
}

/// The signal with this number, real-time ones included; `None` outside 1..=64.
pub fn from_number(number: i32) -> Option<Signal> {
    // SAFETY: the number is a valid signal. The real-time ones that libc reserves are only passed on, never handled.
    (1..=64).contains(&number).then(|| unsafe { Signal::from_raw_unchecked(number) })
}

/// rt_sigprocmask(2): makes `set` the set of blocked signals.
pub fn block(set: Set) -> Result<(), Errno> {
    // SAFETY: the kernel reads 8 bytes of a live local; the old mask is not asked for.
    let result = unsafe {
        syscall(
            raw::__NR_rt_sigprocmask as c_long,
            raw::SIG_SETMASK,
            &raw const set.0,
            std::ptr::null_mut::<u64>(),
            8usize,
        )
    };
    check(result).map(drop)
}

/// Gives every signal its default disposition.
pub fn reset_dispositions() {
    reset_those(Set::all_but(&[]));
}

/// The same for these.
pub fn reset_those(signals: Set) {
    all().filter(|signal| signals.has(*signal)).for_each(reset);
}

fn all() -> impl Iterator<Item = Signal> {
    (1..=64).filter_map(from_number)
}

/// Gives a signal its default disposition. The only error is that of KILL and STOP, which have no other.
pub fn reset(signal: Signal) {
    dispose(signal, SIG_DFL, 0);
}

/// Has a signal ignored; SIGCHLD so that the kernel reaps children (wait(2), NOTES).
pub fn ignore(signal: Signal) {
    dispose(signal, SIG_IGN, 0);
}

/// Has `handler` called for a signal, once and with nothing blocked. It must not return: there is nothing to return by.
pub(super) fn handle(signal: Signal, handler: extern "C" fn(c_int), flags: u32) {
    // SA_RESTORER of x86 says that there is one, without which the kernel calls no handler.
    const RESTORER: u32 = 0x0400_0000;
    dispose(signal, handler as *const () as usize, raw::SA_RESETHAND | raw::SA_NODEFER | RESTORER | flags);
}

const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;

fn dispose(signal: Signal, handler: usize, flags: u32) {
    // The kernel's kernel_sigaction: the handler and flags, then restorer and mask, zero.
    let action = [handler, flags as usize, 0, 0, 0];
    let old = std::ptr::null_mut::<raw::kernel_sigaction>();
    // SAFETY: the kernel reads one kernel_sigaction from a live local that is at least as large; the old action is not asked for.
    unsafe { syscall(raw::__NR_rt_sigaction as c_long, signal.as_raw(), &raw const action, old, 8usize) };
}

/// Whether this process ignores `signal`, as nohup(1) makes it.
pub fn is_ignored(signal: Signal) -> bool {
    // SAFETY: all zero is a valid kernel_sigaction.
    let mut current: raw::kernel_sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills one live kernel_sigaction.
    let result = unsafe {
        syscall(
            raw::__NR_rt_sigaction as c_long,
            signal.as_raw(),
            std::ptr::null::<raw::kernel_sigaction>(),
            &raw mut current,
            8usize,
        )
    };
    // SIG_IGN is the handler address 1.
    result == 0 && current.sa_handler_kernel.map_or(0, |handler| handler as usize) == 1
}

/// What this process ignores, and a program that it executes would.
pub fn ignored() -> Set {
    all().filter(|signal| is_ignored(*signal)).fold(Set::EMPTY, Set::with)
}

/// signalfd4(2): the blocked signals of `set` as a descriptor, close-on-exec and non-blocking.
pub fn descriptor(set: Set) -> Result<OwnedFd, Errno> {
    let flags = raw::O_CLOEXEC | raw::O_NONBLOCK;
    // SAFETY: the kernel reads 8 bytes of a live local.
    let fd = check(unsafe { syscall(raw::__NR_signalfd4 as c_long, -1, &raw const set.0, 8usize, flags) })?;
    // SAFETY: signalfd4 has just made it and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// One signal as signalfd tells it.
pub struct Arrived {
    pub signal: Signal,
    /// The kernel itself sent it (a key on the terminal, a hang-up), no process did.
    pub from_kernel: bool,
}

/// The next signal waiting in a [`descriptor`], if any.
pub fn next(signals: BorrowedFd<'_>) -> Result<Option<Arrived>, Errno> {
    // signalfd_siginfo is 128 bytes: ssi_signo is the u32 at 0, ssi_code the i32 at 8 (signalfd(2)).
    let mut record = [0u8; 128];
    match linux::io::read(signals, &mut record) {
        Err(Errno::AGAIN | Errno::INTR) | Ok(0) => Ok(None),
        Err(errno) => Err(errno),
        Ok(_) => {
            let word = |at: usize| i32::from_ne_bytes([record[at], record[at + 1], record[at + 2], record[at + 3]]);
            // SI_KERNEL is 0x80.
            Ok(from_number(word(0)).map(|signal| Arrived { signal, from_kernel: word(8) == 0x80 }))
        }
    }
}

/// kill(2) by process group. ESRCH means that it is gone already.
pub fn send_group(group: Pid, signal: Signal) -> Result<(), Errno> {
    match linux::process::kill_process_group(group, signal) {
        Err(Errno::SRCH) => Ok(()),
        result => result,
    }
}
