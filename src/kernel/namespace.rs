//! Joining the namespaces of another process (setns(2) with a pidfd, Linux 5.8). Called between clone and exec too.

use std::os::fd::BorrowedFd;

use rustix::io::Result;
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

/// Joins one namespace, or several at one stroke. That of process ids counts for children only.
pub fn join(process: BorrowedFd<'_>, kinds: ThreadNameSpaceType) -> Result<()> {
    move_into_thread_name_spaces(process, kinds)
}
