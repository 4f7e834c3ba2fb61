//! The life of an ordinary user's containers: every command there is for them, terminals, signals, and what is left.

mod common;

use std::fs;

use common::ordinary::{Ordinary, UID};
use common::pty::Pty;
use common::{Live, below, elf, finish, kill, processes, status, wait_until};

#[test]
fn every_command_works() {
    let he = Ordinary::new();
    let script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.1; done";
    let id = he.run(&["-d", "--name", "web", "sh", "-c", script]).text().to_string();
    wait_until("the container prints", || he.contain(&["logs", "web"]).out == "up\n");
    assert_eq!(he.contain(&["ps", "-q"]).text(), id);
    he.contain(&["exec", "web", "sh", "-c", "id -u; cat /proc/1/comm; hostname"]).is(0, &format!("0\nsh\n{id}\n"));
    he.contain(&["exec", "-u", "5", "web", "id"]).fails(125, &["--user: user 5", "0:65534:1"]);
    assert!(he.contain(&["top", "web"]).text().contains("sh -c trap"));
    assert!(he.contain(&["inspect", "web"]).text().contains("\"uid_map\": \"0:65534:1\""));
    assert!(he.contain(&["stats", "--no-stream", "web"]).text().contains("web"));
    he.contain(&["pause", "web"]).fails(125, &["web has no control group"]);
    he.contain(&["update", "--pids", "9", "web"]).fails(125, &["web"]);
    he.contain(&["kill", "-s", "TERM", "web"]).is(0, "web\n");
    he.contain(&["wait", "web"]).is(0, "3\n");
    he.contain(&["logs", "web"]).is(0, "up\nbye\n");
    assert!(he.contain(&["ps", "-a"]).text().contains("stopped (3)"));
    he.contain(&["rm", "web"]).is(0, "web\n");
    for name in ["one", "two"] {
        he.run(&["-d", "--name", name, "sleep", "100"]).text();
    }
    he.contain(&["stop", "-t", "100ms", "one"]).is(0, "one\n");
    he.contain(&["rm", "-f", "-t", "0", "two"]).is(0, "two\n");
    he.contain(&["prune"]).text();
    he.contain(&["ps", "-aq"]).is(0, "");
    let entries = fs::read_dir(he.at("state")).unwrap().flatten().map(|entry| entry.file_name());
    assert_eq!(entries.collect::<Vec<_>>(), ["names"], "nothing is left");
}

#[test]
fn exec_shares_what_the_container_shares() {
    let he = Ordinary::new();
    let flags = ["-d", "--name", "web", "--pid", "host", "--net", "host", "--ipc", "host", "--uts", "host"];
    he.run(&[&flags[..], &["sleep", "100"]].concat()).text();
    let links = "for n in user mnt pid net ipc uts cgroup; do readlink /proc/self/ns/$n; done";
    let first = he.contain(&["inspect", "web"]);
    let pid = first.text().lines().find_map(|line| line.strip_prefix("  \"pid\": ")).unwrap().trim_end_matches(',');
    let wanted = finish(he.script(&links.replace("self", pid)));
    he.contain(&["exec", "web", "sh", "-c", links]).is(0, &wanted.out);
    he.contain(&["rm", "-f", "-t", "0", "web"]).is(0, "web\n");
}

#[test]
fn a_terminal_of_ones_own() {
    let he = Ordinary::new();
    let root = he.rootfs.to_str().unwrap();
    let mut pty = Pty::open();
    let mut child = pty.spawn(&he.command(&["run", "--quiet", "-it", "--rootfs", root, "sh"]));
    pty.expect("# ");
    pty.send("tty; stty size\n");
    pty.expect("/dev/pts/0\r\n24 80\r\n");
    // Once something runs the terminal is no longer the shell's editor's.
    pty.send("echo re''ady; cat\n");
    pty.expect("ready\r\n");
    // What it repeats shows that it is the one in the foreground.
    pty.send("again\n");
    pty.expect("again\r\nagain\r\n");
    pty.send("\x03");
    pty.expect("# ");
    pty.send("echo $?-after\n");
    pty.expect("130-after\r\n");
    pty.send("exit 7\n");
    assert_eq!(pty.wait(&mut child), 7);
    // And in one that runs already.
    he.run(&["-d", "--name", "web", "sleep", "100"]).text();
    let mut pty = Pty::open();
    let mut child = pty.spawn(&he.command(&["exec", "-it", "web", "sh"]));
    pty.expect("# ");
    pty.send("tty; exit 8\n");
    pty.expect("/dev/pts/0\r\n");
    assert_eq!(pty.wait(&mut child), 8);
    he.contain(&["rm", "-f", "-t", "0", "web"]).is(0, "web\n");
}

#[test]
fn signals_and_time_limits_end_it() {
    let he = Ordinary::new();
    let root = he.rootfs.to_str().unwrap();
    for (flags, status) in [(&[][..], 130), (&["--init"], 130)] {
        let words = [&["run", "--rootfs", root], flags, &["sh", "-c", "echo up; exec sleep 100"]].concat();
        let mut live = Live::start(he.command(&words));
        assert_eq!(live.line(), "up");
        live.signal(2);
        assert_eq!(live.end().code, status, "{flags:?}");
    }
    he.run(&["--timeout", "200ms", "sleep", "100"]).fails(124, &["timed out after 200ms"]);
    let init = he.sh(&["--init"], "tr '\\0' ' ' < /proc/1/cmdline; (sleep 0 &); exit 9");
    assert!(init.code == 9 && init.out.starts_with("contain init -- /bin/sh -c "), "{init:?}");
}

#[test]
fn a_killed_launcher_leaves_nothing() {
    let he = Ordinary::new();
    he.run(&["-d", "--name", "web", "sh", "-c", "sleep 100 & sleep 100"]).text();
    let running = he.contain(&["inspect", "web"]);
    let member = |name: &str| {
        let line = running.text().lines().find_map(|line| line.trim().strip_prefix(&format!("\"{name}\": ")));
        line.unwrap().trim_end_matches(',').parse::<i32>().unwrap()
    };
    let (first, supervisor) = (member("pid"), member("supervisor_pid"));
    let inside = below(supervisor);
    kill(supervisor, 9);
    wait_until("all of it has gone", || inside.iter().chain([&first]).all(|pid| status(*pid, "State").is_none()));
    he.contain(&["prune"]).text();
    he.contain(&["ps", "-aq"]).is(0, "");
    let his = |pid: &i32| status(*pid, "Uid").is_some_and(|ids| ids.starts_with(&UID.to_string()));
    let named =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|all| all.contains(&he.at("")));
    assert_eq!(processes().into_iter().filter(|pid| his(pid) && named(pid)).count(), 0);
}

/// Its root is the same user as the launcher, which it sees where it shares the host's processes.
#[test]
fn the_launcher_cannot_be_looked_into() {
    let he = Ordinary::new();
    let script = "for f in environ mem maps fd/0 root/etc/passwd cwd/x exe; do
        head -c 1 /proc/$PPID/$f > /dev/null 2>&1 && echo $f; done; readlink /proc/$PPID/fd/0 > /dev/null && echo fd; true";
    he.sh(&["--pid", "host"], script).is(0, "");
    // As the same user without a user namespace around it, all of it can be had.
    let outside = finish(he.script(&format!("sh -c '{script}; true'; true")));
    assert!(outside.out.contains("environ\n") && outside.out.contains("root/etc/passwd\n"), "{outside:?}");
    // In exec, too, and while it has not executed its command: that one is not dumpable.
    he.run(&["-d", "--name", "web", "--pid", "host", "sleep", "100"]).text();
    he.contain(&["exec", "web", "sh", "-c", script]).is(0, "");
    he.contain(&["rm", "-f", "-t", "0", "web"]).is(0, "web\n");
}

#[test]
fn setuid_means_users_of_the_container() {
    let ann = Ordinary::with_ranges("ann", "100000:2000", "200000:2000");
    // Its status is whom it runs as: exit(geteuid()).
    let code = [0xb8, 107, 0, 0, 0, 0x0f, 5, 0x89, 0xc7, 0xb8, 60, 0, 0, 0, 0x0f, 5];
    for (name, owner) in [("hosts", 0), ("own", 4242)] {
        let program = ann.scratch.executable(&format!("rootfs/bin/{name}"), elf(62, &code));
        std::os::unix::fs::chown(&program, Some(owner), Some(owner)).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o4755)).unwrap();
    }
    let script = "hosts; echo $?; own; echo $?";
    ann.sh(&["-u", "77:77", "--security", "new-privs"], script).is(0, "77\n0\n");
    ann.sh(&["-u", "77:77"], script).is(0, "77\n77\n");
}
