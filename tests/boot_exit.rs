//! What the world outside a machine has to do with its end: the exit status over what the hypervisor has for it, and the keys
//! and buttons that ask for it.

mod common;

use std::fs;

use common::machine::{Boot, arch, boot_anyhow, made};

fn machine(options: &[&str], command: &[&str]) -> Boot {
    boot_anyhow(&[&["--memory", "128M"], options, &["--"], command].concat()).0
}

fn exits(options: &[&str], status: &str) -> Boot {
    machine(options, &["/bin/sh", "-c", &format!("exit {status}")])
}

/// A file that a virtio port of this name writes to, and QEMU's words for it.
fn virtio(name: &str) -> (std::path::PathBuf, String) {
    let file = made("exit").join(name);
    let words = format!(
        "-device virtio-serial-pci -chardev file,id=exit,path={} -device virtserialport,chardev=exit,name={name}",
        file.display()
    );
    (file, words)
}

#[test]
fn a_virtio_port_of_the_usual_name_hears_it() {
    let (file, port) = virtio("contain.exit");
    let boot = exits(&["--modules", "virtio_console", "--qemu", &port], "3");
    assert_eq!((boot.status, &*fs::read_to_string(file).unwrap()), (3, "exit=3 signal=0 oom=0\n"), "{}", boot.console);
}

#[test]
fn a_virtio_port_that_is_named_hears_it() {
    let (file, port) = virtio("my.port");
    let options = ["--modules", "virtio_console", "--qemu", &port, "--words", "contain.exit=virtio:my.port"];
    let boot = machine(&options, &["/bin/sh", "-c", "kill -KILL $$"]);
    assert_eq!(
        (boot.status, &*fs::read_to_string(file).unwrap()),
        (137, "exit=0 signal=9 oom=0\n"),
        "{}",
        boot.console
    );
    // The same port, when nothing shall go there.
    let (file, port) = virtio("contain.exit.off");
    let boot = exits(&["--modules", "virtio_console", "--qemu", &port, "--words", "contain.exit=off"], "4");
    assert_eq!((boot.status, &*fs::read_to_string(file).unwrap()), (4, ""), "{}", boot.console);
}

#[test]
fn what_cannot_be_reported_is_told() {
    const SAID: &str = "contain: report the exit status as contain.exit= says: ";
    // Neither has this machine.
    for (to, errno) in [("virtio:nobody", "ENODEV"), ("vsock:5000", "EAFNOSUPPORT")] {
        let words = format!("contain.exit={to}");
        let boot = exits(&["--words", &words], "5");
        assert_eq!(boot.status, 5, "{}", boot.console);
        assert!(boot.console.contains(&[SAID, errno].concat()), "no {errno}:\n{}", boot.console);
        assert!(boot.console.contains("reboot: Power down"), "{}", boot.console);
    }
}

const EXIT: &str = "-device isa-debug-exit,iobase=0xf4,iosize=0x04";

#[test]
fn isa_debug_exit_ends_qemu_with_the_status() {
    if arch() == "aarch64" {
        // It has no I/O ports.
        let boot = exits(&["--words", "contain.exit=isa:0xf4"], "3");
        assert!(boot.console.contains("contain: report the exit status to isa-debug-exit: ENOSYS"), "{}", boot.console);
        assert_eq!(boot.status, 3);
        return;
    }
    // Twice the status and one: found where it usually is, and where it is named; what has no room is 127.
    for (words, device, status, expected) in [
        ("", EXIT, "3", 7),
        ("contain.exit=isa:0xf4", EXIT, "0", 1),
        ("contain.exit=isa:0x501", "-device isa-debug-exit,iobase=0x501,iosize=0x01", "200", 255),
        ("contain.exit=serial", EXIT, "3", 0),
        ("contain.onexit=reboot", EXIT, "3", 0),
    ] {
        let boot = exits(&["--status", "--qemu", device, "--words", words], status);
        assert_eq!(boot.status, expected, "{words} {device}: {}", boot.console);
        assert!(boot.console.contains(&format!("contain: exit={status} signal=0 oom=0\n")), "{}", boot.console);
    }
}

#[test]
fn pvpanic_hears_of_a_panic() {
    let device = if arch() == "aarch64" { "" } else { "-device pvpanic -action panic=exit-failure" };
    let options = ["--status", "--qemu", device, "--words", "contain.onfail=panic"];
    let boot = machine(&options, &["/bin/sh", "/crash.sh", "SEGV", "USR2"]);
    // There is none on the other machine, where the kernel's own panic ends QEMU.
    assert_eq!(boot.status, if arch() == "aarch64" { 0 } else { 1 }, "{}", boot.console);
    assert!(boot.console.contains("contain: exit=125 signal=0 oom=0\n"), "{}", boot.console);
}

#[test]
fn the_power_button_powers_off() {
    // The button of the other board needs a driver (gpio_keys) that Debian's kernel for clouds has not; keyboards have one.
    let button = match arch() {
        "aarch64" => ["virtio_input evdev", "sendkey power", "-device virtio-keyboard-pci"],
        _ => ["button evdev", "system_powerdown", ""],
    };
    let [modules, pressed, device] = button;
    let options = ["--modules", modules, "--qemu", device];
    let boot = machine(&[&options[..], &["--when", "ready for the key", pressed]].concat(), &["/bin/sh", "/button.sh"]);
    boot.is("term", "seen");
    assert!(boot.console.contains("reboot: Power down"), "{}", boot.console);
    assert_eq!(boot.status, 0);
}

#[test]
fn ctrl_alt_del_reboots() {
    // The board of the one has a keyboard, that of the other gets one.
    let keyboard = match arch() {
        "aarch64" => ["--modules", "virtio_input", "--qemu", "-device virtio-keyboard-pci"],
        _ => ["--words", "", "--qemu", ""],
    };
    let pressed = ["--when", "ready for the key", "sendkey ctrl-alt-delete"];
    let boot = machine(&[keyboard.as_slice(), &pressed].concat(), &["/bin/sh", "/button.sh"]);
    boot.is("term", "seen");
    assert!(boot.console.contains("reboot: Restarting system"), "{}", boot.console);
}
