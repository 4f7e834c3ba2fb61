//! The host's devices in a container: those that were asked for, and with --privileged all, as root and in a user namespace.
//! And what else --privileged lifts.

mod common;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use common::detached::Detached;
use common::{Scratch, finish, host, run, sh};

/// A node of the host's, made by this test: one that reads as zeros, or a disk that is none (250 is for local use).
fn node(here: &Scratch, name: &str, kind: &str) -> String {
    let path = here.at(name);
    assert_eq!(host(&format!("mknod -m 640 {path} {kind}")).code, 0);
    path
}

#[test]
fn a_device_has_the_hosts_numbers_and_is_open_to_all() {
    let here = Scratch::new();
    let (zero, disk) = (node(&here, "zero", "c 1 5"), node(&here, "disk", "b 250 7"));
    let flags = [format!("--device={zero}:/dev/a/b/zero"), format!("--device={disk}:/dev/a/disk:rwm")];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let look = "stat -c '%F %t:%T %a %u:%g' /dev/a/b/zero /dev/a/disk; head -c 3 /dev/a/b/zero | wc -c";
    let wanted = "character special file 1:5 666 0:0\nblock special file fa:7 666 0:0\n3\n";
    for more in [&[][..], &["-u", "1000"], &["--read-only", "--init"]] {
        sh(&[&flags[..], more].concat(), look).is(0, wanted);
    }
    Detached::sleeping(&flags).sh(&[], look).is(0, wanted);
    // It is another node than the host's.
    sh(&flags, "chmod 600 /dev/a/b/zero && chown 1 /dev/a/disk").is(0, "");
    for path in [&zero, &disk] {
        let found = fs::metadata(path).unwrap();
        assert_eq!((found.mode() & 0o777, found.uid()), (0o640, 0), "{path}");
    }
    // None can be made inside.
    let got = sh(&["--tmpfs", "/mnt"], "mknod /mnt/zero c 1 5 || mknod /dev/zero2 c 1 5");
    assert!(got.code != 0 && got.err.matches("Operation not permitted").count() == 2, "{got:?}");
}

#[test]
fn what_is_no_device_is_refused() {
    let here = Scratch::new();
    let file = here.file("file", "");
    let disk = node(&here, "disk", "b 250 7");
    let table = [
        (format!("{}:/dev/x", file.display()), 125, "is no device"),
        (format!("{}:/dev/x", here.path().display()), 125, "is no device"),
        ("/dev/nosuch".into(), 125, "--device /dev/nosuch: ENOENT"),
        (format!("{disk}:/dev/null"), 125, "make device /dev/null for blocks: EEXIST|has one of this name already"),
        (format!("{disk}:/dev/null/x"), 125, "make device /dev/null/x for blocks: ENOTDIR"),
        (format!("{disk}:/dev/x:r"), 2, "other letters than rwm"),
        (disk.clone(), 2, "names no device below /dev"),
        (format!("{disk}:/dev/../etc/x"), 2, "names no device below /dev"),
        (String::new(), 2, "names no device below /dev"),
    ];
    for (device, code, words) in &table {
        run(&["--device", device, "true"]).fails(*code, &words.split('|').collect::<Vec<_>>());
    }
}

#[test]
fn in_a_user_namespace_the_node_is_the_hosts() {
    let here = Scratch::new();
    let (open, shut) = (node(&here, "open", "c 1 5"), node(&here, "shut", "c 1 8"));
    assert_eq!(host(&format!("chmod 755 {}; chmod 666 {open}", here.path().display())).code, 0);
    let flags = [format!("--device={open}:/dev/more/open"), format!("--device={shut}:/dev/shut")];
    let flags: Vec<&str> = flags.iter().map(String::as_str).chain(["--uidmap", "0:100000:10"]).collect();
    let got =
        sh(&flags, "stat -c '%t:%T %a' /dev/more/open /dev/shut; head -c 3 /dev/more/open | wc -c; cat /dev/shut");
    assert_eq!(got.out, "1:5 666\n1:8 640\n3\n", "{got:?}");
    assert!(got.code != 0 && got.err.contains("Permission denied"), "{got:?}");
    let got = sh(&flags, "chmod 600 /dev/more/open");
    assert!(got.code != 0 && fs::metadata(&open).unwrap().mode() & 0o777 == 0o666, "{got:?}");
    // With --privileged there are those that are everyone's.
    let mut mine = vec!["run", "--rootfs", common::rootfs(), "--privileged", "--uidmap", "0:100000:10"];
    mine.extend(["--", "/bin/sh", "-c", "find /dev -xdev \\( -type c -o -type b \\) ! -perm -006"]);
    finish(common::command(&mine)).is(0, "");
}

#[test]
fn privileged_is_all_that_the_caller_may() {
    let held = common::status(std::process::id() as i32, "CapPrm").unwrap();
    let flags = &["--privileged"];
    sh(flags, "grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status | cut -f2").is(0, &format!("{held}\n{held}\n{held}\n"));
    sh(flags, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f2").is(0, "0\n0\n");
    // Nothing is mounted over the kernel's files, and /sys can be written to.
    let mounts = sh(flags, "cut -d' ' -f5,6 /proc/self/mountinfo");
    let kernels = mounts.text().lines().filter(|line| line.starts_with("/proc/") || line.starts_with("/sys/"));
    let kernels: Vec<&str> = kernels.filter(|line| !line.starts_with("/sys/fs/cgroup")).collect();
    assert_eq!(kernels, Vec::<&str>::new());
    assert!(mounts.out.contains("\n/sys rw,") && mounts.out.contains("\n/proc rw,"), "{mounts:?}");
    sh(flags, "wc -l < /proc/interrupts | grep -v '^0'").text();
    // Each device of the host's is there, for root alone where it is not everyone's.
    let mut wanted = Vec::new();
    for entry in fs::read_dir("/dev").unwrap().flatten() {
        let (name, kind) = (entry.file_name().into_string().unwrap(), entry.file_type().unwrap());
        let own = ["console", "ptmx", "null", "zero", "full", "random", "urandom", "tty"];
        if (kind.is_block_device() || kind.is_char_device()) && !own.contains(&name.as_str()) && !name.starts_with('.')
        {
            let found = entry.metadata().unwrap();
            let mode = if found.mode() & 6 == 6 { 666 } else { 600 };
            let (major, minor) = (found.rdev() >> 8 & 0xfff, found.rdev() & 0xff | found.rdev() >> 12 & 0xfff00);
            wanted.push(format!("/dev/{name} {major:x}:{minor:x} {mode}"));
        }
    }
    assert!(!wanted.is_empty(), "this machine has no devices to test anything with");
    let got = sh(flags, "stat -c '%n %t:%T %a' /dev/*");
    for line in &wanted {
        assert!(got.text().lines().any(|found| found == line), "{line} is not in {got:?}");
    }
    // What is taken away still is, and exec gives what the container has.
    let look = "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status | cut -f2";
    let narrow = ["--privileged", "--cap-drop", "ALL", "--security", "no-new-privs"];
    Detached::sleeping(&narrow).sh(&[], look).is(0, "0000000000000000\n1\n");
    Detached::sleeping(flags).sh(&[], look).is(0, &format!("{held}\n0\n"));
}
