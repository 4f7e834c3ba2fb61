//! Signals sent to contain reach the container, and end a plain command just as they would without it; if
//! contain itself is killed, the container dies with it.

mod common;
use common::{Live, below, command, contain, first_process, host_command, rootfs, status, wait_until};

const NAMED: [(&str, i32); 7] =
    [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3), ("USR1", 10), ("USR2", 12), ("CONT", 18)];

#[test]
fn signals_reach_a_command_that_listens() {
    let script = "for s in TERM INT HUP QUIT USR1 USR2 CONT; do trap \"echo $s\" $s; done; trap 'exit 4' WINCH; echo ready; \
        while :; do sleep 0.02; done";
    let mut live = Live::sh(&[], script);
    assert_eq!(live.line(), "ready");
    for (name, number) in NAMED {
        live.signal(number);
        assert_eq!(live.line(), name);
    }
    common::kill(first_process(live.pid()).unwrap(), 28);
    live.end().is(4, "");
}

#[test]
fn the_listeners_own_status_is_the_status() {
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3)] {
        let mut live = Live::sh(&[], &format!("trap 'exit 42' {name}; echo ready; while :; do sleep 0.02; done"));
        assert_eq!(live.line(), "ready");
        live.signal(number);
        live.end().is(42, "");
    }
}

#[test]
fn a_first_process_without_handlers_dies_as_a_plain_command_would() {
    // The kernel drops such signals for PID 1 of a namespace; whoever sent them to contain must not notice.
    for number in [15, 2, 1, 3, 10, 12, 14] {
        let mut live = Live::sh(&[], "echo ready; exec sleep 1000");
        assert_eq!(live.line(), "ready");
        // The shell has to have become sleep, which listens to nothing.
        wait_until("sleep", || {
            first_process(live.pid()).and_then(|pid| status(pid, "Name")).is_some_and(|name| name == "sleep")
        });
        live.signal(number);
        live.end().is(128 + number, "");
    }
}

#[test]
fn signals_that_mean_nothing_by_default_do_nothing() {
    let mut live = Live::sh(&[], "echo ready; read line; echo $line");
    assert_eq!(live.line(), "ready");
    for number in [18, 28, 23, 17] {
        live.signal(number);
    }
    use std::io::Write;
    live.input.as_mut().unwrap().write_all(b"alive\n").unwrap();
    live.end().is(0, "alive\n");
}

#[test]
fn what_the_command_ignores_is_ignored() {
    let mut live = Live::sh(&[], "trap '' TERM INT HUP; trap 'exit 5' USR1; echo ready; while :; do sleep 0.02; done");
    assert_eq!(live.line(), "ready");
    for number in [15, 2, 1] {
        live.signal(number);
    }
    live.signal(10);
    live.end().is(5, "");
}

#[test]
fn a_signal_that_the_caller_ignores_stays_ignored() {
    // As nohup does it: whatever contain inherits ignored is not for it to act on.
    let binary = contain().display();
    let line = format!("trap '' HUP INT; exec {binary} run --rootfs $R sh -c 'echo ready; read line; echo $line'");
    let mut live = Live::start(host_command(&line));
    assert_eq!(live.line(), "ready");
    live.signal(1);
    live.signal(2);
    use std::io::Write;
    live.input.as_mut().unwrap().write_all(b"alive\n").unwrap();
    live.end().is(0, "alive\n");
}

#[test]
fn a_signal_the_caller_has_blocked_is_still_served() {
    let binary = contain().display();
    let line = format!(
        "exec env --block-signal=TERM {binary} run --rootfs $R sh -c 'trap \"exit 6\" TERM; echo ready; while :; do sleep 0.02; done'"
    );
    let mut live = Live::start(host_command(&line));
    assert_eq!(live.line(), "ready");
    live.signal(15);
    live.end().is(6, "");
}

#[test]
fn stop_and_continue() {
    let mut live = Live::sh(&[], "echo ready; while read line; do echo $line; done");
    assert_eq!(live.line(), "ready");
    let state = |pid| status(pid, "State").unwrap_or_default();
    let inside = first_process(live.pid()).unwrap();
    live.signal(20);
    wait_until("contain to stop", || state(live.pid()).starts_with('T'));
    live.signal(18);
    wait_until("contain to go on", || !state(live.pid()).starts_with('T'));
    wait_until("the container to go on", || !state(inside).starts_with('T'));
    use std::io::Write;
    live.input.as_mut().unwrap().write_all(b"alive\n").unwrap();
    live.end().is(0, "alive\n");
}

#[test]
fn a_signal_during_the_launch_is_not_lost() {
    // Whenever it arrives, contain ends by it and leaves no container running.
    for delay in 0..40 {
        let live = Live::start(command(&["run", "--rootfs", rootfs(), "-m", "64M", "sleep", "1000"]));
        std::thread::sleep(std::time::Duration::from_micros(delay * 100));
        live.signal(15);
        let got = live.end();
        assert!(got.code == 143 || got.code == -15, "after {delay}00 us: {got:?}");
    }
}

#[test]
fn the_container_dies_with_a_killed_contain() {
    for flags in [&[] as &[&str], &["--init"], &["-m", "64M", "--pids", "20"], &["--pid", "host"], &["--net", "host"]] {
        let mut live =
            Live::sh(flags, "trap '' TERM HUP INT; setsid sleep 1234 & echo ready $$; wait; wait; sleep 1000");
        assert!(live.line().starts_with("ready"), "{flags:?}");
        let all = below(live.pid());
        assert!(all.len() >= 2, "{flags:?}: the shell and its child run: {all:?}");
        live.signal(9);
        if flags == ["--pid", "host"] {
            // Without a pid namespace only the first process is bound to us; its children are the host's.
            wait_until("the first process to die", || ended(all[0]));
            all.iter().for_each(|&pid| common::kill(pid, 9));
        }
        wait_until("the whole container to die", || all.iter().all(|&pid| ended(pid)));
        assert_eq!(live.end().code, -9, "{flags:?}");
    }
}

fn ended(pid: i32) -> bool {
    status(pid, "State").is_none_or(|state| state.starts_with('Z'))
}
