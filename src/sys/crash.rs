//! What happens when contain itself goes wrong: a panic, which is an illegal instruction in the shipped build (on aarch64 a
//! breakpoint), or a bad access. One line says so and the caller's terminal is put back; then the signal takes its course.
//! Process 1 of a machine begins anew instead.

use std::ffi::{CStr, c_int, c_long};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

use crate::linux::fs::{CWD, Mode, OFlags, openat};
use crate::linux::io::write;
use crate::linux::process::{Pid, Signal, getpid, kill_process};
use crate::linux::stdio::{stderr, stdin};
use crate::linux::system::{RebootCommand, reboot};
use linux_raw_sys::general as raw;

use super::process::{Cloned, clone3};
use super::tty::Modes;

/// The modes to bring back, while the caller's terminal is raw.
static TERMINAL: AtomicPtr<Modes> = AtomicPtr::new(null_mut());

/// The signals that a fault of our own raises, and what is said of each. The last two come from others, or from a filter, and
/// are nothing to anybody but process 1.
const FAULTS: [(Signal, &str); 7] = [
    (Signal::ILL, "contain: internal error: it failed a check of its own (SIGILL). Please report how.\n"),
    (Signal::SEGV, "contain: internal error: bad memory access (SIGSEGV). Please report how.\n"),
    (Signal::BUS, "contain: internal error: bad memory access (SIGBUS). Please report how.\n"),
    (Signal::FPE, "contain: internal error: bad arithmetic (SIGFPE). Please report how.\n"),
    (Signal::TRAP, "contain: internal error: it failed a check of its own (SIGTRAP). Please report how.\n"),
    (Signal::ABORT, "contain: process 1 was sent SIGABRT.\n"),
    (Signal::SYS, "contain: process 1 was sent SIGSYS.\n"),
];

/// From here on a fault is told.
pub fn tell_faults() {
    for (fault, _) in FAULTS.iter().take(5) {
        // The handler only makes system calls on data that never goes away.
        super::signal::handle(*fault, handle, 0);
    }
}

/// The word by which process 1 knows that it begins anew after a fault.
pub const AGAIN: &CStr = c"contain: again";

/// What a fault of process 1 leads to: nothing yet, for this is not the first process; a new beginning; the end.
static FIRST: AtomicU8 = AtomicU8::new(0);

/// From here on a fault is not the end of process 1, which would be a kernel panic: it begins anew, and another fault in that
/// ends the machine. The stack may be what is at fault, so the handler has one of its own.
pub fn guard_first(again: bool) {
    const SIZE: usize = 16 << 10;
    static STACK: [AtomicU8; SIZE] = [const { AtomicU8::new(0) }; SIZE];
    let stack = [STACK.as_ptr() as usize, 0, SIZE];
    let old = null_mut::<usize>();
    // SAFETY: the kernel reads a stack_t: an address, flags, a size. The stack stays, and nothing else uses it.
    unsafe { super::syscall(raw::__NR_sigaltstack as c_long, &raw const stack, old) };
    FIRST.store(1 + u8::from(again), Ordering::Relaxed);
    for (fault, _) in FAULTS {
        super::signal::handle(fault, handle, raw::SA_ONSTACK);
    }
}

/// Keeps what the terminal was, for as long as `modes` lives; `None` when it is no longer raw.
pub fn remember_terminal(modes: Option<&Modes>) {
    TERMINAL.store(modes.map_or(null_mut(), |modes| std::ptr::from_ref(modes).cast_mut()), Ordering::Relaxed);
}

extern "C" fn handle(number: c_int) {
    // SAFETY: the pointer is null, or to modes that their owner takes back before they go (remember_terminal).
    if let Some(modes) = unsafe { TERMINAL.load(Ordering::Relaxed).as_ref() } {
        let _gone = modes.give_now(stdin());
    }
    let first = FIRST.load(Ordering::Relaxed);
    if let Some((_, text)) = FAULTS.iter().find(|(fault, _)| fault.as_raw() == number) {
        let _nobody = write(stderr(), text.as_bytes());
        if first > 0
            && let Ok(log) = openat(CWD, c"/dev/kmsg", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())
        {
            let _full = write(&log, text.as_bytes());
        }
    }
    match first {
        1 if getpid() == Pid::INIT => drop(super::start::begin_again(AGAIN)),
        2 if getpid() == Pid::INIT => end_machine(),
        _ => {}
    }
    // This handler is no longer in place.
    if let Some(fault) = super::signal::from_number(number) {
        let _spared = kill_process(getpid(), fault);
    }
    // Process 1 is spared the signal.
    super::process::exit_now(128 + number as u8)
}

/// What is left where even that went wrong.
fn end_machine() {
    if let Ok(Cloned::Child) = clone3(0, None) {
        let _refused = reboot(RebootCommand::Restart);
        super::process::exit_now(1)
    }
    crate::linux::thread::sleep(10_000_000_000);
}
