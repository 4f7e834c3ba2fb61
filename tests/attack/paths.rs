//! Attacks on paths: links in a hostile root file system, links that are swapped while a launch is at them, descriptors
//! and directories of the host that a container could walk through.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;

use crate::stage::{self, ALL, How, RUN, Stage, attacker, held_by, ordered};

/// CVE-2019-19921, 2023-27561, 2023-28642, 2026-41579, 2026-47766: what the kernel's files are mounted on is chosen by the
/// image, and the container's own /proc is what the image says.
#[test]
fn base_directories_are_links() {
    for (name, sign) in [("proc", "self"), ("sys", "kernel"), ("dev", "null")] {
        for target in ["/../OUT", "/etc", "mnt"] {
            let attack = |stage: &Stage| {
                fs::remove_dir(stage.root.join(name)).unwrap();
                symlink(target.replace("OUT", &stage.at("outside")), stage.root.join(name)).unwrap();
                // Where it leads out, the container sees none of it.
                let script = format!("readlink /{name}; [ -e /{name}/{sign} ] && echo there; echo in");
                let got = stage.sh(&[], &script);
                if stage.is_whole() {
                    got.fails(125, &[&format!("/{name}"), "symbolic link"]);
                }
                assert!(stage.outside().is_empty(), "{got:?}");
                got.code == 0 && got.out.ends_with("in\n")
            };
            if target != "/../OUT" || name == "proc" {
                held_by("weak-symlinks", RUN, attack);
            } else {
                // The old root goes before the last mounts there: two walls, so that neither is proved.
                RUN.iter().for_each(|row| assert!(!attack(&Stage::new(*row, ""))));
            }
        }
    }
}

/// Where a descriptor of the launch leads to the host, a link to it in the image leads out, too: the number of it.
fn ways_out() -> std::ops::Range<u32> {
    3..12
}

/// A link in the root file system that leads to the directory with the canary, if a descriptor of that number is the root
/// file system's.
fn link_out(stage: &Stage, name: &str, number: u32) {
    let path = stage.root.join(name);
    let _old = fs::remove_file(&path);
    symlink(format!("/proc/self/fd/{number}/../outside"), path).unwrap();
}

/// LXC 2015-1335: what a volume is mounted on is made on the host.
#[test]
fn volume_targets_are_links() {
    for flag in ["-v", "--tmpfs"] {
        held_by("weak-inroot", RUN, |stage| {
            ways_out().any(|number| {
                link_out(stage, "out", number);
                let value = if flag == "-v" { format!("{}:/out/new", stage.at("outside")) } else { "/out/new".into() };
                let got = stage.sh(&[flag, &value], "rm -f /out/new/canary; echo ran");
                assert!(!stage.is_whole() || got.fails(125, &["/out"]).out.is_empty());
                !stage.outside().is_empty()
            })
        });
    }
}

const ROUNDS: usize = 500;

/// CVE-2021-30465 and 2024-45310: a process in another container swaps a directory and a link that leads out, while a
/// launch makes a mount point there and mounts on it.
#[test]
fn volume_targets_are_swapped_meanwhile() {
    // Which descriptor leads out, a launch tells that follows links.
    let weak = Stage::new(stage::ROOT[0], "weak-inroot");
    let number = ways_out().find(|number| {
        link_out(&weak, "out", *number);
        weak.sh(&["--tmpfs", "/out/new"], "true");
        !weak.outside().is_empty()
    });
    let number = number.expect("a descriptor that leads out");
    held_by("weak-inroot", RUN, |stage| {
        fs::create_dir(stage.root.join("a")).unwrap();
        link_out(stage, "b", number);
        stage.hand_over(&stage.root);
        // The other container has the root file system as a volume.
        let shared = format!("{}:/r", stage.root.display());
        let order = ordered("swap /r/a /r/b");
        let flags = [&attacker(), &["-v", &shared, "-e", &order][..]].concat();
        let other = Stage::new(stage.row, "");
        let swapping = other.detached(&flags, &["/attacker"]);
        let value = format!("{}:/a/new", stage.at("outside"));
        let (mut ran, mut refused) = (0, 0);
        let out = (0..ROUNDS).any(|_| {
            let got = stage.sh(&["-v", &value, "--tmpfs", "/a/tmp"], "echo ran");
            match got.code {
                0 => ran += 1,
                _ => refused += got.fails(125, &["/a"]).code / 125,
            }
            !stage.outside().is_empty()
        });
        // Both must have come, or nothing was raced.
        assert!(!stage.is_whole() || ran > 0 && refused > 0, "{ran} ran, {refused} refused");
        drop(swapping);
        out
    });
}

/// The account files are the image's; as links they would be the host's.
#[test]
fn account_files_are_links() {
    held_by("weak-inroot", ALL, |stage| {
        stage.here.file("outside/passwd", "evil:x:0:0:::/\n");
        fs::remove_file(stage.root.join("etc/passwd")).unwrap();
        symlink(stage.at("outside/passwd"), stage.root.join("etc/passwd")).unwrap();
        let got = stage.inside(&[], &["-u", "evil"], &["id", "-u"]);
        fs::remove_file(stage.at("outside/passwd")).unwrap();
        assert!(!stage.is_whole() || got.fails(125, &["passwd", "--user"]).out.is_empty());
        got.out == "0\n"
    });
}

/// CVE-2024-21626: the working directory is a descriptor that leads to the host.
#[test]
fn the_working_directory_is_a_descriptor() {
    held_by("weak-inroot", ALL, |stage| {
        let volumes = attacker();
        let order = ordered("cwd");
        ways_out().any(|number| {
            let path = format!("/proc/self/fd/{number}");
            let got = stage.inside(&volumes, &["-w", &path, "-e", &order], &["/attacker"]);
            if stage.is_whole() {
                got.fails(125, &[&path]);
            }
            got.code == crate::attacker::GOT
        })
    });
}

/// CVE-2024-21626 again: a directory of the host that the caller has open.
#[test]
fn descriptors_of_the_caller_are_left_open() {
    held_by("weak-close", ALL, |stage| {
        let outside = fs::File::open(stage.at("outside")).unwrap();
        let sleeping = (stage.row.1 == How::Exec).then(|| stage.sleeping(&[]));
        let script =
            "ls /proc/self/fd | tr '\\n' ' '; for n in $(seq 3 99); do echo owned > /proc/self/fd/$n/canary; done";
        let inside = ["/bin/sh", "-c", script];
        let mut line =
            sleeping.as_ref().map_or_else(|| stage.run(&[], &inside), |container| container.line(&[], &inside));
        // SAFETY: between fork and exec this makes system calls only.
        unsafe {
            line.pre_exec(move || {
                use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
                for number in (3..100).filter(|number| *number != outside.as_raw_fd()) {
                    let mut copy = OwnedFd::from_raw_fd(number);
                    // Without CLOEXEC.
                    rustix::io::dup2(&outside, &mut copy)?;
                    let _open = copy.into_raw_fd();
                }
                Ok(())
            });
        }
        let got = stage.finish(line);
        // The fourth is the directory that ls reads.
        assert!(!stage.is_whole() || got.out == "0 1 2 3 ", "{got:?}");
        stage.canary() != "alive"
    });
}

/// Where the old root is still there, it lies above the new one.
#[test]
fn the_old_root_is_above() {
    held_by("weak-detach", ALL, |stage| {
        stage.sh(&[], &format!("echo owned > /..{}", stage.at("outside/canary")));
        stage.canary() != "alive"
    });
}
