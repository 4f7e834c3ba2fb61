//! The names tini and docker-init, beside Debian's tini: the same flags, the same exit statuses, the same processes hit by a
//! signal. Both run on this machine as subreapers, and as process 1 of a container.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use common::pty::Pty;
use common::{Live, Out, Scratch, contain, finish, suicide};

/// Debian's, and ours by both names.
static INITS: LazyLock<[PathBuf; 3]> = LazyLock::new(|| {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tini");
    std::fs::create_dir_all(&place).unwrap();
    let link = |name: &str| {
        let link = place.join(name);
        let _old = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(std::fs::canonicalize(contain()).unwrap(), &link).unwrap();
        link
    };
    let debians = PathBuf::from("/usr/bin/tini");
    assert!(debians.exists(), "no {}: run `make setup`", debians.display());
    [debians, link("tini"), link("docker-init")]
});

fn with(init: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(init);
    command.args(words).stdin(std::process::Stdio::null());
    command
}

/// The same command line to each; what Debian's answers, the others must.
#[track_caller]
fn same(words: &[&str]) -> Out {
    let [debians, ours @ ..] = &*INITS;
    let wanted = finish(with(debians, words));
    for init in ours {
        let got = finish(with(init, words));
        assert_eq!((got.code, &got.out), (wanted.code, &wanted.out), "{init:?} {words:?}: {got:?}, not {wanted:?}");
    }
    wanted
}

#[test]
fn every_exit_status_comes_out() {
    for status in 0..=255 {
        let got = same(&["-s", "--", "sh", "-c", &format!("exit {status}")]);
        assert_eq!(got.code, status);
    }
}

#[test]
fn every_signal_that_ends_the_command_comes_out() {
    let scratch = Scratch::new();
    // Those that stop a process, or do nothing to it, are no end. 32 and 33 Debian's leaves blocked, being glibc's own.
    for signal in (1..=64).filter(|signal| !(17..=23).contains(signal) && ![28, 32, 33].contains(signal)) {
        let path = scratch.executable("suicide", suicide(signal));
        let got = same(&["-s", "--", path.to_str().unwrap()]);
        assert_eq!(got.code, 128 + i32::from(signal));
    }
}

#[test]
fn flags_are_taken_and_refused_alike() {
    let exits = |status| ["sh", "-c", status];
    let table: &[(&[&str], &str, i32)] = &[
        (&["-s", "-e", "7", "--"], "exit 7", 0),
        (&["-s", "-e", "7", "--"], "exit 8", 8),
        (&["-se7", "-e", "255", "-e143", "--"], "exit 255", 0),
        (&["-s", "-e", "143", "--"], "kill -TERM $$", 0),
        (&["-s", "-e", "0", "--"], "exit 0", 0),
        (&["-sgw", "--"], "exit 3", 3),
        (&["-s", "-p", "SIGKILL", "--"], "exit 4", 4),
        (&["-e", "256", "--"], "exit 0", 1),
        (&["-e", "-1", "--"], "exit 0", 1),
        (&["-e", "x", "--"], "exit 0", 1),
        (&["-p", "FOO", "--"], "exit 0", 1),
        (&["-x", "--"], "exit 0", 1),
        (&["-sx", "--"], "exit 0", 1),
    ];
    for (flags, script, status) in table {
        let got = same(&[flags, &exits(script)[..]].concat());
        assert_eq!(got.code, *status, "{flags:?} {script}: {got:?}");
    }
    for (words, status) in [(&[][..], 1), (&["-s"], 1), (&["-s", "--"], 1), (&["-s", "-e"], 1), (&["-p"], 1)] {
        let [debians, ours, _] = &*INITS;
        assert_eq!(finish(with(debians, words)).code, status, "{words:?}");
        finish(with(ours, words)).fails(status, &["tini: "]);
    }
    for (command, status) in [("nosuchcommand", 127), ("/etc/passwd", 126), ("/nowhere/x", 127)] {
        assert_eq!(same(&["-s", "--", command, "x"]).code, status);
    }
    for flag in ["-h", "--version"] {
        let got = finish(with(&INITS[1], &[flag]));
        assert!(got.code == 0 && got.out.contains("tini") && got.err.is_empty(), "{got:?}");
    }
}

#[test]
fn what_is_wrong_is_said() {
    for (words, said) in [
        (&["-e", "300", "true"][..], "tini: -e 300 is no exit status: write 0 to 255"),
        (&["-p", "FOO", "true"], "tini: -p FOO is no signal: write a name or number, as TERM or 15"),
        (&["-x", "true"], "tini: -x: no such option; `tini -h` lists them"),
        (&["-e"], "tini: -e needs a value"),
        (&["-s"], "tini: which command? write `tini [OPTIONS] -- COMMAND [ARG...]`"),
    ] {
        finish(with(&INITS[1], words)).fails(1, &[said]);
    }
    let warned = finish(with(&INITS[1], &["--", "true"]));
    let said = "contain: not process 1, and no subreaper: orphans are not reaped here; add -s, or set TINI_SUBREAPER\n";
    assert_eq!((warned.code, &*warned.err), (0, said));
    for (name, value) in [("TINI_SUBREAPER", ""), ("TINI_VERBOSITY", "0")] {
        for init in &*INITS {
            let mut quiet = with(init, &["--", "sh", "-c", "exit 5"]);
            let got = finish({
                quiet.env(name, value);
                quiet
            });
            assert_eq!((got.code, &*got.err), (5, ""), "{init:?} {name}");
        }
    }
}

/// A shell with another below it, in one process group. SIGTERM: the one below tells that it got it; the first waits for
/// that where `waits`, else it kills it.
fn pair(init: &Path, flags: &[&str], waits: bool) -> Live {
    let last = if waits { "wait" } else { "kill -KILL $below" };
    let script = format!(
        "(trap 'echo below; exit' TERM; echo up; while :; do sleep 0.02; done) & below=$!; \
         trap '{last}; echo first; exit 6' TERM; echo up; while :; do sleep 0.02; done"
    );
    let mut live = Live::start(with(init, &[flags, &["--", "sh", "-c", &script]].concat()));
    assert_eq!((live.line(), live.line()), ("up".into(), "up".into()));
    live
}

#[test]
fn a_signal_goes_to_the_command_or_to_its_group() {
    for init in &*INITS {
        let alone = pair(init, &["-s"], false);
        alone.signal(15);
        alone.end().is(6, "first\n");
        let group = pair(init, &["-s", "-g"], true);
        group.signal(15);
        group.end().is(6, "below\nfirst\n");
    }
}

#[test]
fn every_signal_but_its_own_is_passed_on() {
    // What a shell can trap; SIGCHLD and the faults stay with the init. TTIN and TTOU it does not take.
    let names = "HUP INT QUIT USR1 USR2 PIPE ALRM TERM CONT URG XCPU VTALRM PROF WINCH IO PWR";
    let script = format!(
        "for s in {names}; do trap \"echo $s\" $s; done; trap 'exit 9' XFSZ; echo ready; while :; do sleep 0.02; done"
    );
    let numbers = [1, 2, 3, 10, 12, 13, 14, 15, 18, 23, 24, 26, 27, 28, 29, 30];
    let heard = |init: &Path| {
        let mut live = Live::start(with(init, &["-s", "--", "bash", "-c", &script]));
        assert_eq!(live.line(), "ready");
        let mut heard = Vec::new();
        for number in numbers {
            live.signal(number);
            heard.push(live.line());
        }
        live.signal(25);
        live.end().is(9, "");
        heard
    };
    let wanted = heard(&INITS[0]);
    assert_eq!(wanted.len(), numbers.len());
    assert_eq!(heard(&INITS[1]), wanted);
}

#[test]
fn the_parents_end_is_told() {
    for init in &*INITS {
        let script = "trap 'echo told; exit' USR1; echo ready; while :; do sleep 0.02; done";
        let parent = format!("{} -s -p SIGUSR1 -- sh -c \"{script}\" & read line", init.display());
        let mut parent = Live::start(with(Path::new("/bin/sh"), &["-c", &parent]));
        assert_eq!(parent.line(), "ready");
        parent.end().is(1, "told\n");
    }
}

#[test]
fn what_is_reaped_is_told() {
    // An orphan: its number, and the wait until it is gone from /proc.
    let orphan = "(while kill -0 $$ 2>/dev/null; do sleep 0.01; done) >/dev/null & echo $!";
    let script = &format!("pid=$(sh -c '{orphan}'); while [ -e /proc/$pid ]; do sleep 0.01; done; echo $pid");
    for init in &*INITS {
        let got = finish(with(init, &["-s", "-w", "--", "sh", "-c", script]));
        assert!(got.code == 0 && got.err.contains(got.text()), "{init:?}: {got:?}");
        let silent = finish(with(init, &["-s", "--", "sh", "-c", script]));
        assert_eq!((silent.code, &*silent.err), (0, ""), "{init:?}");
    }
}

#[test]
fn the_terminal_is_the_commands() {
    for init in &*INITS {
        let mut pty = Pty::open();
        let script = "set -- $(ps -o tpgid= -o pgid= -o sid= -p $$); [ $1 = $2 ] && [ $3 != $2 ] && echo foreground";
        let mut child = pty.spawn(&with(init, &["-s", "--", "sh", "-c", script]));
        pty.expect("foreground");
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn as_process_1_of_a_container() {
    let scratch = Scratch::new();
    for (name, init) in
        [("debians", Path::new("/usr/bin/tini-static")), ("tini", contain()), ("docker-init", contain())]
    {
        let inside = format!("{}:/sbin/{name}:ro", init.display());
        let path = format!("/sbin/{name}");
        let root = scratch.root(name);
        let script = "echo $PPID; i=0; while [ $i -lt 50 ]; do (true &); i=$((i+1)); done; \
            until set -- /proc/[0-9]*; [ $# -le 2 ]; do sleep 0.02; done; exit 7";
        let head = ["run", "--rootfs", root.to_str().unwrap(), "-v", &inside, "--", &path, "--"];
        finish(common::command(&[&head[..], &["sh", "-c", script]].concat())).is(7, "1\n");
        assert_eq!(finish(common::command(&[&head[..], &["nosuchcommand"]].concat())).code, 127, "{name}");
    }
}
