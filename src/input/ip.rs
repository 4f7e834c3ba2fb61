//! Addresses of the network: `ip=` as the kernel has it (Documentation/admin-guide/nfs/nfsroot.rst), and `net` of contain.conf.

use crate::input::number::Parsed;
use crate::input::services::which;
use crate::machine::{Address, Net};
use crate::text::{cut, decimal, place, split};

const NO_ADDRESS: &str = "is no IPv4 address: write one, as 10.0.2.15";

/// What `ip=` asks for: an interface or none, and the machine's name where one is given.
#[derive(PartialEq, Eq, Debug)]
pub struct Asked {
    pub net: Option<Net>,
    pub hostname: &'static str,
}

/// `CLIENT:SERVER:GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS0:DNS1`, `dhcp` and its like, or dracut's `DEVICE:dhcp`.
pub fn asked(text: &'static str, written: &'static str) -> Parsed<Asked> {
    let mut fields = [""; 10];
    let mut parts = split(text, b':');
    for (field, part) in fields.iter_mut().zip(&mut parts) {
        *field = part;
    }
    if parts.next().is_some() {
        return Err(
            "has more than ten fields: write CLIENT::GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS, or dhcp",
        );
    }
    let [client, _server, gateway, netmask, hostname, mut device, mut way, first, second, _clock] = fields;
    let mut client = client;
    if is_way(client) && text == client {
        (client, way) = ("", client);
    } else if is_way(_server) && address(client).is_none() && cut(text, b':') == Some((client, _server)) {
        (client, device, way) = ("", client, _server);
    }
    interface(device)?;
    let net = |address| -> Parsed<Option<Net>> {
        Ok(Some(Net { interface: device, address, servers: [perhaps(first)?, perhaps(second)?], place: written }))
    };
    let net = if !client.is_empty() {
        let address = needed(client)?;
        let prefix = if netmask.is_empty() { class(address) } else { prefix(netmask)? };
        net(Address::Static { address, prefix, gateway: perhaps(gateway)? })?
    } else {
        match place("off\nnone\nbootp\nrarp\n\non\nany\ndhcp\nboth", way.as_bytes()) {
            Some(0 | 1) => None,
            Some(4..) => net(Address::Dhcp)?,
            _ => return Err("asks for what is not done: write an address, dhcp or off"),
        }
    };
    Ok(Asked { net, hostname })
}

/// How the address is found.
fn is_way(text: &str) -> bool {
    place("off\nnone\nbootp\nrarp\non\nany\ndhcp\nboth", text.as_bytes()).is_some()
}

/// `INTERFACE dhcp|ADDRESS/PREFIX [gateway=ADDRESS] [dns=ADDRESS,ADDRESS]`.
pub fn net(words: &[&'static str], written: &'static str) -> Parsed<Net> {
    const USAGE: &str = "names no address: write `net eth0 dhcp`, or `net eth0 10.0.2.15/24 gateway=10.0.2.2`";
    let [device, how, more @ ..] = words else { return Err(USAGE) };
    let (mut gateway, mut servers) = ([0; 4], [[0; 4]; 2]);
    interface(device)?;
    for word in more {
        let what = |what| which(word, what);
        match cut(word, b'=') {
            Some(("gateway", text)) => gateway = needed(text).or_else(what)?,
            Some(("dns", text)) => {
                let mut parts = split(text, b',');
                for server in &mut servers {
                    *server = perhaps(parts.next().unwrap_or_default()).or_else(what)?;
                }
                if parts.next().is_some() {
                    return which(word, "names more than two servers: resolv.conf(5) has room for few");
                }
            }
            _ => return which(word, "is not known: write gateway=ADDRESS or dns=ADDRESS"),
        }
    }
    let address = match cut(how, b'/') {
        _ if *how == "dhcp" => Address::Dhcp,
        Some((text, length)) => {
            let address = needed(text).or_else(|what| which(how, what))?;
            Address::Static { address, prefix: prefix(length)?, gateway }
        }
        None => return Err(USAGE),
    };
    Ok(Net { interface: device, address, servers, place: written })
}

/// IFNAMSIZ has a closing zero.
fn interface(name: &str) -> Parsed<()> {
    match name.len() < 16 && !name.bytes().any(|b| b == b'/' || b.is_ascii_whitespace()) {
        true => Ok(()),
        false => Err("names no network interface: write one, as eth0"),
    }
}

fn address(text: &str) -> Option<[u8; 4]> {
    let mut parts = split(text, b'.');
    let mut address = [0; 4];
    for byte in &mut address {
        let part = parts.next()?;
        *byte = u8::try_from(decimal(part).filter(|_| part.len() < 4)?).ok()?;
    }
    parts.next().is_none().then_some(address)
}

fn needed(text: &str) -> Parsed<[u8; 4]> {
    address(text).ok_or(NO_ADDRESS)
}

/// Zero where there is none.
fn perhaps(text: &str) -> Parsed<[u8; 4]> {
    if text.is_empty() { Ok([0; 4]) } else { needed(text) }
}

/// `255.255.255.0` or `24`.
fn prefix(text: &str) -> Parsed<u8> {
    let length = match address(text).map(u32::from_be_bytes) {
        Some(mask) if mask.leading_ones() + mask.trailing_zeros() == 32 => Some(mask.leading_ones().into()),
        // All ones have no zeros.
        Some(u32::MAX) => Some(32),
        Some(_) => None,
        None => decimal(text),
    };
    match length {
        Some(length @ 0..=32) => Ok(length as u8),
        _ => Err("has no netmask: write how many bits the network has, as 24, or 255.255.255.0"),
    }
}

/// The classes of old, which the kernel goes by where no netmask is given.
fn class(address: [u8; 4]) -> u8 {
    match address {
        [0..128, ..] => 8,
        [128..192, ..] => 16,
        _ => 24,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(address: [u8; 4], prefix: u8, gateway: [u8; 4]) -> Address {
        Address::Static { address, prefix, gateway }
    }

    #[test]
    fn the_kernels_syntax() {
        let none = [[0; 4]; 2];
        let home = [10, 0, 2, 15];
        for (text, interface, address, servers, hostname) in [
            ("dhcp", "", Address::Dhcp, none, ""),
            ("on", "", Address::Dhcp, none, ""),
            ("", "", Address::Dhcp, none, ""),
            (":::::eth1:dhcp", "eth1", Address::Dhcp, none, ""),
            ("::::box:eth1", "eth1", Address::Dhcp, none, "box"),
            ("eth0:dhcp", "eth0", Address::Dhcp, none, ""),
            ("eth0:any", "eth0", Address::Dhcp, none, ""),
            (":::::eth0:dhcp:1.1.1.1", "eth0", Address::Dhcp, [[1; 4], [0; 4]], ""),
            ("10.0.2.15", "", fixed(home, 8, [0; 4]), none, ""),
            ("192.168.1.2", "", fixed([192, 168, 1, 2], 24, [0; 4]), none, ""),
            ("172.16.1.2:1.1.1.1", "", fixed([172, 16, 1, 2], 16, [0; 4]), none, ""),
            ("10.0.2.15::10.0.2.2:255.255.255.0", "", fixed(home, 24, [10, 0, 2, 2]), none, ""),
            (
                "10.0.2.15::10.0.2.2:20:box:eth0:off:1.1.1.1:8.8.8.8:9.9.9.9",
                "eth0",
                fixed(home, 20, [10, 0, 2, 2]),
                [[1; 4], [8; 4]],
                "box",
            ),
            ("10.0.2.15:::255.255.255.255", "", fixed(home, 32, [0; 4]), none, ""),
            ("10.0.2.15:::0.0.0.0", "", fixed(home, 0, [0; 4]), none, ""),
        ] {
            let net = Some(Net { interface, address, servers, place: "line" });
            assert_eq!(asked(text, "line"), Ok(Asked { net, hostname }), "{text}");
        }
        for text in ["off", "none", ":::::eth0:off", "eth0:off", "eth0:none", "::::box::off"] {
            assert_eq!(asked(text, "").map(|asked| asked.net), Ok(None), "{text}");
        }
        for (text, word) in [
            ("bootp", "not done"),
            ("nobody", "no IPv4"),
            ("10.0.2.256", "no IPv4"),
            ("10.0.2.15:::255.0.255.0", "netmask"),
            ("10.0.2.15:::33", "netmask"),
            ("10.0.2.15::nowhere", "no IPv4"),
            (":::::eth0/1:dhcp", "interface"),
            (":::::a-name-far-too-long:dhcp", "interface"),
            ("[fe80::1]", "no IPv4"),
            ("::::::::::", "ten fields"),
            ("eth0:dhcp:1500", "no IPv4"),
        ] {
            let complaint = asked(text, "").expect_err(text);
            assert!(complaint.contains(word), "{text}: {complaint}");
        }
    }

    #[test]
    fn lines_of_contain_conf() {
        let net = |line: &'static str| net(&crate::text::words(line), "p");
        let (home, none) = ([10, 0, 2, 15], [[0; 4]; 2]);
        for (line, address, servers) in [
            ("eth0 dhcp", Address::Dhcp, none),
            ("eth0 dhcp dns=1.1.1.1,8.8.8.8", Address::Dhcp, [[1; 4], [8; 4]]),
            ("eth0 10.0.2.15/24", fixed(home, 24, [0; 4]), none),
            ("eth0 10.0.2.15/24 gateway=10.0.2.2 dns=1.1.1.1", fixed(home, 24, [10, 0, 2, 2]), [[1; 4], [0; 4]]),
        ] {
            assert_eq!(net(line), Ok(Net { interface: "eth0", address, servers, place: "p" }), "{line}");
        }
        for (line, word) in [
            ("", "names no address"),
            ("eth0", "names no address"),
            ("eth0 10.0.2.15", "names no address"),
            ("eth0 10.0.2/24", "has 10.0.2/24, which is no IPv4 address"),
            ("eth0 10.0.2.15/240", "netmask"),
            ("eth0 dhcp gateway=x", "has gateway=x, which is no IPv4 address"),
            ("eth0 dhcp mtu=9000", "has mtu=9000, which is not known: write gateway="),
            ("eth0 dhcp dns=1.1.1.1,1.1.1.2,1.1.1.3", "more than two"),
        ] {
            let complaint = net(line).expect_err(line);
            assert!(complaint.contains(word), "{line}: {complaint}");
        }
    }
}
