//! A wire with an interface `va` at the test's own end, in namespaces of its own, and at the other a DHCP server whose every
//! word the test decides. /etc and /run are empty here, and nothing of the host's network or name is touched.

use std::cell::RefCell;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::{Out, host};

/// A hang must fail; no lease here is longer than a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

pub const SERVER: [u8; 4] = [10, 9, 0, 1];
pub const DISCOVER: u8 = 1;
pub const OFFER: u8 = 2;
pub const REQUEST: u8 = 3;
pub const ACK: u8 = 5;
pub const NAK: u8 = 6;
pub const RELEASE: u8 = 7;

/// Moves this thread, and what it starts from now on, into namespaces of its own, with a wire to another one.
pub struct Wire {
    socket: UdpSocket,
    /// The kind and id of what was answered last, and the answer: what is asked again gets it again.
    answered: RefCell<(u8, [u8; 4], Vec<u8>)>,
    _there: File,
}

fn unshare(flags: UnshareFlags) {
    // SAFETY: none of these takes the descriptors of another thread away.
    unsafe { rustix::thread::unshare_unsafe(flags) }.expect("namespaces: run `make test` as root");
}

#[track_caller]
pub fn shell(script: &str) -> Out {
    let got = host(script);
    assert_eq!((got.code, got.err.as_str()), (0, ""), "{script}: {got:?}");
    got
}

impl Wire {
    pub fn new() -> Wire {
        let there = std::thread::spawn(|| {
            unshare(UnshareFlags::NEWNET);
            File::open("/proc/thread-self/ns/net").expect("the namespace")
        });
        let there = there.join().unwrap();
        unshare(UnshareFlags::NEWNET | UnshareFlags::NEWNS | UnshareFlags::NEWUTS);
        // As the kernel calls a machine that nobody has named.
        rustix::system::sethostname(b"(none)").unwrap();
        let path = format!("/proc/{}/fd/{}", std::process::id(), there.as_raw_fd());
        shell(&format!(
            "set -e; mount --make-rprivate /; mount -t tmpfs etc /etc; mount -t tmpfs run /run
            ip link add va address 02:00:00:00:00:0a type veth peer name vb netns {path}"
        ));
        let inside = there.try_clone().unwrap();
        let socket = std::thread::spawn(move || {
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&inside), Some(LinkNameSpaceType::Network)).unwrap();
            shell(
                "set -e; for a in 1 77; do ip addr add 10.9.0.$a/24 dev vb; done; ip link set vb up; ip link set lo up; ip route add default dev vb",
            );
            let socket = UdpSocket::bind("0.0.0.0:67").unwrap();
            socket.set_broadcast(true).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket
        });
        Wire { socket: socket.join().unwrap(), answered: RefCell::default(), _there: there }
    }

    /// The next message of the client.
    #[track_caller]
    pub fn hear(&self) -> Message {
        let mut bytes = [0; 2000];
        loop {
            let (length, from) = self.socket.recv_from(&mut bytes).expect("a message of the client");
            let message = Message::read(&bytes[..length], from);
            let (kind, id, reply) = self.answered.borrow().clone();
            if (kind, id) != (message.kind, message.id) {
                return message;
            }
            self.say(&reply, &message);
        }
    }

    /// Hears a message of this kind.
    #[track_caller]
    pub fn expect(&self, kind: u8) -> Message {
        let message = self.hear();
        assert_eq!(message.kind, kind, "{message:?}");
        message
    }

    pub fn say(&self, reply: &[u8], to: &Message) {
        let address = match to.own.is_unspecified() {
            true => Ipv4Addr::BROADCAST,
            false => to.own,
        };
        self.socket.send_to(reply, (address, 68)).unwrap();
        *self.answered.borrow_mut() = (to.kind, to.id, reply.to_vec());
    }

    /// Takes a client from nothing to a lease of so many seconds, with these options besides.
    #[track_caller]
    pub fn give(&self, last: u8, seconds: u32, more: &[(u8, &[u8])]) -> [Message; 2] {
        let discover = self.expect(DISCOVER);
        self.say(&answer(&discover, OFFER, last, seconds, more), &discover);
        let request = self.expect(REQUEST);
        assert_eq!(request.option(50), [10, 9, 0, last], "{request:?}");
        assert_eq!(request.option(54), SERVER, "{request:?}");
        self.say(&answer(&request, ACK, last, seconds, more), &request);
        [discover, request]
    }
}

/// A client's message.
#[derive(Debug)]
pub struct Message {
    pub kind: u8,
    pub id: [u8; 4],
    /// The client's address, as it says and as the packet says.
    pub own: Ipv4Addr,
    pub from: SocketAddr,
    pub hardware: [u8; 6],
    options: Vec<(u8, Vec<u8>)>,
}

impl Message {
    fn read(bytes: &[u8], from: SocketAddr) -> Message {
        assert!(bytes.len() >= 300, "shorter than BOOTP: {bytes:?}");
        assert_eq!((&bytes[..4], &bytes[236..240]), (&[1, 1, 6, 0][..], &[99, 130, 83, 99][..]));
        let (mut options, mut rest) = (Vec::new(), &bytes[240..]);
        while rest[0] != 255 {
            let (value, next) = rest[2..].split_at(rest[1].into());
            options.push((rest[0], value.to_vec()));
            rest = next;
        }
        let four = |at: usize| <[u8; 4]>::try_from(&bytes[at..at + 4]).unwrap();
        let kind = options.iter().find(|(code, _)| *code == 53).expect("a kind").1[0];
        let hardware = bytes[28..34].try_into().unwrap();
        Message { kind, id: four(4), own: four(12).into(), from, hardware, options }
    }

    /// An option's bytes; none where it is not there.
    pub fn option(&self, code: u8) -> &[u8] {
        self.options.iter().find(|(known, _)| *known == code).map_or(&[], |(_, value)| value)
    }
}

/// An answer of 10.9.0.1 that has all it needs, for 10.9.0.`last`, and these options, of which a later one wins.
pub fn answer(to: &Message, kind: u8, last: u8, seconds: u32, more: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![2, 1, 6, 0];
    bytes.extend(to.id);
    bytes.extend([0; 8]);
    bytes.extend(if last == 0 { [0; 4] } else { [10, 9, 0, last] });
    bytes.extend([0; 8]);
    bytes.extend(to.hardware);
    bytes.resize(236, 0);
    bytes.extend([99, 130, 83, 99]);
    let usual: [(u8, &[u8]); 4] =
        [(53, &[kind]), (54, &SERVER), (51, &seconds.to_be_bytes()), (1, &[255, 255, 255, 0])];
    let given = usual.iter().filter(|(code, _)| more.iter().all(|(other, _)| other != code)).chain(more);
    for (code, value) in given {
        bytes.extend([*code, value.len() as u8]);
        bytes.extend(*value);
    }
    bytes.push(255);
    bytes
}

/// The addresses of an interface: `10.9.0.50/24`.
pub fn addresses(interface: &str) -> String {
    shell(&format!("ip -4 -o addr show dev {interface} | sed 's/.* inet //; s/ .*//'")).text().to_string()
}
