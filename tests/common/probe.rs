//! A root file system with a program that makes system calls and tells what came of each: see tests/seccomp/probe.c.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Out, Scratch, sh_in};

/// Every number that a call may have, and more; but `sync`, which waits for the host's disks, and `vfork`, which is not to
/// be left by a return. Both are as harmless as `fork`, which is tried.
#[cfg(target_arch = "x86_64")]
pub const ALL: &str = "0-57 59-161 163-1024";
#[cfg(target_arch = "aarch64")]
pub const ALL: &str = "0-80 82-1024";

/// What these calls do with any argument.
#[cfg(target_arch = "x86_64")]
pub const ENDS: [(&str, &str); 5] =
    [("15", "signal 11"), ("34", "blocks"), ("60", "exit"), ("231", "exit"), ("335", "signal 4")];

pub struct Probe {
    pub scratch: Scratch,
    pub root: PathBuf,
}

impl Probe {
    pub fn new() -> Probe {
        let scratch = Scratch::new();
        let root = scratch.root("root");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/seccomp/probe.c");
        let mut compiler = Command::new("musl-gcc");
        compiler.args(["-static", "-O1", "-Wall", "-Werror", "-o"]).arg(root.join("bin/probe")).arg(source);
        let status = compiler.status().expect("musl-gcc, which `make setup` installs");
        assert!(status.success(), "the probe compiles");
        Probe { scratch, root }
    }

    /// What came of these calls in a container.
    #[track_caller]
    pub fn run(&self, flags: &[&str], calls: &str) -> Results {
        Results::of(&sh_in(&self.root, flags, &format!("probe {calls}")))
    }

    /// A file beside the root file system, by its path.
    pub fn file(&self, name: &str, content: &str) -> String {
        self.scratch.file(name, content).to_str().unwrap().to_string()
    }
}

/// For each call, as it was written, what came of it: an errno, `ok`, `signal N`, `exit` or `blocks`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Results(pub BTreeMap<String, String>);

impl Results {
    #[track_caller]
    pub fn of(got: &Out) -> Results {
        let lines = got.text().lines().map(|line| line.split_once(' ').expect("a call and what came of it"));
        Results(lines.map(|(call, result)| (call.into(), result.into())).collect())
    }

    #[track_caller]
    pub fn at(&self, call: impl ToString) -> &str {
        &self.0[&call.to_string()]
    }

    /// The calls of which something else came.
    pub fn differing(&self, other: &Results) -> Vec<String> {
        assert!(self.0.keys().eq(other.0.keys()), "other calls were tried");
        let differ = |(call, result): (&String, &String)| {
            let other = other.at(call);
            (result != other).then(|| format!("{call}: {result}, not {other}"))
        };
        self.0.iter().filter_map(differ).collect()
    }
}
