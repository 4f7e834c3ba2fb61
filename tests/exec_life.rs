//! The life of a `contain exec`: its terminal and job control, signals, and every way in which it, its command or the
//! container can end.

mod common;
use common::detached::Detached;
use common::pty::Pty;
use common::{Live, below, feed, finish, kill, status, wait_until};
use std::process::{Child, Command};

/// Waits until some process below `parent` has become the program of this name.
fn wait_for(parent: &Child, name: &str) -> i32 {
    let mut found = None;
    wait_until(name, || {
        found = below(parent.id() as i32).into_iter().find(|&pid| status(pid, "Name").as_deref() == Some(name));
        found.is_some()
    });
    found.unwrap()
}

fn has_ended(pid: i32) -> bool {
    status(pid, "State").is_none_or(|state| state.starts_with('Z'))
}

/// Runs a guest on a fresh terminal to its end.
fn shown(container: &Detached, flags: &[&str], script: &str) -> (i32, String) {
    let mut pty = Pty::open();
    let mut child = pty.spawn(&container.command(flags, &["sh", "-c", script]));
    let code = pty.wait(&mut child);
    (code, std::mem::take(&mut pty.seen))
}

#[test]
fn the_terminal_is_the_containers_own() {
    let container = Detached::sleeping(&[]);
    for flags in [&[] as &[&str], &["-it"], &["-t"]] {
        let script = "test -t 0 && test -t 1 && test -t 2 && tty; echo through > /dev/tty; ls /dev/console; exit 4";
        let (code, seen) = shown(&container, flags, script);
        assert!(code == 4 && seen.starts_with("/dev/pts/0\r\nthrough\r\n"), "{flags:?} {seen:?}");
        assert!(seen.contains("/dev/console: No such file"), "{seen:?}");
    }
    // None where one of the two is no terminal, or where it is not wanted; one where it is asked for.
    let (code, seen) = shown(&container, &["-T"], "ls /dev/pts; cat /dev/tty 2>&1");
    assert!(code != 0 && seen.starts_with("ptmx\r\n") && seen.contains("No such device"), "{seen:?}");
    container.sh(&[], "test -t 0 || test -t 1 || echo none").is(0, "none\n");
    let got = feed(container.command(&["-it"], &["sh", "-c", "tty; cat"]), b"typed\n");
    assert!(got.code == 0 && got.out.contains("/dev/pts/0\r\n") && got.out.ends_with("typed\r\n"), "{got:?}");
    // Another user's is that user's.
    let (code, seen) = shown(&container, &["-u", "1000:1000"], "id -u; echo one > $(tty)");
    assert_eq!((code, seen.as_str()), (0, "1000\r\none\r\n"));
    // A container with a terminal of its own keeps it, and each guest has another.
    let (mut one, mut two) = (Pty::open(), Pty::open());
    let state = container.scratch().at("other");
    let head = ["run", "--root", &state, "--rootfs", common::rootfs(), "--name", "other", "--quiet", "--rm"];
    let mut first = one.spawn(&common::command(&[&head as &[&str], &["sh", "-c", "tty; sleep 1000"]].concat()));
    one.expect("/dev/");
    let line =
        ["exec", "--root", &state, "other", "sh", "-c", "tty; ls -1 /dev/pts; stat -c %t:%T /dev/console /dev/pts/0"];
    let mut second = two.spawn(&common::command(&line));
    assert_eq!(two.wait(&mut second), 0, "{}", two.seen);
    assert_eq!(two.seen, "/dev/pts/1\r\n0\r\n1\r\nptmx\r\n88:0\r\n88:0\r\n");
    one.send("\x03");
    assert_eq!(one.wait(&mut first), 130, "{}", one.seen);
}

#[test]
fn the_window_has_the_callers_size_and_the_modes_come_back() {
    let container = Detached::sleeping(&[]);
    let mut pty = Pty::open();
    pty.resize(101, 41);
    let before = pty.modes();
    let script = "stty size; trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; done";
    let mut child = pty.spawn(&container.command(&[], &["sh", "-c", script]));
    assert_eq!(pty.expect("ready\r\n"), "41 101\r\nready\r\n");
    assert_ne!(pty.modes(), before);
    for (columns, rows) in [(90, 30), (200, 60)] {
        pty.resize(columns, rows);
        pty.expect(&format!("{rows} {columns}\r\n"));
    }
    pty.send("\x03");
    assert_eq!(pty.wait(&mut child), 130);
    assert_eq!(pty.modes(), before);
    for (flags, inside, code) in [
        (&[] as &[&str], "nosuchcommand", 127),
        (&["-w", "/nowhere"], "true", 125),
        (&["-u", "nosuch"], "true", 125),
        (&[], "true", 0),
    ] {
        let mut child = pty.spawn(&container.command(flags, &[inside]));
        assert_eq!(pty.wait(&mut child), code, "{}", pty.seen);
        assert_eq!(pty.modes(), before, "{inside}");
    }
}

#[test]
fn the_key_that_stops_stops_exec_and_fg_goes_on() {
    let container = Detached::sleeping(&[]);
    for flags in [&[] as &[&str], &["-T"]] {
        let mut pty = Pty::open();
        let mut shell = pty.spawn(Command::new("bash").args(["--norc", "--noprofile", "--noediting", "-i"]));
        pty.expect("$ ");
        let before = pty.modes();
        let line = container.command(flags, &["sleep", "1004"]);
        let words: Vec<_> = line.get_args().map(|word| word.to_str().unwrap()).collect();
        pty.send(&format!("{} {}\n", common::contain().display(), words.join(" ")));
        let sleeper = wait_for(&shell, "sleep");
        let launcher = below(shell.id() as i32)[0];
        wait_until("raw mode", || flags == ["-T"] || pty.modes() != before);
        pty.send("\x1a");
        pty.expect("Stopped");
        pty.expect("$ ");
        assert_eq!(pty.modes(), before);
        wait_until("the guest to stop", || status(sleeper, "State").is_some_and(|state| state.starts_with('T')));
        pty.send("fg\n");
        wait_until("all to go on", || {
            let going = |pid| status(pid, "State").is_some_and(|state| !state.starts_with('T'));
            going(launcher) && going(sleeper) && (flags == ["-T"] || pty.modes() != before)
        });
        pty.send("\x03");
        pty.expect("$ ");
        pty.send("echo status$?\n");
        pty.expect("status130");
        pty.send("exit\n");
        assert_eq!(pty.wait(&mut shell), 0, "{}", pty.seen);
    }
}

/// The end of a pid namespace waits until all in it are reaped, and a stopped parent reaps nobody.
#[test]
fn a_stopped_exec_does_not_hold_up_the_containers_end() {
    for flags in [&[] as &[&str], &["-T"]] {
        let container = Detached::sleeping(&[]);
        let mut pty = Pty::open();
        let mut shell = pty.spawn(Command::new("bash").args(["--norc", "--noprofile", "--noediting", "-i"]));
        pty.expect("$ ");
        let before = pty.modes();
        let line = container.command(flags, &["sleep", "1005"]);
        let words: Vec<_> = line.get_args().map(|word| word.to_str().unwrap()).collect();
        pty.send(&format!("{} {}\n", common::contain().display(), words.join(" ")));
        let sleeper = wait_for(&shell, "sleep");
        wait_until("raw mode", || flags == ["-T"] || pty.modes() != before);
        pty.send("\x1a");
        pty.expect("Stopped");
        container.kill();
        wait_until("the container's end", || container.has_ended() && has_ended(sleeper));
        pty.send("fg\n");
        pty.send("echo status$?\n");
        pty.expect("status137");
        pty.send("exit\n");
        assert_eq!(pty.wait(&mut shell), 0, "{}", pty.seen);
    }
}

#[test]
fn a_terminal_that_goes_away_hangs_up() {
    let container = Detached::sleeping(&[]);
    for inside in [&["sleep", "1006"] as &[&str], &["sh", "-c", "sleep 1006; true"], &["cat"]] {
        for flags in [&["-it"] as &[&str], &["-T"]] {
            let pty = Pty::open();
            let mut child = pty.spawn(&container.command(flags, inside));
            let guest = wait_for(&child, inside[0]);
            drop(pty);
            wait_until("contain to end", || child.try_wait().unwrap().is_some());
            wait_until("the guest to end", || has_ended(guest));
        }
    }
    // Who listens for it hears it.
    let pty = Pty::open();
    let script = "trap 'echo $1 > /dev/shm/heard; exit 0' HUP; sleep 1006 & wait";
    let mut child = pty.spawn(&container.command(&["-it"], &["sh", "-c", script, "sh", "hangup"]));
    wait_for(&child, "sleep");
    drop(pty);
    wait_until("contain to end", || child.try_wait().unwrap().is_some());
    container.exec(&[], &["cat", "/dev/shm/heard"]).is(0, "hangup\n");
    assert!(container.lives());
}

#[test]
fn signals_reach_the_command_and_tell_its_status() {
    let container = Detached::sleeping(&[]);
    for (number, code) in [(1, 129), (2, 130), (3, 131), (10, 138), (15, 143)] {
        let guest = Live::start(container.command(&[], &["sleep", "1007"]));
        wait_for(&guest.child, "sleep");
        guest.signal(number);
        assert_eq!(guest.end().code, code);
        let script = "trap 'echo caught; exit 5' HUP INT QUIT USR1 TERM; sleep 1007 >/dev/null 2>&1 & echo here; wait";
        let mut guest = Live::start(container.command(&[], &["sh", "-c", script]));
        assert_eq!(guest.line(), "here");
        guest.signal(number);
        guest.end().is(5, "caught\n");
    }
    assert!(container.lives());
}

#[test]
fn killed_it_takes_its_command_along_and_nothing_else() {
    for flags in [&[] as &[&str], &["--pid", "host"], &["--user", "1000"]] {
        let container = Detached::sleeping(flags);
        let mut guest = Live::start(container.command(&[], &["sh", "-c", "echo here; exec sleep 1008"]));
        assert_eq!(guest.line(), "here");
        let inside = below(guest.pid()).pop().expect("the guest");
        guest.signal(9);
        assert_eq!(guest.end().code, -9);
        wait_until("the guest to end", || has_ended(inside));
        assert!(container.lives());
        container.exec(&[], &["echo", "still"]).is(0, "still\n");
    }
}

#[test]
fn the_containers_end_is_the_guests() {
    for flags in [&[] as &[&str], &["--init"], &["--pid", "host"]] {
        let container = Detached::sleeping(flags);
        let mut guest = Live::start(container.command(&[], &["sh", "-c", "trap '' TERM HUP INT; echo here; cat"]));
        assert_eq!(guest.line(), "here");
        container.kill();
        wait_until("the guest to end", || guest.child.try_wait().unwrap().is_some());
        assert_eq!(guest.end().code, 137, "{flags:?}");
        wait_until("the container's end", || container.has_ended());
    }
}

#[test]
fn a_frozen_guest_is_not_waited_for_against_ones_will() {
    let container = Detached::sleeping(&["--pids", "10"]);
    let state = container.state();
    finish(common::command(&["pause", "--root", &state, &container.id])).is(0, &format!("{}\n", container.id));
    let got = container.exec(&[], &["true"]);
    got.fails(125, &["is paused", "resume it first: contain resume"]);
    // As if it was paused just after that was looked at.
    let text = std::fs::read_to_string(container.metadata()).unwrap();
    std::fs::write(container.metadata(), text.replace("\"paused\"", "\"running\"")).unwrap();
    for number in [15, 2, 9] {
        let mut child = container.command(&[], &["true"]).spawn().unwrap();
        wait_until("the guest to be there", || !below(child.id() as i32).is_empty());
        kill(child.id() as i32, number);
        wait_until("contain to end", || child.try_wait().unwrap().is_some());
    }
    let mut child = container.command(&[], &["sh", "-c", "exit 6"]).spawn().unwrap();
    wait_until("the guest to be there", || !below(child.id() as i32).is_empty());
    finish(common::command(&["resume", "--root", &state, &container.id])).is(0, &format!("{}\n", container.id));
    assert_eq!(common::code(child.wait().unwrap()), 6);
}
