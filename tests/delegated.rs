//! An ordinary user's limits on cgroup v1, where a directory of each controller is his by root's leave; what is delegated on
//! v2 is in boot_delegated.rs. Without that he has none, and is told so.

mod common;
use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use common::ordinary::{Ordinary, UID};
use common::{cgroup, kill, wait_until, world};

/// A directory in each v1 controller that is his, with all that is in it; removed with the test.
struct His(String);

impl His {
    /// None on a machine without v1.
    fn new(test: &str) -> Option<His> {
        if cgroup("memory").is_none() {
            println!("{test}: not looked at, this machine has no cgroup v1");
            return None;
        }
        let his = His(format!("contain-test-{}-{test}", std::process::id()));
        for path in his.all("") {
            fs::create_dir(&path).unwrap();
            for name in ["cpuset.cpus", "cpuset.mems"] {
                if let Ok(all) = fs::read_to_string(path.parent().unwrap().join(name)) {
                    fs::write(path.join(name), all).unwrap();
                }
            }
            let files = fs::read_dir(&path).unwrap().flatten().map(|entry| entry.path());
            files.chain([path]).for_each(|path| chown(path, Some(UID), Some(UID)).unwrap());
        }
        Some(his)
    }

    /// What this path below it is in every hierarchy with controllers.
    fn all(&self, path: &str) -> Vec<PathBuf> {
        let v1 = world::mount_points().into_iter().filter(|mount| mount.join("tasks").exists());
        v1.map(|mount| mount.join(&self.0).join(path)).collect()
    }

    fn groups(&self, id: &str) -> usize {
        self.all(&format!("web/contain-{id}")).iter().filter(|path| path.exists()).count()
    }

    fn read(&self, controller: &str, id: &str, file: &str) -> String {
        let path = cgroup(controller).unwrap().join(&self.0).join(format!("web/contain-{id}")).join(file);
        fs::read_to_string(&path).unwrap_or_else(|why| format!("{}: {why}", path.display())).trim().into()
    }

    fn flags(&self) -> [String; 6] {
        ["--cgroup-parent", &format!("/{}/web", self.0), "-m", "64M", "--cpuset", "0"].map(String::from)
    }
}

impl Drop for His {
    fn drop(&mut self) {
        for path in self.all("web").into_iter().chain(self.all("")) {
            let _missing = fs::remove_dir(path);
        }
    }
}

#[test]
fn he_has_limits_where_a_directory_is_his() {
    let Some(his) = His::new("limits") else { return };
    let (he, flags) = (Ordinary::new(), his.flags());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let got = he.sh(&flags, "grep -E ':(memory|cpuset):' /proc/self/cgroup; ls /sys/fs/cgroup; tail /dev/zero");
    assert!(got.code == 137 && got.out.lines().count() == 2, "{got:?}");
    assert!(got.out.lines().all(|line| line.ends_with(":/")), "{got:?}");
    assert!(got.err.contains("out of memory (limit 64M"), "{got:?}");
    let id = he.run(&[&["-d", "--name", "web"], &flags[..], &["sleep", "1000"]].concat()).text().to_string();
    assert_eq!(
        (his.read("memory", &id, "memory.limit_in_bytes").as_str(), his.read("cpuset", &id, "cpuset.cpus").as_str()),
        ("67108864", "0")
    );
    assert!(!his.read("memory", &id, "cgroup.procs").is_empty());
    he.contain(&["exec", "web", "--", "grep", ":memory:/$", "/proc/self/cgroup"]).text();
    he.contain(&["pause", "web"]).is(0, "web\n");
    assert_eq!(his.read("freezer", &id, "freezer.state"), "FROZEN");
    he.contain(&["resume", "web"]).is(0, "web\n");
    he.contain(&["update", "-m", "32M", "--pids", "7", "web"]).is(0, "web\n");
    assert_eq!(
        (his.read("memory", &id, "memory.limit_in_bytes").as_str(), his.read("pids", &id, "pids.max").as_str()),
        ("33554432", "7")
    );
    assert!(he.contain(&["stats", "--no-stream", "--json", "web"]).text().contains("\"pids_limit\": 7"));
    he.contain(&["rm", "-f", "-t", "0", "web"]).is(0, "web\n");
    assert_eq!(his.groups(&id), 0);
}

#[test]
fn what_a_killed_launcher_of_his_leaves_is_removed() {
    let Some(his) = His::new("left") else { return };
    let (he, flags) = (Ordinary::new(), his.flags());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let id = he.run(&[&["-d", "--rm"], &flags[..], &["sleep", "1000"]].concat()).text().to_string();
    let record = fs::read_to_string(Path::new(&he.at("state")).join(&id).join("metadata.json")).unwrap();
    let (_, rest) = record.split_once("\"supervisor_pid\": ").unwrap();
    kill(rest.split(',').next().unwrap().parse().unwrap(), 9);
    assert!(his.groups(&id) > 0);
    wait_until("the groups to be removed", || {
        he.contain(&["ps"]).text();
        his.groups(&id) == 0
    });
}

#[test]
fn without_one_he_is_told_and_runs_without_limits() {
    let he = Ordinary::new();
    let no = |flags: &[&str]| {
        he.run(&[flags, &["true"]].concat())
            .fails(125, &["make cgroup ", "EACCES", "no cgroup is delegated to this user", "--cgroup-parent"]);
    };
    no(&["-m", "64M"]);
    no(&["--pids", "5", "--cgroup-parent", "/contain-test-elsewhere"]);
    let id = he.run(&["-d", "--rm", "sleep", "1000"]).text().to_string();
    he.contain(&["pause", &id]).fails(125, &["has no control group that it can be frozen by"]);
    he.contain(&["rm", "-f", "-t", "0", &id]).is(0, &format!("{id}\n"));
}
