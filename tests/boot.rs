//! Boots the initramfs in QEMU and judges contain as PID 1, and as a launcher under cgroup v2, by facts: a probe in
//! the guest (tests/boot/*.sh) writes NAME=VALUE lines to a serial port of its own. Each boot happens once, for
//! all the tests that look at it. The console's text is looked at only where the console is the subject.

mod common;

use std::collections::HashMap;
use std::sync::LazyLock;

use common::machine::{Boot, boot, probe};

static LIMITS: LazyLock<Boot> = LazyLock::new(|| probe("limits", &["--words", "loose.word=1 looseword KEY=value"]));
static REFUSED: LazyLock<Boot> = LazyLock::new(|| probe("refused", &[]));
static EXITS: LazyLock<Boot> = LazyLock::new(|| probe("exits", &[]));
static ORPHANS: LazyLock<Boot> = LazyLock::new(|| probe("orphans", &[]));
static CPU: LazyLock<Boot> = LazyLock::new(|| probe("cpu", &["--icount"]));

// The machine as PID 1 made it.

#[test]
fn contain_is_pid_1_and_runs_the_words_after_the_dashes() {
    assert!(LIMITS.fact("boot.pid1").starts_with("/init"), "{}", LIMITS.fact("boot.pid1"));
    LIMITS.is("boot.args", "first second word");
    LIMITS.is("boot.cwd", "/");
    LIMITS.is("boot.umask", "0022");
}

#[test]
fn early_mounts_are_there() {
    let table = [
        ("/dev", "devtmpfs"),
        ("/proc", "proc"),
        ("/sys", "sysfs"),
        ("/dev/pts", "devpts"),
        ("/dev/shm", "tmpfs"),
        ("/run", "tmpfs"),
        ("/tmp", "tmpfs"),
        ("/sys/fs/cgroup", "cgroup2"),
    ];
    for (path, kind) in table {
        LIMITS.is(&format!("boot.mount.{path}"), kind);
    }
}

#[test]
fn every_cgroup_controller_is_enabled() {
    let words = |name| LIMITS.fact(name).split(' ').collect::<std::collections::BTreeSet<_>>();
    assert_eq!(words("boot.enabled"), words("boot.controllers"));
    assert!(words("boot.enabled").is_superset(&["cpu", "memory", "pids"].into()));
}

#[test]
fn the_command_has_a_terminal_clean_signals_and_three_fds() {
    assert_ne!(LIMITS.fact("boot.terminal"), "0", "no controlling terminal");
    LIMITS.is("boot.signals", "SigBlk: 0000000000000000 SigIgn: 0000000000000000");
    // The fourth is the directory that the shell is reading.
    LIMITS.is("boot.fds", "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3");
}

#[test]
fn the_loopback_device_is_up() {
    assert!(LIMITS.fact("boot.lo").contains("UP"), "{}", LIMITS.fact("boot.lo"));
}

#[test]
fn check_finds_all_in_place() {
    let out = LIMITS.output("boot.check");
    assert!(!out.split('|').any(|line| line.contains(" no ")), "{out}");
}

// A container started from the initramfs itself.

#[test]
fn a_container_starts_from_the_initramfs() {
    let lines: Vec<_> = LIMITS.output("first").split('|').collect();
    assert_eq!(lines[0], "box");
    assert!(lines.contains(&"bin") && lines.contains(&"etc"), "{lines:?}");
    assert!(!lines.contains(&"init") && !lines.contains(&"r"), "that is the machine's root: {lines:?}");
    assert!(lines.contains(&"0::/"), "the cgroup is not at its own root: {lines:?}");
    assert!(lines.contains(&"67108864"), "{lines:?}");
    assert!(lines.last().unwrap().starts_with("/bin/sh -c"), "{lines:?}");
}

#[test]
fn its_root_is_a_pivoted_one() {
    assert!(LIMITS.output("plan").split('|').any(|line| line.contains("pivot root")), "{}", LIMITS.fact("plan.out"));
    let names: Vec<_> = LIMITS.fact("outside.root").split(' ').collect();
    assert!(names.contains(&"bin") && !names.contains(&"init"), "{names:?}");
}

#[test]
fn the_old_root_and_the_machines_mounts_are_gone() {
    let paths: Vec<_> = LIMITS.fact("outside.mounts").split(' ').collect();
    assert_eq!(paths.iter().filter(|path| **path == "/").count(), 1, "{paths:?}");
    assert!(!paths.contains(&"/run") && !paths.contains(&"/r"), "{paths:?}");
}

// Limits under cgroup v2.

#[test]
fn limits_are_in_the_containers_own_files() {
    let expected = [
        "memory.max 67108864",
        "memory.high 50331648",
        "memory.swap.max 33554432",
        "pids.max 32",
        "cpu.max 50000 100000",
        "cpu.weight 50",
        "cpuset.cpus 0",
    ];
    assert_eq!(LIMITS.output("files"), expected.join("|"));
}

#[test]
fn a_container_cannot_lift_its_limit() {
    LIMITS.fails("readonly", "1", &["Read-only file system"]);
}

#[test]
fn the_leaf_holds_the_command_and_its_limits() {
    let leaf = LIMITS.fact("outside.leaf").strip_prefix("/contain-").expect("the leaf's name");
    assert!(leaf.len() == 16 && leaf.bytes().all(|byte| byte.is_ascii_hexdigit()), "{leaf}");
    LIMITS.is("outside.procs", "the command alone");
    LIMITS.is("outside.max", "67108864 16");
}

#[test]
fn over_the_memory_limit_the_kernel_kills_and_contain_names_it() {
    LIMITS.fails("oom", "137", &["contain: killed: out of memory", "limit 64M", "peak"]);
    let kernel = LIMITS.fact("oom.kernel");
    assert!(kernel.starts_with("CONSTRAINT_MEMCG /contain-") && kernel.ends_with(" dd"), "{kernel}");
}

#[test]
fn under_the_memory_limit_nothing_is_killed() {
    assert_eq!(LIMITS.fact("under.status"), "0", "{}", LIMITS.fact("under.err"));
}

#[test]
fn fork_fails_at_the_pid_limit_and_contain_names_it() {
    let out = LIMITS.fact("pids.out");
    assert!(out.contains("current 7|max hit"), "{out}");
    let err = LIMITS.fact("pids.err");
    assert!(err.contains("can't fork: Resource temporarily unavailable"), "{err}");
    assert!(
        err.lines().flat_map(|line| line.split('|')).any(|line| line.starts_with("contain: ") && line.contains('8')),
        "{err}"
    );
}

#[test]
fn a_killed_container_is_137() {
    LIMITS.is("outside.killed", "137");
}

#[test]
fn a_fault_of_contain_itself_is_told() {
    for (signal, number, what) in [
        ("ILL", 4, "it failed a check of its own"),
        ("SEGV", 11, "bad memory access"),
        ("BUS", 7, "bad memory access"),
        ("FPE", 8, "bad arithmetic"),
        ("TRAP", 5, "it failed a check of its own"),
    ] {
        let told = format!("{} internal error: {what} (SIG{signal}). Please report how.", 128 + number);
        LIMITS.is(&format!("fault.{signal}"), &told);
    }
}

#[test]
fn a_timeout_is_124() {
    assert_eq!(LIMITS.fact("timeout.status"), "124", "{}", LIMITS.fact("timeout.err"));
}

#[test]
fn what_a_killed_contain_left_is_removed_by_the_next() {
    LIMITS.is("orphaned.pid", "gone");
    LIMITS.is("orphaned.leaves", "0");
}

#[test]
fn limits_leave_nothing() {
    LIMITS.left_nothing();
}

/// cpu.stat of a container that spun for three seconds, and how long that took.
struct Spin {
    wall: f64,
    used: f64,
    periods: f64,
    throttled: f64,
}

fn spin(name: &str) -> Spin {
    let lines: HashMap<_, _> = CPU.output(name).split('|').filter_map(|line| line.split_once(' ')).collect();
    let number = |key| lines.get(key).map_or(0.0, |text: &&str| text.parse().expect("a number"));
    Spin {
        wall: number("end") - number("start"),
        used: number("usage_usec") / 1e6,
        periods: number("nr_periods"),
        throttled: number("nr_throttled"),
    }
}

#[test]
fn a_cpu_quota_is_held() {
    // The kernel hands out quota a slice at a time, so the use is near the quota and not exactly it.
    for (name, share) in [("fifth", 0.2), ("half", 0.5)] {
        let Spin { wall, used, periods, throttled } = spin(name);
        assert!(throttled > 0.0 && throttled <= periods, "{name}: throttled in {throttled} of {periods} periods");
        let ratio = used / wall / share;
        assert!((0.7..1.3).contains(&ratio), "{name}: {used} s of CPU in {wall} s is {ratio} of the quota");
    }
}

#[test]
fn without_a_quota_the_cpu_is_all_its_own() {
    let Spin { wall, used, throttled, .. } = spin("whole");
    assert!(throttled == 0.0 && used / wall > 0.8, "{used} s of CPU in {wall} s, throttled {throttled} times");
}

// Refusals that only a machine of our own can show.

#[test]
fn a_missing_namespace_type_is_named() {
    for kind in ["uts", "ipc", "net", "pid", "mnt", "cgroup"] {
        REFUSED.fails(&format!("without.{kind}"), "125", &["contain: ", "namespace"]);
    }
}

#[test]
fn a_cpu_that_is_not_there_is_refused() {
    REFUSED.fails("cpuset", "125", &["cpuset"]);
}

#[test]
fn a_command_that_cannot_run_is_127_or_126() {
    REFUSED.fails("command", "127", &["/no/such/thing"]);
    REFUSED.fails("executable", "126", &["/bin/text"]);
}

#[test]
fn a_disabled_controller_is_enabled_again() {
    assert_eq!(REFUSED.output("disabled"), "67108864");
}

#[test]
fn without_a_writable_cgroup_only_limits_fail() {
    REFUSED.fails("readonly.limit", "125", &["cgroup"]);
    assert_eq!(REFUSED.output("readonly.plain"), "ran");
}

#[test]
fn without_any_cgroup_only_limits_fail() {
    REFUSED.fails("unmounted.limit", "125", &["cgroup"]);
    assert_eq!(REFUSED.output("unmounted.plain"), "ran");
    assert!(REFUSED.fact("unmounted.check.out").contains("cgroup"));
}

// How things end.

#[test]
fn every_exit_code_comes_out() {
    for code in 0..=255 {
        EXITS.is(&format!("exit.{code}"), &code.to_string());
    }
}

#[test]
fn every_signal_comes_out() {
    // What a signal does when nobody asked for anything else: these four, nothing.
    let ignored = [17, 18, 23, 28];
    for signal in (1..=64).filter(|signal| !(19..=22).contains(signal)) {
        let status = if ignored.contains(&signal) { 0 } else { 128 + signal };
        EXITS.is(&format!("signal.{signal}"), &status.to_string());
    }
}

#[test]
fn three_hundred_launches_leave_nothing() {
    EXITS.left_nothing();
}

#[test]
fn twenty_thousand_orphans_are_reaped_in_a_container() {
    let lines: Vec<_> = ORPHANS.fact("inside.out").split('|').collect();
    assert_eq!(lines[..2], ["20000 and more", "no zombies"], "{lines:?}");
    assert!(lines[2].contains("init"), "PID 1 inside is not contain: {lines:?}");
    ORPHANS.is("inside.status", "3");
    ORPHANS.is("outside.status", "0");
}

#[test]
fn orphans_of_the_machine_are_reaped_too() {
    ORPHANS.left_nothing();
}

// The machine's own end, on its console.

#[test]
fn the_machine_ends_as_its_command_did() {
    assert_eq!((LIMITS.status, ORPHANS.status, EXITS.status), (7, 0, 128 + 11));
    // A container went over its limit, and the kernel killed all of it.
    let line = LIMITS.console.lines().find(|line| line.starts_with("contain: exit=7 signal=0 oom="));
    assert!(line.is_some_and(|line| !line.ends_with("oom=0")), "{}", LIMITS.console);
    assert!(EXITS.console.contains("contain: exit=0 signal=11 oom=0\n"), "{}", EXITS.console);
}

#[test]
fn the_machine_powers_off() {
    for boot in [&*LIMITS, &*ORPHANS, &*EXITS] {
        assert!(boot.console.contains("reboot: Power down"), "{}", boot.console);
        assert!(!boot.console.contains("Kernel panic"), "{}", boot.console);
    }
}

#[test]
fn an_unknown_command_ends_the_machine_with_127() {
    let boot = boot(&["--", "/no/such/command"]);
    assert_eq!(boot.status, 127, "{}", boot.console);
    assert!(boot.console.contains("contain: ") && boot.console.contains("/no/such/command"), "{}", boot.console);
    assert!(boot.console.contains("reboot: Power down"), "{}", boot.console);
}

#[test]
fn the_command_can_stand_in_contain_exec() {
    let boot = boot(&["--words", r#"contain.exec="/bin/sh /exec.sh one two""#]);
    boot.is("args", "one two");
    assert_eq!(boot.status, 5, "{}", boot.console);
}

// Containers that are there already.

static CONTROL: LazyLock<Boot> = LazyLock::new(|| probe("control", &[]));

#[test]
fn figures_are_those_of_the_group() {
    let out = CONTROL.output("stats");
    for figure in
        ["memory_limit\": 67108864", "pids\": 1,", "pids_limit\": 16", "io_read\": 0", "pressure_io_permille\": "]
    {
        assert!(out.contains(figure) && !out.contains("null"), "{figure}: {out}");
    }
}

#[test]
fn a_container_is_paused_and_goes_on() {
    let id = CONTROL.fact("pause.id");
    assert_eq!(CONTROL.output("pause"), id);
    CONTROL.is("pause.frozen", "frozen 1");
    CONTROL.is("pause.listed", "1");
    CONTROL.is("pause.still", "still");
    CONTROL.fails("pause.again", "125", &["is paused already"]);
    CONTROL.output("resume");
    CONTROL.is("resume.frozen", "frozen 0");
    CONTROL.is("resume.on", "on");
    CONTROL.fails("resume.again", "125", &["is not paused"]);
}

#[test]
fn limits_of_a_running_container_are_changed() {
    CONTROL.output("update");
    CONTROL.is("update.files", "67108864|1|33554432|50331648|9|20000 50000|50|0");
    CONTROL.output("update.memory");
    CONTROL.is("update.swap", "83886080|16777216");
    CONTROL.fails("update.wrong", "2", &["--memory-swap 96M is less than --memory 100M"]);
    CONTROL.is("update.noted", r#""memory":83886080,|"memory_swap":100663296,|"pids":9"#);
    CONTROL.fails(
        "below",
        "125",
        &["--memory 8M is less than the 2", "that it uses", "changed: --pids", "the kernel would kill it"],
    );
    CONTROL.is("below.files", "67108864|33");
    CONTROL.is("below.listed", "1");
}

#[test]
fn one_more_command_is_born_in_the_containers_group() {
    assert_eq!(CONTROL.output("exec"), "0::/|67108864|sleep 1000");
    CONTROL.output("exec.left");
    CONTROL.is("exec.procs", "2");
    CONTROL.is("exec.bomb", "2 15");
    CONTROL.output("exec.last");
    CONTROL.fails("exec.full", "125", &["make a process in the container: EAGAIN", "limit on processes is reached"]);
    CONTROL.output("exec.rm");
    CONTROL.is("exec.leaves", "0");
}

#[test]
fn containers_are_stopped_killed_and_removed() {
    for (name, listed) in [("stop", "stop.listed"), ("deaf", "deaf.listed"), ("killed", "killed.listed")] {
        CONTROL.output(name);
        CONTROL.is(listed, "1");
    }
    CONTROL.is("stop.leaves", "0");
    CONTROL.output("rm");
    assert_eq!(CONTROL.output("deaf.wait"), "137");
    CONTROL.output("forced");
    CONTROL.is("forced.pid", "gone");
    CONTROL.is("lost.left", "0 0 0");
    CONTROL.left_nothing();
}
