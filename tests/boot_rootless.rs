//! An ordinary user in the machine that contain boots (tests/boot/rootless.sh): cgroup v2, an initramfs as root, and
//! Debian's kernel with a knob of its own.

mod common;

use std::sync::LazyLock;

use common::machine::{Boot, probe};

static ROOTLESS: LazyLock<Boot> = LazyLock::new(|| probe("rootless", &[]));

#[test]
fn the_same_command_without_root() {
    let shown = ROOTLESS.output("line");
    assert!(
        shown.starts_with("uid=0(root) gid=0(root) groups=0(root)|PID   USER     COMMAND|    1 root     "),
        "{shown}"
    );
    assert_eq!(shown.split('|').count(), 3, "{shown}");
}

#[test]
fn it_sees_what_is_its_own() {
    let readonly = |name: &str, words: &[&str]| ROOTLESS.fails(name, "0", words);
    readonly("mounts", &["/sys/x: Read-only file system", "/sys/fs/cgroup/x: Read-only file system"]);
    ROOTLESS.is("mounts.out", "lo");
    readonly("readonly", &["/x: Read-only file system", "/sys/x: Read-only file system"]);
    assert!(ROOTLESS.fact("readonly.out").contains("lo"));
    assert_eq!(ROOTLESS.output("host"), "init");
}

#[test]
fn it_lives_in_the_background() {
    assert_eq!(ROOTLESS.output("began").len(), 16);
    assert_eq!(ROOTLESS.output("exec"), "0");
    assert_eq!(ROOTLESS.output("removed"), "web");
    ROOTLESS.left_nothing();
}

#[test]
fn what_cannot_be_is_said() {
    ROOTLESS.fails("limit", "125", &["in /sys/fs/cgroup/command.service/", "EACCES", "delegated"]);
    assert!(ROOTLESS.output("check").contains("yes  this user may make containers, in user namespaces|"));
    ROOTLESS.fails("knob", "125", &["ENOSPC", "sysctl user.max_user_namespaces"]);
    ROOTLESS.is("debian", "1");
    ROOTLESS.fails("debians", "125", &["EPERM", "sysctl kernel.unprivileged_userns_clone=1"]);
    ROOTLESS.is("debians.check.status", "1");
    let told = ROOTLESS.fact("debians.check.out");
    assert!(
        told.contains("no   this user may make containers, in user namespaces: user namespaces are root's only here"),
        "{told}"
    );
}
