//! The network namespace: a new one with its loopback interface up.

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Result;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::{ThreadNameSpaceType, UnshareFlags, move_into_thread_name_spaces};

use crate::sys;

/// Moves this process into a network namespace of its own.
pub fn unshare() -> Result<()> {
    sys::process::unshare(UnshareFlags::NEWNET)
}

/// Brings lo up, in the namespace that this process is in. Any socket will do for the ioctl; one of the UNIX family
/// exists on kernels without IPv4 too.
pub fn raise_loopback() -> Result<()> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sys::net::raise(socket.as_fd(), "lo")
}

/// Joins the network namespace of the process behind a pidfd (setns(2), Linux 5.8).
pub fn join(process: BorrowedFd<'_>) -> Result<()> {
    move_into_thread_name_spaces(process, ThreadNameSpaceType::NETWORK)
}
