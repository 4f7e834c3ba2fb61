//! Limits in the kernel's own numbers, read inside and outside, on cgroup v1 and v2 alike: set, enforced,
//! named when they kill, refused when they cannot be applied, and gone with the container.

mod common;
use std::fs;
use std::path::PathBuf;

use common::{Live, Scratch, cgroup, command, contain, finish, host, rootfs, run, sh};

/// A limit's file, as (controller, v1 name, v2 name).
type Knob = (&'static str, &'static str, &'static str);
const MEMORY: Knob = ("memory", "memory.limit_in_bytes", "memory.max");
const SWAP: Knob = ("memory", "memory.memsw.limit_in_bytes", "memory.swap.max");
const PIDS: Knob = ("pids", "pids.max", "pids.max");
const QUOTA: Knob = ("cpu", "cpu.cfs_quota_us", "cpu.max");
const PERIOD: Knob = ("cpu", "cpu.cfs_period_us", "cpu.max");
const WEIGHT: Knob = ("cpu", "cpu.shares", "cpu.weight");
const CPUSET: Knob = ("cpuset", "cpuset.cpus", "cpuset.cpus");

/// Where the limit is seen inside a container, and where outside for the container with this id.
fn places(knob: Knob, id: &str) -> (String, PathBuf) {
    let (controller, v1, v2) = knob;
    match cgroup(controller) {
        Some(mount) => (format!("/sys/fs/cgroup/{controller}/{v1}"), mount.join(format!("contain-{id}")).join(v1)),
        None => {
            let mount =
                cgroup("").unwrap_or_else(|| panic!("no {controller} controller, v1 or v2: mount one to test limits"));
            (format!("/sys/fs/cgroup/{v2}"), mount.join(format!("contain-{id}")).join(v2))
        }
    }
}

/// Every leaf of the container with this id that there is now.
fn leaves(id: &str) -> Vec<PathBuf> {
    let all = common::world::mount_points().into_iter().map(|mount| mount.join(format!("contain-{id}")));
    all.filter(|path| path.exists()).collect()
}

#[test]
fn limits_are_what_was_asked_for_inside_and_outside() {
    let v1 = cgroup("memory").is_some();
    let either = |old: &'static str, new: &'static str| if v1 { old } else { new };
    let table: &[(&[&str], Knob, &str)] = &[
        (&["--memory", "64M"], MEMORY, "67108864"),
        (&["--memory", "67108864"], MEMORY, "67108864"),
        (&["-m", "1G"], MEMORY, "1073741824"),
        (&["-m", "8192K"], MEMORY, "8388608"),
        (&["-m64MiB"], MEMORY, "67108864"),
        (&["-m", "64M", "--memory-swap", "96M"], SWAP, either("100663296", "33554432")),
        (&["-m", "64M", "--memory-swap", "64M"], SWAP, either("67108864", "0")),
        (&["--pids", "50"], PIDS, "50"),
        (&["--pids", "max"], PIDS, "max"),
        (&["--cpu", "50000"], QUOTA, either("50000", "50000 100000")),
        (&["--cpu", "20000 50000"], QUOTA, either("20000", "20000 50000")),
        (&["--cpu", "20000 50000"], PERIOD, either("50000", "20000 50000")),
        (&["--cpus", "0.5"], QUOTA, either("50000", "50000 100000")),
        (&["--cpus", "1.5"], PERIOD, either("100000", "150000 100000")),
        (&["--cpu-weight", "100"], WEIGHT, either("1024", "100")),
        (&["--cpu-weight", "200"], WEIGHT, either("2048", "200")),
        (&["--cpuset", "0"], CPUSET, "0"),
        (&["--memory", "64M", "--pids", "9", "--cpu", "50000"], PIDS, "9"),
        (&["--memory", "64M", "--pids", "9", "--cpu", "50000"], MEMORY, "67108864"),
    ];
    for (flags, knob, wanted) in table {
        let (inside, _) = places(*knob, "");
        let mut live = Live::sh(flags, &format!("hostname; cat {inside} 2>&1 || echo; read wait; :"));
        let (id, seen) = (live.line(), live.line());
        let (_, outside) = places(*knob, &id);
        let real = fs::read_to_string(&outside).unwrap_or_else(|why| format!("{}: {why}", outside.display()));
        let left = || live.end();
        assert_eq!((seen.as_str(), real.trim()), (*wanted, *wanted), "{flags:?} {knob:?}: {:?}", left());
        drop(left());
        assert_eq!(leaves(&id), Vec::<PathBuf>::new(), "{flags:?}");
    }
}

#[test]
fn the_whole_container_is_in_its_cgroup_and_sees_itself_as_the_root() {
    let mut live = Live::sh(
        &["-m", "64M", "--pids", "20", "--cpu", "50000"],
        "hostname; sleep 1000 & cat /proc/self/cgroup | wc -l; read x; kill %1",
    );
    let id = live.line();
    let count: usize = live.line().parse().unwrap();
    let inside = common::first_process(live.pid()).expect("the container");
    for knob in [MEMORY, PIDS, QUOTA] {
        let (_, path) = places(knob, &id);
        let list = fs::read_to_string(path.with_file_name("cgroup.procs")).unwrap();
        assert!(list.lines().any(|line| line == inside.to_string()), "{path:?}: {list}");
        assert!(!list.lines().any(|line| line == live.pid().to_string()), "contain itself is not limited");
    }
    live.end();
    // Seen from inside every path is `/`, or a hierarchy that is none of ours.
    let got = sh(&["-m", "64M", "--pids", "20"], "grep -E ':(memory|pids|):' /proc/self/cgroup");
    assert!(got.text().lines().all(|line| line.ends_with(":/")), "{got:?} of {count} lines");
}

#[test]
fn without_a_limit_no_cgroup_is_made() {
    let mut live = Live::sh(&[], "hostname; read wait; :");
    let id = live.line();
    let made = leaves(&id);
    live.end().is(0, "");
    if cgroup("memory").is_some() {
        assert_eq!(made, Vec::<PathBuf>::new());
    }
    assert_eq!(leaves(&id), Vec::<PathBuf>::new());
}

#[test]
fn only_the_controllers_that_are_needed_are_touched() {
    if cgroup("memory").is_none() {
        return; // One hierarchy, one leaf: v2 has nothing to choose. limits_are_what_was_asked_for looks at it.
    }
    for (flags, name) in [(["-m", "64M"], "memory"), (["--pids", "9"], "pids"), (["--cpuset", "0"], "cpuset")] {
        let mut live = Live::sh(&flags, "hostname; read wait; :");
        let id = live.line();
        assert_eq!(leaves(&id), [cgroup(name).unwrap().join(format!("contain-{id}"))], "{flags:?}");
        live.end().is(0, "");
    }
}

#[test]
fn running_out_of_memory_is_named() {
    let hog = "dd if=/dev/zero of=/dev/null bs=200M count=1";
    let table: &[(&[&str], &str, &str)] = &[
        (&["-m", "64M"], hog, "limit 64M"),
        (&["--memory", "67108864"], "exec tail /dev/zero", "limit 64M"),
        (&["--memory", "20000K"], hog, "limit 19"),
        (&["-m", "64M", "--init"], hog, "limit 64M"),
        (&["-m", "64M", "--memory-swap", "64M"], "tail /dev/zero", "limit 64M"),
        (&["-m", "16M"], "exec dd if=/dev/zero of=/dev/shm/full bs=1M", "limit 16M"),
    ];
    for (flags, script, limit) in table {
        // `killed:` or, where the shell only passes on its child's 137, `a process was killed:`.
        let got = sh(flags, script);
        let line = got.err.lines().find(|line| line.starts_with("contain: ")).unwrap_or_default();
        let named = line.contains("killed: out of memory (limit ") && line.contains(limit) && line.ends_with(')');
        assert!(got.code == 137 && named && line.contains(", peak "), "{flags:?} {script}: {got:?}");
    }
    let got = sh(&["-m", "64M"], hog);
    let peak = got.err.split("peak ").nth(1).and_then(|text| text.strip_suffix("M)\n")).unwrap_or("nothing");
    let peak: f64 = peak.parse().unwrap_or_else(|_| panic!("{peak}: {got:?}"));
    assert!((60.0..=64.0).contains(&peak), "{got:?}");
}

#[test]
fn a_child_that_ran_out_of_memory_is_named_though_the_command_went_on() {
    let got = sh(&["-m", "64M"], "dd if=/dev/zero of=/dev/null bs=200M count=1 2>/dev/null; echo went on; exit 3");
    // On v2 memory.oom.group takes the whole container, on v1 the shell goes on.
    assert!(got.code == 3 && got.out == "went on\n" || got.code == 137, "{got:?}");
    assert!(got.err.contains("out of memory (limit 64M, peak "), "{got:?}");
    // Who stays below is not accused of anything.
    assert_eq!(sh(&["-m", "64M"], "dd if=/dev/zero of=/dev/null bs=20M count=1 2>/dev/null").is(0, "").err, "");
    // A kill that was not for memory is not called one.
    let live = Live::sh(&["-m", "64M"], "exec sleep 1000");
    common::wait_until("the container", || common::first_process(live.pid()).is_some());
    common::kill(common::first_process(live.pid()).unwrap(), 9);
    assert!(!live.end().is(137, "").err.contains("memory"));
}

#[test]
fn reaching_the_pid_limit_is_named() {
    let got = sh(&["--pids", "5"], "for i in 1 2 3 4 5 6; do sleep 1000 & done");
    assert!(got.err.contains("can't fork: Resource temporarily unavailable"), "{got:?}");
    let line = got.err.lines().find(|line| line.starts_with("contain: ")).unwrap_or_default();
    assert!(line.contains("too many processes (limit 5)"), "the limit is not named: {got:?}");
    let got = sh(&["--pids", "5"], "for i in 1 2 3; do sleep 0 & done; wait; echo fine");
    assert_eq!(got.is(0, "fine\n").err, "");
    // The launch itself fits into one process.
    run(&["--pids", "1", "true"]).is(0, "");
}

#[test]
fn a_cpu_quota_throttles() {
    let (inside, _) = places(QUOTA, "");
    let stat = inside.replace(inside.rsplit('/').next().unwrap(), "cpu.stat");
    // Until the kernel has counted ten throttled periods; without a quota that would never end, and --timeout says so.
    let script = format!("while [ $(sed -n 's/nr_throttled //p' {stat}) -lt 10 ]; do :; done; echo throttled");
    sh(&["--cpu", "10000 100000", "--timeout", "60s"], &script).is(0, "throttled\n");
    // Ten periods of a tenth of a processor cannot hold more than that: the kernel's own books.
    let script = format!("for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; sleep 2; cat {stat}");
    let got = sh(&["--cpus", "0.1"], &script);
    let number = |name: &str| got.out.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    let (periods, throttled) =
        (number("nr_periods").expect("nr_periods"), number("nr_throttled").expect("nr_throttled"));
    assert!(periods >= 10 && throttled * 2 > periods, "{got:?}");
}

#[test]
fn a_cpuset_binds_to_its_processors() {
    sh(&["--cpuset", "0"], "grep Cpus_allowed_list /proc/self/status; nproc").is(0, "Cpus_allowed_list:\t0\n1\n");
    let all = fs::read_to_string("/sys/devices/system/cpu/online").unwrap();
    let got = sh(&["--cpuset", all.trim()], "grep Cpus_allowed_list /proc/self/status");
    assert_eq!(got.text(), format!("Cpus_allowed_list:\t{}", all.trim()));
}

#[test]
fn limits_that_cannot_be_applied_say_why() {
    let table: &[(&[&str], i32, &[&str])] = &[
        (&["--cpuset", "4000"], 125, &["--cpuset", "4000"]),
        (&["--cpu", "10 100000"], 2, &["--cpu", "10"]),
        (&["--cpu", "50000 2000000"], 2, &["--cpu", "1000000"]),
        (&["-m", "64M", "--memory-swap", "32M"], 2, &["--memory-swap", "--memory"]),
        (&["--memory-swap", "32M"], 2, &["--memory-swap", "--memory"]),
        (&["--cpu-weight", "0"], 2, &["--cpu-weight", "1", "10000"]),
        (&["--cpu-weight", "10001"], 2, &["--cpu-weight", "1", "10000"]),
    ];
    let mut wrong = Vec::new();
    for (flags, code, words) in table {
        let got = run(&[*flags, &["true"]].concat());
        if got.code != *code || !words.iter().all(|word| got.err.contains(word)) {
            wrong.push(format!("{flags:?}: wanted {code} and {words:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Less memory than a launch needs is an error that says so, or a death by memory that is named.
    let got = run(&["-m", "4096", "true"]);
    assert!(got.code >= 125 && got.err.starts_with("contain: ") && got.err.contains("memory"), "{got:?}");
    // v1 has no memory.high; what has no file there cannot be promised.
    let got = run(&["--memory-high", "32M", "true"]);
    if cgroup("memory").is_some() {
        got.fails(125, &["--memory-high", "cgroup v1"]);
    } else {
        got.is(0, "");
    }
}

#[test]
fn a_controller_that_is_not_there_is_an_error_only_if_it_is_needed() {
    let here = |script: &str| {
        let line = format!(
            "unshare -m --propagation private bash -c '{script} exec \"$@\"' - {} run --rootfs {}",
            contain().display(),
            rootfs()
        );
        move |flags: &str| host(&format!("{line} {flags} echo ran"))
    };
    let umount = |controller: &str| {
        let mounts = common::cgroup_mounts(controller);
        mounts.iter().map(|mount| format!("umount {} &&", mount.display())).collect::<String>()
    };
    if cgroup("pids").is_some() {
        let without = here(&umount("pids"));
        without("--pids 5").fails(125, &["--pids", "pids"]);
        without("-m 64M").is(0, "ran\n");
        without("").is(0, "ran\n");
    }
    let all = ["memory", "cpu", "cpuset", "pids", "freezer", "blkio", "devices", ""];
    let none = here(&all.iter().map(|name| umount(name)).collect::<String>());
    none("-m 64M").fails(125, &["--memory", "cgroup"]);
    none("--pids 5").fails(125, &["--pids", "cgroup"]);
    none("").is(0, "ran\n");
    none("--verbose").is(0, "ran\n");
    let mounts = all.iter().flat_map(|name| common::cgroup_mounts(name));
    let locked =
        here(&mounts.map(|mount| format!("mount -o remount,bind,ro {} &&", mount.display())).collect::<String>());
    locked("-m 64M").fails(125, &["memory", "EROFS"]);
    locked("").is(0, "ran\n");
}

#[test]
fn the_leaf_goes_with_the_container_whatever_its_end() {
    let ends: &[(&[&str], &str, i32)] = &[
        (&[], "exit 3", 3),
        (&["--init"], "kill -9 $$", 137),
        (&[], "tail /dev/zero", 137),
        (&[], "sleep 1000 & exit 0", 0),
        (&["--init"], "setsid sleep 1000 & exit 0", 0),
        (&["--timeout", "200ms"], "sleep 1000", 124),
        (&["-w", "/nowhere"], "true", 125),
    ];
    for (flags, script, code) in ends {
        let id = format!("{:016x}", std::process::id());
        let got = sh(
            &[&["-m", "32M", "--pids", "20", "--cpu", "50000", "--cpuset", "0", "-e", &id], *flags].concat(),
            &format!("hostname; {script}"),
        );
        assert_eq!(got.code, *code, "{script}: {got:?}");
        let id = got.out.trim();
        assert!(id.is_empty() || leaves(id).is_empty(), "{script}: {:?}", leaves(id));
    }
}

#[test]
fn a_leaf_left_by_a_killed_launcher_is_removed_by_the_next_command() {
    for next in [&["check"] as &[&str], &["run", "--rootfs", rootfs(), "true"]] {
        let mut live = Live::sh(&["-m", "64M", "--pids", "20"], "hostname; sleep 1000");
        let id = live.line();
        assert!(!leaves(&id).is_empty());
        live.signal(9);
        assert_eq!(live.end().code, -9);
        // The container dies with its launcher, at its own pace; only then can its cgroup go.
        common::wait_until("the next command to clean up", || {
            assert_eq!(finish(command(next)).code, 0);
            leaves(&id).is_empty()
        });
    }
    // A leaf whose container is alive is none of anybody's business.
    let mut live = Live::sh(&["-m", "64M"], "hostname; read wait; :");
    let id = live.line();
    assert_eq!(finish(command(&["check"])).code, 0);
    run(&["true"]).is(0, "");
    assert_eq!(leaves(&id).len(), 1);
    live.end().is(0, "");
    assert!(leaves(&id).is_empty() && Scratch::new().path().exists());
}
