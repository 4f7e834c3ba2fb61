//! An ordinary user: `nobody`, with a copy of the binary and of the root file system that he may read, and a state
//! directory of his own. He has no session, no groups and no ranges in /etc/subuid. Or one of that kind who has: the host's
//! files are hidden from him, never changed.

use std::path::PathBuf;
use std::process::Command;

use super::{Out, Scratch, contain, finish};

pub const UID: u32 = 65534;

pub struct Ordinary {
    pub scratch: Scratch,
    pub rootfs: PathBuf,
    uid: u32,
    /// What root does for him beforehand, in a mount namespace of their own.
    prepare: String,
}

impl Ordinary {
    pub fn new() -> Ordinary {
        let scratch = Scratch::new();
        let done = Command::new("install").arg(contain()).arg(scratch.at("contain")).status().expect("install");
        assert!(done.success(), "the binary is copied");
        let rootfs = scratch.root("rootfs");
        Ordinary { scratch, rootfs, uid: UID, prepare: String::new() }.with_places()
    }

    /// `ann`, user and group 4242, who has these ranges. Both files call her as `who`.
    pub fn with_ranges(who: &str, uids: &str, gids: &str) -> Ordinary {
        let mut ann = Ordinary { uid: 4242, ..Ordinary::new() }.with_places();
        let passwd = "root:x:0:0::/root:/bin/sh\nann:x:4242:4242::/:/bin/sh\n";
        let groups = "root:x:0:\nann:x:4242:\n";
        let copied = Command::new("cp").args(["-a", "/etc", &ann.at("etc")]).status().expect("cp");
        assert!(copied.success(), "cp -a /etc failed");
        let lines = |ranges: &str| ranges.split(' ').map(|range| format!("{who}:{range}\n")).collect::<String>();
        for (name, text) in [("passwd", passwd), ("group", groups), ("subuid", &lines(uids)), ("subgid", &lines(gids))]
        {
            ann.scratch.file(&format!("etc/{name}"), text);
        }
        ann.prepare(&format!("mount --bind {} /etc", ann.at("etc")));
        ann
    }

    /// Adds what root does for this user beforehand.
    pub fn prepare(&mut self, script: &str) {
        self.prepare += &format!("{script} || exit 99\n");
    }

    fn with_places(self) -> Ordinary {
        for name in ["state", "own"] {
            std::fs::create_dir_all(self.at(name)).unwrap();
            std::os::unix::fs::chown(self.at(name), Some(self.uid), Some(self.uid)).unwrap();
        }
        self
    }

    pub fn at(&self, name: &str) -> String {
        self.scratch.at(name)
    }

    /// A shell's script of his, in which `contain` is the binary and `$R` the root file system.
    pub fn script(&self, script: &str) -> Command {
        let (mut command, id) = (Command::new("unshare"), self.uid.to_string());
        let become_him = "exec setpriv --reuid $0 --regid $0 --clear-groups --inh-caps=-all sh -c \"$@\"";
        command.args([
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            &(self.prepare.clone() + become_him),
            &id,
            script,
        ]);
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
