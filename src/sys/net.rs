//! The one interface ioctl that the launcher needs: netdevice(7)'s SIOCSIFFLAGS.

use std::ffi::{c_long, c_short, c_ulong};
use std::os::fd::{AsRawFd, BorrowedFd};

use linux_raw_sys::general::__NR_ioctl;
use rustix::io::Errno;

use super::{check, syscall};

const SIOCSIFFLAGS: c_ulong = 0x8914;
const IFF_UP: c_short = 1;

/// struct ifreq of netdevice(7): the name, then a 24-byte union that begins with the flags.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    flags: c_short,
    rest: [u8; 22],
}

/// Brings the interface up. Its name is at most 15 bytes.
pub fn raise(socket: BorrowedFd<'_>, interface: &str) -> Result<(), Errno> {
    let mut request = InterfaceRequest { name: [0; 16], flags: IFF_UP, rest: [0; 22] };
    request.name[..interface.len().min(15)].copy_from_slice(&interface.as_bytes()[..interface.len().min(15)]);
    // SAFETY: SIOCSIFFLAGS reads one ifreq, which is live and of the kernel's layout.
    check(unsafe { syscall(__NR_ioctl as c_long, socket.as_raw_fd(), SIOCSIFFLAGS, &raw const request) }).map(drop)
}
