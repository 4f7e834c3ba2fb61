//! Sockets to the host of a virtual machine: vsock(7), whose addresses rustix does not have.

use std::ffi::c_long;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::linux::io::Errno;
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use linux_raw_sys::general as raw;

use super::{check, syscall};

/// A stream to a port of the host's (VMADDR_CID_HOST). The kernel gives up after two seconds.
pub fn connect(port: u32) -> Result<OwnedFd, Errno> {
    const HOST: u32 = 2;
    let socket = socket_with(AddressFamily::VSOCK, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // struct sockaddr_vm: the family, two bytes of nothing, port and context id; then nothing.
    let address: [u32; 4] = [u32::from(AddressFamily::VSOCK.as_raw()).to_le(), port, HOST, 0];
    // SAFETY: the kernel reads 16 bytes of a live local.
    check(unsafe {
        syscall(raw::__NR_connect as c_long, socket.as_raw_fd(), &raw const address, size_of_val(&address))
    })?;
    Ok(socket)
}
