//! What happens when contain itself goes wrong: a panic, which is an illegal instruction in the shipped build, or a bad
//! access. One line says so and the caller's terminal is put back; then the signal takes its course.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustix::io::write;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::{stderr, stdin};
use rustix::termios::{OptionalActions, Termios, tcsetattr};

unsafe extern "C" {
    /// signal(2) of the C library, which knows how to return from a handler.
    fn signal(number: c_int, handler: usize) -> usize;
}

const SIG_DFL: usize = 0;

/// The modes to bring back, while the caller's terminal is raw.
static TERMINAL: AtomicPtr<Termios> = AtomicPtr::new(null_mut());

/// The signals that a fault of our own raises, and what is said of each.
const FAULTS: [(Signal, &str); 5] = [
    (Signal::ILL, "contain: internal error: it failed a check of its own (SIGILL). Please report how.\n"),
    (Signal::SEGV, "contain: internal error: bad memory access (SIGSEGV). Please report how.\n"),
    (Signal::BUS, "contain: internal error: bad memory access (SIGBUS). Please report how.\n"),
    (Signal::FPE, "contain: internal error: bad arithmetic (SIGFPE). Please report how.\n"),
    (Signal::TRAP, "contain: internal error: trap (SIGTRAP). Please report how.\n"),
];

/// From here on a fault is told.
pub fn tell_faults() {
    for (fault, _) in FAULTS {
        // SAFETY: the handler only makes system calls on data that never goes away.
        unsafe { signal(fault.as_raw(), handle as *const () as usize) };
    }
}

/// Keeps what the terminal was, for as long as `modes` lives; `None` when it is no longer raw.
pub fn remember_terminal(modes: Option<&Termios>) {
    TERMINAL.store(modes.map_or(null_mut(), |modes| std::ptr::from_ref(modes).cast_mut()), Ordering::Relaxed);
}

extern "C" fn handle(number: c_int) {
    // SAFETY: the pointer is null, or to modes that their owner takes back before they go (remember_terminal).
    if let Some(modes) = unsafe { TERMINAL.load(Ordering::Relaxed).as_ref() } {
        let _gone = tcsetattr(stdin(), OptionalActions::Now, modes);
    }
    if let Some((_, text)) = FAULTS.iter().find(|(fault, _)| fault.as_raw() == number) {
        let _nobody = write(stderr(), text.as_bytes());
    }
    // SAFETY: the default disposition needs no handler.
    unsafe { signal(number, SIG_DFL) };
    // It waits until this handler returns. Process 1 is spared it, but not the fault, which then happens again.
    if let Some(fault) = super::signal::from_number(number) {
        let _spared = kill_process(getpid(), fault);
    }
}
