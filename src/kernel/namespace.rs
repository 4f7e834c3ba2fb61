//! Namespaces: joining those of another process (setns(2) with a pidfd, Linux 5.8), between clone and exec too; and whether
//! the pids of this one are the machine's.

use std::os::fd::BorrowedFd;

use crate::linux::io::Result;
use crate::linux::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use crate::kernel::file;

/// Joins one namespace, or several at one stroke. That of process ids counts for children only.
pub fn join(process: BorrowedFd<'_>, kinds: ThreadNameSpaceType) -> Result<()> {
    move_into_thread_name_spaces(process, kinds)
}

/// Whether this process lives in another pid namespace than the machine's first. Where /proc does not tell, as before it is
/// mounted, it does not.
pub fn has_own_pids() -> bool {
    // PROC_PID_INIT_INO of the kernel.
    const FIRST: u64 = 0xefff_fffc;
    file::place(c"/proc/self/ns/pid").is_some_and(|(_, number)| number != FIRST)
}
