//! What a plan must know of this machine: plain values that `kernel` fills in by looking once. No system call here.

use std::ffi::CStr;

use crate::text::{Word, kept_below, kept_one, split, utf8};

/// What was found. The id is drawn anew for each container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// 16 hexadecimal digits.
    pub id: &'static str,
    pub cgroups: Cgroups,
    pub mapper: Mapper,
}

/// Who writes the maps of a container's user namespace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mapper {
    /// The launcher, which may write any.
    #[default]
    Launcher,
    /// The launcher, which may map its own ids only, and only with setgroups(2) given up: a process could else leave a group
    /// that keeps it from a file (CVE-2014-8989).
    OwnIds,
    /// newuidmap(1) and newgidmap(1), by their paths.
    Programs(&'static [Word; 2]),
}

/// The machine's control groups, cgroups(7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Cgroups {
    /// None is mounted.
    Absent,
    V1(V1),
    V2(V2),
}

/// The v1 controllers that are mounted and where; also on hybrid systems, where v2 is mounted without controllers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct V1 {
    pub mounts: Vec<(Controller, &'static str)>,
    /// Groups are made below this path of each.
    pub parent: &'static str,
    /// Groups can be made. Asked only where one is wanted merely to count in.
    pub writable: bool,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct V2 {
    /// The directories from the first that this user may change down to the one that groups are made in, each with its
    /// cgroup.subtree_control. Where it may change none there is one, for the error to name.
    pub levels: Vec<(Word, Controllers)>,
    /// Groups can be made.
    pub writable: bool,
    /// The first is not the top.
    pub delegated: bool,
    /// cgroup.controllers of the first.
    pub available: Controllers,
}

/// The directories of a path below a mount, from that on.
pub fn levels(mount: &str, path: &str) -> Vec<Word> {
    let mut levels = vec![kept_one(mount.as_bytes())];
    for part in split(path, b'/') {
        if let (Some(above), false) = (levels.last(), part.is_empty()) {
            levels.push(kept_below(above.to_bytes(), part.as_bytes()));
        }
    }
    levels
}

/// Some of the controllers: a bit for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Controllers(u8);

impl Controllers {
    pub const ALL: Controllers = Controllers(0x3f);

    pub fn has(self, controller: Controller) -> bool {
        self.0 & 1 << controller as u8 != 0
    }

    pub fn add(&mut self, controller: Controller) {
        self.0 |= 1 << controller as u8;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Controller {
    Memory,
    Cpu,
    /// v1 only: v2 counts CPU time in every group.
    Cpuacct,
    Cpuset,
    Pids,
    /// v1 only: v2 freezes every group.
    Freezer,
}

impl Controller {
    pub const ALL: [Controller; 6] = [
        Controller::Freezer,
        Controller::Memory,
        Controller::Cpu,
        Controller::Cpuacct,
        Controller::Cpuset,
        Controller::Pids,
    ];

    /// As the kernel names it.
    pub fn name(self) -> &'static str {
        // The names are ASCII.
        utf8(self.path().to_bytes()).unwrap_or_default()
    }

    /// The name as a path.
    pub fn path(self) -> &'static CStr {
        match self {
            Controller::Memory => c"memory",
            Controller::Cpu => c"cpu",
            Controller::Cpuacct => c"cpuacct",
            Controller::Cpuset => c"cpuset",
            Controller::Pids => c"pids",
            Controller::Freezer => c"freezer",
        }
    }
}
