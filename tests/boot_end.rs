//! How a machine ends: by each signal that asks for it, by a fault of process 1, with disks in use; and how it does without a
//! console. What the world outside hears of it is in boot_exit.rs.

mod common;

use std::process::Command;
use std::sync::LazyLock;

use common::machine::{Boot, boot_anyhow, made};

/// The least memory, and no facts about a command's end: QEMU's own exit status.
fn machine(options: &[&str], command: &[&str]) -> Boot {
    boot_anyhow(&[&["--memory", "128M"], options, &["--", "/bin/sh"], command].concat()).0
}

const GONE: &str = "reboot: Power down";
const AGAIN: &str = "reboot: Restarting system";
const HALTED: &str = "reboot: System halted";

#[track_caller]
fn ends(boot: &Boot, how: &str, exit: &str) {
    assert!(boot.console.contains(&format!("contain: {exit}\n")), "no {exit:?}:\n{}", boot.console);
    let told = [GONE, AGAIN, HALTED].map(|one| boot.console.contains(one));
    assert_eq!(told, [how == GONE, how == AGAIN, how == HALTED], "not {how:?} alone:\n{}", boot.console);
    assert!(!boot.console.contains("Kernel panic"), "{}", boot.console);
}

/// A signal that has every process asked first.
#[track_caller]
fn waits(signal: &str, how: &str) {
    let halted: &[&str] = if how == HALTED { &["--when", HALTED, "quit"] } else { &[] };
    let options = [&["--words", "contain.grace=1m"], halted].concat();
    let boot = machine(&options, &["/signal.sh", "ends", signal]);
    boot.is("hup", "seen");
    boot.is("term", "seen");
    ends(&boot, how, "exit=0 signal=0 oom=0");
}

/// One that kills at once, whatever the time to end in.
#[track_caller]
fn kills(signal: &str, how: &str) {
    let halted: &[&str] = if how == HALTED { &["--when", HALTED, "quit"] } else { &[] };
    let options = [&["--words", "contain.grace=1h"], halted].concat();
    let boot = machine(&options, &["/signal.sh", "stays", signal]);
    assert!(!boot.has("term"), "{}", boot.console);
    ends(&boot, how, "exit=0 signal=0 oom=0");
}

#[test]
fn busyboxs_signals() {
    waits("TERM", AGAIN);
    waits("USR1", HALTED);
    waits("USR2", GONE);
    waits("PWR", HALTED);
    // Ctrl-alt-del, where no service is for it.
    waits("INT", AGAIN);
}

#[test]
fn systemds_signals() {
    waits("37", HALTED);
    waits("38", GONE);
    waits("39", AGAIN);
    // No kernel is loaded to go on with.
    waits("40", GONE);
}

#[test]
fn systemds_signals_at_once() {
    kills("47", HALTED);
    kills("48", GONE);
    kills("49", AGAIN);
    kills("50", GONE);
}

#[test]
fn a_second_signal_ends_the_wait() {
    let boot = machine(&["--words", "contain.grace=1h"], &["/signal.sh", "stays", "USR2"]);
    boot.is("term", "seen");
    ends(&boot, GONE, "exit=0 signal=0 oom=0");
}

#[test]
fn what_does_not_end_is_killed_after_the_grace() {
    let boot =
        machine(&["--words", "contain.grace=1s"], &["-c", "trap '' TERM; kill -USR2 1; while :; do sleep 1; done"]);
    ends(&boot, GONE, "exit=0 signal=0 oom=0");
}

#[test]
fn sigquit_begins_anew() {
    // The second time it finds what the first has left in /run, for that is not mounted once more.
    let script = "if [ -e /run/here ]; then [ $(mount | grep -c ' on /run ') = 1 ] && exit 5; exit 6; fi; \
        touch /run/here; kill -QUIT 1; while :; do sleep 1; done";
    let boot = machine(&[], &["-c", script]);
    assert_eq!(boot.status, 5, "{}", boot.console);
    ends(&boot, GONE, "exit=5 signal=0 oom=0");
}

#[test]
fn the_end_of_the_command_leads_where_onexit_says() {
    for (word, how) in [("reboot", AGAIN), ("halt", HALTED), ("poweroff", GONE)] {
        let halted: &[&str] = if how == HALTED { &["--when", HALTED, "quit"] } else { &[] };
        let words = format!("contain.onexit={word}");
        let boot = machine(&[&["--words", &words], halted].concat(), &["-c", "exit 4"]);
        assert_eq!(boot.status, 4, "{}", boot.console);
        ends(&boot, how, "exit=4 signal=0 oom=0");
    }
}

// A fault of process 1.

const FAULT: &str = "contain: internal error: ";
const BEGAN: &str = "contain: process 1 has failed, and began anew\n";

#[test]
fn a_fault_leads_where_onfail_says() {
    for (signal, said, word, how) in
        [("SEGV", "bad memory access", "reboot", AGAIN), ("ILL", "it failed a check of its own", "poweroff", GONE)]
    {
        let words = format!("contain.onfail={word}");
        let boot = machine(&["--words", &words], &["/crash.sh", signal, "USR2"]);
        assert_eq!(boot.status, 125, "{}", boot.console);
        assert!(boot.console.contains(&[FAULT, said].concat()) && boot.console.contains(BEGAN), "{}", boot.console);
        ends(&boot, how, "exit=125 signal=0 oom=0");
    }
}

#[test]
fn a_fault_leads_to_a_panic_where_the_command_line_has_panic() {
    for words in ["", "contain.onfail=panic"] {
        let boot = machine(&["--status", "--words", words], &["/crash.sh", "ABRT", "USR2"]);
        assert_eq!(boot.status, 0, "{}", boot.console);
        for said in ["contain: process 1 was sent SIGABRT.\n", BEGAN, "contain: exit=125 signal=0 oom=0\n"] {
            assert!(boot.console.contains(said), "no {said:?}:\n{}", boot.console);
        }
        assert!(boot.console.contains("Kernel panic - not syncing: Attempted to kill init"), "{}", boot.console);
    }
}

static SHELL: LazyLock<Boot> =
    LazyLock::new(|| machine(&["--words", "contain.onfail=shell"], &["/crash.sh", "SEGV", "USR2"]));

#[test]
fn a_fault_leads_to_a_shell() {
    assert_ne!(SHELL.fact("shell.terminal"), "0", "no controlling terminal");
    SHELL.is("shell.parent", "init|contain: again|");
    SHELL.is("shell.runs", "1");
    assert!(SHELL.console.contains("contain: here is a shell: when it ends, the machine powers off\n"));
    assert!(!SHELL.console.contains("can't access tty"), "{}", SHELL.console);
    ends(&SHELL, GONE, "exit=125 signal=0 oom=0");
}

#[test]
fn the_kernels_log_has_what_is_told() {
    SHELL.is("log.fault", "1");
    SHELL.is("log.again", "1");
}

#[test]
fn a_second_fault_ends_the_machine_at_once() {
    let boot = machine(&["--status", "--words", "contain.onfail=shell"], &["/crash.sh", "SEGV", "SEGV"]);
    assert_eq!(boot.status, 0, "{}", boot.console);
    assert!(boot.console.contains(AGAIN) && !boot.console.contains("contain: exit="), "{}", boot.console);
}

#[test]
fn a_machine_without_a_console_works() {
    let boot = machine(&["--status", "--console", "hvc0"], &["/mute.sh"]);
    boot.is("streams", "/dev/null|/dev/null|/dev/null");
    boot.is("own", "/dev/null");
    assert_eq!(boot.fact("log"), "contain: open /dev/console: ENODEV (No such device)", "{}", boot.console);
    assert_eq!((boot.status, &*boot.console), (0, ""));
}

// Disks.

#[test]
fn disks_are_clean_when_it_is_over() {
    let disk = made("disk").join("image");
    let path = disk.to_str().unwrap();
    // With a file that is an image itself.
    let inside = made("disk-files");
    let image = inside.join("image");
    for words in
        [&["-q", "-F", image.to_str().unwrap(), "8M"][..], &["-q", "-F", "-d", inside.to_str().unwrap(), path, "64M"]]
    {
        let made = Command::new("mkfs.ext4").args(words).status();
        assert!(made.expect("mkfs.ext4, from e2fsprogs").success());
    }
    let drive = format!("-drive if=virtio,format=raw,file={path}");
    let options = ["--words", "contain.grace=100ms", "--modules", "virtio_blk ext4", "--qemu", &drive];
    let boot = machine(&options, &["/disk.sh"]);
    for failed in ["disk", "inner"] {
        assert!(!boot.has(failed), "{failed}: {}", boot.console);
    }
    boot.is("swaps", "1");
    assert!(!boot.console.contains("unmount") && !boot.console.contains("swap"), "{}", boot.console);
    ends(&boot, GONE, "exit=0 signal=0 oom=0");
    let check = Command::new("e2fsck").args(["-n", path]).output().expect("e2fsck");
    let told = String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success() && !told.contains("recover"), "{told}");
    let head = Command::new("dumpe2fs").args(["-h", path]).output().expect("dumpe2fs");
    assert!(String::from_utf8_lossy(&head.stdout).contains("state:         clean\n"), "{head:?}");
    for file in ["kept", "image"] {
        let list = Command::new("debugfs").args(["-R", &format!("stat {file}"), path]).output().expect("debugfs");
        assert!(String::from_utf8_lossy(&list.stdout).contains("Inode:"), "{file}: {list:?}");
    }
}
