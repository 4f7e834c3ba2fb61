//! What a container may do: capabilities in `run` and in `exec`, as root and as another user, and what says that something
//! cannot be had.

mod common;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use common::detached::Detached;
use common::{Out, Scratch, command, finish, host, rootfs, run, sh, sh_in, wait_until};

/// podman's eleven, as /proc/PID/status shows them.
const DEFAULT: u64 = 0x8004_05fb;
const KILL: u64 = 1 << 5;
const NET_ADMIN: u64 = 1 << 12;

/// Shows its effective user id, or a key `canary` of its session keyring: with `-` it makes one first, and executes the rest.
const PROBE: &str = r#"
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
enum { JOIN = 1, SEARCH = 10, SESSION = -3 };
int main(int count, char **words) {
    if (count > 1 && !strcmp(words[1], "key")) {
        long key = syscall(SYS_keyctl, SEARCH, SESSION, "user", "canary", 0);
        puts(key >= 0 ? "found" : strerror(errno));
    } else if (count > 2) {
        if (syscall(SYS_keyctl, JOIN, 0) < 0 || syscall(SYS_add_key, "user", "canary", "x", 1, SESSION) < 0) return 1;
        execv(words[2], words + 2);
    } else printf("%d\n", geteuid());
    return 0;
}
"#;

/// A root file system with the probe in /bin, setuid root.
fn probed(here: &Scratch) -> PathBuf {
    let (root, source) = (here.root("root"), here.file("probe.c", PROBE));
    let mut compiler = Command::new("musl-gcc");
    compiler.args(["-static", "-Os", "-o"]).arg(root.join("bin/probe")).arg(source);
    assert!(compiler.status().expect("musl-gcc, which `make setup` installs").success());
    std::fs::set_permissions(root.join("bin/probe"), PermissionsExt::from_mode(0o4755)).unwrap();
    root
}

const LOOK: &str = "grep -E '^(Cap|NoNewPrivs)' /proc/self/status";

/// The sets of capabilities: inheritable, permitted, effective, bounding, ambient.
#[track_caller]
fn sets(got: &Out) -> [u64; 5] {
    ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"].map(|name| {
        let line = got.text().lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}: {got:?}"));
        u64::from_str_radix(line.rsplit('\t').next().unwrap(), 16).unwrap()
    })
}

/// What this process holds: all that `ALL` can be.
fn held() -> u64 {
    u64::from_str_radix(&common::status(std::process::id() as i32, "CapPrm").unwrap(), 16).unwrap()
}

/// Flags, and the set that they mean.
fn table() -> Vec<(&'static [&'static str], u64)> {
    vec![
        (&[], DEFAULT),
        (&["--cap-drop", "ALL"], 0),
        (&["--cap-add", "net_admin"], DEFAULT | NET_ADMIN),
        (&["--cap-drop=kill,CAP_CHOWN", "--cap-drop", "cap_fowner"], DEFAULT & !KILL & !1 & !8),
        (&["--cap-add", "CAP_KILL", "--cap-drop", "all"], KILL),
        (&["--cap-add", "kill", "--cap-drop", "kill"], DEFAULT),
        (&["--cap-add", "ALL"], held()),
        (&["--cap-add", "ALL", "--cap-drop", "NET_ADMIN,kill"], held() & !NET_ADMIN & !KILL),
    ]
}

#[test]
fn root_holds_what_was_asked_for_and_others_hold_nothing() {
    for (flags, set) in table() {
        assert_eq!(sets(&sh(flags, LOOK)), [0, set, set, set, 0], "{flags:?}");
        let got = sh(&[flags, &["-u", "1000:1000"]].concat(), LOOK);
        assert_eq!(sets(&got), [0, 0, 0, set, 0], "{flags:?} as 1000");
        let got = sh(&[flags, &["--init"]].concat(), LOOK);
        assert_eq!(sets(&got), [0, set, set, set, 0], "{flags:?} --init");
    }
}

#[test]
fn exec_gives_what_the_container_has() {
    for (flags, set) in table() {
        let container = Detached::sleeping(flags);
        assert_eq!(sets(&container.sh(&[], LOOK)), [0, set, set, set, 0], "{flags:?}");
        assert_eq!(sets(&container.sh(&["-u", "1000"], LOOK)), [0, 0, 0, set, 0], "{flags:?} as 1000");
    }
    // Neither what the caller may hand down nor what a record says makes it more.
    let container = Detached::sleeping(&["--cap-drop", "ALL", "--cap-add", "kill"]);
    let line = format!("setpriv --inh-caps=+net_admin --ambient-caps=+net_admin {}", common::contain().display());
    let exec = format!("{line} exec --root {} {} sh -c \"{LOOK}\"", container.state(), container.id);
    assert_eq!(sets(&host(&exec)), [0, KILL, KILL, KILL, 0]);
    let text = std::fs::read_to_string(container.metadata()).unwrap();
    let wide = text.replace(&format!("\"capabilities\": {KILL}"), &format!("\"capabilities\": {}", u64::MAX));
    assert_ne!(text, wide);
    std::fs::write(container.metadata(), wide).unwrap();
    assert_eq!(sets(&container.sh(&[], LOOK)), [0, KILL, KILL, KILL, 0]);
}

#[test]
fn capabilities_that_cannot_be_had_are_named() {
    run(&["--cap-add", "SYSADMIN", "true"]).fails(2, &["--cap-add SYSADMIN", "did you mean SYS_ADMIN?"]);
    run(&["--cap-drop", "kill,nosuch", "true"]).fails(2, &["--cap-drop kill,nosuch", "'NOSUCH'", "capabilities(7)"]);
    let line = |held: &str, flags: &str| {
        let contain = common::contain().display();
        host(&format!("setpriv --bounding-set=-{held} {contain} run --rootfs $R {flags} sh -c \"{LOOK}\""))
    };
    line("net_raw", "--cap-add net_raw").fails(125, &["--cap-add NET_RAW: contain itself does not hold it"]);
    // What of the default is not held, or of all, is left out.
    assert_eq!(sets(&line("kill", ""))[1], DEFAULT & !KILL);
    assert_eq!(sets(&line("kill", "--cap-add ALL"))[1], held() & !KILL);
}

#[test]
fn no_exec_gives_more_than_was_held_unless_that_is_wanted() {
    let here = Scratch::new();
    let root = probed(&here);
    let privileges = "grep NoNewPrivs /proc/self/status | cut -f2; probe";
    for (flags, wanted) in [
        (&[][..], "1\n1000\n"),
        (&["--security", "no-new-privs"], "1\n1000\n"),
        (&["--init"], "1\n1000\n"),
        (&["--cap-add", "ALL"], "1\n1000\n"),
        (&["--privileged", "--security=no-new-privs"], "1\n1000\n"),
        (&["--security", "new-privs"], "0\n0\n"),
        (&["--security=no-new-privs", "--security=new-privs"], "0\n0\n"),
        (&["--privileged"], "0\n0\n"),
    ] {
        sh_in(&root, &[flags, &["-u", "1000"]].concat(), privileges).is(0, wanted);
        let container = Detached::start_in(&root, flags, &["sleep", "1000"]);
        container.sh(&["-u", "1000"], privileges).is(0, wanted);
    }
    run(&["--security", "none", "true"]).fails(2, &["--security none", "no-new-privs, new-privs"]);
}

#[test]
fn the_callers_keys_are_not_seen_inside() {
    let here = Scratch::new();
    let root = probed(&here);
    let probe = root.join("bin/probe");
    let keyed = |words: &[&str]| {
        let mut line = Command::new(&probe);
        line.args(["-", common::contain().to_str().unwrap()]).args(words).env_remove("CONTAIN_ROOTFS");
        finish(line)
    };
    // The key is there for whom this process executes, but for a container.
    let mut line = Command::new(&probe);
    line.args(["-", probe.to_str().unwrap(), "key"]);
    finish(line).is(0, "found\n");
    let root = root.to_str().unwrap();
    // The default profile refuses even to look.
    keyed(&["run", "--rootfs", root, "probe", "key"]).is(0, "Operation not permitted\n");
    let open = ["--seccomp", "unconfined"];
    keyed(&["run", "--rootfs", root, open[0], open[1], "probe", "key"]).is(0, "Required key not available\n");
    let container = Detached::start_in(root.as_ref(), &open, &["sleep", "1000"]);
    let state = container.state();
    keyed(&["exec", "--root", &state, &container.id, "probe", "key"]).is(0, "Required key not available\n");
}

#[test]
fn contain_does_nothing_with_more_rights_than_its_caller() {
    let here = Scratch::new();
    let binary = here.executable("contain", std::fs::read(common::contain()).unwrap());
    let nobody = |flags: &[&str], words: &[&str]| {
        let mut line = Command::new("setpriv");
        line.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).args(flags).arg(&binary).args(words);
        finish(line)
    };
    let by_nobody = |words: &[&str]| nobody(&[], words);
    by_nobody(&["help"]).text();
    for (mode, lines) in
        [(0o4755, [&["help"][..], &["ps"]]), (0o2755, [&["check"], &["run", "--rootfs", rootfs(), "true"]])]
    {
        std::fs::set_permissions(&binary, PermissionsExt::from_mode(mode)).unwrap();
        for line in lines {
            by_nobody(line)
                .fails(125, &["setuid, setgid or with file capabilities", "chmod ug-s, setcap -r"])
                .is(125, "");
        }
        // Where it has no effect, for root or where no exec gives anything, it is no matter.
        finish(Command::new(&binary)).fails(2, &["which command?"]);
        nobody(&["--no-new-privs"], &["--version"]).text();
    }
    std::fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(host(&format!("setcap cap_kill+ep {}", binary.display())).code, 0, "setcap, of libcap2-bin");
    by_nobody(&["help"]).fails(125, &["file capabilities"]);
}

/// Another container's root may look into processes with its own rights: into a command, but not into what is still contain.
#[test]
fn nobody_looks_into_a_container_that_is_being_set_up() {
    let other = Detached::sleeping(&["--pid", "host"]);
    // The launcher says a line or two and then has to wait for a reader, and the child for the launcher.
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let size = rustix::pipe::fcntl_setpipe_size(&writer, 4096).unwrap();
    rustix::io::write(&writer, &vec![b'x'; size - 100]).unwrap();
    let mut line = command(&["run", "--rootfs", rootfs(), "--verbose", "--", "sh", "-c", "echo; read line"]);
    line.stderr(writer).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut launcher = line.spawn().unwrap();
    drop(line);
    let id = launcher.id() as i32;
    let child = || common::below(id).first().copied().unwrap_or(0);
    let is_set_up = || {
        let is =
            |field: &str, wanted: &str| common::status(child(), field).is_some_and(|value| value.starts_with(wanted));
        is("CapEff", "00000000800405fb") && is("State", "S")
    };
    wait_until("the child to be set up", is_set_up);
    let look =
        |file: &str| other.sh(&[], &format!("cat /proc/{0}/{file} >/dev/null && readlink /proc/{0}/exe", child()));
    for file in ["environ", "maps", "fd/0"] {
        let got = look(file);
        assert!(got.code != 0 && got.err.contains("Permission denied"), "{file}: {got:?}");
    }
    // It goes on, and is a command.
    let mut output = BufReader::new(launcher.stdout.take().unwrap());
    let story = std::thread::spawn(move || std::io::read_to_string(std::fs::File::from(reader)));
    output.read_line(&mut String::new()).unwrap();
    look("environ").is(0, "/bin/busybox\n");
    drop(launcher.stdin.take());
    assert_eq!(launcher.wait().unwrap().code(), Some(1));
    assert!(story.join().unwrap().unwrap().contains("container exited"));
}
