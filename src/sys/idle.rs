//! Waiting in little memory.

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Result;
use rustix::mm::{Advice, madvise};

unsafe extern "C" {
    /// The linker's own marks: where the program's file is mapped, and where its code ends.
    static __executable_start: u8;
    static etext: u8;
}

/// poll(2) for a process that expects to wait long. The program's code and constants, which the start has mapped whole,
/// are given back to the page cache first; those few pages that are needed on waking come from there again.
#[inline(never)]
pub fn poll_idle(descriptors: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize> {
    let start = &raw const __executable_start as usize;
    let end = &raw const etext as usize & !4095;
    // SAFETY: these pages are mapped read-only from the program's file, so each comes back as it was.
    let _kept = unsafe { madvise(start as *mut _, end.saturating_sub(start), Advice::LinuxDontNeed) };
    poll(descriptors, timeout)
}
