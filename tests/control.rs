//! kill, stop, wait, pause and resume: what is done to containers that are there, and the truth after it. Judged by the
//! kernel (processes, cgroups, files), by the records, and by what the other commands then say.

mod common;
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use common::home::{Home, end, is_gone, leaves, start};
use common::{cgroup, status, wait_until};

// kill

#[test]
fn kill_ends_a_container_and_the_truth_is_told_at_once() {
    let home = Home::new();
    let id = home.sleeping(&["--name", "web"]);
    let (pid, supervisor) = (home.pid(&id), home.supervisor(&id));
    assert_eq!(home.status(&id), "running");
    home.contain(&["kill", "web"]).is(0, "web\n");
    assert_eq!(home.status(&id), "stopped (137)");
    assert!(is_gone(pid) && is_gone(supervisor), "{pid} or {supervisor} is still there");
    assert_eq!(leaves(&id), Vec::<PathBuf>::new());
    home.contain(&["kill", "web"]).fails(125, &["container web is not running"]);
    home.contain(&["kill", "-s", "TERM", "web"]).fails(125, &["container web is not running"]);
}

#[test]
fn a_signal_that_is_handled_is_the_containers_own_business() {
    let home = Home::new();
    let script =
        "for s in HUP INT QUIT USR1 USR2 WINCH ALRM TERM CHLD URG PIPE ABRT SEGV; do trap \"echo got $s\" $s; done
        echo ready; while :; do sleep 0.1; done";
    let id = home.ready(&[], script);
    for signal in ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH", "ALRM", "TERM", "URG", "PIPE", "ABRT", "SEGV"] {
        home.contain(&["kill", "-s", signal, &id]).is(0, &format!("{id}\n"));
        wait_until(signal, || home.log(&id).contains(&format!("got {signal}\n")));
    }
    assert_eq!(home.status(&id), "running");
}

#[test]
fn a_signal_that_is_not_handled_ends_it_as_a_plain_command() {
    let home = Home::new();
    for (signal, code) in [("TERM", 143), ("INT", 130), ("USR1", 138), ("HUP", 129)] {
        let id = home.sleeping(&[]);
        home.contain(&["kill", "-s", signal, &id]).is(0, &format!("{id}\n"));
        home.contain(&["wait", &id]).is(0, &format!("{code}\n"));
    }
}

#[test]
fn stop_and_continue_are_signals_too() {
    let home = Home::new();
    let id = home.sleeping(&[]);
    let state = || status(home.pid(&id), "State").unwrap_or_default();
    home.contain(&["kill", "-s", "STOP", &id]).is(0, &format!("{id}\n"));
    wait_until("the process to stop", || state().starts_with('T'));
    home.contain(&["kill", "-s", "CONT", &id]).is(0, &format!("{id}\n"));
    wait_until("the process to go on", || state().starts_with('S'));
    // The supervisor of a job that was stopped does so too; it must still see the end.
    home.contain(&["kill", "-s", "TSTP", &id]).is(0, &format!("{id}\n"));
    wait_until("the supervisor to stop", || status(home.supervisor(&id), "State").unwrap().starts_with('T'));
    home.contain(&["stop", &id]).is(0, &format!("{id}\n"));
    assert_eq!(home.status(&id), "stopped (143)");
}

#[test]
fn without_a_pid_namespace_the_whole_group_is_killed() {
    let home = Home::new();
    for words in [&["kill"] as &[&str], &["stop", "-t", "0"], &["rm", "-ft0"]] {
        let id = home.ready(&["--pid", "host"], "setsid sleep 1000 & echo $!; trap '' TERM; wait; sleep 1000");
        let child: i32 = home.log(&id).trim().parse().unwrap();
        assert!(!is_gone(child));
        home.contain(&[words, &[&id]].concat()).is(0, &format!("{id}\n"));
        wait_until("the other session", || is_gone(child));
        assert_eq!(leaves(&id), Vec::<PathBuf>::new());
    }
}

// stop

#[test]
fn stop_lets_a_container_end_by_itself() {
    let home = Home::new();
    let id = home.ready(&[], "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.1; done");
    let began = Instant::now();
    home.contain(&["stop", &id]).is(0, &format!("{id}\n"));
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!((home.status(&id).as_str(), home.log(&id).as_str()), ("stopped (7)", "ready\nbye\n"));
    // There is nothing more to do, which is no error.
    home.contain(&["stop", &id]).is(0, &format!("{id}\n"));
}

#[test]
fn what_ignores_sigterm_is_killed_after_one_grace_for_all() {
    let home = Home::new();
    let script = "trap '' TERM; echo ready; while :; do sleep 0.1; done";
    let ids: Vec<String> = (0..3).map(|_| home.ready(&[], script)).collect();
    let quick = home.sleeping(&[]);
    let began = Instant::now();
    let words = [&["stop", "-t", "1500ms", "nobody", &quick], &ids.iter().map(String::as_str).collect::<Vec<_>>()[..]];
    let stopped = home.contain(&words.concat());
    let took = began.elapsed();
    stopped.fails(125, &["nobody: no such container"]);
    assert_eq!(stopped.out, format!("{quick}\n{}\n", ids.join("\n")));
    assert!(took >= Duration::from_millis(1400) && took < Duration::from_millis(4300), "{took:?}");
    assert!(ids.iter().all(|id| home.status(id) == "stopped (137)"));
    assert_eq!(home.status(&quick), "stopped (143)");
}

#[test]
fn a_container_that_was_begun_with_signals_ignored_can_be_stopped() {
    let home = Home::new();
    // As a shell has it for a command in the background.
    let script = format!(
        "trap '' INT QUIT TERM HUP; CONTAIN_ROOT={} contain run -d --rootfs $R -- sleep 1000",
        home.state().display()
    );
    let id = common::host(&script).text().to_string();
    home.contain(&["stop", &id]).is(0, &format!("{id}\n"));
    assert_eq!(home.status(&id), "stopped (143)");
}

#[test]
fn a_foreground_container_can_be_stopped_by_its_name() {
    let home = Home::new();
    let (live, id) = home.live(&["--name", "front"], "exec sleep 1000");
    home.contain(&["stop", "front"]).is(0, "front\n");
    assert_eq!(live.end().code, 143);
    assert_eq!(home.status(&id), "stopped (143)");
    let (live, id) = home.live(&[], "exec sleep 1000");
    home.contain(&["kill", &id]).is(0, &format!("{id}\n"));
    assert_eq!(live.end().code, 137);
    assert_eq!(home.status(&id), "");
}

// wait

#[test]
fn wait_prints_each_exit_code_in_the_order_of_the_words() {
    let home = Home::new();
    let first = home.sh(&[], "read x </dev/null; sleep 0.5; exit 3");
    let second = home.sh(&["--name", "quick"], "exit 4");
    let (mut live, third) = home.live(&[], "read x; exit 5");
    let fourth = home.sh(&["--rm"], "until [ -e /dev/shm/go ]; do sleep 0.05; done; exit 6");
    let go = format!("/proc/{}/root/dev/shm/go", home.pid(&fourth));
    let waiting = start(home.command(&["wait", &first, "quick", &third, &second, "nobody"]));
    let also = start(home.command(&["wait", &third]));
    let gone = start(home.command(&["wait", &fourth]));
    wait_until("the one that waits to say so", || home.file(&third, "waited").exists());
    // Long enough that the second has ended before its turn comes.
    wait_until("the second to end", || home.status(&second) == "stopped (4)");
    use std::io::Write;
    wait_until("all to wait", || waits(&waiting) && waits(&also) && waits(&gone));
    fs::write(go, "").unwrap();
    live.input.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(live.end().code, 5);
    end(waiting).fails(125, &["nobody: no such container"]).is(125, "3\n4\n5\n4\n");
    end(also).is(0, "5\n");
    assert_eq!(end(gone).out.trim_end(), "6");
    // Nothing of the two that were not to be kept.
    assert!(!home.entries().contains(&third) && !home.entries().contains(&fourth), "{:?}", home.entries());
}

/// Whether it sleeps in poll(2).
fn waits(child: &Child) -> bool {
    fs::read_to_string(format!("/proc/{}/wchan", child.id())).is_ok_and(|place| place.contains("poll"))
}

#[test]
fn wait_says_when_nobody_saw_the_end() {
    let home = Home::new();
    for flags in [&[] as &[&str], &["--rm"]] {
        let id = home.sleeping(flags);
        let waiting = start(home.command(&["wait", &id]));
        wait_until("it to wait", || waits(&waiting));
        home.kill_supervisor(&id);
        end(waiting).fails(125, &[&format!("container {id} has ended"), "not known"]).is(125, "");
    }
}

// pause and resume

#[test]
fn a_paused_container_stands_still() {
    let home = Home::new();
    let id = home.ready(&[], "i=0; while :; do i=$((i + 1)); echo $i; done");
    let size = || fs::metadata(home.file(&id, "stdout.log")).unwrap().len();
    home.contain(&["pause", &id]).is(0, &format!("{id}\n"));
    let before = size();
    assert_eq!((home.status(&id).as_str(), home.noted(&id, "status").as_str()), ("paused", "paused"));
    home.contain(&["pause", &id]).fails(125, &["is paused already"]);
    home.contain(&["rm", &id]).fails(125, &["is paused: stop it first, or use rm -f"]);
    // It would have written a thousand lines in this time.
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(size(), before);
    home.contain(&["resume", &id]).is(0, &format!("{id}\n"));
    wait_until("it to go on", || size() > before);
    assert_eq!(home.status(&id), "running");
    home.contain(&["resume", &id]).fails(125, &["is not paused"]);
    home.contain(&["kill", &id]).text();
    home.contain(&["pause", &id]).fails(125, &["is not running"]);
    home.contain(&["resume", &id]).fails(125, &["is not running"]);
}

#[test]
fn a_paused_container_can_be_ended() {
    let home = Home::new();
    for (words, status) in [
        (&["stop"] as &[&str], "stopped (143)"),
        (&["kill"], "stopped (137)"),
        (&["kill", "-s", "KILL"], "stopped (137)"),
        (&["rm", "-f"], ""),
    ] {
        let id = home.sleeping(&[]);
        let pid = home.pid(&id);
        home.contain(&["pause", &id]).text();
        let began = Instant::now();
        home.contain(&[words, &[&id]].concat()).is(0, &format!("{id}\n"));
        assert!(began.elapsed() < Duration::from_secs(5), "{words:?}: {:?}", began.elapsed());
        assert_eq!(home.status(&id), status, "{words:?}");
        assert!(is_gone(pid));
        assert_eq!(leaves(&id), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_paused_container_whose_supervisor_was_killed_is_cleared_away() {
    let home = Home::new();
    for words in [&["prune"] as &[&str], &["ps"], &["stop", "x"]] {
        let id = home.sleeping(&["--name", "x"]);
        let pid = home.pid(&id);
        home.contain(&["pause", &id]).text();
        home.kill_supervisor(&id);
        home.contain(words).text();
        wait_until("its death", || is_gone(pid));
        assert_eq!(leaves(&id), Vec::<PathBuf>::new(), "{words:?}");
        home.contain(&["prune"]).text();
        assert_eq!((home.entries(), home.names()), (vec![], vec![]));
    }
}

#[test]
fn a_pause_that_was_cut_short_is_no_riddle() {
    let home = Home::new();
    let id = home.sleeping(&[]);
    let path = home.file(&id, "metadata.json");
    // As it stands when `pause` is killed before the kernel was asked, or `resume` after.
    let text = fs::read_to_string(&path).unwrap().replace("\"running\"", "\"paused\"");
    fs::write(&path, text).unwrap();
    assert_eq!(home.status(&id), "running");
    home.contain(&["resume", &id]).fails(125, &["is not paused"]);
    home.contain(&["pause", &id]).text();
    assert_eq!(home.status(&id), "paused");
    home.contain(&["stop", &id]).text();
    assert_eq!(home.status(&id), "stopped (143)");
}

#[test]
fn what_has_no_group_to_be_frozen_by_says_so() {
    if cgroup("freezer").is_none() {
        // tests/boot.rs does it.
        println!("not tried: every group of cgroup v2 can be frozen");
        return;
    }
    let home = Home::new();
    let (live, id) = home.live(&[], "read x");
    home.contain(&["pause", &id]).fails(125, &["no control group", "hint: one that is started with -d has"]);
    live.end();
}
