//! Nothing stays behind: not after hundreds of launches, not after kills at random moments, not after a
//! failure of any system call of the launch. Each test counts in a private world of its own
//! (common/world.rs), so the numbers do not depend on what else runs on this machine.

mod common;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Scratch, command, contain, finish, world};

const LIMITS: [&str; 6] = ["-m", "64M", "--pids", "50", "--cpu", "50000"];

fn launch(root: &Path, flags: &[&str], inside: &[&str]) -> Command {
    command(&[&["run", "--rootfs", root.to_str().unwrap()], flags, &["--"], inside].concat())
}

/// What is there once the directory of containers was made, which stays.
fn traces(root: &Path) -> world::Traces {
    // One that lasts: what ends at once is not written down.
    assert_eq!(finish(launch(root, &[], &["sleep", "0.1"])).code, 0);
    world::traces(&[root])
}

#[test]
fn three_hundred_launches_leave_nothing() {
    if !world::entered("three_hundred_launches_leave_nothing") {
        return;
    }
    let here = Scratch::new();
    let root = here.root("root");
    let before = traces(&root);
    let kinds: [(&[&str], &str, i32); 6] = [
        (&[], "exit 0", 0),
        (&LIMITS, "exit 1", 1),
        (&["--init"], "(sleep 100 &); exit 2", 2),
        (&["-m", "64M", "--init"], "sleep 100 & exit 3", 3),
        (&["--tmpfs", "/mnt", "-v", "/usr:/opt:ro", "--read-only"], "exit 4", 4),
        (&["-t", "--pids", "20"], "exit 5", 5),
    ];
    for round in 0..50 {
        for (flags, script, code) in kinds {
            let got = finish(launch(&root, flags, &["sh", "-c", script]));
            assert_eq!(got.code, code, "round {round} {flags:?} {script}: {got:?}");
        }
    }
    world::nothing_new(&before, &[&root], "300 launches");
    // Launches side by side, too.
    let children: Vec<_> = (0..40).map(|_| launch(&root, &LIMITS, &["true"]).spawn().unwrap()).collect();
    for child in children {
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(0));
    }
    world::nothing_new(&before, &[&root], "40 launches side by side");
}

#[test]
fn a_hundred_kills_at_random_moments_leave_nothing_for_long() {
    if !world::entered("a_hundred_kills_at_random_moments_leave_nothing_for_long") {
        return;
    }
    let here = Scratch::new();
    let root = here.root("root");
    let before = traces(&root);
    let seed: u64 = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_260_712);
    println!("seed {seed} (SEED= sets another)");
    let mut state = seed;
    let mut during = 0;
    for round in 0..100 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let flags: &[&str] = [&LIMITS as &[&str], &["-m", "64M", "--init"], &[], &["--init"]][round % 4];
        let mut line = launch(&root, flags, &["sh", "-c", "sleep 1000 & sleep 1000"]);
        let mut child = line.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A launch takes one to four milliseconds here; most moments lie within it, some after.
        std::thread::sleep(std::time::Duration::from_micros((state >> 33) % 6000));
        during += usize::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(during, 100, "every one was alive when it was killed");
    // The containers die by themselves; what they leave goes with the next command, at the latest once the last
    // of their processes has gone.
    for round in 0..200 {
        assert_eq!(finish(launch(&root, &[], &["true"])).code, 0);
        if world::traces(&[&root]) == before || round == 199 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    world::nothing_new(&before, &[&root], "100 kills and the next command");
}

/// Every system call that a launch makes, with how often it makes it.
fn calls(root: &Path, flags: &[&str], trace: &Path) -> BTreeMap<String, usize> {
    let mut line = Command::new("strace");
    line.args(["-f", "-qq", "-e", "signal=none", "-o"]).arg(trace).arg(contain());
    line.args(launch(root, flags, &["/bin/true"]).get_args()).env_remove("CONTAIN_ROOTFS");
    let got = finish(line);
    assert_eq!(got.code, 0, "a launch under strace(1), which must be installed: {got:?}");
    let text = std::fs::read_to_string(trace).unwrap();
    let mut counted = BTreeMap::new();
    // Only our own part: what the command itself does after its execve is not ours. Lines are `PID call(...`.
    let mut started = std::collections::BTreeSet::new();
    let mut programs = 0;
    for line in text.lines() {
        let Some((pid, rest)) = line.split_once(char::is_whitespace) else { continue };
        let Some((name, _)) = rest.trim_start().split_once('(') else { continue };
        if started.contains(pid) || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        if name.starts_with("execve") {
            programs += 1;
            if programs > 1 {
                started.insert(pid.to_string());
            }
        }
        *counted.entry(name.to_string()).or_insert(0) += 1;
    }
    counted
}

/// Whether some line of the trace has all of these words.
fn trace_has(trace: &Path, words: &[&str]) -> bool {
    let text = std::fs::read_to_string(trace).unwrap_or_default();
    text.lines().any(|line| words.iter().all(|word| line.contains(word)))
}

/// Status and standard error of a command, or nothing when it hangs; then everything in this world is killed.
fn within_patience(mut line: Command, said: &Path) -> Option<(i32, String)> {
    let file = std::fs::File::create(said).unwrap();
    let mut child = line.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn().unwrap();
    for _ in 0..1000 {
        if let Some(status) = child.try_wait().unwrap() {
            return Some((common::code(status), std::fs::read_to_string(said).unwrap()));
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    world::kill_all();
    None
}

#[test]
fn a_failure_of_any_call_leaves_nothing_and_says_so() {
    if !world::entered("a_failure_of_any_call_leaves_nothing_and_says_so") {
        return;
    }
    let here = Scratch::new();
    let root = here.root("root");
    let trace = here.path().join("trace");
    // Calls that cannot fail, or not as an injection does: execve of contain itself; close, which closes whatever it
    // answers; wait4, whose child stays a zombie that nobody will announce again (isolation.rs has its one real
    // failure); brk, which only busybox calls, and of which it dies; clock_gettime, of whose failure std panics: there is
    // none but for a clock that the kernel has not, or an address that is none (clock_getres(2)).
    let spared =
        ["execve", "exit", "exit_group", "rt_sigreturn", "arch_prctl", "close", "wait4", "brk", "clock_gettime"];
    let mut before = traces(&root);
    let mut wrong = Vec::new();
    let mut injected = 0;
    for flags in [
        &["--init", "-m", "64M", "--tmpfs", "/mnt", "-v", "/usr:/opt:ro"] as &[&str],
        &["-t", "--pids", "20", "--read-only"],
    ] {
        for (call, count) in calls(&root, flags, &trace) {
            if spared.contains(&call.as_str()) {
                continue;
            }
            for number in 1..=count {
                let mut line = Command::new("strace");
                line.args(["-f", "-qq", "-o"]).arg(&trace).arg("-e").arg(format!("trace={call}"));
                line.arg("-e").arg(format!("inject={call}:error=EIO:when={number}")).arg(contain());
                line.args(launch(&root, flags, &["/bin/true"]).get_args()).env_remove("CONTAIN_ROOTFS");
                let what = format!("EIO from {call} number {number} with {flags:?}");
                let Some((code, said)) = within_patience(line, &here.path().join("said")) else {
                    wrong.push(format!("{what}: hangs"));
                    continue;
                };
                if !trace_has(&trace, &["(INJECTED)"]) {
                    continue;
                }
                injected += 1;
                let told = said.lines().any(|line| line.starts_with("contain: ") && line.len() > 20);
                // Where a call's failure was survived the command has run; else a sentence names it. There is none where
                // there is no memory for it, or where its own write was made to fail.
                let unheard = trace_has(&trace, &["write(2, \"contain: ", "(INJECTED)"]);
                let silent = call == "mmap" && code < 0 || unheard;
                if !(code == 0 || (125..=127).contains(&code) && told || silent) || said.contains("panicked") {
                    wrong.push(format!("{what}: {code} {said:?}"));
                }
                // A leaf whose removal was made to fail is for the next command to find.
                let mut after = finish(launch(&root, &[], &["true"]));
                for _ in 0..100 {
                    if world::traces(&[&root]) == before {
                        break;
                    }
                    std::thread::sleep(std::time::Duration::from_millis(10));
                    after = finish(launch(&root, &[], &["true"]));
                }
                assert_eq!(after.code, 0, "{after:?}");
                if let Some(left) = world::left_since(&before, &[&root]) {
                    wrong.push(format!("{what}: left {left}"));
                    world::kill_all();
                    before = world::traces(&[&root]);
                }
            }
        }
    }
    println!("{injected} failures injected");
    assert!(injected > 50, "only {injected} failures took effect: is the injection working?");
    assert!(wrong.is_empty(), "{} of {injected}:\n{}", wrong.len(), wrong.join("\n"));
}
