//! Waiting in little memory.

use crate::linux::event::{PollFd, Timespec, poll};
use crate::linux::io::Result;
use rustix::mm::{Advice, madvise};

unsafe extern "C" {
    /// The linker's own marks: where the program's file is mapped, and where its code ends.
    static __executable_start: u8;
    static etext: u8;
}

const PAGE: usize = 4096;
/// More than the program's stack ever holds, less than the gap that the kernel keeps below it (1 MiB).
const STACK: usize = 128 << 10;

/// poll(2) for a process that expects to wait long. The program's code and constants, which the start has mapped whole,
/// are given back to the page cache first, and the stack that earlier calls have used to the system; those few pages that
/// are needed on waking come from there again.
#[inline(never)]
pub fn poll_idle(descriptors: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> Result<usize> {
    let start = &raw const __executable_start as usize;
    let end = &raw const etext as usize & !(PAGE - 1);
    let page = |address: usize| address & !(PAGE - 1);
    // The kernel maps sixteen pages around the one that is asked for, but not beyond what has the same advice: so the
    // one or two that the wait itself runs on get another.
    let waiting: fn(&mut [PollFd<'_>], Option<&Timespec>) -> Result<usize> = poll;
    for own in [poll_idle as *const () as usize, waiting as *const () as usize] {
        // SAFETY: these pages are mapped read-only from the program's file, so each comes back as it was.
        let _kept = unsafe { madvise(page(own) as *mut _, 2 * PAGE, Advice::Random) };
    }
    // A page below this function's own frame nothing is alive.
    let dead = page(&raw const start as usize) - PAGE - STACK;
    // SAFETY: the program's pages as above. What is below the end of the stack nobody has a reference to; only the stack
    // can be mapped there.
    unsafe {
        let _kept = madvise(start as *mut _, end.saturating_sub(start), Advice::LinuxDontNeed);
        let _kept = madvise(dead as *mut _, STACK, Advice::LinuxDontNeed);
    }
    poll(descriptors, timeout)
}
