//! rm, prune and update: containers are forgotten, cleared away, given other limits; and whatever is done to one that just
//! ends, or whoever is killed while he does it, the truth is told and nothing is left.

mod common;
use std::fs;
use std::process::{Child, Command};

use common::home::{Home, end, is_gone, leaves, limit, start};
use common::{Out, Scratch, cgroup, wait_until};

// rm

#[test]
fn rm_removes_what_has_ended_and_refuses_what_runs() {
    let home = Home::new();
    let id = home.sleeping(&["--name", "web"]);
    home.contain(&["rm", "web"]).fails(125, &["container web is running: stop it first, or use rm -f"]);
    assert_eq!(home.status(&id), "running");
    home.contain(&["stop", "web"]).text();
    home.contain(&["rm", "nobody", "web"]).fails(125, &["nobody: no such container"]).is(125, "web\n");
    assert_eq!((home.entries(), home.names()), (vec![], vec![]));
    home.contain(&["rm", "web"]).fails(125, &["web: no such container"]);
    // The name is free.
    let id = home.sleeping(&["--name", "web"]);
    home.contain(&["rm", "-f", "web"]).is(0, "web\n");
    assert_eq!((home.entries(), home.names(), leaves(&id)), (vec![], vec![], vec![]));
}

#[test]
fn several_rm_of_one_container_at_once_all_end_well() {
    let home = Home::new();
    for flags in [&["-f", "-t", "100ms"] as &[&str], &["-ft0"], &[]] {
        let id = home.ready(&["--name", "x"], "trap '' TERM; echo ready; while :; do sleep 0.1; done");
        if flags.is_empty() {
            home.contain(&["kill", &id]).text();
        }
        let words = [&["rm"], flags, &["x"]].concat();
        let all: Vec<Child> = (0..4).map(|_| start(home.command(&words))).collect();
        let all: Vec<Out> = all.into_iter().map(end).collect();
        let fine = |out: &&Out| out.code == 0 && out.out == "x\n" && out.err.is_empty();
        assert!(all.iter().filter(fine).count() >= 1, "{all:?}");
        for out in all.iter().filter(|out| !fine(out)) {
            out.fails(125, &["x: no such container"]);
        }
        assert_eq!((home.entries(), home.names(), leaves(&id)), (vec![], vec![], vec![]), "{all:?}");
    }
}

/// `rm -f` asks first, as `stop` does.
#[test]
fn what_is_removed_may_end_in_order() {
    let home = Home::new();
    let said = Scratch::new();
    let volume = ["-v", &format!("{}:/mnt", said.path().display())];
    let id = home.ready(&volume, "trap 'echo bye >/mnt/said; exit' TERM; echo ready; while :; do sleep 0.1; done");
    home.contain(&["rm", "--force", &id]).is(0, &format!("{id}\n"));
    assert_eq!(fs::read_to_string(said.path().join("said")).unwrap(), "bye\n");
    assert_eq!((home.entries(), leaves(&id)), (vec![], vec![]));
}

#[test]
fn a_damaged_container_can_be_removed() {
    let home = Home::new();
    for (text, words) in [("", "rm"), ("{\"id\": 3", "rm"), ("\0\u{1}", "prune"), ("{}x", "prune")] {
        let id = home.sleeping(&["--name", "hurt"]);
        home.contain(&["stop", &id]).text();
        fs::write(home.file(&id, "metadata.json"), text).unwrap();
        assert_eq!(home.status(&id), "damaged");
        let done = if words == "rm" { home.contain(&["rm", &id]) } else { home.contain(&["prune"]) };
        done.is(0, &format!("{id}\n"));
        assert_eq!((home.entries(), home.names()), (vec![], vec![]), "{text:?}");
    }
}

#[test]
fn a_record_that_was_spoilt_while_it_runs_is_told() {
    let home = Home::new();
    let id = home.sleeping(&[]);
    let path = home.file(&id, "metadata.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, "rubbish").unwrap();
    for words in [&["stop"] as &[&str], &["kill"], &["rm"], &["rm", "-f"], &["pause"], &["wait"]] {
        home.contain(&[words, &[&id]].concat()).fails(125, &[&id, "metadata.json"]);
    }
    // It was left alone.
    home.contain(&["prune"]).is(0, "");
    fs::write(&path, text).unwrap();
    assert_eq!(home.status(&id), "running");
}

#[test]
fn another_process_with_the_same_number_is_never_touched() {
    let home = Home::new();
    let mut bystander = Command::new("sleep").arg("1000").spawn().unwrap();
    let id = home.sleeping(&[]);
    home.contain(&["stop", &id]).text();
    let path = home.file(&id, "metadata.json");
    let number = |member: &str| format!("\"{member}\": {}", home.noted(&id, member));
    let changed =
        |text: String, member: &str, value: u32| text.replace(&number(member), &format!("\"{member}\": {value}"));
    // A record from before the numbers were given anew, of which the start times tell.
    let text = fs::read_to_string(&path).unwrap().replace("\"stopped\"", "\"running\"");
    let text = ["pid", "supervisor_pid"].iter().fold(text, |text, member| changed(text, member, bystander.id()));
    let text = ["start_time", "supervisor_start_time"].iter().fold(text, |text, member| changed(text, member, 7));
    for held in [false, true] {
        for words in [&["kill"] as &[&str], &["kill", "-s", "TERM"], &["stop", "-t", "0"], &["pause"], &["rm", "-f"]] {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &text).unwrap();
            // The lock may even be held, by a process that is about to end.
            let mut holder = Command::new("flock");
            holder.arg("-x").arg(path.parent().unwrap()).args(["sleep", "0.3"]);
            let holder = held.then(|| start(holder));
            let done = home.contain(&[words, &[&id]].concat());
            assert!(matches!(done.code, 0 | 125) && bystander.try_wait().unwrap().is_none(), "{words:?}: {done:?}");
            holder.map(end);
        }
    }
    bystander.kill().unwrap();
    bystander.wait().unwrap();
}

// prune

#[test]
fn prune_removes_what_is_over_and_leaves_what_runs() {
    let home = Home::new();
    let running = home.sleeping(&["--name", "on"]);
    let stopped = home.sh(&["--name", "off"], "exit 3");
    let killed = home.sleeping(&["--name", "lost", "-m", "64M"]);
    let unkept = home.sleeping(&["--rm"]);
    home.contain(&["wait", &stopped]).is(0, "3\n");
    let pids = [&killed, &unkept].map(|id| home.pid(id));
    [&killed, &unkept].into_iter().for_each(|id| home.kill_supervisor(id));
    let state = home.state();
    // Made by half, and damaged in several ways.
    let odd: Vec<String> = (0..4).map(|number| format!("{:016x}", 0xabc0 + number)).collect();
    odd.iter().for_each(|id| fs::create_dir(state.join(id)).unwrap());
    fs::write(state.join(&odd[1]).join("metadata.json.new"), "{").unwrap();
    fs::write(state.join(&odd[2]).join("metadata.json"), "{").unwrap();
    fs::write(state.join(&odd[3]).join("stdout.log"), "x").unwrap();
    // Names that lead nowhere.
    fs::write(state.join("names/nobody"), "00000000000000ff").unwrap();
    fs::write(state.join("names/empty"), "").unwrap();
    // Left by one who was killed while he changed the record of one that runs.
    fs::write(home.file(&running, "metadata.json.new"), "{").unwrap();
    // A group that nobody holds.
    let group = cgroup("pids").or_else(|| cgroup("")).expect("cgroups").join("contain-00000000000000fe");
    fs::create_dir(&group).unwrap();
    // What is not ours.
    fs::write(state.join("notes"), "").unwrap();
    std::os::unix::fs::symlink("/", state.join("00000000000000fd")).unwrap();

    let pruned = home.contain(&["prune"]);
    let mut wanted: Vec<&str> = odd.iter().chain([&stopped, &killed, &unkept]).map(String::as_str).collect();
    wanted.sort();
    let mut told: Vec<&str> = pruned.out.lines().collect();
    told.sort();
    assert_eq!((pruned.code, told), (0, wanted), "{pruned:?}");
    for name in ["notes", "00000000000000fd"] {
        let told = format!("contain: {}/{name} is not contain's: left alone\n", state.display());
        assert!(pruned.err.contains(&told), "{pruned:?}");
    }
    assert_eq!(pruned.err.lines().count(), 2, "{pruned:?}");
    let mut left = ["00000000000000fd", "notes", &running];
    left.sort();
    assert_eq!((home.entries(), home.names()), (left.map(String::from).to_vec(), vec!["on".to_string()]));
    assert!(pids.into_iter().all(is_gone) && !group.exists() && !home.file(&running, "metadata.json.new").exists());
    assert!([&stopped, &killed, &unkept].iter().all(|id| leaves(id).is_empty()));
    assert_eq!(home.status(&running), "running");
    fs::remove_file(state.join("00000000000000fd")).unwrap();
    fs::remove_file(state.join("notes")).unwrap();
    home.contain(&["prune"]).is(0, "");
}

#[test]
fn prune_tells_of_files_that_somebody_put_into_a_container() {
    let home = Home::new();
    let id = home.sh(&[], "exit 0");
    home.contain(&["wait", &id]).text();
    fs::write(home.file(&id, "treasure"), "x").unwrap();
    home.contain(&["prune"]).fails(125, &[&id, "ENOTEMPTY", "somebody put files there"]).is(125, "");
    home.contain(&["rm", &id]).fails(125, &[&id]);
    assert!(home.file(&id, "treasure").exists());
    fs::remove_file(home.file(&id, "treasure")).unwrap();
    home.contain(&["prune"]).is(0, &format!("{id}\n"));
    assert_eq!(home.entries(), Vec::<String>::new());
}

#[test]
fn prune_where_nothing_ever_was_is_fine() {
    let home = Home::new();
    home.contain(&["prune"]).is(0, "");
    for words in [&["kill", "a", "b"] as &[&str], &["stop", "a", "b"], &["rm", "a", "b"], &["wait", "a", "b"]] {
        home.contain(words).fails(125, &["a, b: no such container"]);
    }
}

// update

#[test]
fn update_changes_the_limits_of_a_running_container() {
    let home = Home::new();
    let id = home.sleeping(&["-m", "64M", "--memory-swap", "96M", "--cpus", "0.5", "--cpuset", "0", "--pids", "20"]);
    let memory = || limit(&id, "memory", "memory.limit_in_bytes", "memory.max");
    let v1 = cgroup("memory").is_some();
    // Up beyond the old total, and down again: whatever the order that the kernel needs.
    for (size, total) in [("256M", "512M"), ("32M", "48M"), ("40M", "48M"), ("48M", "48M"), ("16M", "max")] {
        home.contain(&["update", "-m", size, "--memory-swap", total, &id]).is(0, &format!("{id}\n"));
        let bytes = |size: &str| size.trim_end_matches('M').parse::<u64>().map(|mebi| mebi << 20);
        assert_eq!(memory(), bytes(size).unwrap().to_string());
        assert_eq!(home.noted(&id, "memory"), memory());
        if v1 && total != "max" {
            let swap = limit(&id, "memory", "memory.memsw.limit_in_bytes", "");
            assert_eq!(swap, bytes(total).unwrap().to_string());
            assert_eq!(home.noted(&id, "memory_swap"), swap);
        }
    }
    assert_eq!(home.noted(&id, "memory_swap"), "max");
    let words = ["update", "--cpu", "20000 50000", "--cpu-weight", "200", "--cpuset", "0-1", "--pids", "max", &id];
    home.contain(&words).is(0, &format!("{id}\n"));
    let either = |old: &'static str, new: &'static str| if v1 { old } else { new };
    assert_eq!(limit(&id, "cpu", "cpu.cfs_quota_us", "cpu.max"), either("20000", "20000 50000"));
    assert_eq!(limit(&id, "cpu", "cpu.cfs_period_us", "cpu.max"), either("50000", "20000 50000"));
    assert_eq!(limit(&id, "cpu", "cpu.shares", "cpu.weight"), either("2048", "200"));
    assert_eq!(limit(&id, "cpuset", "cpuset.cpus", "cpuset.cpus"), "0-1");
    assert_eq!(limit(&id, "pids", "pids.max", "pids.max"), "max");
    // Back to the period that a new group has.
    home.contain(&["update", "--cpus", "1", &id]).text();
    assert_eq!(limit(&id, "cpu", "cpu.cfs_period_us", "cpu.max"), either("100000", "100000 100000"));
    for (member, value) in
        [("cpu_quota", "100000"), ("cpu_period", "100000"), ("cpu_weight", "200"), ("cpuset", "0-1"), ("pids", "max")]
    {
        assert_eq!(home.noted(&id, member), value, "{member}");
    }
}

#[test]
fn update_says_what_the_kernel_refuses_and_what_was_changed() {
    let home = Home::new();
    let fill = "dd if=/dev/zero of=/dev/shm/x bs=1M count=30 2>/dev/null; echo full; sleep 1000";
    let id = home.ready(&["-m", "64M", "--memory-swap", "64M"], fill);
    let refused = home.contain(&["update", "-m", "8M", "--memory-swap", "8M", "--pids", "33", &id]);
    refused.fails(125, &["--memory", &id, "changed: --pids", "hint: ", "uses 3"]).is(125, "");
    assert_eq!(limit(&id, "memory", "memory.limit_in_bytes", "memory.max"), (64 << 20).to_string());
    assert_eq!((home.noted(&id, "memory"), home.noted(&id, "pids")), ((64 << 20).to_string(), "33".into()));
    home.contain(&["update", "--memory-swap", "32M", &id]).fails(2, &["--memory-swap 32M is less than --memory 64M"]);
    if cgroup("memory").is_some() {
        // On v1 a group is made for what was asked for at the start.
        let cpu = home.contain(&["update", "--cpu", "50000", &id]);
        cpu.fails(125, &["--cpu: write", "has no cpu group", "start it with --cpu"]);
        home.contain(&["update", "--cpuset", "0", &id]).fails(125, &["has no cpuset group: start it with --cpuset"]);
        home.contain(&["update", "--memory-high", "9M", &id]).fails(125, &["cgroup v1 has no such limit"]);
    }
    home.contain(&["kill", &id]).text();
    home.contain(&["update", "--pids", "9", &id]).fails(125, &["is not running"]);
    home.contain(&["update", "--pids", "9", "nobody"]).fails(125, &["nobody: no such container"]);
}

#[test]
fn a_new_limit_holds() {
    let home = Home::new();
    let id = home.ready(&["--pids", "20"], "echo ready; while ! [ -e /dev/shm/go ]; do sleep 0.05; done; (sleep 9 & sleep 9 & sleep 9 & sleep 9 & wait) 2>&1; sleep 1000");
    home.contain(&["update", "--pids", "3", &id]).text();
    let go = format!("/proc/{}/root/dev/shm/go", home.pid(&id));
    fs::write(go, "").unwrap();
    wait_until("a fork to be refused", || home.log(&id).contains("fork"));
}

// All of it in the middle of a death.

#[test]
fn whatever_is_done_to_a_container_that_just_ends_the_truth_is_told() {
    let home = Home::new();
    let allowed =
        ["is not running", "no such container", "has ended", "is not paused", "is paused already", "not known"];
    for round in 0..12 {
        let flags: &[&str] = if round % 2 == 0 { &["--rm"] } else { &["--name", "brief"] };
        let script = format!("exec sleep 0.0{}", round % 5);
        let id = home.sh(flags, &script);
        let commands: &[&[&str]] = &[
            &["pause"],
            &["resume"],
            &["kill"],
            &["stop"],
            &["wait"],
            &["update", "--pids", "9"],
            &["kill", "-s", "USR1"],
            &["rm", "-f"],
        ];
        let all: Vec<Child> =
            commands.iter().map(|words| start(home.command(&[words, &[id.as_str()][..]].concat()))).collect();
        for (words, child) in commands.iter().zip(all) {
            let done = end(child);
            let fine = done.code == 0 || done.code == 125 && allowed.iter().any(|words| done.err.contains(words));
            assert!(fine, "{words:?}: {done:?}");
        }
        // All of them may have come too late, while the contain that waited for it is still about to forget it.
        wait_until("the end of its own contain", || (home.entries(), leaves(&id)) == (vec![], vec![]));
    }
    home.contain(&["prune"]).is(0, "");
    assert_eq!(home.names(), Vec::<String>::new());
}
