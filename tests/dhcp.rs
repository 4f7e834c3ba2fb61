//! `contain dhcp` against a server that the test plays (tests/common/wire.rs), with the real kernel's interfaces, addresses
//! and routes: what it asks for and when, what it believes, and what it makes of it.

mod common;

use std::fs;

use common::wire::{ACK, DISCOVER, NAK, OFFER, RELEASE, REQUEST, Wire, addresses, answer, shell};
use common::{Live, command, finish};

fn start(words: &[&str]) -> Live {
    Live::start(command(&[&["dhcp"], words].concat()))
}

const NAMES: [(u8, &[u8]); 5] = [
    (3, &[10, 9, 0, 1]),
    (6, &[10, 9, 0, 1, 10, 9, 0, 2, 9, 9, 9, 9, 8, 8, 8, 8]),
    (12, b"given"),
    (15, b"example.org\0"),
    (26, &[5, 120]),
];

#[test]
fn a_lease_becomes_address_routes_and_names() {
    let wire = Wire::new();
    let mut client = start(&["va"]);
    let [discover, request] = wire.give(50, 1000, &NAMES);
    assert_eq!(client.line(), "va: 10.9.0.50/24 for 1000 seconds");
    assert_eq!((discover.id, discover.hardware), (request.id, [2, 0, 0, 0, 0, 10]));
    assert_eq!(discover.from.to_string(), "0.0.0.0:68");
    for message in [&discover, &request] {
        assert_eq!(message.option(61), [1, 2, 0, 0, 0, 0, 10], "the client's id");
        assert_eq!(message.option(55), [1, 3, 6, 12, 15, 26, 51, 121]);
        assert_eq!(message.option(12), b"", "the machine has no name yet");
    }
    let shown = shell("ip -4 addr show dev va").out;
    assert!(shown.contains("mtu 1400") && shown.contains("brd 10.9.0.255"), "{shown}");
    // The kernel removes what nobody renews any more.
    let valid = shown.split("valid_lft ").nth(1).and_then(|rest| rest.split("sec").next()).expect("a lifetime");
    assert!((900..=1000).contains(&valid.parse::<u32>().unwrap()), "{shown}");
    let routes = shell("ip route").out;
    assert!(routes.contains("default via 10.9.0.1 dev va") && routes.contains("src 10.9.0.50"), "{routes}");
    let wanted = "search example.org\nnameserver 10.9.0.1\nnameserver 10.9.0.2\nnameserver 9.9.9.9\n";
    assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), wanted);
    assert_eq!(shell("hostname; ls /etc").text(), "given\nresolv.conf");
    // What it may still do: bind to its port, and the network; it had to name the machine, too.
    let held = common::status(client.pid(), "CapEff").unwrap();
    assert_eq!(u64::from_str_radix(&held, 16).unwrap(), 1 << 10 | 1 << 12 | 1 << 13 | 1 << 21);

    client.signal(15);
    let release = wire.expect(RELEASE);
    assert_eq!((release.own.octets(), release.option(54)), ([10, 9, 0, 50], &[10, 9, 0, 1][..]));
    assert_eq!(release.from.to_string(), "10.9.0.50:68");
    client.end().is(0, "");
    assert_eq!((addresses("va"), shell("ip route").out), (String::new(), String::new()));
}

#[test]
fn a_lease_is_renewed_rebound_and_lost() {
    let wire = Wire::new();
    shell("hostname own");
    let mut client = start(&["va"]);
    let times: [(u8, &[u8]); 2] = [(58, &[0, 0, 0, 2]), (59, &[0, 0, 0, 4])];
    let [discover, _] = wire.give(50, 6, &times);
    assert_eq!(discover.option(12), b"own");
    assert_eq!(client.line(), "va: 10.9.0.50/24 for 6 seconds");
    // It has a name, so it need not give one.
    let held = common::status(client.pid(), "CapEff").unwrap();
    assert_eq!(u64::from_str_radix(&held, 16).unwrap(), 1 << 10 | 1 << 12 | 1 << 13);

    // Renewed by its server: from its address, to which the answer goes.
    let renewal = wire.expect(REQUEST);
    assert_eq!((renewal.own.octets(), renewal.from.to_string()), ([10, 9, 0, 50], "10.9.0.50:68".into()));
    assert!(renewal.option(50).is_empty() && renewal.option(54).is_empty() && renewal.id != discover.id);
    wire.say(&answer(&renewal, ACK, 50, 6, &times), &renewal);
    // Not answered this time; then any server may, with another address, too.
    let renewal = wire.expect(REQUEST);
    let rebinding = wire.expect(REQUEST);
    assert_eq!(rebinding.own, renewal.own);
    assert_ne!(rebinding.id, renewal.id);
    let other: [(u8, &[u8]); 3] = [times[0], times[1], (54, &[10, 9, 0, 77])];
    wire.say(&answer(&rebinding, ACK, 51, 6, &other), &rebinding);
    // It is the other one's now: it alone may refuse.
    let renewal = wire.expect(REQUEST);
    assert_eq!((renewal.own.octets(), addresses("va")), ([10, 9, 0, 51], "10.9.0.51/24".into()));
    wire.say(&answer(&renewal, NAK, 0, 0, &[]), &renewal);
    let rebinding = wire.expect(REQUEST);
    assert_eq!(addresses("va"), "10.9.0.51/24");
    wire.say(&answer(&rebinding, NAK, 0, 0, &[]), &rebinding);
    // From the beginning, and without the address.
    let discover = wire.expect(DISCOVER);
    assert_eq!((addresses("va"), discover.own.octets()), (String::new(), [0; 4]));
    wire.say(&answer(&discover, OFFER, 52, 6, &times), &discover);
    let request = wire.expect(REQUEST);
    wire.say(&answer(&request, ACK, 52, 6, &times), &request);
    assert_eq!(client.line(), "va: 10.9.0.52/24 for 6 seconds");
    // Nobody renews it.
    assert_eq!(
        (wire.expect(REQUEST).own.octets(), wire.expect(REQUEST).own.octets()),
        ([10, 9, 0, 52], [10, 9, 0, 52])
    );
    wire.expect(DISCOVER);
    assert_eq!(addresses("va"), "");
    client.signal(15);
    let ended = client.end();
    ended.fails(0, &["va: the lease of 10.9.0.51/24 is over", "va: the lease of 10.9.0.52/24 is over"]);
    assert!(!fs::exists("/etc/resolv.conf").unwrap(), "no servers, no file");
}

#[test]
fn hostile_answers_are_none() {
    let wire = Wire::new();
    let client = start(&["--once", "va"]);
    let discover = wire.expect(DISCOVER);
    let good = answer(&discover, OFFER, 50, 1000, &[]);
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    let option = |code: u8, value: &[u8]| answer(&discover, OFFER, 66, 1000, &[(code, value)]);
    let cut = [&good[..240], &[1, 4, 255]].concat();
    let bad = [
        vec![],
        good[..100].to_vec(),
        good[..240].to_vec(),
        // Another's id and hardware address, a question, another cookie.
        with(4, good[4] ^ 1),
        with(33, good[33] ^ 1),
        with(0, 1),
        with(2, 16),
        with(236, 0),
        // Addresses that no host has.
        with(16, 0),
        with(16, 127),
        with(16, 224),
        with(16, 255),
        // Lengths beyond the end, and too short; no server, no time, no kind.
        with(241, 255),
        cut,
        [&good[..240], &[51][..]].concat(),
        option(54, &[]),
        option(51, &[0, 0, 9]),
        option(53, &[]),
        option(53, &[ACK]),
        option(53, &[NAK]),
        option(52, &[1]).into_iter().take(108).chain([9; 128]).chain(option(52, &[1])[236..].iter().copied()).collect(),
    ];
    bad.iter().for_each(|bytes| wire.say(bytes, &discover));
    wire.say(&good, &discover);
    let request = wire.expect(REQUEST);
    assert_eq!(request.option(50), [10, 9, 0, 50]);
    // Not the server that was asked.
    wire.say(&answer(&request, ACK, 66, 1000, &[(54, &[10, 9, 0, 66])]), &request);
    wire.say(&answer(&request, NAK, 0, 0, &[(54, &[10, 9, 0, 66])]), &request);
    wire.say(&answer(&request, OFFER, 66, 1000, &[]), &request);
    // Names that would be more lines, or steer a terminal, are none.
    let names: [(u8, &[u8]); 4] = [(6, &[10, 9, 0, 1]), (12, b"a\nb"), (15, b"x\nnameserver 6.6.6.6"), (26, &[0, 68])];
    wire.say(&answer(&request, ACK, 50, 1000, &names), &request);
    client.end().is(0, "va: 10.9.0.50/24 for 1000 seconds\n");
    assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), "nameserver 10.9.0.1\n");
    assert_eq!(shell("hostname; ip link show va | grep -o 'mtu [0-9]*'").text(), "(none)\nmtu 1500");
    assert_eq!(addresses("va"), "10.9.0.50/24");
}

#[test]
fn a_refusal_is_no_storm_and_options_may_stand_elsewhere() {
    let wire = Wire::new();
    let client = start(&["--once"]);
    let discover = wire.expect(DISCOVER);
    wire.say(&answer(&discover, OFFER, 50, 1000, &[]), &discover);
    let request = wire.expect(REQUEST);
    wire.say(&answer(&request, NAK, 0, 0, &[]), &request);
    let discover = wire.expect(DISCOVER);
    assert_ne!(discover.id, request.id);
    wire.say(&answer(&discover, OFFER, 50, 1000, &[]), &discover);
    // In place of a file's name: routes to 10.0.0.0/8 and 192.168.7.0/24, which win over a router; of a server's: servers.
    let request = wire.expect(REQUEST);
    let mut ack = answer(&request, ACK, 50, u32::MAX, &[(52, &[3]), (3, &[10, 9, 0, 3])]);
    let routes = [121, 14, 8, 10, 10, 9, 0, 1, 24, 192, 168, 7, 0, 0, 0, 0, 255];
    ack[108..][..routes.len()].copy_from_slice(&routes);
    ack[44..][..7].copy_from_slice(&[6, 4, 10, 9, 0, 4, 255]);
    wire.say(&ack, &request);
    client.end().is(0, "va: 10.9.0.50/24 for 4294967295 seconds\n");
    let routes = shell("ip route").out;
    assert!(routes.contains("10.0.0.0/8 via 10.9.0.1 dev va") && routes.contains("192.168.7.0/24 dev va"), "{routes}");
    assert!(!routes.contains("default") && !routes.contains("10.9.0.3"), "{routes}");
    assert!(shell("ip addr show dev va").out.contains("valid_lft forever"));
    assert_eq!(fs::read_to_string("/etc/resolv.conf").unwrap(), "nameserver 10.9.0.4\n");
}

#[test]
fn the_file_of_name_servers_is_replaced_where_that_can_be() {
    let wire = Wire::new();
    let take = || {
        let client = start(&["--once", "va"]);
        wire.give(50, 1000, &NAMES[..2]);
        client.end()
    };
    let read = |path: &str| fs::read_to_string(path).unwrap().lines().count();
    // As Debian's systemd-resolved has it.
    shell("ln -s ../run/resolved/stub.conf /etc/resolv.conf");
    take().is(0, "va: 10.9.0.50/24 for 1000 seconds\n");
    assert_eq!((read("/run/resolved/stub.conf"), fs::read_dir("/run/resolved").unwrap().count()), (3, 1));
    assert!(fs::symlink_metadata("/etc/resolv.conf").unwrap().is_symlink());
    // A mount, as in a container.
    shell("rm /etc/resolv.conf; : >/etc/resolv.conf; : >/run/own; mount --bind /run/own /etc/resolv.conf");
    take().is(0, "va: 10.9.0.50/24 for 1000 seconds\n");
    assert_eq!((read("/run/own"), fs::read_dir("/etc").unwrap().count()), (3, 1));
    // A root that is read-only.
    shell("umount /etc/resolv.conf; mount -o remount,ro /etc");
    take().fails(0, &["write /etc/resolv.conf (so it is /run/resolv.conf that has the name servers): EROFS"]);
    assert_eq!(read("/run/resolv.conf"), 3);
}

#[test]
fn what_cannot_be_is_told() {
    let _wire = Wire::new();
    // Each waits for what could come yet.
    let cases = [
        (&["nosuch"][..], "there is no interface nosuch: `ls /sys/class/net` lists those there are"),
        (&["a-name-that-is-too-long"], "no interface a-name-that-is-too-long"),
        (&["--once", "va"], "va: no DHCP server has answered"),
    ];
    let waiting = cases.map(|(words, told)| (start(words), told));
    waiting.into_iter().for_each(|(client, told)| {
        client.end().fails(125, &[told]);
    });
    shell("ip link del va");
    finish(command(&["dhcp"])).fails(125, &["there is no interface of a network card: `ls"]);
    finish(command(&["dhcp", "a", "b"])).fails(2, &["dhcp takes one argument: a b"]);
}

#[test]
fn an_ordinary_user_configures_nothing() {
    let _wire = Wire::new();
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups", "--"]).arg(common::contain()).args(["dhcp", "va"]);
    finish(command).fails(125, &["raise the interface va: EPERM"]);
}
