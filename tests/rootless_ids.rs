//! The ids of an ordinary user's containers, where /etc/subuid, /etc/subgid, newuidmap(1) and newgidmap(1) give more than
//! one, and maps that are asked for.

mod common;

use common::finish;
use common::ordinary::Ordinary;

const MAPS: &str = "cat /proc/self/uid_map /proc/self/gid_map | tr -s ' '; cat /proc/self/setgroups";

#[test]
fn ranges_are_what_a_user_has_by_default() {
    for who in ["ann", "4242"] {
        let ann = Ordinary::with_ranges(who, "100000:1000 300000:5", "200000:70");
        ann.sh(&[], MAPS).is(0, " 0 4242 1\n 1 100000 1000\n 1001 300000 5\n 0 4242 1\n 1 200000 70\nallow\n");
    }
    let ann = Ordinary::with_ranges("ann", "100000:1000 300000:5", "200000:1000");
    let keep = ann.sh(&["--userns", "keep-id"], &format!("{MAPS}; id"));
    let map = " 0 100000 1000\n 1000 300000 5\n 4242 4242 1\n 0 200000 1000\n 4242 4242 1\nallow\n";
    keep.is(0, &format!("{map}uid=4242 gid=4242\n"));
    ann.sh(&["--userns", "keep-id"], "ls -ldn /dev /dev/pts | tr -s ' ' | cut -d ' ' -f 3,4").is(0, "0 0\n0 0\n");
}

#[test]
fn users_of_the_root_file_system_are_users() {
    let ann = Ordinary::with_ranges("ann", "100000:1000", "200000:1000");
    ann.run(&["-u", "user", "id"]).is(0, "uid=1000(user) gid=1000(user) groups=100(users)\n");
    ann.run(&["-u", "1005", "id"]).fails(125, &["--user: user 1005", "0:4242:1 1:100000:1000"]);
    ann.run(&["-u", "5:1005", "id"]).fails(125, &["--user: group 1005", "0:4242:1 1:200000:1000"]);
    // What a user of the container makes is outside one of the range's.
    let own = ann.at("own");
    ann.sh(
        &["-v", &format!("{own}:/mnt")],
        "chmod 777 /mnt && su user -s /bin/sh -c 'touch /mnt/x' && ls -n /mnt/x | tr -s ' ' | cut -d ' ' -f 3,4",
    )
    .is(0, "1000 1000\n");
    finish(ann.script(&format!("stat -c %u:%g {own}/x"))).is(0, "100999:200999\n");
}

#[test]
fn maps_are_written_as_asked() {
    let ann = Ordinary::with_ranges("ann", "100000:1000", "200000:1000");
    let map = ["--uidmap", "0:100000:10", "--uidmap", "50:4242:1", "--gidmap", "0:200005:7"];
    ann.sh(&map, MAPS).is(0, " 0 100000 10\n 50 4242 1\n 0 200005 7\nallow\n");
    ann.sh(&[&map[..], &["-u", "50:3"]].concat(), "id").is(0, "uid=50 gid=3\n");
    ann.run(&[&map[..], &["-u", "10", "id"]].concat()).fails(125, &["--user: user 10", "0:100000:10 50:4242:1"]);
    ann.run(&["--uidmap", "0:100000:1001", "id"])
        .fails(125, &["newgidmap cannot map 0:100000:1001", "not allowed", "/etc/subuid"]);
    ann.run(&["--uidmap", "1:100000:10", "id"]).fails(2, &["--uidmap", "map id 0"]);
    // His own id alone needs nobody's help.
    ann.sh(&["--uidmap", "7:4242:1", "-u", "7:7"], MAPS).is(0, " 7 4242 1\n 7 4242 1\ndeny\n");
}

#[test]
fn root_maps_what_it_likes() {
    let map = ["--uidmap", "0:100000:10", "--gidmap", "0:200000:10"];
    common::sh(&map, &format!("{MAPS}; id")).is(0, " 0 100000 10\n 0 200000 10\nallow\nuid=0(root) gid=0(root)\n");
    common::sh(&["--gidmap", "0:200000:10"], MAPS).is(0, " 0 200000 10\n 0 200000 10\nallow\n");
}

#[test]
fn without_the_programs_there_is_one_id() {
    let mut ann = Ordinary::with_ranges("ann", "100000:1000", "200000:1000");
    finish(ann.script("PATH=$(dirname $(command -v contain)) exec contain run --rootfs $R -- cat /proc/self/uid_map"))
        .is(0, "         0       4242          1\n");
    let alone = "PATH=$(dirname $(command -v contain)) exec contain run --uidmap 0:100000:1 --rootfs $R -- true";
    finish(ann.script(alone)).fails(125, &["--uidmap", "newuidmap", "not in PATH"]);
    // Nor where they cannot be more than he is.
    finish(ann.script("exec setpriv --no-new-privs contain run --rootfs $R -- cat /proc/self/uid_map"))
        .is(0, "         0       4242          1\n");
    ann.prepare("mount -t tmpfs tmpfs /mnt && cp $(command -v newuidmap) /mnt && mount --bind /mnt/newuidmap $(command -v newuidmap)");
    ann.run(&["true"]).fails(125, &["newuidmap cannot map 0:4242:1 1:100000:1000: newuidmap: ", "setuid root"]);
}

#[test]
fn exec_is_who_the_container_has() {
    let ann = Ordinary::with_ranges("ann", "100000:1000", "200000:1000");
    // Its processes are another user's for the host, and still hers to look at and to end.
    ann.run(&["-d", "--name", "web", "-u", "user", "sleep", "100"]).text();
    ann.contain(&["exec", "web", "id", "-u"]).is(0, "1000\n");
    ann.contain(&["exec", "-u", "user", "web", "id"]).is(0, "uid=1000(user) gid=1000(user) groups=100(users)\n");
    ann.contain(&["exec", "-u", "1005", "web", "id"]).fails(125, &["--user: user 1005", "0:4242:1 1:100000:1000"]);
    assert!(ann.contain(&["inspect", "web"]).text().contains("\"uid_map\": \"0:4242:1 1:100000:1000\""));
    assert!(ann.contain(&["top", "web"]).text().contains("sleep 100"));
    ann.contain(&["stop", "-t", "100ms", "web"]).is(0, "web\n");
    ann.contain(&["wait", "web"]).is(0, "143\n");
    ann.contain(&["rm", "web"]).is(0, "web\n");
}
