//! The network: a namespace of its own, and its interfaces, found, raised and waited for. Addresses and routes have a file of
//! their own.

pub mod route;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, poll};
use crate::linux::io::{Errno, Result};
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use crate::linux::thread::UnshareFlags;

use crate::sys;
use crate::sys::clock::{since_boot, timespec};
use crate::sys::net::{Ask, Interface, ask};
use crate::text::utf8;

/// Flags of netdevice(7).
const UP: u16 = 1;
const BROADCAST: u16 = 2;
const LOOPBACK: u16 = 8;
const RUNNING: u16 = 0x40;
const NO_ARP: u16 = 0x80;

/// Moves this process into a network namespace of its own.
pub fn unshare() -> Result<()> {
    sys::process::unshare(UnshareFlags::NEWNET)
}

/// Brings lo up, in the namespace that this process is in.
pub fn raise_loopback() -> Result<()> {
    change(any_socket()?.as_fd(), *b"lo\0\0\0\0\0\0\0\0\0\0\0\0\0\0", Ask::SetFlags, UP.into())
}

/// Any socket will do for an ioctl; one of the UNIX family exists on kernels without IPv4 too.
fn any_socket() -> Result<OwnedFd> {
    socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
}

fn change(socket: BorrowedFd<'_>, name: [u8; 16], what: Ask, value: u32) -> Result<()> {
    let mut interface = Interface { name, value: [0; 24] };
    interface.value[..4].copy_from_slice(&value.to_ne_bytes());
    ask(socket, what, &mut interface)
}

/// An interface that is there and up.
#[derive(Clone, Copy)]
pub struct Link {
    name: [u8; 16],
    pub index: u32,
    pub hardware: [u8; 6],
    /// It had a carrier when it was looked at.
    pub runs: bool,
}

impl Link {
    pub fn name(&self) -> &str {
        let end = self.name.iter().position(|byte| *byte == 0).unwrap_or(0);
        self.name.get(..end).and_then(|name| utf8(name)).unwrap_or_default()
    }

    pub fn set_mtu(&self, mtu: u16) -> Result<()> {
        change(any_socket()?.as_fd(), self.name, Ask::SetMtu, mtu.into())
    }

    /// The interface of this name, or where that is empty the first that is a network card's, up from now on.
    fn raised(name: &str) -> Result<Link> {
        let socket = any_socket()?;
        let mut wanted = [0; 16];
        // One byte is left for the zero at the end.
        wanted[..15].get_mut(..name.len()).ok_or(Errno::NODEV)?.copy_from_slice(name.as_bytes());
        // More interfaces than there are when nobody has named one.
        for index in 1..100u32 {
            let mut interface = Interface { name: wanted, value: [0; 24] };
            if name.is_empty() {
                interface.value[..4].copy_from_slice(&index.to_ne_bytes());
                if ask(socket.as_fd(), Ask::Name, &mut interface).is_err() {
                    continue;
                }
            }
            let flags = number(&socket, Ask::Flags, &mut interface)? as u16;
            if name.is_empty() && flags & (BROADCAST | LOOPBACK | NO_ARP) != BROADCAST {
                continue;
            }
            if flags & UP == 0 {
                change(socket.as_fd(), interface.name, Ask::SetFlags, (flags | UP).into())?;
            }
            let runs = number(&socket, Ask::Flags, &mut interface)? as u16 & RUNNING != 0;
            let index = number(&socket, Ask::Index, &mut interface)?;
            ask(socket.as_fd(), Ask::Hardware, &mut interface)?;
            // A sockaddr: the family comes first.
            let [_, _, a, b, c, d, e, f, ..] = interface.value;
            return Ok(Link { name: interface.name, index, hardware: [a, b, c, d, e, f], runs });
        }
        Err(Errno::NODEV)
    }
}

fn number(socket: &OwnedFd, what: Ask, interface: &mut Interface) -> Result<u32> {
    ask(socket.as_fd(), what, interface)?;
    let [a, b, c, d, ..] = interface.value;
    Ok(u32::from_ne_bytes([a, b, c, d]))
}

/// Raises an interface as soon as it is there, and waits for its carrier; both until so many microseconds after the start of
/// the machine at most.
pub fn raise(name: &str, until: u64) -> Result<Link> {
    // Opened before anything is looked at, so that no change is missed.
    let changes = route::open(route::LINKS)?;
    loop {
        let found = Link::raised(name);
        let left = until.saturating_sub(since_boot());
        if left == 0 || !matches!(found, Ok(Link { runs: false, .. }) | Err(Errno::NODEV)) {
            return found;
        }
        wait(&[changes.as_fd()], left);
        while linux::io::read(&changes, &mut [0; 64]).is_ok() {}
    }
}

/// Waits until one of the descriptors has something to read, for so many microseconds at most.
pub fn wait(descriptors: &[BorrowedFd<'_>], left: u64) {
    let mut list = heapless::Vec::<PollFd<'_>, 4>::new();
    for descriptor in descriptors {
        let _fits = list.push(PollFd::from_borrowed_fd(*descriptor, PollFlags::IN));
    }
    let _again = poll(&mut list, Some(&timespec(left)));
}
