//! Containers of an ordinary user: no root, no set-up, one id. What he has with ranges is in rootless_ids.rs.

mod common;

use common::golden::compare;
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
    he.run(&["--group-add", "5", "id"]).fails(125, &["--group-add: supplementary group 5", "0:65534:1"]);
    he.run(&["-u", "1000", "id"])
        .fails(125, &["--user, --group-add: supplementary group 100", "1000:65534:1", "name the group"]);
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

/// Without groups the plan is the same under cgroup v1 and v2.
#[test]
fn dry_run_prints_the_golden_plans() {
    let he = Ordinary::new();
    let ann = Ordinary::with_ranges("ann", "100000:65536", "200000:65536 300000:5");
    let mut plans = Vec::new();
    for (name, whose, flags) in [
        ("ordinary", &he, &["--read-only", "--tmpfs", "/tmp"][..]),
        ("ordinary-hosts", &he, &["--net", "host", "--pid", "host", "--ipc", "host", "--uts", "host"]),
        ("ranges", &ann, &["-u", "7:8"]),
        ("keep-id", &ann, &["--userns", "keep-id"]),
    ] {
        let hostname: &[&str] = if flags.contains(&"--uts") { &[] } else { &["--hostname", "box"] };
        let got = whose.run(&[&["--dry-run"], hostname, flags, &["sh"]].concat());
        assert!(got.code == 0 && got.err.is_empty(), "{name}: {got:?}");
        plans.extend(compare(name, &got.out.replace(whose.rootfs.to_str().unwrap(), "ROOTFS")));
    }
    assert!(plans.is_empty(), "{}", plans.join("\n"));
}

#[test]
fn what_is_hidden_from_him_stays_hidden() {
    let mut he = Ordinary::new();
    // Of a file system that is partly hidden the kernel gives no whole one: what is there is shown, read-only.
    he.prepare("mount -t tmpfs tmpfs /sys/kernel");
    he.sh(&[], "ls /sys/kernel | wc -l; touch /sys/kernel/x 2>&1; mount | grep -c 'on /sys/kernel type tmpfs (ro,'")
        .is(0, "0\ntouch: /sys/kernel/x: Read-only file system\n1\n");
    // Before Linux 5.12 a copy of the host's cannot be made so.
    finish(he.script("strace -f -o /dev/null -e inject=mount_setattr:error=ENOSYS contain run --rootfs $R true"))
        .fails(125, &["make sysfs on /sys", "EINVAL", "needs Linux 5.12"]);
    // The host's processes are none of a container with processes of its own.
    he.prepare("mount -t tmpfs tmpfs /proc/irq");
    he.run(&["true"]).fails(125, &["make proc on /proc", "EPERM", "parts of what is there now are hidden"]);
    he.sh(&["--pid", "host"], "ls /proc/irq | wc -l").is(0, "0\n");
}

#[test]
fn what_forbids_user_namespaces_is_named() {
    let mut he = Ordinary::new();
    let powerless = "exec setpriv --bounding-set=-all --inh-caps=-all contain";
    let none =
        |rest: &str| format!("unshare -r sh -c 'echo 0 > /proc/sys/user/max_user_namespaces; {powerless} {rest}'");
    finish(he.script(&none("run --rootfs $R true")))
        .fails(125, &["namespaces user", "ENOSPC", "sysctl user.max_user_n"]);
    let line = "no   this user may make containers, in user namespaces: user namespaces are forbidden here: as root, sysctl user.max";
    let checked = finish(he.script(&none("check")));
    assert!(checked.code == 1 && checked.out.contains(line), "{checked:?}");
    finish(he.script(&none("run --rootfs $R true").replace("max_user_", "max_net_")))
        .fails(125, &["namespaces user", "ENOSPC", "/proc/sys/user/max_*_namespaces"]);
    // Who may not read a program may not look into its processes, and so not map their ids.
    host(&format!("install -m 711 {} {}", he.at("contain"), he.at("unread"))).is(0, "");
    let unread = finish(he.script("exec $(dirname $R)/unread run --rootfs $R true"));
    unread.fails(125, &["write deny to setgroups", "EACCES", "must be readable"]);
    let chroot = ["chroot", "--userspec", "65534:65534", he.scratch.path().to_str().unwrap()].join(" ");
    host(&format!("{chroot} /contain run --rootfs /rootfs true"))
        .fails(125, &["namespaces user", "EPERM", "in a chroot"]);
    // Root that may not make containers as root makes them as anybody; to map its own id takes CAP_SETFCAP.
    let as_root = |set: &str| host(&format!("setpriv --bounding-set={set} {} run --rootfs $R id -u", he.at("contain")));
    as_root("-sys_admin").is(0, "0\n");
    as_root("-sys_admin,-setfcap").fails(125, &["write 0:0:1 to uid_map", "EPERM", "CAP_SETFCAP"]);
    // The knobs of Debian and of Ubuntu, which this kernel may not have, with what the kernel answers then.
    he.scratch.file("knobs/apparmor_restrict_unprivileged_userns", "1\n");
    he.scratch.file("knobs/unprivileged_userns_clone", "1\n");
    he.prepare(&format!("mount --bind {} /proc/sys/kernel", he.at("knobs")));
    let traced = |fault: &str| format!("strace -f -o /dev/null -e inject={fault} contain run --rootfs $R true");
    finish(he.script(&traced("mount:error=EACCES")))
        .fails(125, &["make mounts private: EACCES", "AppArmor", "kernel.apparmor_restrict_unprivileged_userns=0"]);
    he.scratch.file("knobs/unprivileged_userns_clone", "0\n");
    finish(he.script(&traced("clone3,clone:error=EPERM")))
        .fails(125, &["namespaces user", "EPERM", "kernel.unprivileged_userns_clone=1"]);
}

#[test]
fn he_who_has_power_in_a_user_namespace_around_him_can_have_another() {
    let he = Ordinary::new();
    let inside = |flags: &str| finish(he.script(&format!("unshare -r contain run {flags} --rootfs $R id -u")));
    inside("").fails(125, &["make device /dev/null", "EPERM", "--uidmap 0:0:1"]);
    inside("--uidmap 0:0:1").is(0, "0\n");
}

#[test]
fn his_containers_are_written_down_where_nobody_else_writes() {
    let he = Ordinary::new();
    let own = he.at("own");
    let place = format!("unset CONTAIN_ROOT; export XDG_RUNTIME_DIR={own};");
    let begun = finish(he.script(&format!("{place} contain run -d --rootfs $R sleep 100")));
    let id = begun.text().to_string();
    finish(he.script(&format!("stat -c '%u %a' {own}/contain; {place} contain rm -f -t 0 {id}")))
        .is(0, &format!("65534 700\n{id}\n"));
    // A directory that root has put there is no place of his.
    let roots = he.scratch.file("roots/contain/x", "");
    finish(he.script(&format!("CONTAIN_ROOT={} contain ps", roots.parent().unwrap().display())))
        .fails(125, &["is another user's, or others may write to it", "--root DIR"]);
}
