//! cgroup v2 below another group than the top (tests/boot/delegated.sh): by root's choice, and an ordinary user's in the
//! subtree that root has delegated.

mod common;

use std::sync::LazyLock;

use common::machine::{Boot, probe};

static BOOT: LazyLock<Boot> = LazyLock::new(|| probe("delegated", &[]));

#[test]
fn controllers_are_enabled_down_to_the_group() {
    assert_eq!(BOOT.output("parent"), "0::/|67108864|9");
    BOOT.is("parent.enabled", "memory pids memory pids");
    BOOT.fails(
        "busy",
        "125",
        &["enable controllers +memory in /sys/fs/cgroup/busy/", "EBUSY", "holds processes itself"],
    );
    assert_eq!(BOOT.output("busy.plain"), "ran");
}

#[test]
fn a_container_with_other_ids_is_born_there_too() {
    let shown: Vec<_> = BOOT.output("mapped").split('|').collect();
    assert_eq!((&shown[..2], shown[2].trim().ends_with("1000")), (&["0::/", "67108864"][..], true), "{shown:?}");
    BOOT.fails("auto", "125", &["map the ids of /r: EINVAL", "takes no map of ids"]);
}

#[test]
fn an_ordinary_user_has_limits_in_what_is_delegated() {
    assert_eq!(BOOT.output("plain"), "0::/");
    BOOT.fails("limits", "1", &["/sys/fs/cgroup/x: Read-only file system"]);
    BOOT.is("limits.out", "0::/|67108864|9");
    BOOT.is("limits.enabled", "memory pids");
    assert_eq!(BOOT.output("named"), "67108864");
    BOOT.is("named.enabled", "memory");
}

#[test]
fn his_other_commands_work_there() {
    assert_eq!(BOOT.output("began").len(), 16);
    BOOT.is("began.procs", "1");
    assert_eq!(BOOT.output("exec"), "0::/");
    assert!(BOOT.output("stats").contains("\"memory_limit\": 67108864"));
    BOOT.output("pause");
    BOOT.is("pause.frozen", "frozen 1");
    BOOT.output("resume");
    BOOT.output("update");
    BOOT.is("update.files", "33554432|50");
    BOOT.fails("exec.outside", "125", &["enter the container's cgroup: EACCES", "Delegate=yes"]);
    BOOT.output("rm");
    BOOT.is("rm.left", "");
    assert_eq!(BOOT.output("killed").len(), 16);
    BOOT.is("killed.left", "names");
}

#[test]
fn what_is_missing_is_told() {
    BOOT.fails("outside", "125", &["enter the container's cgroup: EACCES", "Delegate=yes"]);
    BOOT.fails("nothing", "125", &["make cgroup /sys/fs/cgroup/contain-", "EACCES", "no cgroup is delegated"]);
    assert_eq!(BOOT.output("nothing.plain"), "ran");
    BOOT.fails("roots", "125", &["/sys/fs/cgroup/elsewhere", "EACCES", "no cgroup is delegated"]);
    BOOT.fails("top", "125", &["enable controllers +memory in /sys/fs/cgroup/his/", "EBUSY", "holds processes itself"]);
    assert_eq!(BOOT.output("top.plain"), "ran");
    BOOT.fails("ungiven", "125", &["--cpuset", "cgroup.controllers in /sys/fs/cgroup/his", "Delegate="]);
}

#[test]
fn nothing_is_left() {
    BOOT.left_nothing();
}
