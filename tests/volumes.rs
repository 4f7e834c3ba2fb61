//! What is mounted into the container on request: --volume, --read-only and --tmpfs, and the links in a
//! hostile root file system that try to turn those mounts against the host. A canary is a host file that
//! must be the same afterwards. Links that are swapped meanwhile are in attack/paths.rs.

mod common;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Stdio;

use common::{Scratch, command, finish, rootfs, run, sh, sh_in};

#[test]
fn volumes_show_files_and_directories_of_the_host() {
    let here = Scratch::new();
    let root = here.root("root");
    let (data, file) = (here.at("data"), here.at("data/file"));
    here.file("data/file", "first\n");
    here.file("data/sub/deep", "deep\n");
    fs::create_dir_all(root.join("there")).unwrap();
    fs::write(root.join("etc/name"), "hidden").unwrap();
    let table: &[(&[&str], &str, &str)] = &[
        (&["-v", "DATA:/there"], "cat /there/file /there/sub/deep", "first\ndeep\n"),
        (&["-v", "DATA:/there:ro"], "cat /there/file; touch /there/x 2>/dev/null || echo ro", "first\nro\n"),
        (&["-v", "DATA:/there:rw"], "touch /there/x && echo rw; rm /there/x", "rw\n"),
        (&["-v", "FILE:/etc/name"], "cat /etc/name", "first\n"),
        (&["-v", "FILE:/etc/name:ro"], "cat /etc/name; (echo x > /etc/name) 2>/dev/null || echo ro", "first\nro\n"),
        (&["-v", "FILE:/made/up/name"], "cat /made/up/name", "first\n"),
        (&["-v", "DATA:/made/dir"], "ls /made/dir", "file\nsub\n"),
        (&["-v", "DATA:/a", "-v", "FILE:/b", "--volume=DATA:/c:ro"], "ls /a /c | wc -l; cat /b", "7\nfirst\n"),
        (&["-v", "DATA:/a", "-v", "DATA/sub:/a/sub"], "ls /a/sub", "deep\n"),
        (
            &["-v", "DATA:/there:ro,nosuid,nodev,noexec"],
            "grep ' /there ' /proc/self/mountinfo | cut -d' ' -f6 | cut -d, -f1-4",
            "ro,nosuid,nodev,noexec\n",
        ),
        (&["-v", "/dev/null:/opt/null"], "test -c /opt/null && echo device", "device\n"),
        (
            &["--tmpfs", "/tmp", "-v", "DATA:/tmp/x"],
            "ls /tmp/x; grep -c ' /tmp ' /proc/self/mountinfo",
            "file\nsub\n1\n",
        ),
    ];
    for (flags, script, wanted) in table {
        let flags: Vec<String> = flags.iter().map(|flag| flag.replace("DATA", &data).replace("FILE", &file)).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let got = sh_in(&root, &flags, script);
        assert!(got.code == 0 && got.out == *wanted, "{flags:?} {script}: {got:?}");
    }
    sh_in(&root, &["-v", &format!("{data}:/there")], "echo changed > /there/file").is(0, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), "changed\n", "a writable volume is the host's own");
}

/// Launches side by side that all find the same mount points missing: one makes each, the others take it.
#[test]
fn launches_beside_each_other_make_the_same_mount_points() {
    let here = Scratch::new();
    let root = here.root("root");
    here.file("file", "");
    let volumes = [format!("{}:/new/place/file", here.at("file")), format!("{}:/new/directory", here.at("."))];
    for _ in 0..20 {
        for made in ["new", "proc", "sys"] {
            let _missing = fs::remove_dir_all(root.join(made));
        }
        let words = ["run", "--rootfs", root.to_str().unwrap(), "-v", &volumes[0], "-v", &volumes[1], "true"];
        let all: Vec<_> = (0..8).map(|_| command(&words).stderr(Stdio::piped()).spawn().unwrap()).collect();
        for one in all {
            let ended = one.wait_with_output().unwrap();
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
    }
}

#[test]
fn a_relative_source_is_one_from_here() {
    let here = Scratch::new();
    here.file("data/file", "first\n");
    let mut line = command(&["run", "--rootfs", rootfs(), "-v", "./data:/mnt", "cat", "/mnt/file"]);
    line.current_dir(here.path());
    finish(line).is(0, "first\n");
}

#[test]
fn a_read_only_bind_covers_what_is_mounted_below() {
    // A read-only volume with a writable tmpfs under it must be read-only all the way down.
    let here = Scratch::new();
    fs::create_dir_all(here.at("data/below")).unwrap();
    let script = format!(
        "mount --make-rprivate / && mount -t tmpfs x {0}/data/below && exec {1} run --rootfs {2} -v {0}/data:/mnt:ro \
         sh -c '(echo x > /mnt/below/x) 2>&1; (echo x > /mnt/x) 2>&1; true'",
        here.path().display(),
        common::contain().display(),
        rootfs()
    );
    let got = common::host(&format!("unshare -m sh -c \"{script}\""));
    assert_eq!(got.out.matches("Read-only file system").count(), 2, "{got:?}");
}

#[test]
fn a_read_only_root_still_has_its_own_file_systems() {
    let here = Scratch::new();
    let root = here.root("root");
    let got = sh_in(&root, &["--read-only"], "touch /x /etc/x /proc/x /sys/x");
    assert!(got.code != 0 && got.err.matches("Read-only file system").count() >= 3, "{got:?}");
    sh_in(&root, &["--read-only"], "echo x > /dev/null && echo x > /dev/shm/x && echo fine").is(0, "fine\n");
    sh_in(&root, &["--read-only", "--tmpfs", "/tmp"], "echo x > /tmp/x && cat /tmp/x").is(0, "x\n");
    let data = here.at("data");
    fs::create_dir(&data).unwrap();
    sh_in(&root, &["--read-only", "-v", &format!("{data}:/mnt")], "echo x > /mnt/x && cat /mnt/x").is(0, "x\n");
    // A remount inside is the container's affair; the root file system on the host must not have become read-only.
    assert!(!root.join("x").exists());
    fs::write(root.join("still-writable"), "").unwrap();
}

#[test]
fn a_tmpfs_has_the_size_it_was_given() {
    let fill = "dd if=/dev/zero of=/mnt/f bs=1024 count=4096 2>&1 | tail -1; stat -c %s /mnt/f";
    let got = sh(&["--tmpfs", "/mnt:size=1M"], fill);
    assert!(got.out.ends_with("1048576\n"), "{got:?}");
    sh(&["--tmpfs", "/mnt:size=64k,mode=1777"], "stat -c %a /mnt; df -k /mnt | tail -1 | awk '{print $2}'")
        .is(0, "1777\n64\n");
    sh(&["--tmpfs", "/mnt"], "grep ' /mnt ' /proc/self/mountinfo | cut -d' ' -f6 | cut -d, -f1-3")
        .is(0, "rw,nosuid,nodev\n");
    let here = Scratch::new();
    let root = here.root("root");
    sh_in(&root, &["--tmpfs", "/new/place"], "touch /new/place/x && echo made").is(0, "made\n");
    assert_eq!(fs::read_dir(root.join("new/place")).unwrap().count(), 0, "what was written is in memory only");
}

#[test]
fn links_in_a_mount_target_stay_inside_the_root() {
    // Each row makes a link; a volume or tmpfs is then asked for below it.
    let table = [
        ("OUT", "abs", "/abs"),
        ("OUT", "abs", "/abs/new"),
        ("../outside", "up", "/up"),
        ("../../../../../../../../../../OUT", "far", "/far/new"),
        ("/proc/1/root/OUT", "magic", "/magic/new"),
        ("/../../..OUT", "dots", "/dots/new/deeper"),
        ("loop", "loop", "/loop/x"),
        ("/dev/../../outside", "viadev", "/viadev"),
    ];
    for (target, name, point) in table {
        for flag in ["-v", "--tmpfs"] {
            let here = Scratch::new();
            let root = here.root("root");
            let canary = here.file("outside/canary", "alive");
            here.file("data/file", "payload");
            symlink(target.replace("OUT", &here.at("outside")), root.join(name)).unwrap();
            let value = if flag == "-v" { format!("{}:{point}", here.at("data")) } else { point.to_string() };
            // Either it is mounted somewhere inside or it is refused by name; outside, nothing moves.
            let got = sh_in(&root, &[flag, &value], "rm -rf /abs/* /up/* /far/* /magic/* /viadev/*; echo ran");
            assert!(
                (got.code == 0 && got.out == "ran\n") || got.fails(125, &[&format!("/{name}")]).out.is_empty(),
                "{got:?}"
            );
            assert_eq!(fs::read_to_string(&canary).unwrap(), "alive", "{flag} {value} through {name} -> {target}");
            let left: Vec<_> =
                fs::read_dir(here.at("outside")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["canary"], "{flag} {value} made something outside");
        }
    }
}

#[test]
fn volumes_and_tmpfs_targets_with_dots_stay_inside() {
    let here = Scratch::new();
    let root = here.root("root");
    here.file("data/file", "payload\n");
    let value = format!("{}:/../../../../made", here.at("data"));
    let got = sh_in(&root, &["-v", &value], "cat /made/file");
    assert!(got.out == "payload\n" || got.fails(2, &["/../../../../made"]).out.is_empty(), "{got:?}");
    assert!(!Path::new("/made").exists() && !here.path().join("made").exists());
}

#[test]
fn the_root_can_be_any_path_a_directory_can_have() {
    let here = Scratch::new();
    for name in ["with space", "ünïcödé", "quo'te\"s", "-dash", "a:b,c=d", "new\nline", "back\\slash"] {
        let root = here.root(name);
        sh_in(&root, &["--read-only"], "echo in").is(0, "in\n");
        fs::remove_dir_all(root).unwrap();
    }
    // Through a link, with a slash at the end, and from inside itself.
    let root = here.root("real");
    symlink("real", here.at("link")).unwrap();
    for name in ["link", "link/", "real/", "./real/../link/."] {
        let mut line = command(&["run", name, "echo", "in"]);
        line.current_dir(here.path());
        finish(line).is(0, "in\n");
    }
    let mut line = command(&["run", ".", "echo", "in"]);
    line.current_dir(&root);
    finish(line).is(0, "in\n");
    run(&["echo", "in"]).is(0, "in\n");
}
