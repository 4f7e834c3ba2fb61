//! --user: names and numbers, read as data from the root file system's own passwd and group files, which may
//! be hostile. Whatever they hold, a word that is no user is refused, and never becomes root.

mod common;
use std::fs;
use std::path::PathBuf;

use common::{Scratch, command, finish, host, rootfs, run, sh_in};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
    # not a user\n\
    \n\
    alice:x:1000:1001:Alice:/home/alice:/bin/sh\n\
    bob:x:1002:1003::/:/bin/sh\n\
    short:x:5\n\
    noid:x::0:::\n\
    big:x:4294967296:0:::\n\
    minus:x:-1:0:::\n\
    words:x:zero:0:::\n\
    last:x:1009:1009:no line end:/:/bin/sh";
const GROUP: &str = "root:x:0:\nstaff:x:50:alice,bob\nwheel:x:10:alice\nalice:x:1001:\nnoid:x::\nbig:x:99999999999:\n";

fn root(here: &Scratch) -> PathBuf {
    let root = here.root("root");
    fs::write(root.join("etc/passwd"), PASSWD).unwrap();
    fs::write(root.join("etc/group"), GROUP).unwrap();
    root
}

#[test]
fn users_are_numbers_or_names_of_the_root_file_system() {
    let here = Scratch::new();
    let root = root(&here);
    let script = "echo $(id -u) $(id -g) $HOME";
    let table = [
        ("0", "0 0 /root"),
        ("root", "0 0 /root"),
        ("0:0", "0 0 /root"),
        ("alice", "1000 1001 /home/alice"),
        ("alice:staff", "1000 50 /home/alice"),
        ("alice:7", "1000 7 /home/alice"),
        ("1000", "1000 1001 /home/alice"),
        ("1000:wheel", "1000 10 /home/alice"),
        ("1002:1", "1002 1 /"),
        ("4000:5000", "4000 5000 /"),
        ("4294967294:4294967294", "4294967294 4294967294 /"),
        ("last", "1009 1009 /"),
    ];
    for (user, wanted) in table {
        let got = sh_in(&root, &["-u", user], script);
        assert_eq!((got.code, got.out.trim_end()), (0, wanted), "{user}: {got:?}");
    }
    // A number that is in no file is that number, in a group that has no rights: never root's by accident.
    let got = sh_in(&root, &["-u", "1"], "id -u");
    assert_eq!(got.text(), "1");
}

#[test]
fn every_id_changes_and_none_of_ours_stays() {
    let here = Scratch::new();
    let root = root(&here);
    let script = "grep -E '^(Uid|Gid)' /proc/self/status; id -G | tr ' ' '\\n' | sort -n | tr '\\n' ' '";
    let got = sh_in(&root, &["-u", "4000:5000"], script);
    assert_eq!(got.text(), "Uid:\t4000\t4000\t4000\t4000\nGid:\t5000\t5000\t5000\t5000\n5000");
    // The caller's own groups stay outside, whoever the user is.
    let line = |flags: &str| format!("run --rootfs {} {flags} id -G", root.display());
    let outer =
        |flags: &str| host(&format!("setpriv --groups 4,20,27 {} {}", common::contain().display(), line(flags)));
    for flags in ["", "-u 0", "-u 4000:5000", "-u bob:7"] {
        let got = outer(flags);
        let strange = got.text().split(' ').find(|group| ["4", "20", "27"].contains(group));
        assert_eq!(strange, None, "{flags}: {got:?}");
    }
    // No capability survives the change.
    let got = sh_in(&root, &["-u", "1000"], "grep -E '^Cap(Inh|Prm|Eff|Amb)' /proc/self/status");
    assert!(got.text().lines().all(|line| line.ends_with("\t0000000000000000")), "{got:?}");
}

#[test]
fn what_is_no_user_is_refused() {
    let here = Scratch::new();
    let root = root(&here);
    let table = [
        "nobodyknows",
        "alice:nogroup",
        ":5",
        "alice:",
        "1:",
        ":",
        "",
        " 0",
        "0 ",
        "+1",
        "-1",
        "0x10",
        "1.0",
        "4294967296",
        "4294967295",
        "0:4294967295",
        "99999999999999999999999",
        "1e3",
        "0:-1",
        "alice:root:x",
        "0:0:0",
        "10x",
        "roo",
        "root\n",
        "#",
        "# not a user",
        "ali*",
        "alice,bob",
        "x",
        "٣",
    ];
    for user in table {
        let got = sh_in(&root, &["--user", user], "id");
        assert!([2, 125].contains(&got.code) && got.out.is_empty(), "{user:?} was let in: {got:?}");
        assert!(
            got.err.starts_with("contain: ") && got.err.contains("user") || got.err.contains("group"),
            "{user:?}: {got:?}"
        );
    }
    // Lines that are broken are not users, and above all not user 0.
    for user in ["short", "noid", "big", "minus", "words", "alice:noid", "alice:big"] {
        let got = sh_in(&root, &["--user", user], "id");
        let name = user.rsplit(':').next().unwrap();
        assert!([2, 125].contains(&got.code) && got.err.contains(name), "{user:?}: {got:?}");
    }
    // Without a --user nobody needs the files.
    fs::remove_file(root.join("etc/passwd")).unwrap();
    fs::remove_file(root.join("etc/group")).unwrap();
    sh_in(&root, &[], "id -u").is(0, "0\n");
    sh_in(&root, &["-u", "7:8"], "id -u; id -g").is(0, "7\n8\n");
    sh_in(&root, &["-u", "alice"], "id").fails(125, &["etc/passwd", "--user"]);
}

#[test]
fn hostile_files_neither_hang_nor_lead_out() {
    let here = Scratch::new();
    here.file("outside/passwd", "evil:x:0:0:::\n");
    let outside = here.at("outside/passwd");
    let hundred_megabytes = "truncate -s 100M etc/passwd";
    let long_line = "head -c 5000000 /dev/zero | tr '\\0' a > etc/passwd; echo evil >> etc/passwd";
    let link = format!("ln -s {outside} etc/passwd");
    let table = [
        ("a fifo", "mkfifo etc/passwd"),
        ("a directory", "mkdir etc/passwd"),
        ("a link out", link.as_str()),
        ("a link up", "ln -s ../../outside/passwd etc/passwd"),
        ("a loop", "ln -s passwd etc/passwd"),
        ("a magic link", "ln -s /proc/self/fd/0 etc/passwd"),
        ("an endless device", "mknod etc/passwd c 1 5"),
        ("a tty", "mknod etc/passwd c 5 0"),
        ("a huge file", hundred_megabytes),
        ("an endless line", long_line),
        ("random bytes", "head -c 100000 /dev/urandom > etc/passwd"),
        ("nothing", "true"),
        ("an empty file", ": > etc/passwd"),
        ("a socket", "perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, sockaddr_un(\"etc/passwd\"))'"),
        ("etc itself a link out", "rm -r etc; ln -s ../outside etc"),
    ];
    for (what, make) in table {
        let root = root(&here);
        assert_eq!(host(&format!("cd '{}' && rm etc/passwd && {make}", root.display())).code, 0, "{what}");
        let line = ["run", "--rootfs", root.to_str().unwrap(), "-u", "evil", "id"];
        let got = finish(command(&line));
        assert!(got.code == 125 && got.out.is_empty() && got.err.starts_with("contain: "), "{what}: {got:?}");
        assert!(got.err.contains("evil") || got.err.contains("passwd"), "{what}: {got:?}");
        // The same as the group file, where it is the file that matters.
        fs::remove_dir_all(&root).unwrap();
        if what == "etc itself a link out" {
            continue;
        }
        let root = self::root(&here);
        let make = make.replace("etc/passwd", "etc/group");
        assert_eq!(host(&format!("cd '{}' && rm etc/group && {make}", root.display())).code, 0, "{what}");
        let got = finish(command(&["run", "--rootfs", root.to_str().unwrap(), "-u", "alice:evil", "id"]));
        assert!(got.code == 125 && got.err.starts_with("contain: "), "{what} as group: {got:?}");
        fs::remove_dir_all(&root).unwrap();
    }
    assert!(fs::read_to_string(outside).unwrap().starts_with("evil"));
}

#[test]
fn the_hosts_users_are_not_the_containers() {
    // Whoever is in our own /etc/passwd but not in the image is unknown there.
    let ours = fs::read_to_string("/etc/passwd").unwrap();
    let theirs = fs::read_to_string(format!("{}/etc/passwd", rootfs())).unwrap_or_default();
    let names =
        |text: &str| text.lines().filter_map(|line| line.split(':').next().map(String::from)).collect::<Vec<_>>();
    let known = names(&theirs);
    let stranger = names(&ours).into_iter().find(|name| !known.contains(name)).expect("a user that only the host has");
    run(&["-u", &stranger, "id"]).fails(125, &[&stranger]);
}
