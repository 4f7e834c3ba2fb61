//! What an interface gets, whoever says so: a line of the settings or a DHCP server. Its address and routes, and the servers of
//! names in /etc/resolv.conf.

use crate::linux;
use crate::linux::fs::{CWD, readlinkat_raw};
use crate::linux::io::Errno;

use crate::dhcp::route;
use crate::error::{Error, Result};
use crate::kernel::device::make_directory;
use crate::kernel::file::replace;
use crate::kernel::net::Link;
use crate::kernel::net::route::Address;
use crate::packed::{sentence, text};
use crate::text::{Word, digits, kept_one, kept_two};

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
    address.add().map_err(|errno| failed(link, with_prefix(address), errno))?;
    let mut routes = setup.routes;
    while let Some(next) = route(&mut routes) {
        address.route(next).map_err(|errno| failed(link, text!("a route by %", dotted(next.2)), errno))?;
    }
    write_servers(setup.servers, setup.domain)
}

/// What an interface could not be given.
pub fn failed(link: &Link, what: &str, errno: Errno) -> Error {
    Error::os(text!("give % %", link.name(), what), errno)
}

/// An interface that cannot be raised.
pub fn missing(name: &str, errno: Errno) -> Error {
    let name = if name.is_empty() { text!("of a network card") } else { name };
    match errno {
        Errno::NODEV => Error::new(text!("there is no interface %: `ls /sys/class/net` lists those there are", name)),
        _ => Error::os(text!("raise the interface %", name), errno),
    }
}

/// An address as people write it.
pub fn dotted(address: [u8; 4]) -> &'static str {
    let [a, b, c, d] = address;
    text!("%.%.%.%", digits(a.into()), digits(b.into()), digits(c.into()), digits(d.into()))
}

pub fn with_prefix(address: &Address) -> &'static str {
    text!("%/%", dotted(address.address), digits(address.prefix.into()))
}

/// More than resolvers ask.
const SERVERS: usize = 3;

/// Writes servers, where there are any, to /etc/resolv.conf or the file that it is a link to; or, where that cannot be, to
/// /run/resolv.conf, and an error says so.
pub fn write_servers(servers: &[u8], domain: &str) -> Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let mut text = String::from(if domain.is_empty() { "" } else { text!("search %\n", domain) });
    for server in servers.as_chunks().0.iter().take(SERVERS) {
        text.push_str(text!("nameserver %\n", dotted(*server)));
    }
    write_linked(c"/etc/resolv.conf", text.as_bytes()).map_err(|errno| {
        let _told = replace(c"/run/resolv.conf", text.as_bytes());
        Error::os(sentence!("write /etc/resolv.conf (so it is /run/resolv.conf that has the name servers)"), errno)
    })
}

/// Writes a file of /etc, or what it is a link to, with the directories that lead there.
fn write_linked(path: Word, text: &[u8]) -> linux::io::Result<()> {
    let (mut path, mut target) = (path, [0; 256]);
    if let Ok(1..) = readlinkat_raw(CWD, path, &mut target[..]) {
        let base: &[u8] = if target[0] == b'/' { b"" } else { b"/etc/" };
        path = kept_two(base, &target);
    }
    for (at, byte) in path.to_bytes().iter().enumerate().skip(1) {
        if *byte == b'/' {
            // Where this fails the file cannot be made either.
            let _there = make_directory(CWD, kept_one(&path.to_bytes()[..at]));
        }
    }
    replace(path, text)
}
