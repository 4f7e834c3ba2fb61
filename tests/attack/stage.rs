//! Where an attack is played: a hostile root file system with the attacker in it, a canary outside of it, and the binary
//! that launches, with a wall down or whole; as root or as nobody, in `run` or in `exec`.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{chown, lchown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::attacker::ORDER;
use crate::common::{Out, Scratch, contain, finish, place};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    Root,
    Nobody,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum How {
    Run,
    Exec,
}

pub type Row = (Who, How);
pub const RUN: &[Row] = &[(Who::Root, How::Run), (Who::Nobody, How::Run)];
pub const EXEC: &[Row] = &[(Who::Root, How::Exec), (Who::Nobody, How::Exec)];
pub const ALL: &[Row] = &[RUN[0], RUN[1], EXEC[0], EXEC[1]];
/// For what only root has, or the kernel itself denies an ordinary user.
pub const ROOT: &[Row] = &[RUN[0], EXEC[0]];

/// Sees an attack succeed in each row where these walls are down, and fail where none is.
#[track_caller]
pub fn held_by(walls: &'static str, rows: &[Row], attack: impl Fn(&Stage) -> bool) {
    for &row in rows {
        let weak = Stage::new(row, walls);
        assert!(
            attack(&weak),
            "{row:?}: with {walls} down the attack does not succeed, so it proves nothing: {:#?}",
            weak.told.borrow()
        );
        drop(weak);
        // Where there are several walls the others hold without any one of them.
        for wall in walls.split(',').filter(|wall| *wall != walls) {
            let one = Stage::new(row, wall);
            assert!(!attack(&one), "{row:?}: with {wall} down the others do not hold: {:#?}", one.told.borrow());
        }
        let whole = Stage::new(row, "");
        assert!(!attack(&whole), "{row:?}: the attack succeeds: {:#?}", whole.told.borrow());
        assert_eq!(whole.canary(), "alive", "{row:?}: {:#?}", whole.told.borrow());
    }
}

/// The binary that has walls which can be taken down.
pub fn weakened() -> PathBuf {
    place("CONTAIN_WEAKENED", "build/contain-weak")
}

pub struct Stage {
    pub here: Scratch,
    /// The hostile root file system.
    pub root: PathBuf,
    pub row: Row,
    walls: &'static str,
    /// What the last commands left, for whoever has to understand a failure.
    told: RefCell<Vec<String>>,
}

pub const NOBODY: u32 = 65534;

impl Stage {
    pub fn new(row: Row, walls: &'static str) -> Stage {
        let here = Scratch::new();
        let root = here.root("root");
        here.file("outside/canary", "alive");
        let binary = match walls {
            "" => contain().to_path_buf(),
            _ => weakened(),
        };
        let binary = fs::read(&binary).unwrap_or_else(|why| panic!("{}: {why}: `make attack`", binary.display()));
        here.executable("contain", binary);
        let stage = Stage { here, root, row, walls, told: RefCell::default() };
        stage.hand_over(stage.here.path());
        stage
    }

    /// What is made here belongs to whoever launches.
    pub fn hand_over(&self, path: &Path) {
        if self.row.0 == Who::Nobody {
            give(path);
        }
    }

    /// Whether this is the shipped binary.
    pub fn is_whole(&self) -> bool {
        self.walls.is_empty()
    }

    /// The variable that says which walls are down, for a contain that runs inside.
    pub fn down(&self) -> String {
        format!("CONTAIN_WEAK={}", self.walls)
    }

    pub fn at(&self, name: &str) -> String {
        self.here.at(name)
    }

    pub fn canary(&self) -> String {
        fs::read_to_string(self.at("outside/canary")).unwrap_or_default()
    }

    /// The names of what is beside the canary.
    pub fn outside(&self) -> Vec<String> {
        let all = fs::read_dir(self.at("outside")).unwrap().flatten();
        all.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != "canary").collect()
    }

    /// `contain` with these words, with its walls down, as whoever it is.
    pub fn line(&self, words: &[&str]) -> Command {
        let mut command = Command::new(self.at("contain"));
        command.args(words).current_dir(self.here.path()).stdin(Stdio::null());
        command.env("CONTAIN_ROOT", self.at("state")).env("CONTAIN_WEAK", self.walls).env_remove("CONTAIN_ROOTFS");
        if self.row.0 == Who::Nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    pub fn finish(&self, line: Command) -> Out {
        let what = format!("{:?}", line.get_args().collect::<Vec<_>>());
        let out = finish(line);
        let mut told = self.told.borrow_mut();
        let from = told.len().saturating_sub(5);
        told.drain(..from);
        told.push(format!("{what}: {out:?}"));
        out
    }

    pub fn contain(&self, words: &[&str]) -> Out {
        self.finish(self.line(words))
    }

    fn rootfs(&self) -> &str {
        self.root.to_str().unwrap()
    }

    /// `contain run FLAGS -- INSIDE`, whatever the row says.
    pub fn run(&self, flags: &[&str], inside: &[&str]) -> Command {
        self.line(&[&["run", "--rootfs", self.rootfs()], flags, &["--"], inside].concat())
    }

    /// `contain run -d FLAGS -- INSIDE`.
    pub fn detached(&self, flags: &[&str], inside: &[&str]) -> Sleeping<'_> {
        let words = [&["run", "-d", "--rootfs", self.rootfs()], flags, &["--"], inside].concat();
        Sleeping { stage: self, id: self.contain(&words).text().to_string() }
    }

    /// A container that waits for what is done in it.
    pub fn sleeping(&self, flags: &[&str]) -> Sleeping<'_> {
        self.detached(flags, &["sleep", "1000"])
    }

    /// Runs a command inside: in `run`, or in `exec` in a container with the same flags. `more` are the command's own.
    pub fn inside(&self, flags: &[&str], more: &[&str], inside: &[&str]) -> Out {
        let mut sleeping = None;
        self.finish(self.line_of(&mut sleeping, flags, more, inside))
    }

    /// The same line, for a caller who does something to it before it is executed.
    pub fn line_of<'a>(
        &'a self,
        sleeping: &mut Option<Sleeping<'a>>,
        flags: &[&str],
        more: &[&str],
        inside: &[&str],
    ) -> Command {
        match self.row.1 {
            How::Run => self.run(&[flags, more].concat(), inside),
            How::Exec => sleeping.insert(self.sleeping(flags)).line(more, inside),
        }
    }

    pub fn sh(&self, flags: &[&str], script: &str) -> Out {
        self.inside(flags, &[], &["/bin/sh", "-c", script])
    }

    /// Lets the attacker do as it is told (attacker.rs).
    pub fn attack(&self, flags: &[&str], order: &str) -> Out {
        self.inside(&[&attacker(), flags].concat(), &["-e", &ordered(order)], &["/attacker"])
    }
}

/// The flags that bring the attacker, which is this program, to /attacker, with the libraries that it has open.
pub fn attacker() -> Vec<&'static str> {
    let own = std::env::current_exe().unwrap();
    let mut flags = vec!["-v", format!("{}:/attacker:ro", own.display()).leak()];
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libraries: std::collections::BTreeSet<&str> =
        maps.lines().filter_map(|line| line.split_whitespace().nth(5)).filter(|path| path.contains(".so")).collect();
    for path in libraries {
        // The loader is asked for by a name that may be a link to this one.
        let names = [path.to_string(), path.replace("/usr/lib/", "/lib/")];
        let loader = path.contains("/ld-").then(|| "/lib64/ld-linux-x86-64.so.2".to_string());
        for name in names.into_iter().chain(loader).collect::<std::collections::BTreeSet<_>>() {
            flags.extend(["-v", format!("{path}:{name}:ro").leak()]);
        }
    }
    flags
}

/// The same command line with another program, as root.
pub fn with_program(program: impl AsRef<std::ffi::OsStr>, line: &Command) -> Command {
    let mut other = Command::new(program);
    other.args(line.get_args()).envs(line.get_envs().filter_map(|(key, value)| Some((key, value?))));
    other
}

/// The variable that makes this program the attacker.
pub fn ordered(order: &str) -> String {
    format!("{ORDER}={order}")
}

/// A detached container of a stage.
pub struct Sleeping<'a> {
    stage: &'a Stage,
    pub id: String,
}

impl Sleeping<'_> {
    pub fn line(&self, flags: &[&str], inside: &[&str]) -> Command {
        self.stage.line(&[&["exec"], flags, &[&self.id, "--"], inside].concat())
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        self.stage.contain(&["rm", "-f", "-t", "0", &self.id]);
    }
}

/// Gives a tree to nobody.
fn give(path: &Path) {
    let meta = fs::symlink_metadata(path).unwrap();
    if meta.is_dir() {
        fs::read_dir(path).unwrap().flatten().for_each(|entry| give(&entry.path()));
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    } else {
        lchown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}
