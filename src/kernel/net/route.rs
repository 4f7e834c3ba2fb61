//! Addresses and routes of interfaces: rtnetlink(7). Each change is one message, answered before the next.

use std::os::fd::{AsFd, OwnedFd};

use crate::linux::io::{Errno, Result, read, write};
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use heapless::Vec;

use crate::sys::net::bind;

/// The group that hears of every change of an interface.
pub const LINKS: u32 = 1;

/// Kinds of messages, and their flags, of netlink(7).
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const NEW_ROUTE: u16 = 24;
const ERROR: u16 = 2;
const REQUEST: u16 = 1;
const ACKNOWLEDGE: u16 = 4;
const REPLACE: u16 = 0x100;
const CREATE: u16 = 0x400;

const INTERNET: u8 = 2;
const NETLINK: u16 = 16;

/// A socket to rtnetlink that hears of these groups.
pub fn open(groups: u32) -> Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    let mut address = [0; 12];
    address[..2].copy_from_slice(&NETLINK.to_ne_bytes());
    address[8..].copy_from_slice(&groups.to_ne_bytes());
    bind(socket.as_fd(), &address)?;
    Ok(socket)
}

/// An address as an interface has it.
#[derive(Clone, Copy)]
pub struct Address {
    pub index: u32,
    pub address: [u8; 4],
    pub prefix: u8,
    /// Seconds, after which the kernel removes it; all bits are for ever.
    pub lifetime: u32,
}

impl Address {
    /// Gives it to the interface, or the lifetime where it is there.
    pub fn add(&self) -> Result<()> {
        self.change(NEW_ADDRESS, CREATE | REPLACE)
    }

    /// Takes it from the interface; routes from there go with it.
    pub fn remove(&self) -> Result<()> {
        self.change(DELETE_ADDRESS, 0)
    }

    fn change(&self, kind: u16, flags: u16) -> Result<()> {
        let hosts = u32::MAX.checked_shr(self.prefix.into()).unwrap_or(0);
        let broadcast = (u32::from_be_bytes(self.address) | hosts).to_be_bytes();
        // Preferred for as long as valid.
        let [a, b, c, d] = self.lifetime.to_ne_bytes();
        let lifetime = [a, b, c, d, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut message = Message::new(kind, flags, &[INTERNET, self.prefix, 0, 0], self.index);
        message.add(1, &self.address);
        message.add(2, &self.address);
        // Networks of two hosts or one have none.
        if hosts > 1 {
            message.add(4, &broadcast);
        }
        message.add(6, &lifetime);
        message.send()
    }

    /// A route from this address; without a gateway (zero) what it leads to is on the wire. The gateway may be out of the
    /// address's own network, as some clouds have it. Of several interfaces the first goes before.
    pub fn route(&self, (network, prefix, gateway): ([u8; 4], u8, [u8; 4])) -> Result<()> {
        const MAIN: u8 = 254;
        const BOOT: u8 = 3;
        const ON_LINK: u32 = 4;
        let (scope, flags) = if gateway == [0; 4] { (253, 0) } else { (0, ON_LINK) };
        let head = [INTERNET, prefix, 0, 0, MAIN, BOOT, scope, 1];
        let mut message = Message::new(NEW_ROUTE, CREATE | REPLACE, &head, flags);
        if prefix > 0 {
            message.add(1, &network);
        }
        if flags != 0 {
            message.add(5, &gateway);
        }
        message.add(4, &self.index.to_ne_bytes());
        message.add(6, &self.index.to_ne_bytes());
        message.add(7, &self.address);
        message.send()
    }
}

/// A message in the making. None of ours fills it.
struct Message(Vec<u8, 128>);

impl Message {
    fn new(kind: u16, flags: u16, head: &[u8], last: u32) -> Message {
        let mut message = Message(Vec::new());
        message.put(&[0; 4]);
        message.put(&kind.to_ne_bytes());
        message.put(&(flags | REQUEST | ACKNOWLEDGE).to_ne_bytes());
        message.put(&[0; 8]);
        message.put(head);
        message.put(&last.to_ne_bytes());
        message
    }

    fn put(&mut self, bytes: &[u8]) {
        let _fits = self.0.extend_from_slice(bytes);
    }

    /// An attribute, of a length that is a multiple of four.
    fn add(&mut self, kind: u16, value: &[u8]) {
        self.put(&(value.len() as u16 + 4).to_ne_bytes());
        self.put(&kind.to_ne_bytes());
        self.put(value);
    }

    /// The kernel has done what it is asked for, or not, before write(2) returns.
    fn send(mut self) -> Result<()> {
        let socket = open(0)?;
        let length = self.0.len() as u32;
        if let Some(place) = self.0.first_chunk_mut() {
            *place = length.to_ne_bytes();
        }
        write(&socket, &self.0)?;
        let mut answer = [0; 128];
        read(&socket, &mut answer)?;
        let [_, _, _, _, k, l, ..] = answer;
        let [a, b, c, d] = [answer[16], answer[17], answer[18], answer[19]];
        match (u16::from_ne_bytes([k, l]), i32::from_ne_bytes([a, b, c, d])) {
            (ERROR, 0) => Ok(()),
            (ERROR, error) => Err(Errno::from_raw_os_error(-error)),
            _ => Err(Errno::PROTO),
        }
    }
}
