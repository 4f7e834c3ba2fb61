//! A private world for tests that count what is left behind: own pid and mount namespaces, an own /run and /dev/shm, and
//! own cgroup directories bound over the mount points, so that nobody else's containers are counted and none
//! of ours are missed. A test enters by starting its own binary again, for this one test, inside.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const INSIDE: &str = "CONTAIN_TEST_WORLD";

/// True inside the world. Outside, runs the named test of this binary inside it, checks that it passed and
/// that its cgroups could be removed, and returns false.
pub fn entered(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        // Private counting needs one reaper, and it is us: PID 1 of the world.
        assert_eq!(std::process::id(), 1, "the private world has its own process ids");
        return true;
    }
    let name = format!("testworld-{}-{test}", std::process::id());
    let homes: Vec<PathBuf> = mount_points().iter().map(|mount| mount.join(&name)).collect();
    homes.iter().for_each(|home| make_home(home));
    // What other tests have mounted in their own directories would go when they end.
    let script = "set -e; mount -t tmpfs run /run; mount -t tmpfs shm /dev/shm
        for d in $HOMES; do mount --bind $d ${d%/*}; done
        while read -r _ _ _ _ at _; do
            case $at in */contain-test-*) umount -l \"$at\" 2>/dev/null || :;; esac
        done </proc/self/mountinfo
        exec \"$@\"";
    let list: Vec<&str> = homes.iter().filter_map(|home| home.to_str()).collect();
    let done = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child", "--"])
        .args(["sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("HOMES", list.join(" "))
        .env(INSIDE, &name)
        .output()
        .expect("unshare(1) from util-linux");
    let said = [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    println!("{said}");
    let stuck: Vec<&PathBuf> = homes.iter().filter(|home| fs::remove_dir(home).is_err()).collect();
    // A failed test must not leave on the machine what it complains about.
    for home in &stuck {
        let below = fs::read_dir(home).into_iter().flatten().flatten().map(|entry| entry.path());
        below.chain([home.to_path_buf()]).for_each(|path| drop(fs::remove_dir(path)));
    }
    assert!(done.status.success(), "{test} failed inside its private world:\n{said}");
    assert!(said.contains("1 passed"), "{test} did not run inside its private world:\n{said}");
    assert!(stuck.is_empty(), "cgroups with something left in them: {stuck:?}");
    false
}

/// Every cgroup hierarchy of the host that has controllers, v1 or v2.
pub fn mount_points() -> Vec<PathBuf> {
    let v1 = ["memory", "cpu", "cpuacct", "cpuset", "pids", "freezer", "blkio", "devices"];
    let found: BTreeSet<PathBuf> = v1.iter().filter_map(|name| super::cgroup(name)).chain(super::cgroup("")).collect();
    found.into_iter().collect()
}

/// An empty cgroup that can have children with limits of their own.
fn make_home(home: &Path) {
    fs::create_dir(home).unwrap_or_else(|why| panic!("{}: {why}", home.display()));
    let parent = home.parent().unwrap();
    // v1: a cpuset without cpus and memory nodes takes no processes. v2: children need the controllers.
    for name in ["cpuset.cpus", "cpuset.mems"] {
        if let Ok(value) = fs::read_to_string(parent.join(name)) {
            let _ = fs::write(home.join(name), value);
        }
    }
    if let Ok(list) = fs::read_to_string(home.join("cgroup.controllers")) {
        for controller in list.split_whitespace() {
            let _ = fs::write(home.join("cgroup.subtree_control"), format!("+{controller}"));
        }
    }
}

/// Everything a launch could leave: cgroups, processes, mounts, files in /run, and the root's own tree.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Traces {
    cgroups: BTreeSet<String>,
    processes: BTreeSet<String>,
    mounts: BTreeSet<String>,
    files: BTreeSet<String>,
}

/// Looks at the world, after reaping orphans that have ended. `trees` are directories to list whole.
pub fn traces(trees: &[&Path]) -> Traces {
    reap();
    let mut files = BTreeSet::new();
    for tree in trees.iter().copied().chain([Path::new("/run"), Path::new("/dev/shm")]) {
        list(tree, &mut files);
    }
    let mut cgroups = BTreeSet::new();
    for mount in mount_points() {
        groups(&mount, &mut cgroups);
    }
    let name = |pid: i32| format!("{pid} {}", super::status(pid, "Name").unwrap_or_default());
    Traces {
        cgroups,
        processes: super::processes().into_iter().filter(|&pid| pid != 1).map(name).collect(),
        mounts: fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(String::from).collect(),
        files,
    }
}

/// Every group below this one.
fn groups(above: &Path, into: &mut BTreeSet<String>) {
    // One that goes while it is looked at has none.
    for path in fs::read_dir(above).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            into.insert(path.display().to_string());
            groups(&path, into);
        }
    }
}

/// What is new or gone since then, if anything, giving processes that are just ending a moment to do so.
pub fn left_since(before: &Traces, trees: &[&Path]) -> Option<String> {
    let mut now = traces(trees);
    for _ in 0..200 {
        if now == *before {
            return None;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        now = traces(trees);
    }
    let differ = |a: &BTreeSet<String>, b: &BTreeSet<String>| b.symmetric_difference(a).cloned().collect::<Vec<_>>();
    Some(format!(
        "cgroups {:?}, processes {:?}, mounts {:?}, files {:?}",
        differ(&before.cgroups, &now.cgroups),
        differ(&before.processes, &now.processes),
        differ(&before.mounts, &now.mounts),
        differ(&before.files, &now.files)
    ))
}

#[track_caller]
pub fn nothing_new(before: &Traces, trees: &[&Path], after: &str) {
    if let Some(left) = left_since(before, trees) {
        panic!("{after} left something: {left}");
    }
}

/// Ends every other process of the world.
pub fn kill_all() {
    super::processes().into_iter().filter(|&pid| pid != 1).for_each(|pid| super::kill(pid, 9));
    std::thread::sleep(std::time::Duration::from_millis(100));
    reap();
}

/// As PID 1 of the world we inherit orphans. No child of std is unwaited when this is called.
fn reap() {
    use rustix::process::{WaitOptions, wait};
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}

/// Path, kind and size of everything below a directory, without crossing into what a link points at.
fn list(tree: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(tree).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        into.insert(format!(
            "{} {:?} {}",
            entry.path().display(),
            meta.file_type(),
            if meta.is_dir() { 0 } else { meta.len() }
        ));
        if meta.is_dir() {
            list(&entry.path(), into);
        }
    }
}
