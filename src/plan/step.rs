//! The steps that make a container, as values. Each shows itself as one line, which serves `--dry-run`, the golden tests
//! and error messages alike; some also have a line in the story told to people.

use std::ffi::CStr;

use crate::linux::io::Errno;

use crate::error::hint_for;
use crate::packed::{Packed, Sentence, packed, sentence};
pub use crate::spec::Flags;
use crate::text::{cut, kept_one, shown};

/// One act, and what it is done with: rows of a table, all of one shape. Everything a step needs is in it or in the plan, ready
/// for the kernel: who carries it out may neither allocate nor panic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub act: Act,
    pub base: Base,
    pub flags: Flags,
    /// Only in this case.
    pub case: Case,
    /// A source by the order in which it was taken, from 1 on; or what else the act counts.
    pub number: u32,
    /// Below the base.
    pub path: &'static CStr,
    /// What it is done with: a file system, a link's target, a value.
    pub with: &'static CStr,
    /// A file system's options; the name of a mount point.
    pub options: &'static CStr,
}

/// The acts, each with the line that shows it, and, after that, its line in the story and the hints for errnos that
/// mislead. In a line `@` is the path below its base, `%` what the act is done with, `^` the flags, `+` the options, `_`
/// the options that the base always has.
macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident $line:literal $($more:literal)*;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Act { $($(#[$doc])* $act),* }

        const LINES: &str = concat!($($line, $("\t", $more,)* "\0"),*);
    };
}

// The launcher's own come first; from `Session` on they are the container's first process's.
acts! {
    /// Let the groups below the top have these controllers (cgroup v2).
    EnableControllers "enable controllers % in @"
        "EBUSY that cgroup holds processes itself, and then none below it can be limited (cgroups(7)): start contain in a group \
         of its own below it, or name another with --cgroup-parent"
        "EACCES,EPERM -"
        "EROFS limits need a writable cgroup file system";
    /// What a new v1 cpuset lacks, and must have before a process may join it.
    FillCpuset "take what is missing in @/cpuset.* from above";
    /// A directory that the group is to be made in.
    MakeParent "make cgroup @ where it is missing"
        "EACCES,EPERM -"
        "EROFS limits need a writable cgroup file system"
        "ENOTDIR it is a file of the cgroup above: --cgroup-parent takes a directory";
    /// The container's own group: on v2 one, before the clone; on v1 one in each controller, beside the child.
    MakeCgroup "make cgroup @"
        "EACCES,EPERM -"
        "EROFS limits need a writable cgroup file system"
        "EAGAIN,ENOSPC a limit on the number of cgroups is reached: see cgroup.max.descendants";
    /// One limit into one file of the container's group.
    WriteLimit "write % to @";
    UnshareNetwork "unshare net"
        "EINVAL this kernel has no network namespaces: use --net host"
        "ENOSPC the limit in /proc/sys/user/max_net_namespaces is reached";
    /// One map of the container's user namespace, or what must be written before it.
    WriteIds "write % to @"
        "EPERM one of the ids may not be mapped: an ordinary user has his own and what newuidmap gives him; 0 takes CAP_SETFCAP"
        "EACCES contain's own file must be readable for this user";
    /// The same through a program that may do more: newuidmap(1), newgidmap(1).
    RunMapper "run @ PID %";
    /// Hold the rootfs for the child, which may see less.
    TakeRootfs "take rootfs %";
    /// Show the owners of files in what was taken, by its number, as the container's ids of the same numbers.
    MapIds "map the ids of @" "ENOSYS id-mapped mounts need Linux 5.12";
    /// The child waits until its ids have a meaning.
    GiveIds "give ids";
    /// The child waits for the network namespace.
    GiveNetwork "give net";
    /// The child waits for its groups, to enter them, and for copies of the mounts that the plan shows (cgroup v1).
    GiveCgroups "give cgroups";
    /// The child's own act where its user namespace owns the network's.
    RaiseLoopback "raise lo";
    /// The child waits for the word to go.
    GiveGo "give the word to go";
    /// Write down what others are to know of the container.
    WriteDown "write the container down";
    /// Remove what killed launchers left.
    RemoveLeftovers "remove leftovers";
    /// Have the clone born among the processes of a container that is there already, and in its user namespace.
    JoinPid "join %";

    /// A session of its own, and death when the launcher dies.
    Session "start a session that ends with contain";
    /// Make namespaces that the clone has not made.
    Unshare "unshare %";
    SetHostname "set hostname %" "story setting hostname: %";
    SetDomainname "set domainname %";
    /// Below /proc, which nobody else has mounted anything on.
    WriteSysctl "write % to @"
        "ENOENT this kernel has no such sysctl for a namespace of its own"
        "EACCES,EPERM it cannot be written from a namespace"
        "EINVAL,ERANGE the kernel does not take this value";
    MakeMountsPrivate "make mounts private"
        "EINVAL the root that contain sees is no mount point, as in a plain chroot";
    /// Hold something of the host by descriptor, before the host is out of reach.
    Take "take @^"
        "ENOENT the source of a volume must exist: make it, or correct the path"
        "EINVAL this user may not see what lies below the mounts in it: leave out bind, which hides them";
    /// Wait until the ids of the user namespace are mapped. Until then the process must be dumpable: /proc/PID/uid_map would
    /// be root's.
    AwaitIds "wait for ids";
    /// Be root of the user namespace, for what is made to have an owner there.
    BecomeRoot "become root of the user namespace";
    /// The number counts from the topmost one of the launcher's on.
    TakeLayer "take layer @";
    TakeImage "take layer @: %";
    /// The directory that the upper one is kept in.
    TakeUpper "take upper layer in @";
    MakeUpper "make upper layer in @";
    /// The layers, from this source on.
    MountOverlay "mount overlay^+" "story setting up rootfs: %"
        "ELOOP one of the layers lies in another"
        "EINVAL overlayfs keeps no upper layer on such a file system, as on itself: choose another --overlay=DIR"
        "ENODEV this kernel has no overlayfs: modprobe overlay"
        "EPERM overlayfs for users needs Linux 5.11";
    BindRootfs "bind rootfs %" "story setting up rootfs: %";
    PivotRoot "pivot root" "story pivoting root";
    DetachOldRoot "detach old root";
    /// Make a directory, or what is like the source of this number. Its parent and its name are the other two texts.
    MakeMountPoint "make mount point @"
        "EROFS the directory is missing in the rootfs, which is read-only: make it there beforehand, or add --overlay"
        "ENOTDIR,EISDIR a file can only be mounted on a file, and a directory on a directory"
        "EEXIST it is a symbolic link in the rootfs that leads nowhere"
        "EIO,EUCLEAN,EBADMSG the image is damaged";
    /// A new file system on a directory of the rootfs; later steps stand on it.
    MountBase "mount % on @^_" "story mounting @"
        "ELOOP,EXDEV it is a symbolic link in the rootfs; it must be a directory, or missing"
        "ENOTDIR it is no directory in the rootfs; remove it, it will be made"
        "EROFS the directory is missing in the rootfs, which is read-only: make it there beforehand, or add --overlay";
    /// A new file system that is attached later: what is to be in it can be made while the network is waited for.
    MakeBase "make % on @^_"
        "EPERM parts of what is there now are hidden, as in a container, so the kernel refuses a whole one";
    /// The same, or a copy of the host's where the kernel refuses a new one: what it shows is the host's then.
    BorrowBase "make % on @^, or take the host's"
        "EINVAL a copy of the host's, read-only, needs Linux 5.12 (mount_setattr)";
    /// Mount the base of cgroups where its place is.
    AttachBase "attach to @";
    /// A new file system below a base.
    MountBelow "mount % on @^+";
    /// The same where the kernel knows the file system.
    TryMountBelow "try to mount % on @^+";
    /// With this mode.
    MakeDirectory "make directory @ %";
    /// The number is the device's, as in makedev(3).
    MakeDevice "make device @ %"
        "EEXIST the container has one of this name already"
        "EPERM in a user namespace no nodes can be made: add --uidmap 0:0:1 for one that contain knows of";
    /// A node of the host's: in a user namespace none can be made.
    BindDevice "bind device @" "EEXIST the container has one of this name already";
    MakeLink "make link @ to %";
    /// Give a base these flags after it was filled.
    Freeze "make @^";
    /// Wait until the launcher has made the network namespace.
    AwaitNetwork "wait for net";
    /// Wait until the launcher has made the groups; as many of the last descriptors that come with them join the sources.
    AwaitCgroups "wait for cgroups";
    /// Enter the container's groups through their `tasks` files (cgroup v1).
    JoinCgroups "join cgroups through tasks";
    /// Join the namespaces of a container that is there already.
    JoinNamespaces "join %" "EINVAL setns by pidfd needs Linux 5.8";
    UnshareCgroup "unshare cgroup" "story applying cgroup limits:%"
        "ENOSPC the limit in /proc/sys/user/max_cgroup_namespaces is reached";
    JoinNetwork "join net" "EINVAL setns by pidfd needs Linux 5.8";
    /// Mount a source on a path of the rootfs.
    AttachVolume "attach to @^" "EBUSY it leads to the root itself";
    /// The same below a base.
    AttachBelow "attach to @^";
    MountVolume "mount tmpfs on @^+"
        "EINVAL tmpfs(5) does not take these options: write them as size=64m,mode=1777"
        "EBUSY it leads to the root itself";
    /// Hide a file behind /dev/null.
    MaskFile "mask @";
    /// Hide a directory behind an empty one.
    MaskDirectory "mask @";
    /// Where the kernel has it: what it does not have cannot be written to.
    BindOnItself "bind @ on itself^";
    /// A terminal of the container's own as the standard streams.
    OpenTerminal "open a terminal as standard streams"
        "ENODEV what the container has on /dev/pts is no devpts";
    OpenConsole "open a terminal as standard streams and /dev/console"
        "ENODEV what the container has on /dev/pts is no devpts";
    /// Session keyring of its own: the caller's is not shared (keyrings(7)).
    StartKeyring "start a session keyring"
        "EDQUOT this user has as many keys as /proc/sys/kernel/keys/maxkeys allows, for root root_maxkeys";
    /// Nobody looks into this process before it is the command (PR_SET_DUMPABLE of prctl(2)).
    ForbidDumps "be not dumpable until the command runs";
    /// No exec gives more than was held before (PR_SET_NO_NEW_PRIVS).
    ForbidNewPrivileges "forbid new privileges";
    /// No exec gives back more than these capabilities.
    LimitCapabilities "limit capabilities to %";
    /// By the number of setrlimit(2).
    SetUlimit "set ulimit %" "EPERM nobody may raise nofile above /proc/sys/fs/nr_open";
    /// The plan says who.
    BecomeUser "become user %";
    /// From here on only the system calls that the plan's filter lets through.
    InstallFilter "install seccomp filter %"
        "EPERM,EACCES,ENOSYS,EINVAL this kernel, or the container that contain runs in, has no filters: use --seccomp unconfined"
        "ENOMEM there are too many filters already: use --seccomp unconfined";
    /// Take the launcher's descriptors for output, and nothing for input.
    Redirect "send output to the log";
    CloseDescriptors "close descriptors from 3";
    EnterWorkdir "enter directory @"
        "ENOENT --workdir must exist in the rootfs"
        "ENOTDIR --workdir names a file"
        "EACCES the user of the container may not enter it";
    /// Wait for the word to go, having said that all is set up where a number says that the launcher wants to know.
    AwaitGo "wait for the word to go";
    Unblock "reset signals, umask 022";
    /// The command; the plan's program says what exactly.
    Execute "execute %";
}

/// What an ordinary user needs for groups.
const DELEGATION: Sentence = sentence!(
    "\
    no cgroup is delegated to this user: get one of systemd by `systemd-run --user --scope -p Delegate=yes contain run ...`, \
    or have root chown a directory with all that is in it, for --cgroup-parent; on cgroup v2 be in a group below it, too"
);

/// A file system that the plan mounts itself and holds by descriptor: nobody in the rootfs can swap it for another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// None of them: the rootfs.
    Root,
    Proc,
    Dev,
    Sys,
    /// v1: the directory of the controllers.
    Cgroup,
}

impl Base {
    pub const COUNT: usize = Base::Cgroup as usize + 1;

    /// Where it is in the rootfs.
    pub fn name(self) -> &'static CStr {
        [c"", c"proc", c"dev", c"sys", c"sys/fs/cgroup"][self as usize]
    }

    /// What it is mounted with.
    pub fn options(self) -> &'static [(&'static CStr, &'static CStr)] {
        match self {
            Base::Dev => &[(c"mode", c"755"), (c"size", c"65536k")],
            Base::Cgroup => &[(c"mode", c"755")],
            _ => &[],
        }
    }
}

/// What decides whether a launch has a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    Always,
    OwnUts,
    /// Made beside the child.
    OwnNet,
    /// Made with the container's user namespace, which owns it.
    OwnedNet,
    /// A user namespace of its own.
    Users,
    /// One in which setgroups(2) is given up.
    OwnIds,
    /// One that has more ids than the caller's.
    MoreIds,
    OwnIpc,
    SharedIpc,
    ReadOnly,
    Writable,
    /// v1: there are groups to be entered.
    Groups,
    /// v2: it is born in its group.
    Born,
    /// What the container sees of cgroups would be the host's.
    HostGroups,
    Tty,
    /// The root is made of layers.
    Layered,
    /// There is an upper one, to be written to.
    UpperKept,
    UpperInMemory,
    /// It is one directory, or one image.
    Plain,
    /// The command's output goes where the launcher says.
    Redirected,
    /// Somebody wants to know that all is set up.
    Told,
    Untold,
    /// Parts of the kernel's files are hidden or read-only.
    Confined,
    /// The same, and the kernel's parameters from the start.
    Unchanged,
    /// They have to be written before.
    Changed,
    NoNewPrivileges,
    /// System calls are filtered; without no_new_privs only CAP_SYS_ADMIN may do that.
    Filtered,
    FilteredEarly,
}

/// For each case whether it holds.
pub type Cases = [bool; Case::FilteredEarly as usize + 1];

/// Adds a step, and gives it to be completed.
#[inline(never)]
pub fn add<'a>(steps: &'a mut Vec<Step>, act: Act, path: &'static CStr) -> &'a mut Step {
    again(steps, &Step::of(act), Base::Root, path)
}

/// Adds a step like this one, but with another path.
#[inline(never)]
pub fn again<'a>(steps: &'a mut Vec<Step>, like: &Step, base: Base, path: &'static CStr) -> &'a mut Step {
    let last = steps.len();
    steps.push(Step { base, path, ..*like });
    &mut steps[last]
}

impl Step {
    pub const fn of(act: Act) -> Step {
        let (base, flags, case) = (Base::Root, Flags::NONE, Case::Always);
        Step { act, base, flags, case, number: 0, path: c"", with: c"", options: c"" }
    }

    pub const fn on(self, base: Base, path: &'static CStr) -> Step {
        Step { base, path, ..self }
    }

    pub const fn with(self, with: &'static CStr) -> Step {
        Step { with, ..self }
    }

    pub const fn options(self, options: &'static CStr) -> Step {
        Step { options, ..self }
    }

    pub const fn flags(self, flags: Flags) -> Step {
        Step { flags, ..self }
    }

    pub const fn number(self, number: u32) -> Step {
        Step { number, ..self }
    }

    pub const fn case(self, case: Case) -> Step {
        Step { case, ..self }
    }

    /// The step as `--dry-run` and errors show it.
    pub fn line(&self) -> &'static str {
        let (line, _) = self.told();
        self.fill(line)
    }

    /// Whether people are told of the step; the child asks, which may not make the text.
    pub fn is_told(&self) -> bool {
        match self.act {
            Act::SetHostname | Act::MountOverlay | Act::BindRootfs | Act::PivotRoot => true,
            Act::MountBase => self.base == Base::Proc,
            Act::UnshareCgroup => !self.with.is_empty(),
            _ => false,
        }
    }

    /// The step as people are told of it.
    pub fn story(&self) -> &'static str {
        let (_, more) = self.told();
        self.fill(hint_for(more, "story"))
    }

    /// Why the kernel may have refused the step, beyond the errno.
    pub fn hint(&self, errno: Errno) -> &'static str {
        let (_, more) = self.told();
        match hint_for(more, crate::error::name(errno)) {
            "-" => DELEGATION.get(),
            hint => hint,
        }
    }

    /// The act's line, and all that stands after it.
    fn told(&self) -> (&'static str, &'static str) {
        static PACKED: Packed = packed!(LINES);
        let all = PACKED.text(self.act as usize);
        cut(all, b'\t').unwrap_or((all, ""))
    }

    fn fill(&self, line: &str) -> &'static str {
        let mut all = Vec::new();
        for byte in line.bytes() {
            match byte {
                b'@' => self.show_place(&mut all),
                b'%' => all.extend_from_slice(self.with.to_bytes()),
                b'^' => self.show_flags(&mut all),
                b'+' if self.options.is_empty() => {}
                b'+' => {
                    all.push(b' ');
                    all.extend_from_slice(self.options.to_bytes());
                }
                b'_' => {
                    for (key, value) in self.base.options() {
                        for part in &[c",", key, c"=", value] {
                            all.extend_from_slice(part.to_bytes());
                        }
                    }
                }
                byte => all.push(byte),
            }
        }
        shown(kept_one(&all))
    }

    fn show_place(&self, all: &mut Vec<u8>) {
        if self.base != Base::Root {
            all.push(b'/');
            all.extend_from_slice(self.base.name().to_bytes());
            if !self.path.is_empty() {
                all.push(b'/');
            }
        }
        all.extend_from_slice(self.path.to_bytes());
    }

    fn show_flags(&self, all: &mut Vec<u8>) {
        let mut before = b' ';
        for (bit, name) in Flags::NAMES.iter().enumerate() {
            if self.flags.0 & 1 << bit != 0 {
                all.push(before);
                all.extend_from_slice(name.as_bytes());
                before = b',';
            }
        }
    }
}
