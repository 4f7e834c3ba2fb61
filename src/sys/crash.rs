//! What happens when contain itself goes wrong: a panic, which is an illegal instruction in the shipped build (on aarch64 a
//! breakpoint), or a bad access. One line says so and the caller's terminal is put back; then the signal takes its course.

use std::ffi::c_int;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use rustix::io::write;
use rustix::process::{Signal, getpid, kill_process};
use rustix::stdio::{stderr, stdin};

use super::tty::Modes;

/// The modes to bring back, while the caller's terminal is raw.
static TERMINAL: AtomicPtr<Modes> = AtomicPtr::new(null_mut());

/// The signals that a fault of our own raises, and what is said of each.
const FAULTS: [(Signal, &str); 5] = [
    (Signal::ILL, "contain: internal error: it failed a check of its own (SIGILL). Please report how.\n"),
    (Signal::SEGV, "contain: internal error: bad memory access (SIGSEGV). Please report how.\n"),
    (Signal::BUS, "contain: internal error: bad memory access (SIGBUS). Please report how.\n"),
    (Signal::FPE, "contain: internal error: bad arithmetic (SIGFPE). Please report how.\n"),
    (Signal::TRAP, "contain: internal error: it failed a check of its own (SIGTRAP). Please report how.\n"),
];

/// From here on a fault is told.
pub fn tell_faults() {
    for (fault, _) in FAULTS {
        // The handler only makes system calls on data that never goes away.
        super::signal::handle(fault, handle);
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
    if let Some((_, text)) = FAULTS.iter().find(|(fault, _)| fault.as_raw() == number) {
        let _nobody = write(stderr(), text.as_bytes());
    }
    // This handler is no longer in place.
    if let Some(fault) = super::signal::from_number(number) {
        let _spared = kill_process(getpid(), fault);
    }
    // Process 1 is spared the signal.
    super::process::exit_now(128 + number as u8)
}
