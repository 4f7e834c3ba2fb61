//! What an interface gets, whoever says so: a line of the settings or a DHCP server. Its address and routes, and the servers of
//! names in /etc/resolv.conf.

use rustix::fs::{CWD, readlinkat};
use rustix::io::Errno;

use crate::dhcp::route;
use crate::error::{Error, Result};
use crate::kernel::device::make_directory;
use crate::kernel::file::replace;
use crate::kernel::net::Link;
use crate::kernel::net::route::Address;
use crate::text::{Word, digits, fill, joined, kept};

/// All that an interface gets.
pub struct Setup<'a> {
    pub address: Address,
    /// As DHCP has them (RFC 3442).
    pub routes: &'a [u8],
    /// Four bytes each.
    pub servers: &'a [u8],
    /// Empty where there is none.
    pub domain: &'a str,
}

/// Gives an interface what it gets. What fails first is the error.
pub fn configure(link: &Link, setup: &Setup<'_>) -> Result<()> {
    let address = &setup.address;
    address.add().map_err(|errno| Error::os(fill("give % to %", &[&with_prefix(address), link.name()]), errno))?;
    let mut routes = setup.routes;
    while let Some(next) = route(&mut routes) {
        address.route(next).map_err(|errno| {
            Error::os(
                fill(
                    "make % the way from % to %/%",
                    &[&dotted(next.2), link.name(), &dotted(next.0), digits(next.1.into())],
                ),
                errno,
            )
        })?;
    }
    if setup.servers.is_empty() { Ok(()) } else { write_servers(setup.servers, setup.domain) }
}

/// An interface that cannot be raised.
pub fn missing(name: &str, errno: Errno) -> Error {
    match (errno, name) {
        (Errno::NODEV, "") => {
            Error::new("there is no network interface: load its module, as contain.modules=virtio_net")
        }
        (Errno::NODEV, name) => {
            Error::new(fill("there is no network interface %: `ls /sys/class/net` lists them", &[name]))
        }
        _ => Error::os(fill("raise %", &[name]), errno),
    }
}

/// An address as people write it.
pub fn dotted(address: [u8; 4]) -> String {
    joined(&address.map(|byte| digits(byte.into())), ".")
}

pub fn with_prefix(address: &Address) -> String {
    fill("%/%", &[&dotted(address.address), digits(address.prefix.into())])
}

/// More than resolvers ask.
const SERVERS: usize = 3;

/// Writes /etc/resolv.conf, or the file that it is a link to; or, where that cannot be, /run/resolv.conf, and an error says so.
fn write_servers(servers: &[u8], domain: &str) -> Result<()> {
    let mut text = if domain.is_empty() { String::new() } else { fill("search %\n", &[domain]) };
    for server in servers.chunks_exact(4).take(SERVERS) {
        let server = server.first_chunk().copied().unwrap_or_default();
        text.push_str(&fill("nameserver %\n", &[&dotted(server)]));
    }
    write_below(c"/etc/resolv.conf", text.as_bytes()).map_err(|errno| {
        let instead = write_below(c"/run/resolv.conf", text.as_bytes());
        let hint = if instead.is_ok() { "; the name servers are in /run/resolv.conf" } else { "" };
        Error::os(fill("write /etc/resolv.conf%", &[hint]), errno)
    })
}

/// Writes a file, with the directories that lead there.
fn write_below(path: Word, text: &[u8]) -> rustix::io::Result<()> {
    let path = match readlinkat(CWD, path, Vec::new()) {
        Ok(target) if target.to_bytes().starts_with(b"/") => kept(&[target.to_bytes()]),
        Ok(target) => kept(&[b"/etc/", target.to_bytes()]),
        Err(_) => path,
    };
    for (at, _) in path.to_bytes().iter().enumerate().filter(|(at, byte)| *at > 0 && **byte == b'/') {
        // Where this fails the file cannot be made either.
        let _there = make_directory(CWD, kept(&[&path.to_bytes()[..at]]));
    }
    replace(path, text)
}
