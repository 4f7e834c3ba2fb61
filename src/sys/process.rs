//! Making, replacing and waiting for processes: clone3(2), execve(2), wait4(2), close_range(2), _exit(2).

use std::ffi::{CStr, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::linux;
use crate::linux::io::Errno;
use crate::linux::process::{Pid, Signal};
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// Which side of a clone this is.
pub enum Cloned {
    Parent { child: Pid, pidfd: OwnedFd },
    Child,
}

/// clone3(2), Linux 5.3: a copy of this process in the new namespaces of `flags`, and, where a cgroup v2 directory is
/// given, born inside that cgroup (CLONE_INTO_CGROUP, Linux 5.7). Where none is, a filter that refuses clone3, as docker's
/// did before 20.10, is answered by clone(2).
pub fn clone3(flags: u64, cgroup: Option<BorrowedFd<'_>>) -> Result<Cloned, Errno> {
    let mut pidfd: c_int = -1;
    // SAFETY: all zero is a valid clone_args; it holds integers only.
    let mut args: raw::clone_args = unsafe { std::mem::zeroed() };
    args.flags = flags | u64::from(raw::CLONE_PIDFD);
    args.pidfd = &raw mut pidfd as u64;
    args.exit_signal = u64::from(raw::SIGCHLD);
    if let Some(cgroup) = cgroup {
        args.flags |= raw::CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: no CLONE_VM, so the child runs on a copy of this stack. The crate starts no threads, so no lock is held by
    // a thread that the child lacks.
    let mut made = check(unsafe { syscall(raw::__NR_clone3 as c_long, &raw mut args, size_of::<raw::clone_args>()) });
    if matches!(made, Err(Errno::NOSYS | Errno::PERM)) && cgroup.is_none() {
        let flags = args.flags | args.exit_signal;
        // SAFETY: as above; the pidfd's place is the third argument, and the others, of which two change places from one
        // machine to another, are none.
        made = check(unsafe { syscall(raw::__NR_clone as c_long, flags, 0usize, &raw mut pidfd, 0usize, 0usize) });
    }
    let pid = made?;
    match Pid::from_raw(pid as c_int) {
        None => Ok(Cloned::Child),
        // SAFETY: the kernel has just put a new descriptor there that nobody else owns.
        Some(child) => Ok(Cloned::Parent { child, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
    }
}

/// A NULL-terminated vector of C strings for execve: it borrows the strings.
pub struct Vector<'a> {
    words: Vec<*const c_char>,
    _strings: std::marker::PhantomData<&'a CStr>,
}

impl<'a> Vector<'a> {
    /// The first words, which stay, and the others.
    pub fn new(first: &[&'static CStr], others: &'a [&'a CStr]) -> Self {
        let mut words = Vec::with_capacity(first.len() + others.len() + 1);
        first.iter().for_each(|word| words.push(word.as_ptr()));
        others.iter().for_each(|word| words.push(word.as_ptr()));
        words.push(std::ptr::null());
        Vector { words, _strings: std::marker::PhantomData }
    }
}

/// execve(2): returns only where it failed.
pub fn execve(path: &CStr, arguments: &Vector<'_>, environment: &Vector<'_>) -> Errno {
    // SAFETY: both vectors end in NULL and their strings outlive the call.
    let result = unsafe {
        syscall(raw::__NR_execve as c_long, path.as_ptr(), arguments.words.as_ptr(), environment.words.as_ptr())
    };
    check(result).err().unwrap_or(Errno::INVAL)
}

/// execveat(2) with AT_EMPTY_PATH: runs the program behind a descriptor.
pub fn execve_fd(program: BorrowedFd<'_>, arguments: &Vector<'_>, environment: &Vector<'_>) -> Errno {
    // SAFETY: as for execve; the empty path is a NUL-terminated constant.
    let result = unsafe {
        syscall(
            raw::__NR_execveat as c_long,
            program.as_raw_fd(),
            c"".as_ptr(),
            arguments.words.as_ptr(),
            environment.words.as_ptr(),
            raw::AT_EMPTY_PATH,
        )
    };
    check(result).err().unwrap_or(Errno::INVAL)
}

/// close_range(2), Linux 5.9: closes every descriptor from `first` on. The caller owns none of them any more.
pub fn close_from(first: u32) -> Result<(), Errno> {
    weak!("weak-close", return Ok(()));
    // SAFETY: callers do this before anything is opened.
    check(unsafe { syscall(raw::__NR_close_range as c_long, first, u32::MAX, 0) }).map(drop)
}

/// Closes a descriptor. Its owner must not be dropped afterwards: a child on its way to exec, which never returns.
pub fn close(descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: as the doc line says, nobody uses what is closed here.
    check(unsafe { syscall(raw::__NR_close as c_long, descriptor.as_raw_fd()) }).map(drop)
}

/// Closes every descriptor from 3 on but these two, which may be one. Their owners must not be dropped afterwards: a
/// child on its way to exec, which never returns.
pub fn close_all_but(one: BorrowedFd<'_>, other: BorrowedFd<'_>) -> Result<(), Errno> {
    let (one, other) = (one.as_raw_fd() as u32, other.as_raw_fd() as u32);
    let (low, high) = (one.min(other), one.max(other));
    for (first, last) in [(3, low.wrapping_sub(1)), (low + 1, high.wrapping_sub(1)), (high + 1, u32::MAX)] {
        if first <= last {
            // SAFETY: as the doc line says, nobody uses what is closed here.
            check(unsafe { syscall(raw::__NR_close_range as c_long, first, last, 0) })?;
        }
    }
    Ok(())
}

/// getcpu(2): the CPU that this process runs on, for what a moment later is worth.
pub fn current_cpu() -> usize {
    let mut cpu: u32 = 0;
    let null = std::ptr::null_mut::<u32>();
    // SAFETY: the kernel fills one live u32; the node and the unused third argument are not asked for.
    unsafe { syscall(raw::__NR_getcpu as c_long, &raw mut cpu, null, null) };
    cpu as usize
}

/// keyctl(2), KEYCTL_JOIN_SESSION_KEYRING: an empty session keyring without a name.
pub fn join_session_keyring() -> Result<(), Errno> {
    // SAFETY: no name is given, so nothing is read.
    check(unsafe { syscall(raw::__NR_keyctl as c_long, 1 as c_long, std::ptr::null::<c_char>()) }).map(drop)
}

/// setgroups(2), of this thread alone.
pub fn set_groups(groups: &[u32]) -> Result<(), Errno> {
    // SAFETY: the kernel reads so many ids from where they begin, and keeps none of it.
    check(unsafe { syscall(raw::__NR_setgroups as c_long, groups.len(), groups.as_ptr()) }).map(drop)
}

/// exit_group(2): ends the process at once, without destructors or buffers.
pub fn exit_now(status: u8) -> ! {
    loop {
        // SAFETY: exit_group takes an integer and does not return.
        unsafe { syscall(raw::__NR_exit_group as c_long, c_int::from(status)) };
        // Still here: a seccomp filter forbids it. A fault of its own no process survives, nor is it any filter's matter.
        // SAFETY: nobody is there to see the memory of a process that ends.
        unsafe { std::ptr::null_mut::<u8>().write_volatile(0) };
    }
}

/// What wait4(2) tells of a child that ended: the raw status and what it used, its waited-for children included.
#[derive(Clone, Copy)]
pub struct Reaped {
    pub pid: Pid,
    pub status: i32,
    /// Microseconds.
    pub user: u64,
    pub system: u64,
    /// Bytes that the largest process held at its peak.
    pub resident: u64,
}

impl Reaped {
    /// One that nobody saw end, but which this signal must have ended.
    pub fn unseen(pid: Pid, signal: Signal) -> Reaped {
        Reaped { pid, status: signal.as_raw(), user: 0, system: 0, resident: 0 }
    }
}

/// wait4(2) with WNOHANG: the next child that has ended (`pid` or any), `None` while there is none.
pub fn reap(pid: Option<Pid>) -> Result<Option<Reaped>, Errno> {
    let mut status: c_int = 0;
    // SAFETY: all zero is a valid rusage; it holds integers only.
    let mut usage: raw::rusage = unsafe { std::mem::zeroed() };
    let which = pid.map_or(-1, Pid::as_raw_pid);
    // SAFETY: both pointers are to live locals of the types that wait4 fills.
    let ended =
        check(unsafe { syscall(raw::__NR_wait4 as c_long, which, &raw mut status, raw::WNOHANG, &raw mut usage) })?;
    let micros = |time: raw::__kernel_old_timeval| (time.tv_sec * 1_000_000 + time.tv_usec) as u64;
    Ok(Pid::from_raw(ended as c_int).map(|pid| Reaped {
        pid,
        status,
        user: micros(usage.ru_utime),
        system: micros(usage.ru_stime),
        resident: usage.ru_maxrss as u64 * 1024,
    }))
}

/// unshare(2) of the namespaces in `flags`.
pub fn unshare(flags: linux::thread::UnshareFlags) -> Result<(), Errno> {
    // SAFETY: the flags used here make namespaces; none unshares the descriptor table under another thread.
    Ok(unsafe { linux::thread::unshare_unsafe(flags) }?)
}
