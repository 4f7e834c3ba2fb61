//! contain on a real terminal: the pty inside, window size, raw mode and its end, the keys ^C ^\ ^Z ^D, job
//! control in the shell inside, and that nothing from inside reaches the caller's terminal.

mod common;
use common::pty::{Pty, wait_for_foreground};
use common::{Scratch, below, command, contain, feed, finish, rootfs, status, wait_until};
use std::process::{Child, Command};

fn words(flags: &[&str], inside: &[&str]) -> Command {
    command(&[&["run", "--rootfs", rootfs()], flags, &["--"], inside].concat())
}

/// Runs a container on a fresh terminal to its end.
fn shown(flags: &[&str], script: &str) -> (i32, String) {
    let mut pty = Pty::open();
    let mut child = pty.spawn(&words(flags, &["sh", "-c", script]));
    let code = pty.wait(&mut child);
    (code, std::mem::take(&mut pty.seen))
}

/// Waits until some process below `parent` has become the program of this name.
fn wait_for(parent: &Child, name: &str) -> i32 {
    let mut found = None;
    let parent = parent.id() as i32;
    wait_until(name, || {
        found = below(parent).into_iter().find(|&pid| status(pid, "Name").as_deref() == Some(name));
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn all_three_streams_are_one_terminal_of_the_container() {
    let (code, seen) = shown(
        &["--quiet"],
        "test -t 0 && test -t 1 && test -t 2 && tty && ls -1A /dev/pts && test -c /dev/console && echo console",
    );
    let lines: Vec<&str> = seen.lines().collect();
    assert!(code == 0 && (lines[0] == "/dev/pts/0" || lines[0] == "/dev/console"), "{seen:?}");
    assert_eq!(lines[1..], ["0", "ptmx", "console"], "{seen:?}");
    // The session is the container's own, and has this terminal: /dev/tty opens, ps names it.
    let (code, seen) = shown(&["--quiet"], "echo through > /dev/tty; ps -o pid,tty | head -2 | tail -1");
    assert!(code == 0 && seen.starts_with("through\r\n") && seen.contains("136,0"), "{seen:?}");
    // The console is the terminal, whoever runs the command may use it.
    let (code, seen) =
        shown(&["--quiet", "-u", "1000:1000"], "echo one > /dev/tty; echo two > /dev/stdout; echo three > $(tty)");
    assert_eq!((code, seen.as_str()), (0, "one\r\ntwo\r\nthree\r\n"));
}

#[test]
fn a_terminal_is_made_when_both_ends_are_terminals_or_when_asked_for() {
    let mut pty = Pty::open();
    let script = "test -t 0 && echo in; test -t 1 && echo out; true";
    let line = format!("{} run --rootfs {} --quiet sh -c '{script}'", contain().display(), rootfs());
    let mut bash = |line: &str| {
        let mut child = pty.spawn(Command::new("bash").args(["-c", line]));
        let code = pty.wait(&mut child);
        (code, std::mem::take(&mut pty.seen))
    };
    assert_eq!(bash(&line), (0, "in\r\nout\r\n".into()));
    assert_eq!(bash(&format!("{line} | cat")), (0, "in\r\n".into()));
    assert_eq!(bash(&format!("{line} < /dev/null")), (0, "out\r\n".into()));
    for flag in ["-T", "--no-tty"] {
        let (code, seen) = shown(&["--quiet", flag], "ls -A /dev | grep -c console; ls -1 /dev/pts");
        assert_eq!((code, seen.as_str()), (0, "0\r\nptmx\r\n"), "{flag}");
    }
    for flag in ["-t", "--tty"] {
        let got = finish(words(&[flag], &["sh", "-c", "test -t 0 && test -t 1 && tty"]));
        assert!(got.code == 0 && got.out.trim_end().starts_with("/dev/"), "{got:?}");
    }
    // What a pipe brings to a terminal asked for arrives, and so does its end.
    let got = feed(words(&["-t"], &["cat"]), b"typed\n");
    assert!(got.code == 0 && got.out.contains("typed\r\n"), "{got:?}");
}

#[test]
fn the_window_has_the_callers_size_from_the_start_and_after_a_change() {
    let mut pty = Pty::open();
    pty.resize(101, 41);
    let script = "stty size; trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done";
    let mut child = pty.spawn(&words(&["--quiet"], &["sh", "-c", script]));
    assert_eq!(pty.expect("ready\r\n"), "41 101\r\nready\r\n");
    for (columns, rows) in [(90, 30), (200, 60), (132, 43)] {
        pty.resize(columns, rows);
        pty.expect(&format!("{rows} {columns}\r\n"));
    }
    common::kill(child.id() as i32, 15);
    assert_eq!(pty.wait(&mut child), 143);
}

#[test]
fn the_terminals_modes_are_restored_on_every_way_out() {
    let stty = |pty: &Pty, flags: &str| {
        let done = Command::new("stty").args(flags.split(' ')).stdin(pty.stream()).status().expect("stty");
        assert!(done.success());
    };
    let ends: &[(&[&str], &[&str], i32, i32)] = &[
        (&[], &["true"], 0, 0),
        (&[], &["sh", "-c", "stty raw -echo; exit 3"], 0, 3),
        (&[], &["nosuchcommand"], 0, 127),
        (&["-w", "/nowhere"], &["true"], 0, 125),
        (&["-v", "/no/such:/mnt"], &["true"], 0, 125),
        (&[], &["sleep", "1000"], 15, 143),
        (&[], &["sleep", "1000"], 2, 130),
        (&[], &["sleep", "1000"], 3, 131),
        (&[], &["sleep", "1000"], 1, 129),
        (&["--init"], &["sleep", "1000"], 15, 143),
        (&["--timeout", "300ms"], &["sleep", "1000"], 0, 124),
        (&["-m", "32M"], &["tail", "/dev/zero"], 0, 137),
    ];
    // An ordinary terminal and one that its owner has made odd.
    for odd in ["sane", "-echo -icrnl intr ^B", "raw"] {
        let mut pty = Pty::open();
        stty(&pty, odd);
        let before = pty.modes();
        for (flags, inside, signal, code) in ends {
            let mut child = pty.spawn(&words(flags, inside));
            if *signal != 0 {
                wait_for(&child, "sleep");
                if odd == "sane" {
                    wait_until("raw mode", || pty.modes() != before);
                }
                common::kill(child.id() as i32, *signal);
            }
            assert_eq!(pty.wait(&mut child), *code, "{odd} {flags:?} {inside:?}: {}", pty.seen);
            assert_eq!(pty.modes(), before, "{odd} {flags:?} {inside:?}");
        }
    }
}

#[test]
fn the_keys_that_kill_kill() {
    for (key, code) in [("\x03", 130), ("\x1c", 131)] {
        for flags in [&[] as &[&str], &["--init"], &["-T"], &["-T", "--init"]] {
            let mut pty = Pty::open();
            let before = pty.modes();
            let mut child = pty.spawn(&words(flags, &["sleep", "1000"]));
            wait_for(&child, "sleep");
            pty.send(key);
            assert_eq!(pty.wait(&mut child), code, "{flags:?}: {}", pty.seen);
            assert_eq!(pty.modes(), before);
        }
    }
    // Who listens decides for itself.
    let mut pty = Pty::open();
    let script = "sleep 1000 & trap 'echo caught; exit 5' INT; echo listening; wait";
    let mut child = pty.spawn(&words(&["--quiet"], &["sh", "-c", script]));
    pty.expect("listening");
    pty.send("\x03");
    pty.expect("caught");
    assert_eq!(pty.wait(&mut child), 5);
}

#[test]
fn the_key_that_stops_stops_contain_and_fg_goes_on() {
    for flags in ["", "--init", "-T"] {
        let mut pty = Pty::open();
        let mut shell = pty.spawn(Command::new("bash").args(["--norc", "--noprofile", "--noediting", "-i"]));
        pty.expect("$ ");
        let before = pty.modes();
        pty.send(&format!("{} run --rootfs {} {flags} sleep 1000\n", contain().display(), rootfs()));
        wait_for(&shell, "sleep");
        let launcher = below(shell.id() as i32)[0];
        for _ in 0..2 {
            pty.send("\x1a");
            pty.expect("Stopped");
            pty.expect("$ ");
            assert_eq!(pty.modes(), before, "{flags}");
            pty.send("echo here$((1 + 1))\n");
            pty.expect("here2");
            pty.expect("$ ");
            pty.send("fg\n");
            pty.expect("sleep 1000\r\n");
            // Only then are keys no longer the shell's.
            let going = |pid| status(pid, "State").is_some_and(|state| !state.starts_with('T'));
            wait_until("contain to go on", || going(launcher) && (flags == "-T" || pty.modes() != before));
        }
        pty.send("\x03");
        pty.expect("$ ");
        pty.send("echo status$?\n");
        pty.expect("status130");
        assert_eq!(pty.modes(), before);
        pty.send("exit\n");
        assert_eq!(pty.wait(&mut shell), 0, "{}", pty.seen);
    }
}

#[test]
fn job_control_works_in_the_shell_inside() {
    for flags in [&[] as &[&str], &["--init"]] {
        let mut pty = Pty::open();
        let mut child = pty.spawn(&words(&[flags, &["-e", "PS1=$ "]].concat(), &["/bin/sh"]));
        pty.expect("$ ");
        pty.send("sleep 1000 &\n");
        pty.expect("$ ");
        pty.send("jobs\n");
        assert!(!pty.expect("Running").contains("can't access tty"));
        pty.expect("$ ");
        let sleeper = wait_for(&child, "sleep");
        pty.send("fg\n");
        wait_for_foreground(sleeper, flags);
        pty.send("\x1a");
        pty.expect("Stopped");
        pty.expect("$ ");
        pty.send("bg; jobs\n");
        pty.expect("Running");
        pty.expect("$ ");
        pty.send("fg\n");
        wait_for_foreground(sleeper, flags);
        pty.send("\x03");
        pty.expect("$ ");
        pty.send("echo inter$((1 + 1))\n");
        pty.expect("inter2");
        pty.expect("$ ");
        // ^C at the prompt is the shell's, not contain's; ^D ends it with the last status.
        pty.send("\x03");
        pty.expect("$ ");
        pty.send("(exit 7)\n");
        pty.expect("(exit 7)\r\n");
        pty.expect("$ ");
        pty.send("\x04");
        assert_eq!(pty.wait(&mut child), 7, "{}", pty.seen);
    }
}

#[test]
fn end_of_file_is_typed_through() {
    let mut pty = Pty::open();
    let mut child = pty.spawn(&words(&["--quiet"], &["cat"]));
    wait_for(&child, "cat");
    pty.send("abc\n");
    pty.expect("abc\r\nabc\r\n");
    pty.send("\x04");
    assert_eq!(pty.wait(&mut child), 0, "{}", pty.seen);
}

#[test]
fn nothing_can_be_typed_into_the_callers_terminal() {
    // perl is on every Debian; with /usr from the host it runs on any root file system.
    let usr = ["-v", "/usr:/usr:ro", "-v", "/usr/lib:/lib:ro", "-v", "/usr/lib64:/lib64:ro"];
    let attack = "for my $f (0, 1, 2) { open(my $t, '+<&=', $f); ioctl($t, 0x5412, $_) for split //, \"evil\\n\"; } \
        if (open(my $t, '+<', '/dev/tty')) { ioctl($t, 0x5412, $_) for split //, \"evil\\n\"; } print 'tr', \"ied\\n\"";
    let here = Scratch::new();
    let root = here.root("root");
    for flags in [&["--quiet"] as &[&str], &["--quiet", "-T"], &["--quiet", "--init"], &["--quiet", "-T", "--init"]] {
        let mut pty = Pty::open();
        let head = ["run", "--rootfs", root.to_str().unwrap()];
        let line = command(&[&head as &[&str], flags, &usr, &["--", "/usr/bin/perl", "-e", attack]].concat());
        let mut child = pty.spawn(&line);
        pty.expect("tried");
        assert_eq!(pty.wait(&mut child), 0);
        assert_eq!(pty.waiting(), 0, "{flags:?}: typed into the caller's terminal, which shows {:?}", pty.seen);
    }
}

#[test]
fn a_megabyte_of_output_is_complete() {
    let (code, seen) = shown(&["--quiet"], "head -c 1048576 /dev/zero | tr '\\0' x; echo; echo END");
    assert!(code == 0 && seen.ends_with("x\r\nEND\r\n"), "{code} ...{:?}", &seen[seen.len().saturating_sub(50)..]);
    assert_eq!(seen.bytes().filter(|&byte| byte == b'x').count(), 1 << 20);
}

#[test]
fn output_of_a_command_that_ends_at_once_is_complete() {
    for round in 0..50 {
        let wanted = format!("line {round}\r\n").repeat(20);
        let (code, seen) = shown(
            &["--quiet"],
            &format!("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line {round}; done"),
        );
        assert_eq!((code, seen), (0, wanted));
    }
}

#[test]
fn the_story_is_told_on_a_terminal_and_each_line_begins_at_the_left() {
    let (code, seen) = shown(&["--hostname", "sandbox"], "echo out");
    assert!(code == 0 && seen.starts_with("[contain] creating namespaces: pid uts mnt ipc net cgroup\r\n"), "{seen:?}");
    let mut at = 0;
    for text in ["setting hostname: sandbox", "running: sh", "\r\nout\r\n", "container exited: exit status 0\r\n"] {
        at += seen[at..].find(text).unwrap_or_else(|| panic!("{text:?} in {seen:?}"));
    }
    assert!(
        seen.lines().count() > 8 && !seen.replace("\r\n", "").contains('\n'),
        "a line without its return: {seen:?}"
    );
    let (code, seen) = shown(&["--quiet"], "echo out");
    assert_eq!((code, seen.as_str()), (0, "out\r\n"));
}

#[test]
fn a_terminal_that_goes_away_ends_the_container() {
    let pty = Pty::open();
    let mut child = pty.spawn(&words(&[], &["sleep", "1000"]));
    let inside = wait_for(&child, "sleep");
    drop(pty);
    wait_until("contain to end", || child.try_wait().unwrap().is_some());
    wait_until("the container to end", || status(inside, "State").is_none_or(|state| state.starts_with('Z')));
}

#[test]
fn in_the_background_the_terminal_is_left_alone() {
    let mut pty = Pty::open();
    let mut shell = pty.spawn(Command::new("bash").args(["--norc", "--noprofile", "--noediting", "-i"]));
    pty.expect("$ ");
    let before = pty.modes();
    pty.send(&format!(
        "{} run --rootfs {} --quiet -T sh -c 'sleep 0.2; exit 9' & wait $!; echo status$?\n",
        contain().display(),
        rootfs()
    ));
    pty.expect("status9");
    assert_eq!(pty.modes(), before);
    pty.send("exit\n");
    assert_eq!(pty.wait(&mut shell), 0, "{}", pty.seen);
}
