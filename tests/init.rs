//! --init: contain itself stays PID 1 inside, forwards signals, reaps whoever is left over and ends with the
//! command's status. How signals reach the container at all is in signals.rs.

mod common;
use common::{Live, command, finish, first_process, rootfs, run, sh, status, wait_until};

#[test]
fn contain_is_the_first_process_and_the_command_is_not() {
    let got = sh(&["--init"], "echo $$; tr '\\0' ' ' < /proc/1/cmdline; cat /proc/1/comm");
    let mut lines = got.text().lines();
    assert!(lines.next().unwrap().parse::<i32>().unwrap() > 1, "{got:?}");
    assert!(got.out.contains("contain") || got.out.contains("init"), "{got:?}");
    // The command sees nothing of its father but that it is there.
    sh(&["--init"], "echo $PPID; ls /proc/$$/fd; :").is(0, "1\n0\n1\n2\n");
}

#[test]
fn the_status_is_the_commands() {
    for code in [0, 1, 2, 77, 124, 125, 126, 127, 128, 137, 255] {
        sh(&["--init"], &format!("exit {code}")).is(code, "");
    }
    run(&["--init", "nosuchcommand"]).fails(127, &["nosuchcommand"]);
    run(&["--init", "/etc/passwd"]).fails(126, &["/etc/passwd"]);
    run(&["--init", "-w", "/nowhere", "true"]).fails(125, &["/nowhere"]);
    // An orphan that ends earlier or later, with another status, changes nothing.
    sh(&["--init"], "(sh -c 'exit 9' & ) ; sleep 0.2; exit 5").is(5, "");
    sh(&["--init"], "(sleep 1000 & ) ; exit 6").is(6, "");
}

#[test]
fn zombies_are_reaped() {
    // 200 grandchildren are orphaned; a zombie would stay in /proc beside the two that live on.
    let script = "i=0; while [ $i -lt 200 ]; do (sh -c 'exit 3' &) ; i=$((i+1)); done; n=0; \
        until set -- /proc/[0-9]*; [ $# -le 2 ] || [ $n -gt 500 ]; do sleep 0.02; n=$((n+1)); done; echo $#";
    sh(&["--init"], script).is(0, "2\n");
    // The same under a pid limit that 200 zombies would exhaust many times over.
    let script = "i=0; n=0; while [ $i -lt 200 ]; do (true &) || exit 9; i=$((i+1)); \
        until set -- /proc/[0-9]*; [ $# -le 10 ] || [ $n -gt 500 ]; do sleep 0.02; n=$((n+1)); done; done; echo all";
    sh(&["--init", "--pids", "20"], script).is(0, "all\n");
}

#[test]
fn signals_are_forwarded_to_the_command() {
    let script = "for s in TERM INT HUP QUIT USR1 USR2 CONT WINCH; do trap \"echo $s\" $s; done; trap 'exit 4' ALRM; echo ready; \
        while :; do sleep 0.02; done";
    let mut live = Live::sh(&["--init"], script);
    assert_eq!(live.line(), "ready");
    for (name, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3), ("USR1", 10), ("USR2", 12), ("CONT", 18)]
    {
        live.signal(number);
        assert_eq!(live.line(), name);
    }
    live.signal(14);
    live.end().is(4, "");
}

#[test]
fn a_command_without_handlers_dies_of_the_signal() {
    for number in [15, 2, 1, 3, 10, 12] {
        let live = Live::start(command(&["run", "--rootfs", rootfs(), "--init", "sleep", "1000"]));
        let started = |pid: &i32| status(*pid, "Name").as_deref() == Some("sleep");
        wait_until("the command", || {
            first_process(live.pid()).is_some_and(|inner| common::below(inner).iter().any(started))
        });
        live.signal(number);
        live.end().is(128 + number, "");
    }
}

#[test]
fn the_inner_init_also_works_as_a_command() {
    // `contain init` is what --init runs; called on its own it says what it is for or does its work.
    let got = finish(command(&["init", "--", "sh", "-c", "exit 3"]));
    assert!(got.code == 3 || got.code == 2 && got.err.contains("init"), "{got:?}");
}

#[test]
fn init_dies_with_its_launcher() {
    let mut live = Live::sh(&["--init"], "echo ready; sleep 1000");
    assert_eq!(live.line(), "ready");
    let inside = first_process(live.pid()).expect("PID 1 of the container");
    live.signal(9);
    wait_until("the container's end", || status(inside, "State").is_none_or(|state| state.starts_with('Z')));
    assert_eq!(live.end().code, -9);
    assert!(std::path::Path::new(rootfs()).exists());
}
