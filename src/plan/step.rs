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
    /// The container's own group: on v2 one, by the launcher; on v1 one in each controller, by the child.
    MakeCgroup {
        path: CString,
    },
    UnshareNetwork,
    RaiseLoopback,

    /// A session of its own, and death when the launcher dies.
    Session,
    SetHostname(String),
    MakeMountsPrivate,
    /// Look for groups that killed launchers left there; the launcher removes them.
    FindLeftovers {
        places: Vec<CString>,
    },
    /// One limit into one file of the container's group.
    WriteLimit {
        file: CString,
        value: String,
    },
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
    /// Make a mount below a base read-only after it was filled.
    FreezeBelow {
        base: Base,
        path: &'static CStr,
    },
    /// Hand the container's groups to the launcher, and enter them through their `tasks` files (cgroup v1).
    JoinCgroup,
    /// Wait until the launcher has made the network namespace.
    AwaitNetwork,
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
    /// Hide a file behind /dev/null, or a directory behind an empty one.
    Mask {
        base: Base,
        path: &'static CStr,
        directory: bool,
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
}

impl Base {
    pub fn name(self) -> &'static CStr {
        match self {
            Base::Proc => c"proc",
            Base::Dev => c"dev",
            Base::Sys => c"sys",
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
            Step::FindLeftovers { places } => {
                f.write_str("look for leftovers in")?;
                places.iter().try_for_each(|place| write!(f, " {}", Path(place)))
            }
            Step::WriteLimit { file, value } => write!(f, "write {value} to {}", Path(file)),
            Step::UnshareNetwork => f.write_str("unshare net"),
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
            Step::MountBase { base, filesystem, options, flags } => {
                write!(f, "mount {} on {}{flags}", Path(filesystem), Below(*base, c""))?;
                options.iter().try_for_each(|(key, value)| write!(f, ",{}={}", Path(key), Path(value)))
            }
            Step::MountBelow { base, path, filesystem, options, flags, necessity } => {
                let attempt = if *necessity == Necessity::IfKnown { "try to " } else { "" };
                write!(f, "{attempt}mount {} on {}{flags}{}", Path(filesystem), Below(*base, path), After(options))
            }
            Step::MakeDirectory { base, path, mode } => write!(f, "make directory {} {mode:04o}", Below(*base, path)),
            Step::MakeDevice { name, major, minor } => {
                write!(f, "make device {} {major}:{minor}", Below(Base::Dev, name))
            }
            Step::MakeLink { name, target } => write!(f, "make link {} to {}", Below(Base::Dev, name), Path(target)),
            Step::FreezeBelow { base, path } => write!(f, "make {} read-only", Below(*base, path)),
            Step::JoinCgroup => f.write_str("join cgroup through tasks"),
            Step::AwaitNetwork => f.write_str("wait for net"),
            Step::UnshareCgroup { .. } => f.write_str("unshare cgroup"),
            Step::JoinNetwork => f.write_str("join net"),
            Step::AttachVolume { target, flags, .. } => write!(f, "attach to {}{flags}", Path(target)),
            Step::AttachBelow { base, path, flags, .. } => write!(f, "attach to {}{flags}", Below(*base, path)),
            Step::MountVolume { target, options, flags } => {
                write!(f, "mount tmpfs on {}{flags}{}", Path(target), After(options))
            }
            Step::Mask { base, path, .. } => write!(f, "mask {}", Below(*base, path)),
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
