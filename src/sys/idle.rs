//! Waiting in little memory.

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Result;
use rustix::mm::{Advice, madvise};

unsafe extern "C" {
    /// The linker's own marks: where the program's file is mapped, and where its code ends.
    static __executable_start: u8;
    static etext: u8;
}

const PAGE: usize = 4096;

/// poll(2) for a process that expects to wait long. The program's code and constants, which the start has mapped whole,
/// are given back to the page cache first; those few pages that are needed on waking come from there again.
#[inline(never)]
pub fn poll_idle(descriptors: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize> {
    let start = &raw const __executable_start as usize;
    let end = &raw const etext as usize & !(PAGE - 1);
    // The kernel maps sixteen pages around the one that is asked for, but not beyond what has the same advice: so the
    // one or two that this function lies in get another.
    let own = poll_idle as *const () as usize & !(PAGE - 1);
    // SAFETY: these pages are mapped read-only from the program's file, so each comes back as it was.
    unsafe {
        let _kept = madvise(own as *mut _, 2 * PAGE, Advice::Random);
        let _kept = madvise(start as *mut _, end.saturating_sub(start), Advice::LinuxDontNeed);
    }
    poll(descriptors, timeout)
}
