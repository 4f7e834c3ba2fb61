//! `contain dhcp`: an interface's address from a DHCP server, for as long as the server lets it be had. Process 1 starts it for
//! each interface that is to have one, and never reads what comes from the network itself.
//!
//! Nothing in its loop allocates. What a lease leads to is done in a child.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::io::{Errno, read};
use crate::linux::net::sockopt::set_socket_broadcast;
use crate::linux::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use crate::linux::rand::{GetRandomFlags, getrandom};
use crate::linux::system::{Uname, sethostname, uname};

use crate::dhcp::{
    self, ACK, DISCOVER, DOMAIN, FOR_EVER, HEADERS, HOSTNAME, Lease, MOST, MTU, NAK, OFFER, Question, RELEASE, REQUEST,
    ROUTERS, ROUTES, Reply, SERVERS, packet,
};
use crate::error::{Error, Result};
use crate::kernel::net::route::Address;
use crate::kernel::net::{Link, raise, wait};
use crate::kernel::{identity, program};
use crate::life::network::{self, Setup, configure, failed, with_prefix};
use crate::life::output;
use crate::log;
use crate::packed::{sentence, text};
use crate::supervise::signals::{Action, Signals, action};
use crate::sys::clock::since_boot;
use crate::sys::net::{bind, send_to};
use crate::sys::process::{Cloned, clone3, exit_now};
use crate::text::digits;

/// Ports of UDP.
const CLIENT: u8 = 68;
const SERVER: u8 = 67;

const SECOND: u64 = 1_000_000;
/// For an interface and its carrier: modules are loaded while this begins.
const PATIENCE: u64 = 10 * SECOND;
/// For the server to keep to what it has offered.
const PROMISE: u64 = 15 * SECOND;
/// For any server, with --once.
const ONCE: u64 = 30 * SECOND;

/// Of capabilities(7): what renewing a lease, and giving the machine a name, needs.
const NET_BIND_SERVICE: u64 = 1 << 10;
const NET_ADMIN: u64 = 1 << 12;
const NET_RAW: u64 = 1 << 13;
const SYS_ADMIN: u64 = 1 << 21;

/// Takes a lease and keeps it until a signal comes; or, `once`, leaves it be. In a frame of its own: it is large.
#[inline(never)]
pub fn dhcp(name: &str, once: bool) -> Result<u8> {
    let link = raise(name, since_boot() + PATIENCE).map_err(|errno| network::missing(name, errno))?;
    let signals = Signals::take()?;
    // Process 1 executes it by a descriptor, whose number would be its name.
    let _called = linux::thread::set_name(c"contain");
    let naming = if host_name(&uname()).is_empty() { SYS_ADMIN } else { 0 };
    identity::keep_only(NET_BIND_SERVICE | NET_ADMIN | NET_RAW | naming)
        .map_err(|errno| Error::os(sentence!("drop capabilities"), errno))?;
    let none = Lease { address: [0; 4], prefix: 0, server: [0; 4], times: [0; 3] };
    Client { link, signals, lease: none, held: None, id: [0; 4], begun: 0, tries: 0 }.live(once)
}

/// What a client is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// It looks for a server.
    Discover,
    /// It takes an offer.
    Request,
    /// It has a lease, and nothing to do.
    Bound,
    /// It asks its server for more time.
    Renew,
    /// It asks any.
    Rebind,
}

/// What a phase ends with.
enum Event {
    /// A server offers something, or gives it.
    Given,
    /// The server takes it back.
    Refused,
    /// The time of the phase is over.
    Over,
    /// A signal asks for the end.
    Stopped,
}

struct Client {
    link: Link,
    signals: &'static Signals,
    /// Offered, or given.
    lease: Lease,
    /// What the interface has.
    held: Option<Address>,
    /// Marks what belongs together.
    id: [u8; 4],
    /// When the first question of the phase was asked: a lease counts from there.
    begun: u64,
    /// Questions since there was a lease.
    tries: u32,
}

impl Client {
    fn live(&mut self, once: bool) -> Result<u8> {
        let mut phase = Phase::Discover;
        // When the lease that is held was asked for.
        let mut taken = 0;
        loop {
            let until = match phase {
                Phase::Discover if once => since_boot() + ONCE,
                Phase::Discover => u64::MAX,
                Phase::Request => since_boot() + PROMISE,
                phase => match self.lease.times[phase as usize - Phase::Bound as usize] {
                    FOR_EVER => u64::MAX,
                    seconds => taken + u64::from(seconds) * SECOND,
                },
            };
            phase = match self.exchange(phase, until)? {
                Event::Stopped => return self.release().map(|()| 0),
                Event::Given if phase == Phase::Discover => Phase::Request,
                Event::Given if once => return Ok(0),
                Event::Given => {
                    taken = self.begun;
                    Phase::Bound
                }
                Event::Over if phase == Phase::Bound => Phase::Renew,
                Event::Over if phase == Phase::Renew => Phase::Rebind,
                Event::Over if phase == Phase::Discover => {
                    return Err(Error::new(text!("%: no DHCP server has answered", self.link.name())));
                }
                Event::Over | Event::Refused => {
                    self.lose(true);
                    Phase::Discover
                }
            };
        }
    }

    /// Asks, again and again, until there is an answer or the time is over.
    fn exchange(&mut self, phase: Phase, until: u64) -> Result<Event> {
        let (mut socket, mut next) = (None, u64::MAX);
        self.begun = since_boot();
        if phase != Phase::Bound {
            socket = Some(self.open(phase).map_err(|errno| failed(&self.link, text!("a socket"), errno))?);
            // Whoever was refused waits before it begins anew.
            next = self.begun + if phase == Phase::Discover && self.tries > 0 { self.pause(phase, 0) } else { 0 };
        }
        if phase != Phase::Request {
            self.id = random();
        }
        let mut buffer = [0; 1500];
        loop {
            let now = since_boot();
            if now >= until {
                return Ok(Event::Over);
            }
            if let Some(socket) = &socket
                && now >= next
            {
                next = now + self.pause(phase, until - now);
                self.ask(socket.as_fd(), phase)?;
            }
            let signals = self.signals.as_fd();
            wait(&[signals, socket.as_ref().map_or(signals, OwnedFd::as_fd)], next.min(until).saturating_sub(now));
            while let Some(arrived) = self.signals.next()? {
                if action(arrived.signal) == Action::End {
                    return Ok(Event::Stopped);
                }
            }
            if let Some(socket) = &socket
                && let Ok(length) = read(socket, &mut buffer[..])
                && let Some(event) = buffer.get(..length).and_then(|bytes| self.hear(bytes, phase))
            {
                return Ok(event);
            }
        }
    }

    /// How long an answer is waited for until it is asked again: RFC 2131, 4.1 and 4.4.5, but that the first pauses are short.
    fn pause(&mut self, phase: Phase, left: u64) -> u64 {
        if phase > Phase::Bound {
            return (left / 2).max(60 * SECOND);
        }
        let pause = SECOND << self.tries.min(6);
        self.tries += 1;
        pause - SECOND / 2 + u64::from(u32::from_ne_bytes(random())) % SECOND
    }

    /// Until there is an address, whole packets of the interface are sent and read; afterwards those that are for it.
    fn open(&self, phase: Phase) -> linux::io::Result<OwnedFd> {
        let raw = phase < Phase::Bound;
        let family = if raw { AddressFamily::PACKET } else { AddressFamily::INET };
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
        match raw {
            true => bind(socket.as_fd(), &self.everyone())?,
            false => {
                set_socket_broadcast(&socket, true)?;
                bind(socket.as_fd(), &internet(self.lease.address, CLIENT))?;
            }
        }
        Ok(socket)
    }

    /// Every host on the wire, for IPv4: packet(7).
    fn everyone(&self) -> [u8; 20] {
        let ([a, b], [c, d, e, f]) = (17u16.to_ne_bytes(), self.link.index.to_ne_bytes());
        [a, b, 8, 0, c, d, e, f, 0, 0, 0, 6, 255, 255, 255, 255, 255, 255, 0, 0]
    }

    /// Sends what belongs to the phase. What is lost is sent again; what has no interface any more is an error.
    fn ask(&self, socket: BorrowedFd<'_>, phase: Phase) -> Result<()> {
        let Lease { address, server, .. } = self.lease;
        let nobody = [0; 4];
        let (kind, own, wanted, named) = match phase {
            Phase::Discover => (DISCOVER, nobody, nobody, nobody),
            Phase::Request => (REQUEST, nobody, address, server),
            Phase::Bound => (RELEASE, address, nobody, server),
            Phase::Renew | Phase::Rebind => (REQUEST, address, nobody, nobody),
        };
        let seconds = ((since_boot() - self.begun) / SECOND) as u16;
        let (id, hardware) = (self.id, self.link.hardware);
        let system = uname();
        let hostname = host_name(&system);
        let mut bytes = [0; MOST];
        let length =
            packet(&Question { kind, id, seconds, hardware, own, wanted, server: named, hostname }, &mut bytes);
        let packet = bytes.get(..length).unwrap_or_default();
        let message = packet.get(HEADERS..).unwrap_or_default();
        let sent = match phase {
            Phase::Discover | Phase::Request => send_to(socket, packet, &self.everyone()),
            Phase::Rebind => send_to(socket, message, &internet([255; 4], SERVER)),
            _ => send_to(socket, message, &internet(server, SERVER)),
        };
        match sent {
            Err(errno @ (Errno::NXIO | Errno::NODEV)) => Err(failed(&self.link, text!("a packet"), errno)),
            _ => Ok(()),
        }
    }

    /// What a packet means, if anything.
    fn hear(&mut self, bytes: &[u8], phase: Phase) -> Option<Event> {
        let message = if phase < Phase::Bound { dhcp::message(bytes)? } else { bytes };
        let reply = Reply::read(message, self.id, self.link.hardware)?;
        let others = phase < Phase::Rebind && reply.server() != self.lease.server;
        match (reply.kind(), phase) {
            (OFFER, Phase::Discover) => self.lease = reply.lease()?,
            (_, Phase::Discover) => return None,
            (ACK, _) if !others => self.take(&reply, reply.lease()?, phase),
            (NAK, _) if !others => return Some(Event::Refused),
            _ => return None,
        }
        Some(Event::Given)
    }

    /// Gives the interface what the server gives.
    fn take(&mut self, reply: &Reply<'_>, lease: Lease, phase: Phase) {
        let Lease { address, prefix, times: [.., lifetime], .. } = lease;
        let address = Address { index: self.link.index, address, prefix, lifetime };
        if self.held.is_some_and(|held| held.address != address.address) {
            self.lose(true);
        }
        (self.lease, self.held, self.tries) = (lease, Some(address), 0);
        let link = self.link;
        apart(&|| {
            set_up(&link, reply, address)?;
            let told = || text!("%: % for % seconds\n", link.name(), &with_prefix(&address), digits(lifetime.into()));
            if phase == Phase::Request { output::print(told()) } else { Ok(0) }
        });
    }

    /// Takes back what the interface has, and says so where nobody asked for it.
    fn lose(&mut self, told: bool) {
        if let Some(held) = self.held.take() {
            let link = self.link;
            apart(&|| {
                if told {
                    log::error(text!("%: the lease of % is over", link.name(), &with_prefix(&held)));
                }
                held.remove().map(|()| 0).map_err(|errno| failed(&link, text!("no address"), errno))
            });
        }
    }

    /// Lets the server have the address back.
    fn release(&mut self) -> Result<()> {
        if self.held.is_some()
            && let Ok(socket) = self.open(Phase::Renew)
        {
            self.id = random();
            self.ask(socket.as_fd(), Phase::Bound)?;
        }
        self.lose(false);
        Ok(())
    }
}

/// An address and a port: ip(7).
fn internet([c, d, e, f]: [u8; 4], port: u8) -> [u8; 16] {
    let [a, b] = 2u16.to_ne_bytes();
    [a, b, 0, port, c, d, e, f, 0, 0, 0, 0, 0, 0, 0, 0]
}

/// Zero where the kernel has none yet.
fn random() -> [u8; 4] {
    let mut bytes = [0; 4];
    let _early = getrandom(&mut bytes[..], GetRandomFlags::NONBLOCK);
    bytes
}

/// The machine's name; empty where it has none.
fn host_name(system: &Uname) -> &[u8] {
    match system.nodename().to_bytes() {
        b"(none)" | b"localhost" => b"",
        name => name,
    }
}

/// Configures the interface as a server wants it.
fn set_up(link: &Link, reply: &Reply<'_>, address: Address) -> Result<()> {
    let name = dhcp::name(reply.option(HOSTNAME));
    if !name.is_empty() && host_name(&uname()).is_empty() {
        sethostname(name.as_bytes()).map_err(|errno| Error::os(sentence!("name the machine"), errno))?;
    }
    // None that IPv4 could not live with.
    if let Some(mtu) = reply.number(MTU).map(u16::from_be_bytes).filter(|mtu| *mtu >= 576) {
        link.set_mtu(mtu).map_err(|errno| failed(link, "an MTU", errno))?;
    }
    let [a, b, c, d] = reply.number(ROUTERS).unwrap_or_default();
    let routes = match reply.option(ROUTES) {
        [] if a != 0 => &[0, a, b, c, d],
        routes => routes,
    };
    let (servers, domain) = (reply.option(SERVERS), dhcp::name(reply.option(DOMAIN)));
    configure(link, &Setup { address, routes, servers, domain })
}

/// Does what allocates in a child, which tells what goes wrong.
fn apart(act: &dyn Fn() -> Result<u8>) {
    match clone3(0, None) {
        Ok(Cloned::Child) => exit_now(act().unwrap_or_else(|error| output::fail(&error))),
        Ok(Cloned::Parent { child, pidfd }) => drop(program::wait(child, &pidfd)),
        Err(_) => {}
    }
}
