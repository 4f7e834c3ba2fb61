//! The messages of DHCP as a client sends and reads them (RFC 2131, 2132, 3442), with the IPv4 and UDP headers that they need
//! while there is no address. Bytes in, bytes out: no system call, no heap, and whatever comes was written by anybody.

use crate::text::utf8;

/// What IPv4 and UDP put before a message.
pub const HEADERS: usize = 28;
/// The most that is sent: the options that there are need less.
pub const MOST: usize = 400;
/// What every message begins with, up to its options.
const FIXED: usize = 240;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// The codes of options end here: that of the classless routes is the highest that is read.
const CODES: usize = 122;

/// Kinds of messages.
pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;

/// Options of a reply that are used as they are.
pub const ROUTERS: usize = 3;
pub const SERVERS: usize = 6;
pub const HOSTNAME: usize = 12;
pub const DOMAIN: usize = 15;
pub const MTU: usize = 26;
pub const ROUTES: usize = 121;
const MASK: usize = 1;
const SECONDS: usize = 51;
const OVERLOAD: usize = 52;
const KIND: usize = 53;
const SERVER: usize = 54;
const RENEWAL: usize = 58;
const REBINDING: usize = 59;

/// What a client says.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    pub kind: u8,
    /// What marks the answer as one to this.
    pub id: [u8; 4],
    /// For how long it has been trying.
    pub seconds: u16,
    pub hardware: [u8; 6],
    /// Its address where it has one; else zero, as all that is not to be said.
    pub own: [u8; 4],
    pub wanted: [u8; 4],
    pub server: [u8; 4],
    pub hostname: &'a [u8],
}

/// A message with its headers, from 0.0.0.0 to everyone, in a buffer; how long it is.
pub fn packet(question: &Question<'_>, packet: &mut [u8; MOST]) -> usize {
    let Question { kind, id, seconds, hardware, own, wanted, server, hostname } = *question;
    *packet = [0; MOST];
    packet[HEADERS..32].copy_from_slice(&[1, 1, 6, 0]);
    packet[32..36].copy_from_slice(&id);
    packet[36..38].copy_from_slice(&seconds.to_be_bytes());
    packet[40..44].copy_from_slice(&own);
    packet[56..62].copy_from_slice(&hardware);
    packet[264..274].copy_from_slice(&[99, 130, 83, 99, KIND as u8, 1, kind, 61, 7, 1]);
    packet[274..280].copy_from_slice(&hardware);
    let mut end = 280;
    let mut add = |code: u8, value: &[u8]| {
        // All of it has room: the longest is a host's name, of 64 bytes.
        if let Some([place, length, room @ ..]) = packet.get_mut(end..end + 2 + value.len()) {
            (*place, *length) = (code, value.len() as u8);
            room.copy_from_slice(value);
            end += 2 + value.len();
        }
    };
    if wanted != [0; 4] {
        add(50, &wanted);
    }
    if server != [0; 4] {
        add(SERVER as u8, &server);
    }
    if kind != RELEASE {
        add(55, &[1, 3, 6, 12, 15, 26, 51, 121]);
        if !hostname.is_empty() {
            add(HOSTNAME as u8, hostname);
        }
    }
    if let Some(last) = packet.get_mut(end) {
        *last = 255;
    }
    // Nothing shorter than BOOTP's messages passes everywhere.
    let length = (end + 1).max(HEADERS + 300);
    head(packet, length as u16);
    length
}

/// Writes the headers. The checksum of UDP covers addresses and protocol, too: where they stand in an IPv4 header, with the
/// length in place of its checksum and nothing before. What comes after the message is zero.
fn head(packet: &mut [u8; MOST], length: u16) {
    let [high, low] = (length - 20).to_be_bytes();
    packet[..HEADERS].copy_from_slice(&[
        0, 0, 0, 0, 0, 0, 0, 0, 0, 17, high, low, 0, 0, 0, 0, 255, 255, 255, 255, 0, 68, 0, 67, high, low, 0, 0,
    ]);
    [packet[26], packet[27]] = sum(packet).to_be_bytes();
    [packet[2], packet[3]] = length.to_be_bytes();
    (packet[0], packet[8], packet[10], packet[11]) = (0x45, 64, 0, 0);
    [packet[10], packet[11]] = sum(&packet[..20]).to_be_bytes();
}

/// The checksum of the Internet (RFC 1071).
fn sum(bytes: &[u8]) -> u16 {
    let mut sum = 0u32;
    for pair in bytes.chunks(2) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !sum as u16
}

/// The message in an IPv4 packet to a client. The checksum of UDP says nothing here: one that the sender's network card is to
/// write is not there yet when the sender is a neighbour on the same machine.
pub fn message(packet: &[u8]) -> Option<&[u8]> {
    let length = 4 * usize::from(packet.first()? & 15);
    let (head, udp) = packet.split_at_checked(length)?;
    // Version 4, in one piece, UDP.
    let [0x40..0x50, _, _, _, _, _, fragment, 0, _, 17, .., _, _, _, _] = *head else { return None };
    if length < 20 || fragment & 0x3f != 0 || sum(head) != 0 {
        return None;
    }
    let [_, _, 0, 68, high, low, _, _, ..] = *udp else { return None };
    udp.get(8..usize::from(u16::from_be_bytes([high, low])))
}

/// What a server says.
pub struct Reply<'a> {
    /// The client's address, where it gives one.
    address: [u8; 4],
    /// By their codes; empty where one is not there.
    options: [&'a [u8]; CODES],
}

/// How long an address may be had, and of whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    pub address: [u8; 4],
    pub prefix: u8,
    pub server: [u8; 4],
    /// Seconds until it is renewed, until any server is asked, and until it ends.
    pub times: [u32; 3],
}

/// A lease that never ends.
pub const FOR_EVER: u32 = u32::MAX;
/// No lease is shorter: a client that renews all the time harms the network.
const SHORTEST: u32 = 4;

impl<'a> Reply<'a> {
    /// Reads the answer to a question; `None` where it is none, or malformed.
    pub fn read(message: &'a [u8], id: [u8; 4], hardware: [u8; 6]) -> Option<Reply<'a>> {
        let (fixed, options) = message.split_first_chunk::<FIXED>()?;
        let is_ours = fixed.starts_with(&[2, 1, 6]) && fixed[4..8] == id && fixed[28..34] == hardware;
        if !is_ours || !fixed.ends_with(&COOKIE) {
            return None;
        }
        let mut reply = Reply { address: fixed[16..].first_chunk().copied()?, options: [&[]; CODES] };
        reply.scan(options)?;
        // Options that had no room stand in place of a boot file's name, and a server's.
        let more = reply.number::<1>(OVERLOAD).map_or(0, |[more]| more);
        if more & 1 != 0 {
            reply.scan(&message[108..236])?;
        }
        if more & 2 != 0 {
            reply.scan(&message[44..108])?;
        }
        Some(reply)
    }

    fn scan(&mut self, mut rest: &'a [u8]) -> Option<()> {
        loop {
            match *rest {
                [] | [255, ..] => return Some(()),
                [0, ref more @ ..] => rest = more,
                [code, length, ref more @ ..] => {
                    let (value, more) = more.split_at_checked(length.into())?;
                    if let Some(place) = self.options.get_mut(usize::from(code)) {
                        *place = value;
                    }
                    rest = more;
                }
                [_] => return None,
            }
        }
    }

    /// An option's bytes.
    pub fn option(&self, code: usize) -> &'a [u8] {
        self.options.get(code).copied().unwrap_or_default()
    }

    /// The first bytes of an option, as many as a number or an address has.
    pub fn number<const N: usize>(&self, code: usize) -> Option<[u8; N]> {
        self.option(code).first_chunk().copied()
    }

    fn seconds(&self, code: usize) -> Option<u32> {
        self.number(code).map(u32::from_be_bytes)
    }

    pub fn kind(&self) -> u8 {
        self.number::<1>(KIND).map_or(0, |[kind]| kind)
    }

    /// Which server it is, zero where it does not say.
    pub fn server(&self) -> [u8; 4] {
        self.number(SERVER).unwrap_or_default()
    }

    /// What it offers or gives; `None` without an address that a host can have, a time, or a server's name.
    pub fn lease(&self) -> Option<Lease> {
        let (address, server) = (self.address, self.server());
        if !is_unicast(address) || server == [0; 4] {
            return None;
        }
        // Without a mask there is no neighbour but the router.
        let mask = self.seconds(MASK).map_or(32, u32::leading_ones);
        let end = self.seconds(SECONDS)?.max(SHORTEST);
        let asked = (self.seconds(RENEWAL).unwrap_or(0), self.seconds(REBINDING).unwrap_or(0));
        let (renewal, rebinding) = match asked {
            (renewal, rebinding) if SHORTEST / 2 <= renewal && renewal < rebinding && rebinding < end => asked,
            _ => (end / 2, end - end / 8),
        };
        let times = if end == FOR_EVER { [end; 3] } else { [renewal, rebinding, end] };
        Some(Lease { address, prefix: if mask == 0 { 32 } else { mask as u8 }, server, times })
    }
}

/// Whether a host can have an address: not 0.x, 127.x, nor those of groups and above.
fn is_unicast([first, ..]: [u8; 4]) -> bool {
    (1..224).contains(&first) && first != 127
}

/// A text that nobody can break a file or a terminal with: a host's name, or a domain. Empty where it is anything else.
pub fn name(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let name = bytes.get(..end).unwrap_or_default();
    let is_plain = name.iter().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(b));
    if is_plain && name.len() <= 253 { utf8(name).unwrap_or_default() } else { "" }
}

/// A way to a network: its address, the length of its prefix, and the gateway, zero where there is none.
pub type Route = ([u8; 4], u8, [u8; 4]);

/// Takes the next of classless routes (RFC 3442): a prefix's length, as many bytes of it as count, a gateway.
pub fn route(routes: &mut &[u8]) -> Option<Route> {
    let (&prefix, rest) = routes.split_first()?;
    if prefix > 32 {
        return None;
    }
    let (given, rest) = rest.split_at_checked(prefix.div_ceil(8).into())?;
    let (gateway, rest) = rest.split_first_chunk()?;
    let mut network = [0; 4];
    network.iter_mut().zip(given).for_each(|(to, from)| *to = *from);
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    *routes = rest;
    Some(((u32::from_be_bytes(network) & mask).to_be_bytes(), prefix, *gateway))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Question<'static> = Question {
        kind: REQUEST,
        id: [1, 2, 3, 4],
        seconds: 258,
        hardware: [2, 0, 0, 0, 0, 9],
        own: [0; 4],
        wanted: [10, 0, 2, 15],
        server: [10, 0, 2, 2],
        hostname: b"box",
    };

    fn asked(question: &Question<'_>) -> Vec<u8> {
        let mut bytes = [0; MOST];
        let length = packet(question, &mut bytes);
        assert!(bytes[length..].iter().all(|byte| *byte == 0));
        bytes[..length].to_vec()
    }

    /// What a server makes of it: the same fixed part, and these options.
    fn reply(options: &[u8]) -> Vec<u8> {
        let mut message = asked(&ASKED)[HEADERS..HEADERS + FIXED].to_vec();
        message[0] = 2;
        message[16..20].copy_from_slice(&ASKED.wanted);
        message.extend(options);
        message
    }

    fn read(message: &[u8]) -> Option<Reply<'_>> {
        Reply::read(message, ASKED.id, ASKED.hardware)
    }

    #[test]
    fn what_is_asked() {
        let packet = asked(&ASKED);
        assert_eq!(packet.len(), HEADERS + 300);
        assert_eq!((sum(&packet[..20]), &packet[2..4]), (0, &[1, 72][..]));
        // With addresses, protocol and length before it, it sums to nothing.
        let mut pseudo = [&[0, 0, 0, 0, 255, 255, 255, 255, 0, 17, 1, 52], &packet[20..]].concat();
        assert_eq!(sum(&pseudo), 0);
        pseudo[30] ^= 1;
        assert_ne!(sum(&pseudo), 0);
        let message = &packet[HEADERS..];
        assert_eq!(message[..12], [1, 1, 6, 0, 1, 2, 3, 4, 1, 2, 0, 0]);
        let options = [
            &[53, 1, 3, 61, 7, 1, 2, 0, 0, 0, 0, 9, 50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2][..],
            &[55, 8, 1, 3, 6, 12, 15, 26, 51, 121, 12, 3, b'b', b'o', b'x', 255, 0],
        ];
        assert!(message[FIXED..].starts_with(&options.concat()), "{message:?}");
        let longest = [b'x'; 64];
        assert_eq!(asked(&Question { hostname: &longest, ..ASKED }).last(), Some(&255), "all of it has room");
        let release = asked(&Question { kind: RELEASE, own: [10, 0, 2, 15], wanted: [0; 4], ..ASKED });
        assert_eq!(
            (&release[HEADERS + 12..][..4], &release[HEADERS + FIXED + 18..][..2]),
            (&[10, 0, 2, 15][..], &[255, 0][..])
        );
    }

    #[test]
    fn what_a_packet_carries() {
        let mut packet = asked(&ASKED);
        assert_eq!(message(&packet), None, "to a server");
        packet[23] = 68;
        assert_eq!(message(&packet), Some(&packet[HEADERS..]));
        for (at, byte) in
            [(0, 0x65), (0, 0x44), (0, 0x4f), (6, 0x20), (7, 1), (9, 6), (10, 0), (22, 1), (24, 9), (25, 7)]
        {
            let mut other = packet.clone();
            other[at] = byte;
            assert_eq!(message(&other).filter(|message| message.len() == 300), None, "{at}: {byte}");
        }
        assert_eq!(message(&packet[..packet.len() - 1]), None);
    }

    #[test]
    fn leases() {
        let given = |options: &[u8]| {
            let message = reply(&[&[54, 4, 10, 0, 2, 2, 1, 4, 255, 255, 240, 0], options].concat());
            read(&message).and_then(|reply| reply.lease())
        };
        let lease = |times| Some(Lease { address: [10, 0, 2, 15], prefix: 20, server: [10, 0, 2, 2], times });
        assert_eq!(given(&[51, 4, 0, 0, 0, 80]), lease([40, 70, 80]));
        assert_eq!(given(&[51, 4, 0, 0, 0, 80, 58, 4, 0, 0, 0, 7, 59, 4, 0, 0, 0, 9, 255]), lease([7, 9, 80]));
        // Too short, and not in order.
        assert_eq!(given(&[51, 4, 0, 0, 0, 1]), lease([2, 4, 4]));
        assert_eq!(given(&[51, 4, 0, 0, 0, 80, 58, 4, 0, 0, 0, 0, 59, 4, 0, 0, 0, 9]), lease([40, 70, 80]));
        assert_eq!(given(&[51, 4, 0, 0, 0, 80, 58, 4, 0, 0, 0, 9, 59, 4, 0, 0, 0, 80]), lease([40, 70, 80]));
        assert_eq!(given(&[51, 4, 255, 255, 255, 255]), lease([FOR_EVER; 3]));
        assert_eq!((given(&[]), given(&[51, 3, 0, 0, 80])), (None, None));
        assert_eq!(read(&reply(&[51, 4, 0, 0, 0, 80])).and_then(|reply| reply.lease()), None, "no server");
        let prefix =
            |mask: &[u8]| given(&[&[51, 4, 0, 0, 0, 80, 1, mask.len() as u8], mask].concat()).map(|lease| lease.prefix);
        assert_eq!((prefix(&[]), prefix(&[0; 4]), prefix(&[255, 0, 255, 0])), (Some(32), Some(32), Some(8)));
    }

    #[test]
    fn options_have_their_lengths() {
        for bad in [&[1][..], &[1, 4], &[1, 4, 255, 255, 255], &[0, 0, 1, 255], &[53, 1, 5, 9]] {
            assert!(read(&reply(bad)).is_none(), "{bad:?}");
        }
        let message = reply(&[0, 53, 1, 5, 250, 2, 1, 1, 53, 1, 6, 255, 1, 200]);
        assert_eq!(read(&message).map(|reply| reply.kind()), Some(6), "the last one, and none behind the end");
        let mut overloaded = reply(&[53, 1, 5, 52, 1, 3]);
        overloaded[108..111].copy_from_slice(&[12, 1, b'a']);
        overloaded[44..47].copy_from_slice(&[15, 1, b'b']);
        let found = read(&overloaded).map(|reply| (reply.option(HOSTNAME), reply.option(DOMAIN)));
        assert_eq!(found, Some((&b"a"[..], &b"b"[..])));
        overloaded[109] = 200;
        assert!(read(&overloaded).is_none());
    }

    #[test]
    fn routes_and_names() {
        let mut routes = &[0, 10, 0, 2, 2, 9, 10, 255, 10, 0, 2, 3, 32, 1, 2, 3, 4, 0, 0, 0, 0, 33, 1][..];
        assert_eq!(route(&mut routes), Some(([0; 4], 0, [10, 0, 2, 2])));
        assert_eq!(route(&mut routes), Some(([10, 128, 0, 0], 9, [10, 0, 2, 3])), "without what is beyond the prefix");
        assert_eq!(route(&mut routes), Some(([1, 2, 3, 4], 32, [0; 4])));
        assert_eq!(
            (route(&mut routes), route(&mut &[24, 1, 2, 3, 9, 9, 9][..]), route(&mut &[][..])),
            (None, None, None)
        );
        assert_eq!((name(b"a-b.c_d\0\0"), name(b"a b"), name(b"a\nb"), name(b"\xff")), ("a-b.c_d", "", "", ""));
        assert_eq!((name(&[b'a'; 253]).len(), name(&[b'a'; 254])), (253, ""));
    }
}
