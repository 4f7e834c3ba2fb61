//! Roots on disks in machines that contain boots: by every name that a device has, with and without a layer over it, late, and
//! not at all (tests/boot/root.sh). What is on the disks afterwards is judged by e2fsck.

mod common;

use std::sync::LazyLock;

use common::disk::{disk, is_clean, tree};
use common::machine::{Boot, boot, boot_anyhow};

const UUID: &str = "11111111-2222-3333-4444-555555555555";
const COMMAND: [&str; 4] = ["--", "/bin/sh", "/root.sh", "first"];

fn words<'a>(words: &'a str, disks: &[&'a str]) -> Vec<&'a str> {
    // Where NVMe is no part of the kernel; and what the file systems here are for it.
    let mut all = vec!["--modules", "nvme ext4 erofs squashfs", "--words", words];
    disks.iter().for_each(|disk| all.extend(["--disk", disk]));
    all
}

/// An init of the disk's own, which hands over to contain there.
const FIRST: &str = r#"#!/bin/sh
. /facts.sh
fact first "$0 $*"
fact first.environment "$KEY"
exec /bin/init "$@"
"#;

static SWITCHED: LazyLock<(String, Boot)> = LazyLock::new(|| {
    let tree =
        tree("switched", &format!("cat >first.sh <<'END'\n{FIRST}END\nchmod 755 first.sh; ln -s /first.sh sbin/mine"));
    let disk = disk("switched", 64, &tree, &format!("mkfs.ext4 -q -U {UUID} -d TREE IT"));
    let upper = format!("root=UUID={} rw contain.mode=switch init=/sbin/mine KEY=value", UUID.to_uppercase());
    let boot = boot(&[words(&upper, &[&disk]), COMMAND.to_vec()].concat());
    (disk, boot)
});

#[test]
fn an_init_on_an_ext4_disk_takes_over() {
    let (_, boot) = &*SWITCHED;
    boot.is("first", "/sbin/mine /bin/sh /root.sh first");
    boot.is("first.environment", "value");
    boot.is("args", "first");
    boot.is("root", "ext4 /dev/nvme0n1 rw,relatime");
    boot.is("init", "/bin/contain");
    boot.is("limits", "1024 524288");
    boot.is("write.status", "0");
    assert_eq!(boot.status, 0, "{}", boot.console);
}

#[test]
fn nothing_is_mounted_twice_and_the_initramfs_is_gone() {
    let (_, boot) = &*SWITCHED;
    for path in ["/", "/dev", "/dev/pts", "/proc", "/sys", "/run", "/tmp", "/sys/fs/cgroup"] {
        boot.is(&format!("mounts.{path}"), "1");
    }
    assert!(boot.fact("unevictable").parse::<u64>().unwrap() < 500, "{}", boot.fact("unevictable"));
}

#[test]
fn optional_early_mounts_are_there() {
    let (_, boot) = &*SWITCHED;
    for (path, kind) in [
        ("/dev/mqueue", "mqueue"),
        ("/sys/kernel/security", "securityfs"),
        ("/sys/kernel/debug", "debugfs"),
        ("/sys/kernel/tracing", "tracefs"),
        ("/sys/fs/bpf", "bpf"),
        ("/sys/fs/pstore", "pstore"),
    ] {
        boot.is(&format!("mount.{path}"), &format!("{kind} {kind} rw,nosuid,nodev,noexec,relatime"));
    }
}

#[test]
fn containers_run_from_a_disk() {
    let (_, boot) = &*SWITCHED;
    boot.fails("contained", "125", &["is this machine's own root"]);
}

#[test]
fn an_ext4_root_is_clean_afterwards() {
    is_clean(&SWITCHED.0);
}

// A read-only file system in a partition, and the mounts that its contain.conf asks for.

const CONF: &str = r#"
mount auto /more source=LABEL=more noatime nosuid
mount tmpfs /run/a/b size=1m mode=0700
mount none /run/bound source=/etc bind ro
mount auto /run/there source=/dev/disk/by-partlabel/other
mount auto /run/nothing source=LABEL=nosuch
mount ext4 /run/wrong source=PARTLABEL=root
mount tmpfs /run/rubbish rubbish=1
mount none /run/bound rprivate
"#;

static READ_ONLY: LazyLock<(String, Boot)> = LazyLock::new(|| {
    let tree = tree("partition", &format!("mkdir more; cat >etc/contain.conf <<'END'\n{CONF}END"));
    let maker = "printf 'label: gpt\nstart=1MiB,size=16MiB,name=root,uuid=AAAAAAAA-0000-4000-8000-00000000000A
        size=8MiB,name=other\nsize=8MiB,name=plain\n' | sfdisk -q IT
        mkfs.erofs --quiet IT.1 TREE; mkfs.ext4 -q -L more IT.2 8M; mkfs.ext4 -q IT.3 8M
        for part in 1:IT.1:1 2:IT.2:17 3:IT.3:25; do
            file=${part#*:}; dd if=${file%:*} of=IT bs=1M seek=${part##*:} conv=notrunc status=none; rm ${file%:*}
        done";
    // The second partition is the one named other; LABEL=more.
    let disk = disk("partition", 40, &tree, maker);
    let words = words("root=PARTUUID=aaaaaaaa-0000-4000-8000-00000000000a rw contain.mode=services", &[&disk]);
    let boot = boot(&[words, COMMAND.to_vec()].concat());
    (disk, boot)
});

#[test]
fn a_read_only_file_system_is_a_root_too() {
    let (_, boot) = &*READ_ONLY;
    boot.is("root", "erofs /dev/nvme0n1p1 rw,relatime");
    boot.is("init", "/init (deleted)");
    boot.fails("write", "1", &["Read-only file system"]);
    assert_eq!(boot.status, 0, "{}", boot.console);
}

#[test]
fn the_conf_of_the_new_root_says_what_is_mounted() {
    let (_, boot) = &*READ_ONLY;
    boot.is("mount./more", "ext4 /dev/nvme0n1p2 rw,nosuid,noatime");
    boot.is("mount./run/a/b", "tmpfs tmpfs rw,relatime");
    boot.is("mount./run/bound", "erofs /dev/nvme0n1p1 ro,relatime");
    boot.is("mount./run/there", "ext4 /dev/nvme0n1p2 rw,relatime");
    boot.is("mount./tmp", "tmpfs tmpfs rw,nosuid,nodev,relatime");
}

#[test]
fn what_cannot_be_mounted_is_told_by_file_and_line() {
    let (_, boot) = &*READ_ONLY;
    for told in [
        "/etc/contain.conf:6: waiting for LABEL=nosuch",
        "/etc/contain.conf:6: there is no device LABEL=nosuch; there are /dev/nvme0n1",
        "/dev/nvme0n1p2 TYPE=ext4 UUID=",
        " LABEL=more PARTUUID=",
        " PARTLABEL=other",
        "/etc/contain.conf:7: mount PARTLABEL=root (ext4) on /run/wrong: EBUSY",
        "/etc/contain.conf:8: mount tmpfs (tmpfs) on /run/rubbish: EINVAL",
    ] {
        assert!(boot.console.contains(told), "{told}: {}", boot.console);
    }
}

// Layers: what is written goes to memory, or to a disk of its own.

static SQUASHED: LazyLock<String> = LazyLock::new(|| {
    disk("squashed", 0, &tree("squashed", ""), "rm IT; mksquashfs TREE IT -quiet -no-progress >/dev/null")
});

fn layered(mode: &str, overlay: &str, disks: &[&str]) -> Boot {
    let said = format!("root=/dev/nvme0n1 contain.mode={mode} contain.overlay={overlay}");
    let lower = format!("{}:ro", *SQUASHED);
    boot(&[words(&said, &[&[lower.as_str()], disks].concat()), COMMAND.to_vec()].concat())
}

#[test]
fn what_is_written_over_a_read_only_root_is_in_memory() {
    let boot = layered("services", "tmpfs", &[]);
    assert!(boot.fact("root").starts_with("overlay overlay rw"), "{}", boot.fact("root"));
    boot.is("mount./run/contain.lower", "squashfs /dev/nvme0n1 ro,relatime");
    boot.is("write.status", "0");
    assert_eq!(boot.status, 0, "{}", boot.console);
}

#[test]
fn what_is_written_over_a_read_only_root_is_kept_on_a_disk() {
    let upper = disk("upper", 16, std::path::Path::new("/"), "mkfs.ext4 -q -L upper IT");
    // The last time by another init there, which holds none of the layers.
    for (mode, written) in [("services", ""), ("services", "first"), ("switch init=/bin/contain", "first|first")] {
        let boot = layered(mode, "LABEL=upper", &[&upper]);
        boot.is("mount./run/contain.upper", "ext4 /dev/nvme1n1 rw,relatime");
        assert_eq!(boot.fact("write.out"), written);
        boot.is("write.status", "0");
        is_clean(&upper);
    }
}

// What is late, and what is not there.

#[test]
fn a_disk_that_is_plugged_in_late_is_waited_for() {
    let late = disk("late", 32, &tree("late", ""), "mkfs.ext4 -q -L late -d TREE IT");
    let said = ["--late", &late, "--modules", "nvme ext4", "--words", "root=LABEL=late rootwait contain.mode=services"];
    let boot = boot(&[&said[..], &COMMAND].concat());
    assert!(boot.console.contains("contain: root=: waiting for LABEL=late"), "{}", boot.console);
    boot.is("root", "ext4 /dev/nvme0n1 ro,relatime");
}

#[test]
fn a_root_that_is_not_there_is_told_with_those_that_are() {
    let disk = disk("blank", 16, std::path::Path::new("/"), &format!("mkfs.ext4 -q -L another -U {UUID} IT"));
    let (boot, _) = boot_anyhow(&words("root=LABEL=nosuch rootwait=100ms contain.onfail=poweroff", &[&disk]));
    let told =
        format!("root=: there is no device LABEL=nosuch; there are /dev/nvme0n1 TYPE=ext4 UUID={UUID} LABEL=another");
    assert!(boot.console.contains(&told), "{}", boot.console);
    assert!(boot.console.contains("reboot: Power down"), "{}", boot.console);
}

#[test]
fn a_root_without_an_init_is_not_switched_to() {
    let disk = disk("initless", 16, std::path::Path::new("/"), "mkfs.ext4 -q -L initless IT");
    let (boot, _) = boot_anyhow(&words("root=LABEL=initless rw contain.mode=switch contain.onfail=poweroff", &[&disk]));
    let told = "switch to /sysroot: it has no program for an init: name one, as init=/sbin/init";
    assert!(boot.console.contains(told), "{}", boot.console);
    assert!(boot.console.contains("reboot: Power down"), "{}", boot.console);
    is_clean(&disk);
}

// A script as the initramfs's init, and an end by force.

#[test]
fn a_script_switches_the_root() {
    let tree = tree("script", &format!("cat >first.sh <<'END'\n{FIRST}END\nchmod 755 first.sh"));
    let disk = disk("script", 64, &tree, "mkfs.ext4 -q -d TREE IT");
    let boot = boot(&[words("rdinit=/switch.sh", &[&disk]), COMMAND.to_vec()].concat());
    boot.is("first", "/first.sh /bin/sh /root.sh first");
    boot.is("root", "ext4 /dev/nvme0n1 rw,relatime");
    boot.is("mounts./dev", "1");
    is_clean(&disk);
}

#[test]
fn a_disk_is_clean_after_everything_was_killed() {
    let conf =
        "service writer restart=always backoff=10ms..10ms -- /bin/sh -c 'while :; do echo x >>/written; sync; done'";
    let tree = tree("storm", &format!("cat >etc/contain.conf <<'END'\n{conf}\nEND"));
    let disk = disk("storm", 64, &tree, "mkfs.ext4 -q -L storm -d TREE IT");
    let words = words("root=LABEL=storm rw contain.mode=services", &[&disk]);
    let boot = boot(&[&words[..], &["--", "/bin/sh", "/storm.sh"]].concat());
    for round in 1..=5 {
        boot.is(&format!("round.{round}"), "0");
    }
    assert_eq!(boot.status, 128 + 9, "{}", boot.console);
    is_clean(&disk);
}
