//! Death at every system call: `kill -9` of a command, or of the `contain` that waits for a container, before each call
//! that it makes. The next `ps -a` tells the truth each time, a container beside it goes on, and after `prune` nothing
//! is left. Each test works in a private world (common/world.rs); common/killer.rs does the killing.

mod common;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::killer::{self, Death};
use common::{Out, Scratch, command, finish, kill, processes, status, wait_until, world};

/// More system calls than any command makes.
const MANY: usize = 5000;

/// A world in which one container runs all the time.
struct World {
    here: Scratch,
    root: PathBuf,
    survivor: String,
    before: world::Traces,
}

/// Enters a world for this test and does something there; the survivor must come to no other end than ours.
fn within(test: &str, body: impl FnOnce(&World)) {
    if !world::entered(test) {
        return;
    }
    let here = Scratch::new();
    let above: Vec<_> = world::mount_points().iter().map(|mount| mount.join("above")).collect();
    above.iter().for_each(|above| std::fs::create_dir(above).unwrap());
    let root = here.root("root");
    let mut world = World { here, root, survivor: String::new(), before: world::traces(&[]) };
    world.survivor = world.start(&["--name", "survivor", "-m", "64M", "--init"]);
    wait_until("its command", || processes().iter().any(|pid| status(*pid, "Name").as_deref() == Some("sleep")));
    world.before = world::traces(&[&world.root]);
    body(&world);
    world.contain(&["rm", "-f", "survivor"]).text();
    assert!(world.listed("the end").is_empty());
    above.iter().for_each(|above| std::fs::remove_dir(above).unwrap());
}

impl World {
    fn line(&self, words: &[&str]) -> Command {
        let mut line = command(words);
        line.env("CONTAIN_ROOT", "/run/contain").env("CONTAIN_ROOTFS", &self.root);
        line
    }

    fn contain(&self, words: &[&str]) -> Out {
        finish(self.line(words))
    }

    /// A detached container that only waits.
    fn start(&self, flags: &[&str]) -> String {
        let rootfs = ["run", "-d", "--rootfs", self.root.to_str().unwrap()];
        self.contain(&[&rootfs, flags, &["--", "sleep", "1000"]].concat()).text().into()
    }

    /// Kills the `contain` that waits for a container.
    fn orphan(&self, word: &str) {
        let text = self.contain(&["inspect", word]).text().to_string();
        let (_, rest) = text.split_once("\"supervisor_pid\": ").unwrap();
        let supervisor = rest.split(',').next().unwrap().parse().unwrap();
        kill(supervisor, 9);
        wait_until("the contain that waits to die", || !lives(supervisor));
    }

    /// Kills `victims` at each call that the process `watched` makes while this command runs. `prepare` comes before each.
    fn sweep(&self, words: &[&str], watched: usize, victims: &[usize], prepare: &dyn Fn(&World)) {
        let started = std::time::Instant::now();
        for call in 0..MANY {
            prepare(self);
            let mut line = self.line(words);
            let said = std::fs::File::create(self.here.path().join("said")).unwrap();
            line.stdout(said.try_clone().unwrap()).stderr(said).stdin(Stdio::null());
            let ended = killer::run(line, Death { watched, call, victims });
            let number = ended.at.map_or("none".into(), |number| number.to_string());
            let what = format!("{words:?}: {victims:?} killed before call {call} (number {number}) of {watched}");
            // A container whose `contain` was killed dies with it, and a launch that goes on comes to its end: in a moment.
            wait_until("orphans to die and launches to be over", settled);
            self.tells_the_truth(&what);
            self.leaves_nothing(&what);
            if ended.at.is_none() {
                assert!(call > 20, "{what}: only so few");
                println!(
                    "{words:?}: process {watched} makes {call} calls; {victims:?} died at each, {:?}",
                    started.elapsed()
                );
                return;
            }
        }
        panic!("{words:?}: no end after {MANY} calls");
    }

    /// What runs is listed, and what is listed as running runs.
    fn tells_the_truth(&self, what: &str) {
        let mut late = self.tells_late(what);
        if !late.is_empty() {
            // A signal that was sent before has ended it only now: its end is noted when all is over.
            wait_until("the end to be noted", settled);
            late = self.tells_late(what);
        }
        assert!(late.is_empty(), "{what}: {late:?}");
    }

    /// What is listed as running, and has ended before. Nothing else may be wrong.
    fn tells_late(&self, what: &str) -> Vec<String> {
        let before = firsts();
        let listed = self.listed(what);
        let after = firsts();
        let mut late = Vec::new();
        for (id, state, pid) in &listed {
            let (was, is) = (before.contains(pid), after.contains(pid));
            match state.as_str() {
                "running" | "paused" if was || is => {}
                "running" | "paused" | "starting" => {
                    late.push(format!("{id} is {state}, but its process {pid} is not there"))
                }
                "stopped" if !is => {}
                _ => panic!("{what}: {id} is {state}, its process {pid} was there: {was}, is there: {is}"),
            }
        }
        for pid in before.iter().filter(|pid| after.contains(pid)) {
            assert!(listed.iter().any(|(.., listed)| listed == pid), "{what}: process {pid} is lost: {listed:?}");
        }
        let plain = self.contain(&["ps", "-q"]);
        assert!(plain.text().lines().any(|id| id == self.survivor), "{what}: the survivor is not listed: {plain:?}");
        late
    }

    /// Id, status and first process of every container.
    fn listed(&self, what: &str) -> Vec<(String, String, i32)> {
        let all = self.contain(&["ps", "-a", "--json"]);
        assert!(all.code == 0 && all.err.is_empty(), "{what}: {all:?}");
        let member = |text: &str, name: &str| {
            let (_, rest) =
                text.split_once(&format!("\"{name}\": ")).unwrap_or_else(|| panic!("{what}: {name}: {all:?}"));
            rest.trim_start_matches('"').split(['"', ',', '\n']).next().unwrap().to_string()
        };
        let each = all.out.split("\"id\"").skip(1).map(|rest| format!("\"id\"{rest}"));
        each.map(|text| (member(&text, "id"), member(&text, "status"), member(&text, "pid").parse().unwrap())).collect()
    }

    fn leaves_nothing(&self, what: &str) {
        for (id, state, _) in self.listed(what) {
            if id != self.survivor && state != "stopped" {
                let removed = self.contain(&["rm", "-f", &id]);
                assert_eq!(removed.code, 0, "{what}: rm -f {id}: {removed:?}");
            }
        }
        let pruned = self.contain(&["prune"]);
        assert!(pruned.code == 0 && pruned.err.is_empty(), "{what}: prune: {pruned:?}");
        world::nothing_new(&self.before, &[&self.root], what);
    }
}

/// Every process that is the first of a pid namespace below this one.
fn firsts() -> Vec<i32> {
    let is_first = |pid: &i32| {
        let numbers = status(*pid, "NSpid").unwrap_or_default();
        numbers.split_whitespace().skip(1).last() == Some("1") && lives(*pid)
    };
    processes().into_iter().filter(is_first).collect()
}

/// Whether there is such a process, and it is no zombie.
fn lives(pid: i32) -> bool {
    status(pid, "State").is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// Whether every container has somebody who waits for it, and everybody waits for a container that runs.
fn settled() -> bool {
    let firsts = firsts();
    let parents: Vec<_> = firsts.iter().map(|pid| status(*pid, "PPid").unwrap_or_default()).collect();
    // Not a container's init, which is called so, too.
    let is_init =
        |pid: i32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|all| all.starts_with(b"contain\0init\0"));
    let is_contain =
        |pid: i32| pid != 1 && lives(pid) && status(pid, "Name").as_deref() == Some("contain") && !is_init(pid);
    parents.iter().all(|parent| parent != "1")
        && !firsts.iter().any(|pid| is_contain(*pid))
        && processes().into_iter().filter(|pid| is_contain(*pid)).all(|pid| parents.contains(&pid.to_string()))
}

fn nothing(_: &World) {}

const RUN: [&str; 6] = ["run", "-d", "--name", "c", "-m", "64M"];

fn run_and<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RUN, more].concat()
}

#[test]
fn the_caller_of_a_detached_run_dies() {
    within("the_caller_of_a_detached_run_dies", |world| {
        world.sweep(&run_and(&["--", "sleep", "1000"]), 0, &[0], &nothing);
    });
}

#[test]
fn who_waits_for_a_container_dies() {
    within("who_waits_for_a_container_dies", |world| {
        world.sweep(&run_and(&["--", "true"]), 1, &[1], &nothing);
    });
}

#[test]
fn who_waits_for_a_container_and_the_caller_die() {
    within("who_waits_for_a_container_and_the_caller_die", |world| {
        world.sweep(&run_and(&["--rm", "--", "true"]), 1, &[0, 1], &nothing);
    });
}

#[test]
fn who_waits_dies_while_the_container_sets_itself_up() {
    within("who_waits_dies_while_the_container_sets_itself_up", |world| {
        world.sweep(&run_and(&["--user", "1000", "--", "sleep", "1000"]), 2, &[1], &nothing);
    });
}

#[test]
fn a_foreground_run_dies() {
    within("a_foreground_run_dies", |world| {
        world.sweep(&["run", "-m", "64M", "--", "true"], 0, &[0], &nothing);
        world.sweep(&["run", "--name", "c", "--init", "--", "true"], 0, &[0], &nothing);
    });
}

/// Its group is where no other command looks by itself.
#[test]
fn a_run_with_a_group_elsewhere_dies() {
    within("a_run_with_a_group_elsewhere_dies", |world| {
        world.sweep(&["run", "-m", "64M", "--cgroup-parent", "/above", "--", "true"], 0, &[0], &nothing);
    });
}

#[test]
fn a_container_dies_while_it_sets_itself_up() {
    within("a_container_dies_while_it_sets_itself_up", |world| {
        world.sweep(&run_and(&["--", "sleep", "1000"]), 2, &[2], &nothing);
    });
}

/// A container that only waits, to be found by its name.
fn target(world: &World) {
    world.start(&["--name", "c"]);
}

/// The same, whose `contain` was killed.
fn stale(world: &World) {
    world.start(&["--name", "c"]);
    world.orphan("c");
}

#[test]
fn stop_dies() {
    within("stop_dies", |world| world.sweep(&["stop", "c"], 0, &[0], &target));
}

#[test]
fn rm_dies() {
    within("rm_dies", |world| {
        world.sweep(&["rm", "-f", "c"], 0, &[0], &target);
        world.sweep(&["rm", "c"], 0, &[0], &stale);
    });
}

#[test]
fn ps_and_prune_die() {
    within("ps_and_prune_die", |world| {
        world.sweep(&["ps", "-a"], 0, &[0], &stale);
        world.sweep(&["prune"], 0, &[0], &stale);
    });
}

#[test]
fn pause_and_resume_die() {
    within("pause_and_resume_die", |world| {
        world.sweep(&["pause", "c"], 0, &[0], &target);
        world.sweep(&["resume", "c"], 0, &[0], &|world| {
            target(world);
            world.contain(&["pause", "c"]).text();
        });
    });
}

#[test]
fn update_and_kill_die() {
    within("update_and_kill_die", |world| {
        world.sweep(&["update", "--pids", "50", "c"], 0, &[0], &target);
        world.sweep(&["kill", "c"], 0, &[0], &target);
    });
}

#[test]
fn who_waits_for_a_paused_container_dies() {
    within("who_waits_for_a_paused_container_dies", |world| {
        world.start(&["--name", "c"]);
        world.contain(&["pause", "c"]).text();
        world.orphan("c");
        // What is frozen dies of nothing until somebody lets it go on.
        world.tells_the_truth("paused");
        world.leaves_nothing("paused");
    });
}

#[test]
fn exec_dies() {
    within("exec_dies", |world| {
        world.sweep(&["exec", "survivor", "--", "true"], 0, &[0], &nothing);
        world.sweep(&["exec", "-d", "survivor", "--", "true"], 0, &[0], &nothing);
        world.sweep(&["exec", "survivor", "--", "sleep", "1000"], 1, &[0], &nothing);
    });
}
