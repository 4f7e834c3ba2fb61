//! A state directory of a test's own with containers in it, worked with by the commands and looked at from outside. All
//! that still runs is ended with it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use super::{Live, Out, Scratch, cgroup, code, command, finish, kill, rootfs, status, wait_until, world};

pub struct Home(Scratch);

impl Home {
    pub fn new() -> Home {
        Home(Scratch::new())
    }

    pub fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = command(words);
        command.env("CONTAIN_ROOT", self.state());
        command
    }

    pub fn contain(&self, words: &[&str]) -> Out {
        finish(self.command(words))
    }

    /// `contain run -d FLAGS -- /bin/sh -c SCRIPT`: the id.
    pub fn sh(&self, flags: &[&str], script: &str) -> String {
        let words = [&["run", "-d", "--rootfs", rootfs()], flags, &["--", "/bin/sh", "-c", script]].concat();
        self.contain(&words).text().to_string()
    }

    /// The same, once it has printed a line.
    pub fn ready(&self, flags: &[&str], script: &str) -> String {
        let id = self.sh(flags, script);
        wait_until("the first line of the log", || self.log(&id).contains('\n'));
        id
    }

    /// In the foreground, with its input held open, once it has printed its id.
    pub fn live(&self, flags: &[&str], script: &str) -> (Live, String) {
        let script = format!("hostname; {script}");
        let words = [&["run", "--rootfs", rootfs()], flags, &["--", "/bin/sh", "-c", &script]].concat();
        let mut live = Live::start(self.command(&words));
        let id = live.line();
        // Nobody asked for the record: it is written while the command begins.
        wait_until("the record", || !["gone", "0"].contains(&self.noted(&id, "pid").as_str()));
        (live, id)
    }

    /// One that handles no signal; a shell would, while it begins.
    pub fn sleeping(&self, flags: &[&str]) -> String {
        let words = [&["run", "-d", "--rootfs", rootfs()], flags, &["--", "sleep", "1000"]].concat();
        self.contain(&words).text().to_string()
    }

    pub fn file(&self, id: &str, name: &str) -> PathBuf {
        self.state().join(id).join(name)
    }

    pub fn log(&self, id: &str) -> String {
        fs::read_to_string(self.file(id, "stdout.log")).unwrap_or_default()
    }

    /// One member of the record: a number, a string without its quotes, `null`.
    pub fn noted(&self, id: &str, member: &str) -> String {
        let text = fs::read_to_string(self.file(id, "metadata.json")).unwrap_or_default();
        let line = text.lines().find_map(|line| line.trim().strip_prefix(&format!("\"{member}\": ")));
        line.unwrap_or("gone").trim_matches([',', '"']).to_string()
    }

    pub fn pid(&self, id: &str) -> i32 {
        self.noted(id, "pid").parse().expect("a pid")
    }

    pub fn supervisor(&self, id: &str) -> i32 {
        self.noted(id, "supervisor_pid").parse().expect("a pid")
    }

    /// The status as `ps -a` tells it.
    pub fn status(&self, id: &str) -> String {
        let listed = self.contain(&["ps", "-a", "--no-trunc"]);
        let line = listed.text().lines().find(|line| line.starts_with(id)).unwrap_or("").to_string();
        let known = ["running", "paused", "starting", "damaged", "stopped (?)"];
        let found = known.iter().find(|word| line.contains(*word)).map(|word| word.to_string());
        let code = || Some(line[line.find("stopped")?..=line.find(')')?].to_string());
        found.or_else(code).unwrap_or_default()
    }

    /// Names of what is in the state directory.
    pub fn entries(&self) -> Vec<String> {
        let all = fs::read_dir(self.state()).into_iter().flatten().flatten();
        let mut names: Vec<_> = all.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "names");
        names.sort();
        names
    }

    pub fn names(&self) -> Vec<String> {
        let all = fs::read_dir(self.state().join("names")).into_iter().flatten().flatten();
        all.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }

    /// kill -9 of the `contain` that waits for a container; returns when it has gone.
    pub fn kill_supervisor(&self, id: &str) {
        let pid = self.supervisor(id);
        kill(pid, 9);
        wait_until("the end of the supervisor", || is_gone(pid));
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for id in self.entries() {
            self.contain(&["rm", "-f", "-t", "0", &id]);
        }
    }
}

/// A zombie is gone.
pub fn is_gone(pid: i32) -> bool {
    status(pid, "State").is_none_or(|state| state.starts_with('Z'))
}

pub fn leaves(id: &str) -> Vec<PathBuf> {
    let all = world::mount_points().into_iter().map(|mount| mount.join(format!("contain-{id}")));
    all.filter(|path| path.exists()).collect()
}

/// A v1 controller's file of a container, or v2's.
pub fn limit(id: &str, controller: &str, v1: &str, v2: &str) -> String {
    let (mount, file) = match cgroup(controller) {
        Some(mount) => (mount, v1),
        None => (cgroup("").expect("cgroups"), v2),
    };
    let path = mount.join(format!("contain-{id}")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|why| format!("{}: {why}", path.display())).trim().to_string()
}

pub fn start(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn end(child: Child) -> Out {
    let done = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Out { code: code(done.status), out: text(&done.stdout), err: text(&done.stderr), raw: done.stdout }
}
