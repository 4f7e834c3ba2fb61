//! Attacks on what a container sees of the kernel: masks that are none, files of /proc and /sys that are the host's, the
//! hostile /dev of an image, mounts.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::mount::{MountFlags, UnmountFlags};

use crate::attacker::GOT;
use crate::common::{Scratch, cgroup};
use crate::stage::{ALL, ROOT, RUN, held_by};

#[test]
fn masked_files_are_read() {
    held_by("weak-masks", ALL, |stage| {
        let script = "cat /proc/keys /proc/timer_list /proc/interrupts 2>/dev/null; ls /sys/firmware /sys/dev/block | grep -v :$";
        !stage.sh(&[], script).out.trim().is_empty()
    });
}

/// A value that the whole machine has, put back by whoever has it changed.
const SYSCTL: &str = "/proc/sys/fs/lease-break-time";

#[test]
fn a_value_of_the_host_is_changed() {
    held_by("weak-readonly", ROOT, |stage| {
        let before = fs::read_to_string(SYSCTL).unwrap();
        stage.sh(&[], &format!("echo 46 > {SYSCTL}"));
        let after = fs::read_to_string(SYSCTL).unwrap();
        fs::write(SYSCTL, &before).unwrap();
        before != after
    });
}

/// CVE-2025-31133: what hides a file is bound from the image, as its /dev/null is a link.
#[test]
fn the_mask_is_the_images() {
    held_by("weak-dev", RUN, |stage| {
        stage.here.file("root/secret", "from the image");
        let null = stage.root.join("dev/null");
        let _none = fs::remove_file(&null);
        symlink("/secret", null).unwrap();
        stage.hand_over(&stage.root);
        stage.sh(&[], "cat /proc/keys; echo of the attacker > /proc/keys");
        fs::read_to_string(stage.root.join("secret")).unwrap() != "from the image"
    });
}

/// CVE-2025-52565: what becomes /dev/console is what the image has at the terminal's name.
#[test]
fn the_console_is_the_images() {
    held_by("weak-console,weak-dev", RUN, |stage| {
        stage.here.file("root/secret", "from the image\n");
        fs::create_dir_all(stage.root.join("dev/pts")).unwrap();
        fs::write(stage.root.join("dev/console"), "").unwrap();
        symlink("/secret", stage.root.join("dev/pts/0")).unwrap();
        stage.hand_over(&stage.root);
        let got = stage.inside(&[], &["-t"], &["/bin/sh", "-c", "[ -c /dev/console ] || cat /dev/console"]);
        got.out.contains("from the image")
    });
}

#[test]
fn a_container_lifts_its_own_limit() {
    held_by("weak-cgroup", ROOT, |stage| {
        // On v2 the kernel itself keeps the limit, but not from groups below.
        let script = "for f in /sys/fs/cgroup/*/memory.limit_in_bytes; do [ -e $f ] && echo 128M > $f && echo got; done
            [ -e /sys/fs/cgroup/cgroup.procs ] && mkdir /sys/fs/cgroup/mine && echo got";
        stage.sh(&["-m", "64M"], script).out == "got\n"
    });
}

#[test]
fn thousands_of_mounts() {
    held_by("weak-bounding,weak-permitted,weak-seccomp", ALL, |stage| stage.attack(&[], "mounts 2000").code == GOT);
    // In a user namespace of its own the attacker has every capability.
    held_by("weak-seccomp", ALL, |stage| stage.attack(&[], "user-mounts 2000").code == GOT);
}

/// CVE-2022-0492: the kernel runs what a v1 hierarchy names when a group of it becomes empty, as the host's root.
#[test]
fn the_host_runs_a_release_agent() {
    let place = Scratch::new();
    let own = cgroup("freezer").is_none().then(|| {
        // The machine has no v1; but the kernel has.
        rustix::mount::mount(c"cgroup", place.path(), c"cgroup", MountFlags::empty(), Some(c"freezer")).unwrap();
    });
    held_by("weak-bounding,weak-permitted,weak-seccomp", &RUN[..1], |stage| {
        let canary = stage.at("outside/canary");
        let script = format!("#!/bin/sh\nprintf owned > {canary}\n");
        let agent = stage.here.executable("agent", script);
        let volume = format!("{}:/canary:ro", stage.at("outside"));
        stage.attack(&["-v", &volume], &format!("release-agent freezer {} /canary/canary", agent.display()));
        stage.canary() != "alive"
    });
    if own.is_some() {
        rustix::mount::unmount(place.path(), UnmountFlags::DETACH).unwrap();
    }
}

/// Each file below /proc and /sys, but those of processes, which are the container's own.
#[test]
fn every_file_of_the_kernel_is_written_to() {
    held_by("weak-readonly", ALL, |stage| {
        // Where it could succeed this is what it is tried with.
        let trees = if stage.is_whole() { "/proc /sys" } else { "/proc/sys/fs /proc/sys/net" };
        let before = stage.is_whole().then(snapshot);
        let got = stage.attack(&[], &format!("write-all {trees}"));
        let is_a_processs = |path: &&str| path[6..].starts_with(|c: char| c.is_ascii_digit());
        let written: Vec<&str> = got.out.lines().filter(|path| !is_a_processs(path)).collect();
        if let Some(before) = before {
            let changed: Vec<_> = snapshot().into_iter().filter(|entry| !before.contains(entry)).collect();
            assert!(changed.is_empty(), "{changed:#?}");
        }
        assert!(!stage.is_whole() || written.is_empty(), "{written:?}");
        !written.is_empty()
    });
}

/// What the host's root could set, by file. Without what moves by itself:
const MOVING: &[(&str, &str)] = &[
    ("/proc/sys/fs/dentry-state", "a counter"),
    ("/proc/sys/fs/file-nr", "a counter"),
    ("/proc/sys/fs/inode-", "counters"),
    ("/proc/sys/fs/aio-nr", "a counter"),
    ("/proc/sys/fs/quota", "counters"),
    ("/proc/sys/fs/lease-break-time", "the test above changes it"),
    ("/proc/sys/kernel/ns_last_pid", "each process changes it"),
    ("/proc/sys/kernel/pty/nr", "a counter"),
    ("/proc/sys/kernel/random/", "drawn anew, or a counter"),
    ("/proc/sys/kernel/tainted", "the kernel's own"),
    ("/proc/sys/net/netfilter/nf_conntrack_count", "a counter"),
    ("/proc/sys/vm/stat_refresh", "an order"),
    ("/proc/sys/dev/tty/legacy_tiocsti", "another test needs it"),
    ("/sys/devices/virtual/bdi", "counters of devices that come and go"),
    ("/sys/devices/virtual/net", "devices of other tests"),
    ("/sys/devices/virtual/block", "devices of other tests"),
    ("/sys/kernel/slab", "counters"),
    ("/sys/kernel/tracing", "its buffers grow when they are read"),
    ("/sys/kernel/debug", "counters"),
    ("/sys/kernel/mm/hugepages", "counters"),
    ("/sys/kernel/mm/ksm", "counters"),
    ("/sys/fs/cgroup", "groups of other tests"),
];

fn snapshot() -> std::collections::BTreeSet<(String, Vec<u8>)> {
    use std::io::Read;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut all = std::collections::BTreeSet::new();
    let mut left: Vec<std::path::PathBuf> =
        vec!["/proc/sys".into(), "/sys/kernel".into(), "/sys/module".into(), "/sys/fs".into()];
    while let Some(path) = left.pop() {
        let name = path.to_str().unwrap().to_string();
        let Ok(meta) = fs::symlink_metadata(&path) else { continue };
        if MOVING.iter().any(|(start, _)| name.starts_with(start)) {
        } else if meta.is_dir() {
            left.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path()));
        } else if meta.is_file() && meta.permissions().mode() & 0o222 != 0 {
            let mut text = Vec::new();
            let file = fs::OpenOptions::new().read(true).custom_flags(0o4000).open(&path);
            if file.and_then(|file| file.take(4096).read_to_end(&mut text)).is_ok() {
                all.insert((name, text));
            }
        }
    }
    assert!(all.len() > 200, "{} values are no machine's", all.len());
    all
}
