//! The network of a machine that contain has booted, on QEMU's user networks, which have a DHCP server and a gateway each
//! (tests/boot/network.sh). How a lease is kept stands in dhcp.rs.

mod common;
use std::sync::LazyLock;

use common::machine::{Boot, made, probe};

/// Two networks, a wire that leads nowhere, and lines for all of them and more.
static CONFIG: LazyLock<Boot> = LazyLock::new(|| {
    let directory = made("config");
    let text = "net eth0 dhcp\nnet eth1 10.9.0.2/24 gateway=10.9.0.1\nnet eth2 dhcp dns=9.9.9.9\n\nnet nosuch 10.1.1.1/24\nnet bond0 10.1.2.2/24\n";
    std::fs::create_dir_all(directory.join("etc")).unwrap();
    std::fs::write(directory.join("etc/contain.conf"), text).unwrap();
    let devices = "-netdev user,id=a -device virtio-net-pci,netdev=a,romfile= \
        -netdev user,id=b,net=10.9.0.0/24,host=10.9.0.1 -device virtio-net-pci,netdev=b,romfile= \
        -netdev hubport,id=c,hubid=0 -device virtio-net-pci,netdev=c,romfile=";
    let options = [
        "--modules",
        "virtio_net bonding",
        "--words",
        "contain.modules=bonding",
        "--qemu",
        devices,
        "--overlay",
        directory.to_str().unwrap(),
    ];
    probe("network", &options)
});

/// All of it on the command line, as the kernel's own words have it.
static WORDS: LazyLock<Boot> = LazyLock::new(|| {
    let devices = "-netdev user,id=a -device virtio-net-pci,netdev=a,romfile=";
    let words = "ip=10.0.2.77::10.0.2.2:255.255.255.0:named::off:10.0.2.3:9.9.9.9";
    probe("network", &["--modules", "virtio_net", "--qemu", devices, "--words", words])
});

#[test]
fn an_interface_has_its_address_from_a_server() {
    CONFIG.is("eth0.addresses", "10.0.2.15/24");
    CONFIG.is("broadcast", "10.0.2.255");
    CONFIG.is("eth0.state", "up");
    CONFIG.is("resolv", "nameserver 10.0.2.3");
    let ping = CONFIG.output("ping");
    assert!(ping.contains("1 packets received"), "{ping}");
    // The command begins when it is there, and the console says so.
    assert!(CONFIG.console.contains("eth0: 10.0.2.15/24 for 86400 seconds\n"), "{}", CONFIG.console);
}

#[test]
fn several_interfaces_have_each_its_own() {
    CONFIG.is("lo", "127.0.0.1/8");
    CONFIG.is("eth1.addresses", "10.9.0.2/24");
    let routes = CONFIG.fact("routes");
    let gateways: Vec<_> = routes.split('|').filter_map(|line| line.strip_prefix("default via ")).collect();
    assert!(gateways[0].starts_with("10.0.2.2 dev eth0") && gateways[1].starts_with("10.9.0.1 dev eth1"), "{routes}");
}

#[test]
fn what_cannot_be_is_told_and_the_boot_goes_on() {
    CONFIG.is("eth2.addresses", "");
    CONFIG.is("bond0.addresses", "10.1.2.2/24");
    for told in [
        "contain: /etc/contain.conf:3: no DHCP server has answered in 10 s: the boot goes on without",
        "contain: /etc/contain.conf:5: there is no interface nosuch: `ls /sys/class/net` lists those there are",
        "contain: /etc/contain.conf:6: bond0 has no carrier: is its cable connected?",
    ] {
        assert!(CONFIG.console.contains(told), "{}", CONFIG.console);
    }
}

#[test]
fn the_client_is_a_service_that_comes_back() {
    let clients = CONFIG.fact("clients");
    assert!(clients.starts_with("contain dhcp eth0") && clients.contains("PPid:\t1 "), "{clients}");
    CONFIG.is("again", "0");
    CONFIG.is("kept", "10.0.2.15/24");
    assert_eq!(CONFIG.status, 0, "{}", CONFIG.console);
    assert!(!CONFIG.console.contains("the lease of"), "{}", CONFIG.console);
}

#[test]
fn the_name_is_that_of_the_file_or_of_the_command_line() {
    CONFIG.is("hostname", "busybox");
    WORDS.is("hostname", "named");
}

#[test]
fn an_address_can_be_written_down() {
    WORDS.is("eth0.addresses", "10.0.2.77/24");
    WORDS.is("broadcast", "10.0.2.255");
    let routes = WORDS.fact("routes");
    assert!(routes.contains("default via 10.0.2.2 dev eth0") && routes.contains("10.0.2.0/24 dev eth0"), "{routes}");
    WORDS.is("resolv", "nameserver 10.0.2.3|nameserver 9.9.9.9");
    assert!(WORDS.output("ping").contains("1 packets received"));
    WORDS.is("clients", "");
}
