//! Addresses of the network: `ip=` as the kernel has it (Documentation/admin-guide/nfs/nfsroot.rst), and `net` of contain.conf.

use crate::input::number::Parsed;
use crate::machine::{Address, Machine, Net, Text};
use crate::packed::{Sentence, sentence, text};
use crate::text::{self, after, before, decimal, split};

/// CLIENT, SERVER, GATEWAY, NETMASK, HOSTNAME, DEVICE, AUTOCONF, two servers of names, and one of the time.
type Fields = [&'static str; 10];

/// What `ip=` says: the fields with colons between, `dhcp` and its like, or dracut's `DEVICE:dhcp`.
#[inline(never)]
pub fn fields(machine: &mut Machine, text: &'static str, place: &'static str) -> Parsed<()> {
    let mut fields = [""; 10];
    let (mut count, mut parts) = (0, split(text, b':'));
    for (field, part) in fields.iter_mut().zip(&mut parts) {
        (*field, count) = (part, count + 1);
    }
    if parts.next().is_some() {
        return Err(text!(
            "has more than ten fields: write CLIENT::GATEWAY:NETMASK:HOSTNAME:DEVICE:AUTOCONF:DNS:DNS, or dhcp"
        ));
    }
    let [client, server, _, _, _, device, way, ..] = &mut fields;
    if count == 1 && text::place(WAYS, client.as_bytes()).is_some() {
        std::mem::swap(client, way);
    } else if count == 2 && address(client).is_none() {
        std::mem::swap(client, device);
        std::mem::swap(server, way);
    }
    add(machine, &fields, place)
}

/// The same of `INTERFACE dhcp|ADDRESS/PREFIX [gateway=ADDRESS] [dns=ADDRESS,ADDRESS]`.
#[inline(never)]
pub fn line(machine: &mut Machine, words: &[&'static str], place: &'static str) -> Parsed<()> {
    const USAGE: Sentence =
        sentence!("names no address: write `net eth0 dhcp`, or `net eth0 10.0.2.15/24 gateway=10.0.2.2`");
    let [device, how, more @ ..] = words else { return Err(USAGE.get()) };
    let mut fields = [""; 10];
    let [client, _, gateway, netmask, _, interface, way, first, second, _] = &mut fields;
    *interface = device;
    match after(how, b'/') {
        Some(bits) => (*client, *netmask) = (before(how, b'/'), bits),
        None if *how == "dhcp" => *way = how,
        None => return Err(USAGE.get()),
    }
    for word in more {
        let value = after(word, b'=').unwrap_or_default();
        match text::place("gateway\ndns", before(word, b'=').as_bytes()) {
            Some(0) => *gateway = value,
            Some(1) => (*first, *second) = (before(value, b','), after(value, b',').unwrap_or_default()),
            _ => return Err(text!("has %, which is not known: write gateway=ADDRESS or dns=ADDRESS,ADDRESS", word)),
        }
    }
    add(machine, &fields, place)
}

/// How an address is found; from the sixth on, not at all.
const WAYS: &str = "\ndhcp\non\nany\nboth\noff\nnone";

/// Adds an interface. It takes the place of what was said of it before; without a name, of all that stands elsewhere.
fn add(machine: &mut Machine, fields: &Fields, place: &'static str) -> Parsed<()> {
    let [client, _, gateway, netmask, hostname, interface, way, first, second, _] = *fields;
    // IFNAMSIZ has a closing zero.
    if interface.len() > 15 || interface.bytes().any(|b| b == b'/' || b.is_ascii_whitespace()) {
        return Err(text!("has %, which names no network interface: write one, as eth0", interface));
    }
    let (gateway, servers) = (perhaps(gateway)?, [perhaps(first)?, perhaps(second)?]);
    let address = match text::place(WAYS, way.as_bytes()) {
        _ if !client.is_empty() => {
            let address = perhaps(client)?;
            Some(Address::Static { address, prefix: prefix(netmask, address)?, gateway })
        }
        Some(5..) => None,
        Some(_) => Some(Address::Dhcp),
        None => return Err(text!("has %, which is not done: write dhcp or off", way)),
    };
    let is_replaced =
        |other: &Net| if interface.is_empty() { other.place != place } else { other.interface == interface };
    while let Some(at) = machine.nets.iter().position(is_replaced) {
        machine.nets.remove(at);
    }
    machine.nets.extend(address.map(|address| Net { interface, address, servers, place }));
    if machine.text(Text::Hostname).is_empty() {
        machine.set_text(Text::Hostname, hostname);
    }
    Ok(())
}

fn address(text: &str) -> Option<[u8; 4]> {
    let mut parts = split(text, b'.');
    let mut address = [0; 4];
    for byte in &mut address {
        *byte = u8::try_from(decimal(parts.next().filter(|part| part.len() < 4)?)?).ok()?;
    }
    parts.next().is_none().then_some(address)
}

/// Zero where there is none.
#[inline(never)]
fn perhaps(text: &str) -> Parsed<[u8; 4]> {
    match address(text) {
        Some(address) => Ok(address),
        None if text.is_empty() => Ok([0; 4]),
        None => Err(text!("has %, which is no IPv4 address: write one, as 10.0.2.15", text)),
    }
}

/// `255.255.255.0` or `24`; of none, what the classes of old say, as the kernel has it.
fn prefix(text: &str, client: [u8; 4]) -> Parsed<u8> {
    let length = match address(text).map(u32::from_be_bytes) {
        // No bit is set behind one that is not.
        Some(mask) if !mask & (!mask).wrapping_add(1) == 0 => Some(mask.leading_ones().into()),
        Some(_) => None,
        None if text.is_empty() => Some(match client[0] {
            0..128 => 8,
            128..192 => 16,
            _ => 24,
        }),
        None => decimal(text),
    };
    match length {
        Some(length @ 0..=32) => Ok(length as u8),
        _ => {
            Err(text!("has %, which is no netmask: write how many bits the network has, as 24, or 255.255.255.0", text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(address: [u8; 4], prefix: u8, gateway: [u8; 4]) -> Address {
        Address::Static { address, prefix, gateway }
    }

    fn asked(text: &'static str) -> Parsed<Machine> {
        let mut machine = Machine::nothing();
        fields(&mut machine, text, "line").map(|()| machine)
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
            let machine = asked(text).unwrap();
            assert_eq!(machine.nets, [Net { interface, address, servers, place: "line" }], "{text}");
            assert_eq!(machine.text(Text::Hostname), hostname, "{text}");
        }
        for text in ["off", "none", ":::::eth0:off", "eth0:off", "eth0:none", "::::box::off"] {
            assert_eq!(asked(text).unwrap().nets, [], "{text}");
        }
        for (text, word) in [
            ("bootp", "no IPv4"),
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
            ("eth0:never", "has never, which is not done: write dhcp or off"),
        ] {
            let Err(complaint) = asked(text) else { panic!("{text} is taken") };
            assert!(complaint.contains(word), "{text}: {complaint}");
        }
    }

    #[test]
    fn lines_of_contain_conf() {
        let net = |text: &'static str| {
            let mut machine = Machine::nothing();
            line(&mut machine, &text::words(text), "p").map(|()| machine.nets)
        };
        let (home, none) = ([10, 0, 2, 15], [[0; 4]; 2]);
        for (text, address, servers) in [
            ("eth0 dhcp", Address::Dhcp, none),
            ("eth0 dhcp dns=1.1.1.1,8.8.8.8", Address::Dhcp, [[1; 4], [8; 4]]),
            ("eth0 10.0.2.15/24", fixed(home, 24, [0; 4]), none),
            ("eth0 10.0.2.15/24 gateway=10.0.2.2 dns=1.1.1.1", fixed(home, 24, [10, 0, 2, 2]), [[1; 4], [0; 4]]),
        ] {
            assert_eq!(net(text), Ok(vec![Net { interface: "eth0", address, servers, place: "p" }]), "{text}");
        }
        for (text, word) in [
            ("", "names no address"),
            ("eth0", "names no address"),
            ("eth0 10.0.2.15", "names no address"),
            ("eth0 10.0.2/24", "has 10.0.2, which is no IPv4 address"),
            ("eth0 10.0.2.15/240", "netmask"),
            ("eth0 dhcp gateway=x", "has x, which is no IPv4 address"),
            ("eth0 dhcp mtu=9000", "has mtu=9000, which is not known: write gateway="),
            ("eth0 dhcp dns=1.1.1.1,1.1.1.2,1.1.1.3", "has 1.1.1.2,1.1.1.3, which is no IPv4 address"),
        ] {
            let complaint = net(text).expect_err(text);
            assert!(complaint.contains(word), "{text}: {complaint}");
        }
    }
}
