//! A container as it is meant, whatever wrote it down: plain public values, checked, with nothing left to look up.

use crate::text::{Word, decimal, shown, split};

/// What it holds is kept for as long as the process lives, so it is copied as it is. The members lie in this order: what is
/// looked at often is reached with shorter instructions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(C)]
pub struct Spec {
    pub share: Share,
    /// Run contain's own init as the container's first process.
    pub init: bool,
    /// Give the container a terminal of its own.
    pub tty: bool,
    pub read_only: bool,
    /// An exec may give more than was held before it: no_new_privs is off.
    pub new_privileges: bool,
    /// Nothing of the kernel's files is hidden or read-only.
    pub privileged: bool,
    /// The owners in the rootfs are ids of the container's own user namespace, and not those that they are outside.
    pub maps_rootfs: bool,
    /// What the command and all that comes of it may hold at most: a bit for each of capabilities(7), by its number.
    pub capabilities: u64,
    pub user: User,
    /// The ids of the container's own user namespace; none where it is in the caller's.
    pub uids: Map,
    pub gids: Map,
    /// As the user wrote it; the launcher opens it once.
    pub rootfs: Word,
    /// Where the root is no plain directory, what it is made of: absolute paths, the lowest first.
    pub layers: &'static [Word],
    /// Where what is written to the layers goes: `tmpfs`, or an absolute path. Empty where nothing is.
    pub overlay: Word,
    /// The file system of each layer that is an image; else empty.
    pub images: &'static [Word],
    /// The command and its arguments; never empty.
    pub command: &'static [Word],
    /// `KEY=VALUE`, complete and in order.
    pub environment: &'static [Word],
    /// Absolute, inside the container.
    pub workdir: Word,
    /// `NAME=SOFT` or `NAME=SOFT:HARD`, numbers or `unlimited` (setrlimit(2)).
    pub ulimits: &'static [Word],
    /// As the kernel takes it; empty for the caller's (proc_pid_oom_score_adj(5)).
    pub oom_score_adj: Word,
    pub seccomp: Seccomp,
    /// At most 64 bytes (gethostname(2)).
    pub hostname: &'static str,
    /// The NIS one; empty for the host's.
    pub domainname: &'static str,
    /// Below /proc, and the value.
    pub sysctls: &'static [(Word, Word)],
    pub devices: &'static [Device],
    /// Bytes of /dev/shm.
    pub shm_size: Option<u64>,
    pub volumes: &'static [Volume],
    /// The container's control group is made below this one.
    pub cgroup_parent: &'static str,
    pub limits: Limits,
}

impl Spec {
    /// Nothing yet.
    pub const NONE: Spec = Spec {
        rootfs: c"",
        layers: &[],
        images: &[],
        overlay: c"",
        read_only: false,
        command: &[],
        environment: &[],
        workdir: c"",
        user: User { uid: 0, gid: 0, groups: &[] },
        capabilities: DEFAULT_CAPABILITIES,
        ulimits: &[],
        oom_score_adj: c"",
        new_privileges: false,
        privileged: false,
        uids: Map::NONE,
        gids: Map::NONE,
        seccomp: Seccomp { name: Seccomp::DEFAULT, program: &[] },
        maps_rootfs: false,
        hostname: "",
        domainname: "",
        sysctls: &[],
        devices: &[],
        shm_size: None,
        volumes: &[],
        limits: Limits { numbers: [None; 8], cpuset: None },
        cgroup_parent: "",
        share: Share { pid: false, net: false, ipc: false, uts: false },
        init: false,
        tty: false,
    };
}

/// What root in a container may do: podman's default capabilities, CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID
/// SETPCAP NET_BIND_SERVICE SYS_CHROOT SETFCAP. Without SYS_ADMIN it can neither lift a mount nor type into a terminal that
/// it was given (TIOCSTI).
pub const DEFAULT_CAPABILITIES: u64 = 0x8004_05fb;

/// What filters the system calls of the container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seccomp {
    /// `default`, `unconfined`, or the path of a profile.
    pub name: Word,
    /// What that profile says, as the kernel takes it: instructions of classic BPF, a number each.
    pub program: &'static [u64],
}

impl Seccomp {
    pub const DEFAULT: Word = c"default";
    pub const UNCONFINED: Word = c"unconfined";
}

/// A device of the host's that the container has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Device {
    /// On the host.
    pub source: Word,
    /// Below /dev.
    pub path: Word,
    /// As in makedev(3).
    pub number: u32,
    pub block: bool,
    /// For the container's root only.
    pub private: bool,
}

/// Who the command runs as. Supplementary groups are those of the container's own /etc/group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    pub groups: &'static [u32],
}

/// Which ids a user namespace has, and which those are outside (user_namespaces(7)). It is the text that is written, shown
/// and kept: ranges `INSIDE:OUTSIDE:COUNT`, with blanks between.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Map(pub Word);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Range {
    /// Inside and outside.
    pub starts: [u64; 2],
    pub count: u64,
}

impl Map {
    pub const NONE: Map = Map(c"");

    pub fn is_none(self) -> bool {
        self.0.is_empty()
    }

    pub fn text(self) -> &'static str {
        shown(self.0)
    }

    pub fn ranges(self) -> Vec<Range> {
        let mut ranges = Vec::new();
        split(self.text(), b' ').for_each(|range| ranges.extend(Range::of(range)));
        ranges
    }

    /// Whether the namespace has this id.
    pub fn holds(self, id: u32) -> bool {
        self.has(0, id)
    }

    /// Whether it is there, inside or, at 1, outside.
    pub fn has(self, at: usize, id: u32) -> bool {
        let is_in = |range: &Range| (range.starts[at]..range.starts[at] + range.count).contains(&id.into());
        self.ranges().iter().any(is_in)
    }
}

impl Range {
    /// `INSIDE:OUTSIDE:COUNT`, none of them beyond the largest id, which is 4294967294.
    pub fn of(text: &str) -> Option<Range> {
        let mut parts = split(text, b':');
        let mut number = || decimal(parts.next()?).filter(|number| *number < 1 << 32);
        let range = Range { starts: [number()?, number()?], count: number()? };
        let fits = range.starts.iter().all(|start| start + range.count < 1 << 32);
        (fits && range.count > 0 && parts.next().is_none()).then_some(range)
    }
}

/// Something mounted into the container at the user's wish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Volume {
    pub kind: VolumeKind,
    /// Absolute, inside the container.
    pub target: Word,
    pub flags: Flags,
}

/// Mount flags: the bits of mount(2), which are those of mount_setattr(2) too; and, above them, what else there is to say of
/// a bind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(pub u8);

impl Flags {
    pub const READ: u8 = 1;
    pub const NO_SUID: u8 = 2;
    pub const NO_DEV: u8 = 4;
    pub const NO_EXEC: u8 = 8;
    /// What is mounted on the host later is seen inside, too.
    pub const SLAVE: u8 = 16;
    /// And the other way round.
    pub const SHARED: u8 = 32;
    /// Without what is mounted below.
    pub const ALONE: u8 = 64;
    /// The owners of files are seen inside as they are outside.
    pub const ID_MAP: u8 = 128;

    pub const NONE: Flags = Flags(0);
    pub const NO_SUID_EXEC: Flags = Flags(Flags::NO_SUID | Flags::NO_EXEC);
    pub const NO_SUID_DEV_EXEC: Flags = Flags(Flags::NO_SUID | Flags::NO_DEV | Flags::NO_EXEC);
    pub const READ_ONLY: Flags = Flags(Flags::READ | Flags::NO_SUID_DEV_EXEC.0);
    /// By their mount(8) names, from the lowest bit on.
    pub const NAMES: [&str; 8] = ["ro", "nosuid", "nodev", "noexec", "slave", "shared", "bind", "idmap"];

    pub fn has(self, any: u8) -> bool {
        self.0 & any != 0
    }

    /// Only these.
    pub fn only(self, bits: u8) -> Flags {
        Flags(self.0 & bits)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VolumeKind {
    /// A file or directory of the host, with what is mounted below it unless it is to be alone.
    Bind { source: Word },
    /// tmpfs(5) with its own options, `size=64m,mode=1777`.
    Tmpfs { options: Word },
}

/// Limits that the kernel's cgroups hold: a number each, and one list. `None` asks nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// By [`Limit`]; the list's own place stays empty. [`MAX`] where there is expressly no bound.
    pub numbers: [Option<u64>; 8],
    /// A list of CPUs such as `0-3,5` (cpuset(7), "List format").
    pub cpuset: Option<&'static str>,
}

/// What `max` is as a number; none that a limit could have.
pub const MAX: u64 = u64::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// Bytes of memory.
    Memory,
    /// Bytes of memory and swap together.
    MemorySwap,
    /// Bytes of memory above which the container is slowed and reclaimed from.
    MemoryHigh,
    /// Microseconds of run time in each period.
    Cpu,
    /// 1 to 10000; 100 is everyone's default (cpu.weight).
    CpuWeight,
    /// The one that is a list.
    Cpuset,
    Pids,
    /// In microseconds. Goes with `Cpu`, and is no limit of its own.
    CpuPeriod,
}

impl Limits {
    pub fn get(&self, limit: Limit) -> Option<u64> {
        self.numbers[limit as usize]
    }

    pub fn set(&mut self, limit: Limit, number: u64) {
        self.numbers[limit as usize] = Some(number);
    }
}

/// The host's namespaces that the container shares instead of having its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    pub pid: bool,
    pub net: bool,
    pub ipc: bool,
    pub uts: bool,
}
