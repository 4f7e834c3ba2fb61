//! Attacks of one process on others, and on what it may do itself: capabilities that come back, the supervisor, the
//! terminal, what is still contain.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

use crate::attacker::GOT;
use crate::common::pty::Pty;
use crate::common::wait_until;
use crate::stage::{ALL, EXEC, NOBODY, ROOT, RUN, Who, attacker, held_by, ordered, with_program};

/// CVE-2022-29162, 2022-27650, 2025-27612: the caller's inheritable capabilities get into the container, where a program
/// with inheritable ones on its file has them.
#[test]
fn inheritable_capabilities_are_left() {
    held_by("weak-inheritable", ROOT, |stage| {
        fs::create_dir(stage.root.join("gift")).unwrap();
        fs::copy(stage.root.join("bin/busybox"), stage.root.join("gift/busybox")).unwrap();
        // struct vfs_cap_data of revision 2: effective, and CAP_DAC_OVERRIDE inheritable.
        let words: [u32; 5] = [0x0200_0001, 0, 1 << 1, 0, 0];
        let value: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let flags = rustix::fs::XattrFlags::empty();
        rustix::fs::setxattr(stage.root.join("gift/busybox"), "security.capability", &value, flags).unwrap();
        let secret = stage.here.file("root/secret", "of root");
        fs::set_permissions(secret, fs::Permissions::from_mode(0o600)).unwrap();
        let mut sleeping = None;
        let inside = ["/gift/busybox", "cat", "/secret"];
        let mut line = stage.line_of(&mut sleeping, &["--security", "new-privs"], &["-u", "1000:1000"], &inside);
        // SAFETY: between fork and exec this makes system calls only.
        unsafe {
            line.pre_exec(|| {
                let mut sets = capabilities(None)?;
                sets.inheritable = CapabilitySet::DAC_OVERRIDE;
                Ok(set_capabilities(None, sets)?)
            });
        }
        let got = stage.finish(line);
        let sets = stage.sh(&[], "grep -E 'Cap(Inh|Amb)' /proc/self/status");
        assert!(!stage.is_whole() || sets.out == "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n", "{sets:?}");
        got.out == "of root"
    });
}

#[test]
fn root_makes_itself_a_disk() {
    held_by("weak-bounding,weak-permitted", ROOT, |stage| {
        stage.sh(&["--tmpfs", "/mnt"], "mknod /mnt/disk b 7 0").code == 0
    });
}

#[test]
fn a_setuid_program_makes_root() {
    held_by("weak-privileges", ROOT, |stage| {
        let program = stage.root.join("become");
        let own = std::env::current_exe().unwrap();
        // By another process, as for Scratch::executable.
        assert!(Command::new("cp").args([&own, &program]).status().unwrap().success());
        fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).unwrap();
        fs::set_permissions(stage.here.file("root/secret", "of root"), fs::Permissions::from_mode(0o600)).unwrap();
        stage.inside(&attacker(), &["-u", "1000:1000", "-e", &ordered("read /secret")], &["/become"]).code == GOT
    });
}

/// The parent of a first process is its supervisor, where that can be seen.
#[test]
fn the_supervisor_is_killed() {
    held_by("weak-pids", &[RUN[0], RUN[1], EXEC[0]], |stage| {
        if stage.is_whole() {
            let mut bystander = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
            stage.attack(&[], "kill-all");
            assert!(bystander.try_wait().unwrap().is_none(), "a process of the host was killed");
            bystander.kill().unwrap();
            bystander.wait().unwrap();
        }
        stage.attack(&[], "kill-parent").code == -9
    });
}

#[test]
fn the_supervisor_is_traced() {
    held_by("weak-bounding,weak-permitted,weak-pids", ROOT, |stage| stage.attack(&[], "trace-parent").code == GOT);
}

/// CVE-2017-5226: keys are pushed into the caller's terminal, for the shell that reads there next (TIOCSTI).
#[test]
fn keys_are_pushed_into_the_callers_terminal() {
    let legacy = "/proc/sys/dev/tty/legacy_tiocsti";
    let before = fs::read_to_string(legacy).ok();
    if before.is_some() {
        fs::write(legacy, "1").unwrap();
    }
    held_by("weak-session", ALL, |stage| {
        let pty = Pty::open();
        if stage.row.0 == Who::Nobody {
            chown(&pty.name, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mut sleeping = None;
        let order = ordered("push reboot\n");
        let mut line = stage.line_of(&mut sleeping, &attacker(), &["-T", "-i", "-e", &order], &["/attacker"]);
        line.stdin(pty.stream());
        // SAFETY: between fork and exec this makes system calls only.
        unsafe {
            line.pre_exec(|| {
                rustix::process::setsid()?;
                Ok(rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?)
            });
        }
        stage.finish(line);
        pty.waiting() > 0
    });
    if let Some(before) = before {
        fs::write(legacy, before).unwrap();
    }
}

/// What is still contain in a container has the host's environment.
#[test]
fn a_guest_that_is_not_yet_the_command_is_looked_into() {
    held_by("weak-dumpable", EXEC, |stage| {
        let order = ordered("look secret_of_the_host");
        let flags = [&attacker(), &["-e", &order][..]].concat();
        let container = stage.detached(&flags, &["/attacker"]);
        let log = stage.here.path().join("state").join(&container.id).join("stdout.log");
        wait_until("the attacker", || fs::read_to_string(&log).is_ok_and(|text| text.starts_with("ready\n")));
        (0..500).any(|_| {
            let mut line = container.line(&[], &["true"]);
            line.env("SECRET_OF_THE_HOST", "1");
            stage.finish(line);
            fs::read_to_string(&log).unwrap().ends_with("seen\n")
        })
    });
}

/// CVE-2014-8989: a group that is kept from a file is left.
#[test]
fn a_group_is_left_behind() {
    const GROUP: u32 = 4242;
    held_by("weak-setgroups", &RUN[1..], |stage| {
        let secret = stage.here.file("outside/secret", "not for this group");
        chown(&secret, Some(0), Some(GROUP)).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o604)).unwrap();
        let (volume, order) = (format!("{}:/secret", secret.display()), ordered("forget-groups /secret"));
        let flags = [&attacker(), &["-v", &volume, "-e", &order][..]].concat();
        let line = stage.run(&flags, &["/attacker"]);
        // With CAP_SETGID the kernel does not insist on it.
        let mut other = with_program(line.get_program(), &line);
        other.current_dir(stage.here.path()).env_remove("CONTAIN_ROOTFS").stdin(Stdio::null());
        // SAFETY: between fork and exec this makes system calls only.
        unsafe {
            other.pre_exec(|| {
                use rustix::process::{Gid, Uid};
                use rustix::thread::*;
                let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
                set_keep_capabilities(true)?;
                set_thread_groups(&[Gid::from_raw(GROUP)])?;
                set_thread_res_gid(gid, gid, gid)?;
                set_thread_res_uid(uid, uid, uid)?;
                let one = CapabilitySet::SETGID;
                set_capabilities(None, CapabilitySets { effective: one, permitted: one, inheritable: one })?;
                Ok(configure_capability_in_ambient_set(one, true)?)
            });
        }
        stage.finish(other).code == GOT
    });
}

/// bubblewrap's CVE-2020-5291 and its like: contain is installed setuid, and an ordinary user has root's power by it.
#[test]
fn it_is_installed_setuid() {
    held_by("weak-secure", &RUN[1..], |stage| {
        let binary = stage.at("contain");
        chown(&binary, Some(0), Some(0)).unwrap();
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o4755)).unwrap();
        chown(stage.at("outside/canary"), Some(0), Some(0)).unwrap();
        let volume = format!("{}:/mnt", stage.at("outside"));
        let got = stage.contain(&[
            "run",
            "--rootfs",
            stage.root.to_str().unwrap(),
            "-v",
            &volume,
            "sh",
            "-c",
            "echo owned > /mnt/canary",
        ]);
        assert!(!stage.is_whole() || got.fails(125, &["setuid", "chmod ug-s"]).out.is_empty());
        stage.canary() != "alive"
    });
}
