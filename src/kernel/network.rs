//! The network namespace: a new one with its loopback interface up.

use std::os::fd::AsFd;

use rustix::io::Result;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::thread::UnshareFlags;

use crate::sys;

/// Moves this process into a network namespace of its own.
pub fn unshare() -> Result<()> {
    sys::process::unshare(UnshareFlags::NEWNET)
}

/// Brings lo up, in the namespace that this process is in. Any socket will do for the ioctl; one of the UNIX family
/// exists on kernels without IPv4 too.
pub fn raise_loopback() -> Result<()> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    sys::net::raise_loopback(socket.as_fd())
}
