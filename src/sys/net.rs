//! What is asked of network interfaces by ioctl (netdevice(7)), and addresses of sockets as the kernel has them. And descriptors
//! in messages: rustix can send and receive them with whatever else, which is a kilobyte more of code.

use std::ffi::{c_int, c_long, c_ulong};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::linux::io::Errno;
use linux_raw_sys::general::{__NR_bind, __NR_ioctl, __NR_recvmsg, __NR_sendmsg, __NR_sendto, iovec};
use linux_raw_sys::net::{MSG_CMSG_CLOEXEC, MSG_CTRUNC, MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET, msghdr};

use super::{check, syscall};

/// The requests that there are, each of which reads or writes one ifreq.
#[derive(Clone, Copy)]
pub enum Ask {
    Name = 0x8910,
    Flags = 0x8913,
    SetFlags = 0x8914,
    SetMtu = 0x8922,
    Hardware = 0x8927,
    Index = 0x8933,
}

/// struct ifreq: a name, then a union of 24 bytes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Interface {
    pub name: [u8; 16],
    pub value: [u8; 24],
}

/// Asks the kernel something of an interface, or tells it.
pub fn ask(socket: BorrowedFd<'_>, what: Ask, interface: &mut Interface) -> Result<(), Errno> {
    // SAFETY: each of these reads and writes one ifreq, which is live and of the kernel's layout.
    check(unsafe { syscall(__NR_ioctl as c_long, socket.as_raw_fd(), what as c_ulong, &raw mut *interface) }).map(drop)
}

/// bind(2) to an address of any family, as its sockaddr lies in memory.
pub fn bind(socket: BorrowedFd<'_>, address: &[u8]) -> Result<(), Errno> {
    // SAFETY: the kernel reads the address, which is live.
    check(unsafe { syscall(__NR_bind as c_long, socket.as_raw_fd(), address.as_ptr(), address.len()) }).map(drop)
}

/// sendto(2), to such an address.
pub fn send_to(socket: BorrowedFd<'_>, bytes: &[u8], address: &[u8]) -> Result<(), Errno> {
    let (number, socket, flags) = (__NR_sendto as c_long, socket.as_raw_fd(), MSG_NOSIGNAL);
    // SAFETY: the kernel reads the bytes and the address, which are live.
    let sent = unsafe { syscall(number, socket, bytes.as_ptr(), bytes.len(), flags, address.as_ptr(), address.len()) };
    check(sent).map(drop)
}

/// Most descriptors that go with one message.
pub const MOST: usize = 12;

/// Descriptors on their way: a cmsghdr and what follows it (cmsg(3), unix(7) "SCM_RIGHTS").
#[repr(C)]
struct Rights {
    length: usize,
    level: u32,
    kind: u32,
    numbers: [c_int; MOST],
}

/// The length of the first three.
const HEAD: usize = 16;

/// sendmsg(2) of bytes and descriptors, without SIGPIPE.
pub fn send(socket: BorrowedFd<'_>, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut rights = Rights { length: HEAD, level: SOL_SOCKET, kind: SCM_RIGHTS, numbers: [-1; MOST] };
    for (place, descriptor) in rights.numbers.iter_mut().zip(descriptors) {
        *place = descriptor.as_raw_fd();
        rights.length += size_of::<c_int>();
    }
    let length = if descriptors.is_empty() { 0 } else { rights.length };
    let (start, rights) = (bytes.as_ptr().cast_mut(), &raw mut rights);
    // SAFETY: sendmsg reads the bytes and as much of the rights as there is, both live.
    unsafe { message(__NR_sendmsg, socket, (start, bytes.len()), (rights, length), MSG_NOSIGNAL) }.map(drop)
}

/// recvmsg(2): how many bytes came, and the descriptors that came with them.
pub fn receive(
    socket: BorrowedFd<'_>,
    bytes: &mut [u8],
    descriptors: &mut heapless::Vec<OwnedFd, MOST>,
) -> Result<usize, Errno> {
    let mut rights = Rights { length: 0, level: 0, kind: 0, numbers: [-1; MOST] };
    let buffer = (bytes.as_mut_ptr(), bytes.len());
    let room = (&raw mut rights, size_of::<Rights>());
    // SAFETY: recvmsg writes into the bytes and the rights, both live, no more than their lengths.
    let length = unsafe { message(__NR_recvmsg, socket, buffer, room, MSG_CMSG_CLOEXEC) }?;
    let given = if (rights.level, rights.kind) == (SOL_SOCKET, SCM_RIGHTS) { rights.length } else { HEAD };
    for number in rights.numbers.iter().take((given - HEAD) / size_of::<c_int>()) {
        // SAFETY: the kernel has just made it and nobody else owns it. There are no more than places.
        let _room = descriptors.push(unsafe { OwnedFd::from_raw_fd(*number) });
    }
    Ok(length)
}

/// # Safety
/// The pointers are to as many live bytes, which the call may write to if it is recvmsg.
unsafe fn message(
    call: u32,
    socket: BorrowedFd<'_>,
    (start, length): (*mut u8, usize),
    (rights, room): (*mut Rights, usize),
    flags: u32,
) -> Result<usize, Errno> {
    let mut bytes = iovec { iov_base: start.cast(), iov_len: length as _ };
    // SAFETY: all zero is a valid msghdr: no name, no flags.
    let mut header: msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = ((&raw mut bytes).cast(), 1);
    (header.msg_control, header.msg_controllen) = (rights.cast(), room);
    // SAFETY: the header is live, and points to what the caller vouches for.
    let length = check(unsafe { syscall(call as c_long, socket.as_raw_fd(), &raw mut header, flags) })?;
    // Of a message's descriptors those that found no number are lost.
    if header.msg_flags & MSG_CTRUNC == 0 { Ok(length as usize) } else { Err(Errno::MFILE) }
}
