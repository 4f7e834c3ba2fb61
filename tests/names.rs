//! The names that contain answers to beside its own: init where it is not a machine's first process, poweroff, reboot and
//! halt. tini's are in tini.rs, switch_root and the machine's own init in the boot tests.

mod common;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Scratch, command, contain, finish};

/// A root file system with contain below /ours, by all of its names.
fn root(scratch: &Scratch) -> PathBuf {
    let root = scratch.root("root");
    let ours = root.join("ours");
    std::fs::create_dir(&ours).unwrap();
    std::fs::copy(contain(), ours.join("contain")).unwrap();
    for name in ["init", "poweroff", "reboot", "halt"] {
        symlink("contain", ours.join(name)).unwrap();
    }
    root
}

fn inside(root: &Path, options: &[&str], words: &[&str]) -> common::Out {
    let head = ["run", "--rootfs", root.to_str().unwrap()];
    finish(command(&[&head, options, &["--"], words].concat()))
}

const NOT_FIRST: &str = "contain: not the first process of a machine, so nothing is mounted or set up";

#[test]
fn init_in_a_container_looks_after_its_command() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    // An orphan is reaped, else the wait would not end.
    let script = "pid=$(sh -c 'sleep 0.1 >/dev/null & echo $!'); while [ -e /proc/$pid ]; do sleep 0.02; done; echo $PPID; exit 3";
    for privileged in [&[][..], &["--privileged"]] {
        let got = inside(&root, privileged, &["/ours/init", "sh", "-c", script]);
        got.fails(3, &[NOT_FIRST]);
        assert_eq!(got.out, "1\n");
        inside(&root, privileged, &["/ours/init"]).fails(2, &["init: which command?"]);
    }
}

#[test]
fn init_is_a_subreaper_where_it_is_not_process_1() {
    let scratch = Scratch::new();
    let link = scratch.path().join("init");
    symlink(std::fs::canonicalize(contain()).unwrap(), &link).unwrap();
    let mut init = Command::new(&link);
    let script = "pid=$(sh -c 'sleep 0.1 >/dev/null & echo $!'); while [ -e /proc/$pid ]; do sleep 0.02; done; exit 3";
    init.args(["sh", "-c", script]).stdin(std::process::Stdio::null());
    finish(init).fails(3, &[NOT_FIRST]);
}

#[test]
fn process_1_is_asked_for_the_end() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    let traps = "for s in USR1 USR2 TERM; do trap \"echo $s\" $s; done; ";
    let asked = "/ours/poweroff; /ours/reboot; /ours/halt; /ours/contain poweroff";
    inside(&root, &[], &["sh", "-c", &[traps, asked].concat()]).is(0, "USR2\nTERM\nUSR1\nUSR2\n");
    // Where systemd is process 1, these are its own signals.
    let traps = "mkdir -p /run/systemd/system; for s in 37 38 39; do trap \"echo $s\" $s; done; ";
    let asked = "/ours/poweroff; /ours/contain reboot; /ours/halt";
    inside(&root, &[], &["sh", "-c", &[traps, asked].concat()]).is(0, "38\n39\n37\n");
}

#[test]
fn a_process_1_that_takes_no_such_signal_is_told() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    for name in ["poweroff", "reboot", "halt"] {
        let got = inside(&root, &[], &["sh", "-c", &format!("/ours/{name}; exit $?")]);
        let said = format!("process 1 takes no signal that asks it to {name} this machine\n");
        got.fails(125, &[&said, &format!("hint: contain {name} -f does it at once")]);
        // At once it does not either, without the capability.
        for forced in ["-f", "-nf", "--force --no-sync"] {
            let got = inside(&root, &[], &["sh", "-c", &format!("/ours/{name} {forced}; exit $?")]);
            got.fails(125, &[&format!("contain: {name} this machine: EPERM")]);
        }
        let got = inside(&root, &[], &["sh", "-c", &format!("/ours/{name} now; exit $?")]);
        got.fails(2, &[&format!("{name} takes no argument: now")]);
    }
}

#[test]
fn a_container_that_ends_itself_as_a_machine() {
    let scratch = Scratch::new();
    let root = root(&scratch);
    // reboot(2) in a pid namespace of its own ends that.
    let ends = |name: &str| inside(&root, &["--cap-add", "SYS_BOOT", "--verbose"], &[&format!("/ours/{name}"), "-f"]);
    for name in ["poweroff", "halt"] {
        let got = ends(name);
        assert!(got.code == 0 && got.err.contains("[contain] container exited: it powered itself off\n"), "{got:?}");
    }
    let got = ends("reboot");
    let said = "contain: the container asked for a restart, and is not started again\n";
    assert!(got.code == 129 && got.err.contains(said), "{got:?}");
}
