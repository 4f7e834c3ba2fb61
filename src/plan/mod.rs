//! Spec and Facts become a Plan: every act of a launch, in order, before anything is touched.

pub mod facts;
pub mod limits;
pub mod step;

use std::ffi::{CStr, CString};
use std::fmt;

use crate::error::Result;
use crate::log::visible;
use crate::plan::facts::{Cgroups, Facts};
use crate::plan::step::{Base, Flags, Necessity, Step};
use crate::spec::{Spec, Volume, VolumeKind};

/// A container, ready to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The launcher's acts before the clone. A group made there is the one that the child is born in.
    pub before: Vec<Step>,
    pub namespaces: Namespaces,
    /// The launcher's acts while the child sets itself up.
    pub beside: Vec<Step>,
    /// The child's acts.
    pub inside: Vec<Step>,
    pub program: Program,
}

/// The namespaces of namespaces(7) that the container has for itself; mnt and cgroup always.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Namespaces {
    pub pid: bool,
    pub uts: bool,
    pub ipc: bool,
    pub net: bool,
}

/// What the child becomes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// Paths to try in turn: one, or one for each directory of PATH.
    pub candidates: Vec<CString>,
    pub arguments: Vec<CString>,
    pub environment: Vec<CString>,
    /// Execute contain itself as the container's init, with `arguments` as its own.
    pub init: bool,
}

/// How the launch is watched, which the child's side must know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watching {
    /// The story is told: wait with the command until its lines are out, and count what it uses.
    pub story: bool,
}

/// Decides everything. Errors are limits that this machine's cgroups cannot hold.
pub fn plan(spec: &Spec, facts: &Facts, watching: Watching) -> Result<Plan> {
    let limits = limits::plan(&spec.limits, facts, watching.story || spec.share.pid)?;
    let namespaces =
        Namespaces { pid: !spec.share.pid, uts: !spec.share.uts, ipc: !spec.share.ipc, net: !spec.share.net };
    let program = program(spec);
    // v1: the child enters its groups itself, and sees no more of them than these.
    let given = !limits.shown.is_empty();
    let tells = watching.story || spec.tty;
    let seen: Vec<CString> = limits.shown.iter().map(|(path, _)| path.clone()).collect();
    let mut beside = Vec::new();
    if namespaces.net {
        beside.extend([Step::UnshareNetwork, Step::GiveNetwork]);
    }
    beside.extend(limits.beside);
    if given {
        beside.push(Step::GiveCgroups { shown: seen });
    }
    if namespaces.net {
        beside.push(Step::RaiseLoopback);
    }
    if !tells {
        beside.push(Step::GiveGo);
    }
    beside.push(Step::RemoveLeftovers { places: facts.places.clone() });

    // About as many as there are: growing by doubling would touch twice the memory.
    let mut inside = Vec::with_capacity(96);
    inside.push(Step::Session);
    if namespaces.uts {
        inside.push(Step::SetHostname(spec.hostname.clone()));
    }
    inside.push(Step::MakeMountsPrivate);
    let sources = Sources::of(spec, limits.shown);
    inside.extend(sources.steps());
    inside.push(Step::BindRootfs(spec.rootfs.to_string_lossy().into_owned()));
    inside.push(Step::PivotRoot);
    if spec.read_only {
        inside.push(Step::DetachOldRoot);
        make_read_only(spec, &mut inside);
    }
    mount_proc(&mut inside);
    mount_dev(&sources, &mut inside);
    hide(Base::Proc, &mut inside);
    // The network is still being made: what can be done is done before it is waited for.
    inside.push(Step::LimitCapabilities);
    if given {
        make_controllers(&sources, &mut inside);
    }
    if namespaces.net {
        // sysfs shows the network namespace it is mounted in.
        inside.extend([Step::AwaitNetwork, Step::JoinNetwork]);
    }
    inside.push(Step::MountBase { base: Base::Sys, filesystem: c"sysfs", options: &[], flags: Flags::READ_ONLY });
    hide(Base::Sys, &mut inside);
    if given {
        inside.push(Step::AttachBase { base: Base::Cgroup, below: Base::Sys, path: c"fs/cgroup" });
        inside.extend([Step::AwaitCgroups { shown: sources.cgroups.len() }, Step::JoinCgroups]);
    }
    inside.push(Step::UnshareCgroup { limits: limits.told });
    mount_cgroups(&facts.cgroups, !limits.before.is_empty(), &sources, &mut inside);
    if !spec.read_only {
        // The kernel takes its time for this: least when the launcher makes neither a network nor groups any more. Until
        // here the host is reachable as "/..", so no path of the rootfs with links or dots is followed before.
        inside.push(Step::DetachOldRoot);
    }
    mount_volumes(spec, &mut inside);
    if spec.tty {
        inside.push(Step::OpenTerminal { owner: spec.user.uid, controlling: !spec.init });
    }
    inside.push(Step::BecomeUser(spec.user.clone()));
    inside.push(Step::EnterWorkdir(spec.workdir.clone()));
    inside.push(Step::CloseDescriptors);
    inside.push(Step::AwaitGo { tell: tells });
    inside.push(Step::Unblock);
    inside.push(Step::Execute { command: shown(&spec.command) });

    Ok(Plan { before: limits.before, namespaces, beside, inside, program })
}

/// What of the host the child takes along by descriptor, by number.
struct Sources {
    paths: Vec<CString>,
    /// The host's POSIX shared memory.
    shm: Option<usize>,
    /// v1: the container's own directory of each controller, given later by the launcher, and its place in /sys/fs/cgroup.
    cgroups: Vec<(usize, &'static CStr)>,
}

impl Sources {
    /// The sources of volumes come first, in their order.
    fn of(spec: &Spec, cgroups: Vec<(CString, &'static CStr)>) -> Self {
        let volumes = spec.volumes.iter().filter_map(|volume| match &volume.kind {
            VolumeKind::Bind { source } => Some(source.clone()),
            VolumeKind::Tmpfs { .. } => None,
        });
        let mut paths: Vec<CString> = volumes.collect();
        let mut take = |path| {
            paths.push(path);
            paths.len() - 1
        };
        // POSIX shared memory (shm_overview(7)) is files in /dev/shm: to share IPC is to share them.
        let shm = spec.share.ipc.then(|| take(c"/dev/shm".into()));
        let cgroups = cgroups.into_iter().enumerate().map(|(at, (_, place))| (paths.len() + at, place)).collect();
        Sources { paths, shm, cgroups }
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        self.paths.iter().map(|source| Step::Take { source: source.clone() })
    }
}

/// Makes the mount points first: nothing can be made once the root is read-only. What lies below a file system still to
/// be mounted is made there, later.
fn make_read_only(spec: &Spec, steps: &mut Vec<Step>) {
    for base in BASES {
        make_mount_point(base, None, steps);
    }
    let mut covered: Vec<&CStr> = BASES.to_vec();
    for (volume, like) in with_sources(spec) {
        if !covered.iter().any(|above| is_below(&volume.target, above)) {
            make_mount_point(&volume.target, like, steps);
        }
        covered.push(&volume.target);
    }
    steps.push(Step::MakeRootReadOnly);
}

/// Each volume with the number of its source, where it has one.
fn with_sources(spec: &Spec) -> impl Iterator<Item = (&Volume, Option<usize>)> {
    let mut sources = 0..;
    spec.volumes.iter().map(move |volume| match volume.kind {
        VolumeKind::Bind { .. } => (volume, sources.next()),
        VolumeKind::Tmpfs { .. } => (volume, None),
    })
}

fn is_below(path: &CStr, above: &CStr) -> bool {
    path.to_bytes().strip_prefix(above.to_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
}

/// A step for each part of the path, since any may be missing; the last one is what the source is like.
fn make_mount_point(path: &CStr, like: Option<usize>, steps: &mut Vec<Step>) {
    let parts: Vec<&[u8]> = path.to_bytes().split(|b| *b == b'/').filter(|part| !part.is_empty()).collect();
    let joined = |parts: &[&[u8]]| CString::new([b"/", parts.join(&b'/').as_slice()].concat()).unwrap_or_default();
    for (index, name) in parts.iter().enumerate() {
        steps.push(Step::MakeMountPoint {
            path: joined(&parts[..=index]),
            parent: joined(&parts[..index]),
            name: CString::new(*name).unwrap_or_default(),
            like: like.filter(|_| index + 1 == parts.len()),
        });
    }
}

const BASES: [&CStr; 3] = [c"/proc", c"/dev", c"/sys"];

fn mount_proc(steps: &mut Vec<Step>) {
    steps.push(Step::MountBase { base: Base::Proc, filesystem: c"proc", options: &[], flags: Flags::NO_SUID_DEV_EXEC });
    for path in [c"bus", c"fs", c"irq", c"sys", c"sysrq-trigger"] {
        steps.push(Step::BindReadOnly { base: Base::Proc, path });
    }
}

/// The device nodes that every program may count on (the OCI runtime specification's default devices).
const DEVICES: [(&CStr, u32, u32); 6] =
    [(c"null", 1, 3), (c"zero", 1, 5), (c"full", 1, 7), (c"random", 1, 8), (c"urandom", 1, 9), (c"tty", 5, 0)];

const LINKS: [(&CStr, &CStr); 6] = [
    (c"fd", c"/proc/self/fd"),
    (c"stdin", c"/proc/self/fd/0"),
    (c"stdout", c"/proc/self/fd/1"),
    (c"stderr", c"/proc/self/fd/2"),
    (c"ptmx", c"pts/ptmx"),
    (c"core", c"/proc/kcore"),
];

fn mount_dev(sources: &Sources, steps: &mut Vec<Step>) {
    let base = Base::Dev;
    let flags = Flags { no_suid: true, no_exec: true, ..Flags::NONE };
    steps.push(Step::MountBase {
        base,
        filesystem: c"tmpfs",
        options: &[(c"mode", c"755"), (c"size", c"65536k")],
        flags,
    });
    steps.extend(DEVICES.map(|(name, major, minor)| Step::MakeDevice { name, major, minor }));
    steps.extend(LINKS.map(|(name, target)| Step::MakeLink { name, target }));
    let below = |path, filesystem, options, flags, necessity| {
        [
            Step::MakeDirectory { base, path, mode: 0o755 },
            Step::MountBelow { base, path, filesystem, options, flags, necessity },
        ]
    };
    let pts = c"newinstance,ptmxmode=0666,mode=0620,gid=5";
    steps.extend(below(c"pts", c"devpts", pts, Flags::NO_SUID_EXEC, Necessity::Required));
    if let Some(index) = sources.shm {
        steps.push(Step::MakeDirectory { base, path: c"shm", mode: 0o755 });
        steps.push(Step::AttachBelow { index, base, path: c"shm", flags: Flags::NONE });
    } else {
        let options = c"mode=1777,size=65536k";
        steps.extend(below(c"shm", c"tmpfs", options, Flags::NO_SUID_DEV_EXEC, Necessity::Required));
    }
    steps.extend(below(c"mqueue", c"mqueue", c"", Flags::NO_SUID_DEV_EXEC, Necessity::IfKnown));
}

/// What the container sees of cgroups: its own.
fn mount_cgroups(cgroups: &Cgroups, born_inside: bool, sources: &Sources, steps: &mut Vec<Step>) {
    let base = Base::Sys;
    let mut below = |path, filesystem, options, flags| {
        steps.push(Step::MountBelow { base, path, filesystem, options, flags, necessity: Necessity::Required });
    };
    match cgroups {
        Cgroups::Absent => {}
        // The container's own group is the root of what it sees there; without one it sees nothing of the host's.
        Cgroups::V2(_) if born_inside => below(c"fs/cgroup", c"cgroup2", c"", Flags::READ_ONLY),
        _ if sources.cgroups.is_empty() => steps.push(Step::MaskDirectory { base, path: c"fs/cgroup" }),
        _ => {
            for &(index, path) in &sources.cgroups {
                steps.push(Step::AttachBelow { index, base: Base::Cgroup, path, flags: Flags::READ_ONLY });
            }
            steps.push(Step::Freeze { base: Base::Cgroup });
        }
    }
}

/// v1: the directory that the container's groups are shown in.
fn make_controllers(sources: &Sources, steps: &mut Vec<Step>) {
    let base = Base::Cgroup;
    steps.push(Step::MakeBase {
        base,
        filesystem: c"tmpfs",
        options: &[(c"mode", c"755")],
        flags: Flags::NO_SUID_DEV_EXEC,
    });
    steps.extend(sources.cgroups.iter().map(|&(_, path)| Step::MakeDirectory { base, path, mode: 0o755 }));
}

fn mount_volumes(spec: &Spec, steps: &mut Vec<Step>) {
    for (volume, like) in with_sources(spec) {
        let (target, flags) = (volume.target.clone(), volume.flags());
        make_mount_point(&target, like, steps);
        steps.push(match (&volume.kind, like) {
            (VolumeKind::Bind { .. }, Some(index)) => Step::AttachVolume { index, target, flags },
            (VolumeKind::Bind { .. }, None) => continue,
            (VolumeKind::Tmpfs { options }, _) => Step::MountVolume { target, options: options.clone(), flags },
        });
    }
}

/// What of the kernel a container has no business to see; podman's list.
const MASKED: [(Base, &CStr, bool); 14] = [
    (Base::Proc, c"acpi", true),
    (Base::Proc, c"asound", true),
    (Base::Proc, c"kcore", false),
    (Base::Proc, c"keys", false),
    (Base::Proc, c"latency_stats", false),
    (Base::Proc, c"timer_list", false),
    (Base::Proc, c"timer_stats", false),
    (Base::Proc, c"sched_debug", false),
    (Base::Proc, c"scsi", true),
    (Base::Proc, c"interrupts", false),
    (Base::Sys, c"firmware", true),
    (Base::Sys, c"fs/selinux", true),
    (Base::Sys, c"dev/block", true),
    (Base::Sys, c"devices/virtual/powercap", true),
];

fn hide(base: Base, steps: &mut Vec<Step>) {
    let below = MASKED.iter().filter(|(masked, ..)| *masked == base);
    steps.extend(below.map(|&(base, path, directory)| match directory {
        true => Step::MaskDirectory { base, path },
        false => Step::MaskFile { base, path },
    }));
}

fn program(spec: &Spec) -> Program {
    let environment = spec.environment.clone();
    if spec.init {
        let own = [c"contain", c"init", c"--"].map(CString::from);
        let arguments = own.into_iter().chain(spec.command.iter().cloned()).collect();
        return Program { candidates: Vec::new(), arguments, environment, init: true };
    }
    let candidates = candidates(&spec.command[0], &environment);
    Program { candidates, arguments: spec.command.clone(), environment, init: false }
}

/// The paths that execvp(3) would try: the word itself where it has a slash, else below each directory of PATH.
pub fn candidates(command: &CStr, environment: &[CString]) -> Vec<CString> {
    let word = command.to_bytes();
    if word.contains(&b'/') || word.is_empty() {
        return vec![command.into()];
    }
    let path = environment.iter().find_map(|entry| entry.to_bytes().strip_prefix(b"PATH=")).unwrap_or(b"/bin:/usr/bin");
    let below = |directory: &[u8]| {
        // An empty entry means the working directory (environ(7)).
        let directory = if directory.is_empty() { b"." } else { directory };
        CString::new([directory, b"/", word].concat()).ok()
    };
    path.split(|b| *b == b':').filter_map(below).collect()
}

/// A command line as a shell would take it.
pub fn shown(words: &[CString]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    let quote = |word: &CString| match word.to_string_lossy() {
        word if !word.is_empty() && word.chars().all(plain) => word.into_owned(),
        word if word.contains(char::is_control) => format!("$'{}'", visible(&word)),
        word => format!("'{}'", word.replace('\'', r"'\''")),
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}

impl Namespaces {
    /// The kernel's short names, in the order the story tells them.
    pub fn names(self) -> String {
        let net = if self.net { " net" } else { "" };
        [&self.cloned(), net, " cgroup"].concat()
    }

    /// Those that the clone makes; the network's is made beside it, the cgroup's by the child.
    fn cloned(self) -> String {
        let all = [(self.pid, "pid "), (self.uts, "uts "), (true, "mnt"), (self.ipc, " ipc")];
        all.iter().filter(|(own, _)| *own).map(|(_, name)| *name).collect()
    }
}

/// The plan for `--dry-run`: a step a line, in the order in which they take effect.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = |f: &mut fmt::Formatter<'_>, who, steps: &[Step]| {
            steps.iter().try_for_each(|step| writeln!(f, "{who}{step}"))
        };
        line(f, "", &self.before)?;
        let born = if self.before.is_empty() { "" } else { " into the cgroup" };
        writeln!(f, "clone {}{born}", self.namespaces.cloned())?;
        line(f, "meanwhile ", &self.beside)?;
        line(f, "", &self.inside)
    }
}
