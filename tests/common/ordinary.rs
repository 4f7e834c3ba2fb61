//! An ordinary user: `nobody`, with a copy of the binary and of the root file system that he may read, and a state
//! directory of his own. He has no session, no groups and no ranges in /etc/subuid.

use std::path::PathBuf;
use std::process::Command;

use super::{Out, Scratch, contain, finish};

pub const UID: u32 = 65534;

pub struct Ordinary {
    pub scratch: Scratch,
    pub rootfs: PathBuf,
}

impl Ordinary {
    pub fn new() -> Ordinary {
        let scratch = Scratch::new();
        let done = Command::new("install").arg(contain()).arg(scratch.at("contain")).status().expect("install");
        assert!(done.success(), "the binary is copied");
        let rootfs = scratch.root("rootfs");
        let ordinary = Ordinary { scratch, rootfs };
        for name in ["state", "own"] {
            std::fs::create_dir(ordinary.at(name)).unwrap();
            std::os::unix::fs::chown(ordinary.at(name), Some(UID), Some(UID)).unwrap();
        }
        ordinary
    }

    pub fn at(&self, name: &str) -> String {
        self.scratch.at(name)
    }

    /// A shell's script of his, in which `contain` is the binary and `$R` the root file system.
    pub fn script(&self, script: &str) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps=-all", "sh", "-c", script]);
        let path = [self.scratch.path().to_str().unwrap(), ":", &std::env::var("PATH").unwrap()].concat();
        command.env("PATH", path).env("R", &self.rootfs).env("CONTAIN_ROOT", self.at("state"));
        command.env_remove("CONTAIN_ROOTFS").env_remove("XDG_RUNTIME_DIR").stdin(std::process::Stdio::null());
        command
    }

    /// `contain` with these words.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.script("exec contain \"$@\"");
        command.arg("sh").args(words);
        command
    }

    pub fn contain(&self, words: &[&str]) -> Out {
        finish(self.command(words))
    }

    /// `contain run --rootfs R` with these words.
    pub fn run(&self, words: &[&str]) -> Out {
        self.contain(&[&["run", "--rootfs", self.rootfs.to_str().unwrap()], words].concat())
    }

    /// A script in a container of the root file system.
    pub fn sh(&self, flags: &[&str], script: &str) -> Out {
        self.run(&[flags, &["--", "/bin/sh", "-c", script]].concat())
    }
}
