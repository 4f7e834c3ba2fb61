//! A detached container with a state directory of its own, for tests that work with it from outside. It is ended when
//! its test is.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Out, Scratch, command, finish, kill, rootfs, wait_until};

pub struct Detached {
    scratch: Scratch,
    pub id: String,
    first: (i32, u64),
    supervisor: (i32, u64),
}

impl Detached {
    /// In the shared root file system, which is only read.
    pub fn start(flags: &[&str], inside: &[&str]) -> Detached {
        Detached::start_in(Path::new(rootfs()), flags, inside)
    }

    pub fn start_in(root: &Path, flags: &[&str], inside: &[&str]) -> Detached {
        let scratch = Scratch::new();
        let state = scratch.at("state");
        let head = ["run", "-d", "--root", &state, "--rootfs", root.to_str().unwrap()];
        let id = finish(command(&[&head, flags, &["--"], inside].concat())).text().to_string();
        let mut detached = Detached { scratch, id, first: (0, 0), supervisor: (0, 0) };
        let process = |member: &str, start: &str| {
            (detached.number(member).expect("a pid") as i32, detached.number(start).expect("a start time"))
        };
        let (first, supervisor) = (process("pid", "start_time"), process("supervisor_pid", "supervisor_start_time"));
        (detached.first, detached.supervisor) = (first, supervisor);
        detached
    }

    /// One that only waits.
    pub fn sleeping(flags: &[&str]) -> Detached {
        Detached::start(flags, &["sleep", "1000"])
    }

    pub fn state(&self) -> String {
        self.scratch.at("state")
    }

    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    pub fn metadata(&self) -> std::path::PathBuf {
        Path::new(&self.state()).join(&self.id).join("metadata.json")
    }

    /// A number of its record.
    pub fn number(&self, member: &str) -> Option<u64> {
        let text = fs::read_to_string(self.metadata()).ok()?;
        let (_, rest) = text.split_once(&format!("\"{member}\": "))?;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    /// Its first process, as the host numbers it.
    pub fn first(&self) -> i32 {
        self.first.0
    }

    /// The `contain` that waits for it.
    pub fn supervisor(&self) -> i32 {
        self.supervisor.0
    }

    pub fn lives(&self) -> bool {
        is(self.first) && is(self.supervisor)
    }

    pub fn has_ended(&self) -> bool {
        !is(self.first) && !is(self.supervisor)
    }

    /// `contain exec FLAGS ID -- INSIDE`.
    pub fn command(&self, flags: &[&str], inside: &[&str]) -> Command {
        command(&[&["exec", "--root", &self.state()], flags, &[&self.id, "--"], inside].concat())
    }

    pub fn exec(&self, flags: &[&str], inside: &[&str]) -> Out {
        finish(self.command(flags, inside))
    }

    /// `contain exec FLAGS ID -- /bin/sh -c SCRIPT`.
    pub fn sh(&self, flags: &[&str], script: &str) -> Out {
        self.exec(flags, &["/bin/sh", "-c", script])
    }

    pub fn kill(&self) {
        if is(self.first) {
            kill(self.first.0, 9);
        }
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        self.kill();
        if !std::thread::panicking() {
            wait_until("the container to end", || self.has_ended());
        }
    }
}

/// Whether this is still the process that it was. A zombie is none any more.
fn is((pid, start): (i32, u64)) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // After the name: the state, and as the 20th the start time (proc_pid_stat(5)).
    fields.len() > 19 && fields[0] != "Z" && fields[19] == start.to_string()
}
