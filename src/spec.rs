//! A container as it is meant, whatever wrote it down: plain public values, checked, with nothing left to look up.

use std::ffi::CString;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Spec {
    /// As the user wrote it; the launcher opens it once.
    pub rootfs: CString,
    pub read_only: bool,
    /// The command and its arguments; never empty.
    pub command: Vec<CString>,
    /// `KEY=VALUE`, complete and in order.
    pub environment: Vec<CString>,
    /// Absolute, inside the container.
    pub workdir: CString,
    pub user: User,
    /// At most 64 bytes (gethostname(2)).
    pub hostname: String,
    pub volumes: Vec<Volume>,
    pub limits: Limits,
    pub share: Share,
    /// Run contain's own init as the container's first process.
    pub init: bool,
    /// Give the container a terminal of its own.
    pub tty: bool,
}

/// Who the command runs as. Supplementary groups are those of the container's own /etc/group.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
}

/// Something mounted into the container at the user's wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Volume {
    pub kind: VolumeKind,
    /// Absolute, inside the container.
    pub target: CString,
    pub read_only: bool,
    pub no_exec: bool,
    pub no_suid: bool,
    pub no_dev: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VolumeKind {
    /// A file or directory of the host, with what is mounted below it.
    Bind { source: CString },
    /// tmpfs(5) with its own options, `size=64m,mode=1777`.
    Tmpfs { options: CString },
}

/// Limits that the kernel's cgroups hold. `None` asks nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Bytes of memory and swap together.
    pub memory_swap: Option<Bound>,
    /// Bytes of memory above which the container is slowed and reclaimed from.
    pub memory_high: Option<u64>,
    pub cpu: Option<Cpu>,
    /// 1 to 10000; 100 is everyone's default (cpu.weight).
    pub cpu_weight: Option<u32>,
    /// A list of CPUs such as `0-3,5` (cpuset(7), "List format").
    pub cpuset: Option<String>,
    pub pids: Option<Bound>,
}

impl Limits {
    pub fn are_none(&self) -> bool {
        let Limits { memory, memory_swap, memory_high, cpu, cpu_weight, cpuset, pids } = self;
        let sizes = memory.is_none() && memory_swap.is_none() && memory_high.is_none();
        sizes && cpu.is_none() && cpu_weight.is_none() && cpuset.is_none() && pids.is_none()
    }
}

/// A number, or no bound at all: `max`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    Max,
    At(u64),
}

/// CPU bandwidth in microseconds: `quota` of run time in each `period`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpu {
    pub quota: u64,
    pub period: u64,
}

/// The host's namespaces that the container shares instead of having its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    pub pid: bool,
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
}
