//! The steps that make a container, as values. Each shows itself as one line, which serves `--dry-run`, the golden tests
//! and error messages alike; some also have a line in the story told to people.

use std::ffi::{CStr, CString};
use std::fmt;

use crate::spec::{User, Volume};

/// One act. The launcher's own come first; from `Session` on they are the container's first process's, which may
/// neither allocate nor panic: everything a step needs is in it, ready for the kernel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Let the groups below the top have these controllers (cgroup v2).
    EnableControllers {
        file: CString,
        controllers: String,
    },
    /// The container's own group: on v2 one, before the clone; on v1 one in each controller, beside the child.
    MakeCgroup {
        path: CString,
    },
    /// One limit into one file of the container's group.
    WriteLimit {
        file: CString,
        value: String,
    },
    UnshareNetwork,
    /// The child waits for the network namespace.
    GiveNetwork,
    /// The child waits for its groups, to enter them, and for copies of the mounts at `shown`, to see them (cgroup v1).
    GiveCgroups {
        shown: Vec<CString>,
    },
    RaiseLoopback,
    /// The child waits for the word to go.
    GiveGo,
    /// Remove groups that killed launchers left there.
    RemoveLeftovers {
        places: Vec<CString>,
    },

    /// A session of its own, and death when the launcher dies.
    Session,
    SetHostname(String),
    MakeMountsPrivate,
    /// Hold something of the host by descriptor, before the host is out of reach.
    Take {
        source: CString,
    },
    BindRootfs(String),
    PivotRoot,
    DetachOldRoot,
    /// Make `name` in `parent`, both together `path`, for the source taken as number `like`, or a directory.
    MakeMountPoint {
        path: CString,
        parent: CString,
        name: CString,
        like: Option<usize>,
    },
    MakeRootReadOnly,
    /// A new file system on a directory of the rootfs; later steps stand on it.
    MountBase {
        base: Base,
        filesystem: &'static CStr,
        options: &'static [(&'static CStr, &'static CStr)],
        flags: Flags,
    },
    /// A new file system that is attached later: what is to be in it can be made while the network is waited for.
    MakeBase {
        base: Base,
        filesystem: &'static CStr,
        options: &'static [(&'static CStr, &'static CStr)],
        flags: Flags,
    },
    /// Mount a base that was made before on a path below another.
    AttachBase {
        base: Base,
        below: Base,
        path: &'static CStr,
    },
    /// A new file system below a base.
    MountBelow {
        base: Base,
        path: &'static CStr,
        filesystem: &'static CStr,
        options: &'static CStr,
        flags: Flags,
        necessity: Necessity,
    },
    MakeDirectory {
        base: Base,
        path: &'static CStr,
        mode: u32,
    },
    MakeDevice {
        name: &'static CStr,
        major: u32,
        minor: u32,
    },
    MakeLink {
        name: &'static CStr,
        target: &'static CStr,
    },
    /// Make a base read-only after it was filled.
    Freeze {
        base: Base,
    },
    /// Wait until the launcher has made the network namespace.
    AwaitNetwork,
    /// Wait until the launcher has made the groups; the `shown` last descriptors that come with them join the sources.
    AwaitCgroups {
        shown: usize,
    },
    /// Enter the container's groups through their `tasks` files (cgroup v1).
    JoinCgroups,
    UnshareCgroup {
        limits: String,
    },
    JoinNetwork,
    /// Mount the source taken as number `index` on a path of the rootfs.
    AttachVolume {
        index: usize,
        target: CString,
        flags: Flags,
    },
    /// The same below a base.
    AttachBelow {
        index: usize,
        base: Base,
        path: &'static CStr,
        flags: Flags,
    },
    MountVolume {
        target: CString,
        options: CString,
        flags: Flags,
    },
    /// Hide a file behind /dev/null.
    MaskFile {
        base: Base,
        path: &'static CStr,
    },
    /// Hide a directory behind an empty one.
    MaskDirectory {
        base: Base,
        path: &'static CStr,
    },
    BindReadOnly {
        base: Base,
        path: &'static CStr,
    },
    /// The container's own terminal as its standard streams, and /dev/console.
    OpenTerminal {
        owner: u32,
        /// It becomes the session's own; contain's init leaves that to its command.
        controlling: bool,
    },
    /// No exec gives back more than the default capabilities.
    LimitCapabilities,
    BecomeUser(User),
    CloseDescriptors,
    EnterWorkdir(CString),
    /// Wait for the word to go, having said that all is set up where the launcher wants to know.
    AwaitGo {
        tell: bool,
    },
    Unblock,
    /// The command; the plan's program says what exactly.
    Execute {
        command: String,
    },
}

/// A file system that the plan mounts itself and holds by descriptor: nobody in the rootfs can swap it for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    Proc,
    Dev,
    Sys,
    /// v1: the directory of the controllers.
    Cgroup,
}

impl Base {
    pub fn name(self) -> &'static CStr {
        match self {
            Base::Proc => c"proc",
            Base::Dev => c"dev",
            Base::Sys => c"sys",
            Base::Cgroup => c"sys/fs/cgroup",
        }
    }
}

/// What a kernel may lack without harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Necessity {
    Required,
    /// Skipped where the kernel does not know the file system (ENODEV).
    IfKnown,
}

/// Mount flags by their mount(8) names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    pub read_only: bool,
    pub no_suid: bool,
    pub no_dev: bool,
    pub no_exec: bool,
}

impl Flags {
    pub const NONE: Flags = Flags { read_only: false, no_suid: false, no_dev: false, no_exec: false };
    pub const NO_SUID_EXEC: Flags = Flags { no_suid: true, no_exec: true, ..Flags::NONE };
    pub const NO_SUID_DEV_EXEC: Flags = Flags { no_dev: true, ..Flags::NO_SUID_EXEC };
    pub const READ_ONLY: Flags = Flags { read_only: true, ..Flags::NO_SUID_DEV_EXEC };
}

impl Volume {
    /// The flags of the user's own mount.
    pub fn flags(&self) -> Flags {
        Flags { read_only: self.read_only, no_suid: self.no_suid, no_dev: self.no_dev, no_exec: self.no_exec }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names =
            [(self.read_only, "ro"), (self.no_suid, "nosuid"), (self.no_dev, "nodev"), (self.no_exec, "noexec")];
        let mut before = " ";
        for (_, name) in names.iter().filter(|(set, _)| *set) {
            write!(f, "{before}{name}")?;
            before = ",";
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::EnableControllers { file, controllers } => {
                write!(f, "enable controllers {controllers} in {}", Path(file))
            }
            Step::MakeCgroup { path } => write!(f, "make cgroup {}", Path(path)),
            Step::RemoveLeftovers { places } => {
                f.write_str("remove leftovers in")?;
                places.iter().try_for_each(|place| write!(f, " {}", Path(place)))
            }
            Step::WriteLimit { file, value } => write!(f, "write {value} to {}", Path(file)),
            Step::UnshareNetwork => f.write_str("unshare net"),
            Step::GiveNetwork => f.write_str("give net"),
            Step::GiveCgroups { .. } => f.write_str("give cgroups"),
            Step::GiveGo => f.write_str("give the word to go"),
            Step::RaiseLoopback => f.write_str("raise lo"),
            Step::Session => f.write_str("start a session that ends with contain, signals reset"),
            Step::SetHostname(name) => write!(f, "set hostname {name}"),
            Step::MakeMountsPrivate => f.write_str("make mounts private"),
            Step::Take { source } => write!(f, "take {}", Path(source)),
            Step::BindRootfs(path) => write!(f, "bind rootfs {path}"),
            Step::PivotRoot => f.write_str("pivot root"),
            Step::DetachOldRoot => f.write_str("detach old root"),
            Step::MakeMountPoint { path, .. } => write!(f, "make mount point {}", Path(path)),
            Step::MakeRootReadOnly => f.write_str("make / read-only"),
            Step::MountBase { base, filesystem, options, flags }
            | Step::MakeBase { base, filesystem, options, flags } => {
                let act = if matches!(self, Step::MakeBase { .. }) { "make" } else { "mount" };
                write!(f, "{act} {} on {}{flags}", Path(filesystem), Below(*base, c""))?;
                options.iter().try_for_each(|(key, value)| write!(f, ",{}={}", Path(key), Path(value)))
            }
            Step::AttachBase { base, .. } => write!(f, "attach to {}", Below(*base, c"")),
            Step::MountBelow { base, path, filesystem, options, flags, necessity } => {
                let attempt = if *necessity == Necessity::IfKnown { "try to " } else { "" };
                write!(f, "{attempt}mount {} on {}{flags}{}", Path(filesystem), Below(*base, path), After(options))
            }
            Step::MakeDirectory { base, path, mode } => write!(f, "make directory {} {mode:04o}", Below(*base, path)),
            Step::MakeDevice { name, major, minor } => {
                write!(f, "make device {} {major}:{minor}", Below(Base::Dev, name))
            }
            Step::MakeLink { name, target } => write!(f, "make link {} to {}", Below(Base::Dev, name), Path(target)),
            Step::Freeze { base } => write!(f, "make {} read-only", Below(*base, c"")),
            Step::AwaitNetwork => f.write_str("wait for net"),
            Step::AwaitCgroups { .. } => f.write_str("wait for cgroups"),
            Step::JoinCgroups => f.write_str("join cgroups through tasks"),
            Step::UnshareCgroup { .. } => f.write_str("unshare cgroup"),
            Step::JoinNetwork => f.write_str("join net"),
            Step::AttachVolume { target, flags, .. } => write!(f, "attach to {}{flags}", Path(target)),
            Step::AttachBelow { base, path, flags, .. } => write!(f, "attach to {}{flags}", Below(*base, path)),
            Step::MountVolume { target, options, flags } => {
                write!(f, "mount tmpfs on {}{flags}{}", Path(target), After(options))
            }
            Step::MaskFile { base, path } | Step::MaskDirectory { base, path } => {
                write!(f, "mask {}", Below(*base, path))
            }
            Step::BindReadOnly { base, path } => write!(f, "make {} read-only", Below(*base, path)),
            Step::OpenTerminal { .. } => f.write_str("open a terminal as standard streams and /dev/console"),
            Step::LimitCapabilities => f.write_str("limit capabilities to the default"),
            Step::BecomeUser(user) => {
                write!(f, "become user {} group {}", user.uid, user.gid)?;
                user.groups.iter().try_for_each(|group| write!(f, ",{group}"))
            }
            Step::CloseDescriptors => f.write_str("close descriptors from 3"),
            Step::EnterWorkdir(path) => write!(f, "enter directory {}", Path(path)),
            Step::AwaitGo { .. } => f.write_str("wait for the word to go"),
            Step::Unblock => f.write_str("unblock signals, umask 022"),
            Step::Execute { command } => write!(f, "execute {command}"),
        }
    }
}

impl Step {
    /// Whether people are told of the step; the child asks, which may not make the text.
    pub fn is_told(&self) -> bool {
        match self {
            Step::SetHostname(_) | Step::BindRootfs(_) | Step::PivotRoot => true,
            Step::MountBase { base, .. } => *base == Base::Proc,
            Step::UnshareCgroup { limits } => !limits.is_empty(),
            _ => false,
        }
    }

    /// The step as people are told of it.
    pub fn story(&self) -> Option<String> {
        Some(match self {
            Step::SetHostname(name) => format!("setting hostname: {name}"),
            Step::BindRootfs(path) => format!("setting up rootfs: {path}"),
            Step::PivotRoot => "pivoting root".into(),
            Step::MountBase { base, .. } => format!("mounting /{}", Path(base.name())),
            Step::UnshareCgroup { limits } => format!("applying cgroup limits:{limits}"),
            _ => return None,
        })
    }
}

/// A path or option of ours as text.
struct Path<'a>(&'a CStr);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_string_lossy())
    }
}

/// A path below a base.
struct Below<'a>(Base, &'a CStr);

impl fmt::Display for Below<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", Path(self.0.name()))?;
        if self.1.is_empty() { Ok(()) } else { write!(f, "/{}", Path(self.1)) }
    }
}

/// Mount options after a blank, or nothing.
struct After<'a>(&'a CStr);

impl fmt::Display for After<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " {}", Path(self.0)) }
    }
}
