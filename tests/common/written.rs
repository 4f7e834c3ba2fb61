//! A state directory of a test's own, in which records are put by hand, and what is told of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use super::{Out, Scratch, command, finish, host, rootfs};

/// A state directory of this test's own.
pub struct State {
    pub here: Scratch,
    pub root: PathBuf,
}

/// Ids that nobody draws twice.
pub const ID: &str = "0123456789abcdef";
pub const OTHER: &str = "fedcba9876543210";

impl State {
    pub fn new() -> State {
        let here = Scratch::new();
        let root = here.path().join("state");
        State { here, root }
    }

    /// One that is there already.
    pub fn made() -> State {
        let state = State::new();
        fs::create_dir(&state.root).unwrap();
        fs::set_permissions(&state.root, fs::Permissions::from_mode(0o700)).unwrap();
        state
    }

    pub fn line(&self, words: &[&str]) -> Command {
        let mut line = command(words);
        line.env("CONTAIN_ROOT", &self.root).env("CONTAIN_ROOTFS", rootfs());
        line
    }

    pub fn contain(&self, words: &[&str]) -> Out {
        finish(self.line(words))
    }

    /// `contain run --rootfs R FLAGS -- INSIDE`.
    pub fn run(&self, flags: &[&str], inside: &[&str]) -> Out {
        self.contain(&[&["run", "--rootfs", rootfs()], flags, &["--"], inside].concat())
    }

    /// A file of a container that is written down here.
    pub fn file(&self, id: &str, name: &str) -> PathBuf {
        self.root.join(id).join(name)
    }

    pub fn record(&self, id: &str, text: impl AsRef<[u8]>) {
        fs::create_dir_all(self.root.join(id)).unwrap();
        fs::write(self.file(id, "metadata.json"), text).unwrap();
    }

    /// Everything below the state directory.
    pub fn listed(&self) -> Vec<String> {
        host(&format!("cd {} && find . | sort", self.root.display())).text().lines().map(String::from).collect()
    }

    /// Both streams of `ps -a`, which must succeed.
    pub fn ps(&self) -> String {
        let all = self.contain(&["ps", "-a", "--no-trunc"]);
        assert_eq!(all.code, 0, "{all:?}");
        all.out
    }

    /// Nothing is left after `prune` but the empty directory of names.
    pub fn prunes_to_nothing(&self, what: &str) {
        let pruned = self.contain(&["prune"]);
        assert!(pruned.code == 0 && pruned.err.is_empty(), "{what}: {pruned:?}");
        let left: Vec<String> = self.listed().into_iter().filter(|path| path != "." && path != "./names").collect();
        assert!(left.is_empty(), "{what}: {left:?}");
    }
}

/// A record of a container that has ended, with these members beside or instead of the usual ones.
pub fn ended(members: &str) -> String {
    let usual = r#""status": "stopped", "exit_code": 3, "created": 1764000000, "finished": 1764000009, "keep": true"#;
    format!("{{{usual}, \"command\": [\"/bin/true\"], \"rootfs\": \"/\"{members}}}")
}

/// A script on the host that must succeed.
#[track_caller]
pub fn shell(script: &str) {
    host(script).text();
}

/// The `contain` that waits for a container.
pub fn supervisor(state: &State, id: &str) -> i32 {
    let text = fs::read_to_string(state.file(id, "metadata.json")).unwrap();
    let (_, rest) = text.split_once("\"supervisor_pid\": ").unwrap();
    rest.split(',').next().unwrap().parse().unwrap()
}
