//! Containers of an ordinary user: no root, no set-up, one id. What he has with ranges is in rootless_ids.rs.

mod common;

use common::ordinary::Ordinary;
use common::{finish, host};

/// The issue's own line.
#[test]
fn the_same_command_without_root() {
    let he = Ordinary::new();
    let line = format!(
        "PATH={}:$PATH R={} su nobody -s /bin/sh -c 'contain run --rootfs $R -- /bin/sh -c \"id; ps\"'",
        he.scratch.path().display(),
        he.rootfs.display()
    );
    let got = host(&line);
    let id = "uid=0(root) gid=0(root) groups=0(root)\nPID   USER     COMMAND\n    1 root     ";
    // busybox runs the last command in the shell's own process.
    assert!(got.code == 0 && got.err.is_empty() && got.out.starts_with(id) && got.out.lines().count() == 3, "{got:?}");
}

#[test]
fn he_is_who_he_asks_to_be() {
    let he = Ordinary::new();
    he.run(&["id"]).is(0, "uid=0(root) gid=0(root)\n");
    he.run(&["-u", "1000:7", "id"]).is(0, "uid=1000(user) gid=7\n");
    he.run(&["--userns", "keep-id", "id", "-u"]).is(0, "65534\n");
    he.run(&["--userns", "auto", "id", "-u"]).is(0, "0\n");
    he.run(&["--uidmap", "0:65534:1", "id"]).is(0, "uid=0(root) gid=0(root)\n");
    he.run(&["--userns", "host", "id"]).fails(125, &["--userns host", "ordinary user"]);
    he.run(&["--uidmap", "0:65534:1", "-u", "5", "id"]).fails(125, &["--user: user 5", "0:65534:1"]);
    he.run(&["-u", "1000", "id"]).fails(125, &["--user: supplementary group 100", "1000:65534:1", "name the group"]);
}

#[test]
fn the_file_systems_are_there() {
    let he = Ordinary::new();
    he.sh(
        &[],
        "echo x > /dev/null && head -c 2 /dev/zero | wc -c && ls /sys/class/net && ls /sys/fs/cgroup /sys/firmware",
    )
    .is(0, "2\nlo\n/sys/firmware:\n\n/sys/fs/cgroup:\n");
    he.sh(&[], "cat /proc/self/setgroups; touch /sys/x 2>&1; ip link show lo | grep -c LOWER_UP")
        .is(0, "deny\ntouch: /sys/x: Read-only file system\n1\n");
    he.sh(&["--net", "host"], "touch /sys/x /sys/fs/cgroup/x 2>&1; ls /sys/fs/cgroup | wc -l")
        .is(0, "touch: /sys/x: Read-only file system\ntouch: /sys/fs/cgroup/x: Read-only file system\n0\n");
    he.sh(&["--read-only"], "touch /x 2>&1; echo $$").is(0, "touch: /x: Read-only file system\n1\n");
    assert!(he.sh(&["--pid", "host"], "test -d /proc/1 && echo $$").text() != "1");
}

#[test]
fn a_life_in_the_background() {
    let he = Ordinary::new();
    let id = he.run(&["-d", "--name", "web", "sleep", "100"]).text().to_string();
    assert!(he.contain(&["ps", "-q"]).text() == id);
    he.contain(&["exec", "web", "id"]).is(0, "uid=0(root) gid=0(root)\n");
    he.contain(&["exec", "-u", "5", "web", "id"]).fails(125, &["--user: user 5", "0:65534:1"]);
    he.contain(&["stop", "-t", "100ms", "web"]).is(0, "web\n");
    he.contain(&["wait", "web"]).is(0, "143\n");
    he.contain(&["rm", "web"]).is(0, "web\n");
    finish(he.script("ls $CONTAIN_ROOT $CONTAIN_ROOT/names/"))
        .is(0, &format!("{0}:\nnames\n\n{0}/names/:\n", he.at("state")));
}
