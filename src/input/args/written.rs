//! What a command line says: every option of every command.

use crate::input::env::Variable;
use crate::input::user::{Who, WrittenUser};
use crate::log::Voice;
use crate::spec::{Limits, Map, Share, Volume};
use crate::text::{Word, shown};

/// The members lie in this order: what is looked at often is reached with shorter instructions.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Written {
    /// A bit for each [`Flag`].
    flags: u64,
    /// The words that are no options; of `run` and `exec` everything from the first one on.
    pub words: Vec<Word>,
    texts: [Option<&'static str>; 7],
    numbers: [Option<u64>; 6],
    paths: [Option<Word>; 3],
    /// `--rootfs`, the lowest layer first.
    pub layers: Vec<Word>,
    /// `--` stood before the words, so the first one is the command whatever it names.
    pub dashed: bool,
    /// The container that `exec` is for.
    pub target: &'static str,
    pub environment: Vec<EnvironmentSource>,
    pub user: Option<WrittenUser>,
    /// `--cap-add` and `--cap-drop`: a bit for each, and all of them for `ALL`.
    pub added: u64,
    pub dropped: u64,
    /// `--uidmap` and `--gidmap`.
    pub maps: [Map; 2],
    pub groups: Vec<Who>,
    /// As [`crate::spec::Spec`] has them.
    pub ulimits: Vec<Word>,
    pub sysctls: Vec<(Word, Word)>,
    /// On the host, and below /dev.
    pub devices: Vec<(Word, Word)>,
    pub volumes: Vec<Volume>,
    pub limits: Limits,
}

/// Options that take no value, and the namespaces that are the host's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flag {
    Help,
    Version,
    ReadOnly,
    /// What is written to the rootfs goes elsewhere.
    Overlay,
    Init,
    Tty,
    NoTty,
    Interactive,
    Quiet,
    Verbose,
    DryRun,
    Detach,
    /// Forget a detached or named container when it has ended.
    Remove,
    /// Remember one in the foreground.
    Keep,
    Log,
    /// Those that have ended, too.
    All,
    Json,
    NoTrunc,
    NoStream,
    Svg,
    Follow,
    Force,
    NoSync,
    /// One lease, and no more.
    Once,
    Privileged,
    NewPrivileges,
    NoNewPrivileges,
    HostPid,
    HostNet,
    HostIpc,
    HostUts,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// Milliseconds.
    Timeout,
    /// `stop --time`, in milliseconds.
    Grace,
    /// Bytes of one log file before it is rotated.
    LogMax,
    /// The last lines only.
    Tail,
    Signal,
    ShmSize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Text {
    Hostname,
    Workdir,
    Name,
    /// The user namespace.
    Users,
    CgroupParent,
    Domainname,
    OomScoreAdj,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Path {
    /// Where containers are written down.
    Root,
    /// Which system calls the container may make; the default profile and none have names.
    Seccomp,
    /// The directory that keeps an upper layer.
    Overlay,
}

/// `--env` and `--env-file` in the order given; a later one wins.
#[derive(Clone, Copy, Debug)]
pub enum EnvironmentSource {
    Word(Variable),
    File(Word),
}

impl Written {
    pub fn has(&self, flag: Flag) -> bool {
        self.flags & 1 << flag as u64 != 0
    }

    pub fn number(&self, number: Number) -> Option<u64> {
        self.numbers[number as usize]
    }

    pub fn text(&self, text: Text) -> Option<&'static str> {
        self.texts[text as usize]
    }

    pub fn path(&self, path: Path) -> Option<Word> {
        self.paths[path as usize]
    }

    /// `--tty` or `--no-tty`; neither leaves it to where the standard streams lead.
    pub fn tty(&self) -> Option<bool> {
        (self.has(Flag::Tty) || self.has(Flag::NoTty)).then(|| self.has(Flag::Tty))
    }

    /// `--quiet` or `--verbose`; neither leaves it to whether standard error is a terminal.
    pub fn voice(&self) -> Option<Voice> {
        match self.has(Flag::Verbose) {
            true => Some(Voice::Story),
            false => self.has(Flag::Quiet).then_some(Voice::Plain),
        }
    }

    pub fn share(&self) -> Share {
        let [pid, net, ipc, uts] =
            [Flag::HostPid, Flag::HostNet, Flag::HostIpc, Flag::HostUts].map(|flag| self.has(flag));
        Share { pid, net, ipc, uts }
    }

    /// The words as names of containers.
    pub fn targets(&self) -> Vec<&'static str> {
        self.words.iter().map(|word| shown(word)).collect()
    }

    pub(super) fn set(&mut self, flag: Flag, to: bool) {
        let bit = 1 << flag as u64;
        self.flags = if to { self.flags | bit } else { self.flags & !bit };
    }

    pub(super) fn set_number(&mut self, number: Number, value: u64) {
        self.numbers[number as usize] = Some(value);
    }

    pub(super) fn set_text(&mut self, text: Text, value: &'static str) {
        self.texts[text as usize] = Some(value);
    }

    pub(super) fn set_path(&mut self, path: Path, value: Word) {
        self.paths[path as usize] = Some(value);
    }
}
