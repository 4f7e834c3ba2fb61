//! `--cgroup-parent`: a container's group is made below another than the top, is found there by every command, and goes
//! from there, however the container ends. On cgroup v1 and v2 alike.

mod common;
use std::fs;
use std::path::PathBuf;

use common::home::Home;
use common::{Live, cgroup, command, finish, kill, rootfs, run, wait_until, world};

/// A path for groups that no other test has; all of it is removed with it.
struct Parent(String);

impl Parent {
    fn new(test: &str) -> Parent {
        Parent(format!("/contain-test-{}-{test}", std::process::id()))
    }

    /// As it is named to contain.
    fn path(&self) -> String {
        format!("{}/web", self.0)
    }

    /// What there is of the group of a container below it, in any hierarchy.
    fn groups(&self, id: &str) -> Vec<PathBuf> {
        let all = world::mount_points().into_iter();
        let all = all.map(|mount| mount.join(&self.path()[1..]).join(format!("contain-{id}")));
        all.filter(|path| path.exists()).collect()
    }

    /// A limit's file of a container below it.
    fn limit(&self, id: &str, controller: &str, names: [&str; 2]) -> String {
        let (mount, name) = match cgroup(controller) {
            Some(mount) => (mount, names[0]),
            None => (cgroup("").expect("cgroups"), names[1]),
        };
        let path = mount.join(&self.path()[1..]).join(format!("contain-{id}")).join(name);
        fs::read_to_string(&path).unwrap_or_else(|why| format!("{}: {why}", path.display())).trim().into()
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        for mount in world::mount_points() {
            for path in [self.path(), self.0.clone()] {
                let _missing = fs::remove_dir(mount.join(&path[1..]));
            }
        }
    }
}

const LIMITS: [&str; 6] = ["--memory", "64M", "--pids", "20", "--cpuset", "0"];
const MEMORY: [&str; 2] = ["memory.limit_in_bytes", "memory.max"];
const PIDS: [&str; 2] = ["pids.max"; 2];
const CPUS: [&str; 2] = ["cpuset.cpus"; 2];

#[test]
fn a_group_is_made_below_the_one_that_is_named() {
    let parent = Parent::new("made");
    let path = parent.path();
    // It is made where it is missing, and stays; then it is there.
    for _ in 0..2 {
        let flags = [&LIMITS[..], &["--cgroup-parent", &path]].concat();
        let mut live = Live::sh(&flags, "hostname; grep -E ':(memory|pids|cpuset|):' /proc/self/cgroup; read x");
        let id = live.line();
        let found =
            [parent.limit(&id, "memory", MEMORY), parent.limit(&id, "pids", PIDS), parent.limit(&id, "cpuset", CPUS)];
        let elsewhere = common::home::leaves(&id);
        let inside = common::first_process(live.pid()).unwrap().to_string();
        let procs = parent.limit(&id, "memory", ["cgroup.procs"; 2]);
        let rest = live.end();
        assert_eq!((found, elsewhere), (["67108864".into(), "20".into(), "0".into()], Vec::<PathBuf>::new()));
        assert!(procs.lines().any(|pid| pid == inside), "{inside} is not in {procs}");
        // From inside it is the root all the same.
        assert!(rest.out.lines().all(|line| line.ends_with(":/")), "{rest:?}");
        assert_eq!(parent.groups(&id), Vec::<PathBuf>::new());
        assert!(world::mount_points().iter().any(|mount| mount.join(&parent.path()[1..]).exists()));
    }
}

#[test]
fn other_commands_find_it_there() {
    let (parent, home) = (Parent::new("found"), Home::new());
    let id = home.ready(&["--cgroup-parent", &parent.path(), "-m", "64M"], "echo ready; exec sleep 1000");
    home.contain(&["pause", &id]).text();
    assert_eq!(home.status(&id), "paused");
    home.contain(&["resume", &id]).text();
    home.contain(&["update", "--memory", "32M", "--pids", "7", &id]).text();
    assert_eq!(parent.limit(&id, "memory", MEMORY), "33554432");
    assert_eq!(parent.limit(&id, "pids", PIDS), "7");
    let stats = home.contain(&["stats", "--no-stream", "--json", &id]);
    assert!(stats.text().contains("\"memory_limit\": 33554432"), "{stats:?}");
    let own = home.contain(&["exec", &id, "--", "grep", "-E", ":(memory|):", "/proc/self/cgroup"]);
    assert!(own.text().lines().all(|line| line.ends_with(":/")), "{own:?}");
    home.contain(&["rm", "-f", &id]).text();
    assert_eq!(parent.groups(&id), Vec::<PathBuf>::new());
}

#[test]
fn what_a_killed_launcher_leaves_there_is_removed() {
    let (parent, home) = (Parent::new("left"), Home::new());
    let path = parent.path();
    let flags = ["--cgroup-parent", &path, "-m", "64M"];
    for next in [&["ps"] as &[&str], &["prune"], &["rm", "ID"]] {
        let id = home.ready(&flags, "echo ready; exec sleep 1000");
        assert!(!parent.groups(&id).is_empty());
        home.kill_supervisor(&id);
        let next: Vec<&str> = next.iter().map(|word| if *word == "ID" { &id } else { *word }).collect();
        home.contain(&next).text();
        assert_eq!(parent.groups(&id), Vec::<PathBuf>::new(), "{next:?}");
    }
    // Nothing tells of it: then the next launch below the same parent sees it, and leaves the others alone.
    let (mut lost, id) = home.live(&flags, "read x; :");
    let (other, kept) = home.live(&flags, "read x; :");
    kill(lost.pid(), 9);
    assert_eq!(lost.line(), "");
    fs::remove_dir_all(home.file(&id, "")).unwrap();
    assert!(!parent.groups(&id).is_empty());
    wait_until("the group to be removed", || {
        let words = [&["run", "--rootfs", rootfs()], &flags[..], &["true"]].concat();
        home.contain(&words).is(0, "");
        parent.groups(&id).is_empty()
    });
    assert!(!parent.groups(&kept).is_empty());
    other.end().is(0, "");
}

#[test]
fn a_parent_that_cannot_be_is_told() {
    for wrong in ["web", "", "/a/../b", ".."] {
        let got = run(&["--cgroup-parent", wrong, "true"]);
        got.fails(2, &["--cgroup-parent", "is no absolute path without ..", "/user/web"]);
    }
    run(&["--cgroup-parent", "/cgroup.procs", "-m", "64M", "true"]).fails(125, &["make cgroup", "cgroup.procs"]);
    // What is not used is not made.
    let parent = Parent::new("unused");
    if cgroup("memory").is_some() {
        run(&["--cgroup-parent", &parent.path(), "true"]).is(0, "");
        assert!(!world::mount_points().iter().any(|mount| mount.join(&parent.path()[1..]).exists()));
    }
    let plan =
        finish(command(&["run", "--rootfs", rootfs(), "--cgroup-parent", "/a//b/", "-m", "1G", "--dry-run", "true"]));
    assert!(plan.text().contains("/a where it is missing\n") && plan.out.contains("/a/b/contain-"), "{plan:?}");
}
