//! Spec and Facts become a Plan: every act of a launch, in order, before anything is touched.

pub mod facts;
pub mod join;
pub mod limits;
mod namespaces;
mod order;
mod program;
pub mod step;
mod table;

use std::ffi::CStr;

use crate::error::Result;
use crate::input::privilege::{capability_names, resource};
use crate::packed::text;
use crate::plan::facts::{Cgroups, Facts, Mapper};
use crate::plan::limits::Planned;
pub use crate::plan::namespaces::Namespaces;
use crate::plan::order::HEARS;
pub use crate::plan::program::{Program, candidates, shell_line};
use crate::plan::step::{Act, Base, Case, Cases, Flags, Step, add, again};
use crate::seccomp;
use crate::spec::{DEFAULT_CAPABILITIES, Seccomp, Share, Spec, User, VolumeKind};
use crate::text::{Word, digits, kept_below, kept_one, kept_two};

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
    /// The launcher's acts once the command runs.
    pub after: Vec<Step>,
    /// v1: the container's own directory of each controller, and where it sees that in /sys/fs/cgroup.
    pub shown: Vec<(Word, Word)>,
    pub person: Person,
    pub program: Program,
}

/// Who the command is, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    pub user: User,
    pub capabilities: u64,
    pub new_privileges: bool,
    pub ulimits: &'static [Word],
    pub oom_score_adj: Word,
    pub seccomp: Seccomp,
    pub workdir: Word,
    /// setgroups(2) is given up, so the caller's own stay.
    pub keeps_groups: bool,
    /// Somebody wants to know when all is set up.
    pub tells: bool,
}

/// How the launch is watched, which the plan must know.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Watching {
    /// The story is told: wait with the command until its lines are out.
    pub story: bool,
    /// A control group is wanted, limits or not: to count what is used, to find all processes by, to freeze them.
    pub counted: bool,
    /// The command's output goes where the launcher says.
    pub redirected: bool,
}

/// Decides everything. Errors are limits that contradict each other, or that this machine's cgroups cannot hold.
pub fn plan(spec: &Spec, facts: &Facts, watching: Watching) -> Result<Box<Plan>> {
    let mut limits = Planned::default();
    limits::plan(&spec.limits, facts, watching.counted, &mut limits)?;
    let (born, groups) = (!limits.before.is_empty(), !limits.shown.is_empty());
    if facts.mapper != Mapper::Launcher {
        // An ordinary user can copy no mount of the host's.
        limits.shown.clear();
    }
    let program = Program::of(spec.command, spec.environment, spec.init);
    let Spec { user, capabilities, new_privileges, ulimits, oom_score_adj, workdir, .. } = *spec;
    weak!("weak-privileges", new_privileges = true);
    let keeps_groups = !spec.uids.is_none() && facts.mapper == Mapper::OwnIds;
    let person = Person {
        user,
        capabilities,
        new_privileges,
        ulimits,
        oom_score_adj,
        seccomp: spec.seccomp,
        workdir,
        keeps_groups,
        tells: watching.story || spec.tty,
    };
    let Share { pid, uts, ipc, net } = spec.share;
    weak!("weak-pids", pid = true);
    let users = !spec.uids.is_none();
    let namespaces = Namespaces::of(spec);

    let mut cases = Cases::default();
    let mut holds = |case: Case, holds| cases[case as usize] = holds;
    holds(Case::Always, true);
    holds(Case::OwnUts, !uts);
    holds(Case::OwnNet, !net && !users);
    holds(Case::OwnedNet, !net && users);
    holds(Case::Users, users);
    holds(Case::OwnIds, keeps_groups);
    holds(Case::MoreIds, users && !keeps_groups);
    holds(Case::OwnIpc, !ipc);
    holds(Case::SharedIpc, ipc);
    let (layered, upper) = (spec.layers.len() > 1 || !spec.overlay.is_empty(), !spec.overlay.is_empty());
    holds(Case::Layered, layered);
    holds(Case::UpperInMemory, upper && spec.overlay == c"tmpfs");
    holds(Case::UpperKept, upper && spec.overlay != c"tmpfs");
    holds(Case::Plain, !layered);
    holds(Case::ReadOnly, spec.read_only);
    holds(Case::Writable, !spec.read_only);
    holds(Case::Born, born);
    holds(Case::Groups, groups);
    holds(Case::HostGroups, users && !born && !groups && facts.cgroups != Cgroups::Absent);
    holds(Case::Tty, spec.tty);
    holds(Case::Redirected, watching.redirected);
    holds(Case::Told, person.tells);
    holds(Case::Untold, !person.tells);
    holds(Case::Confined, !spec.privileged);
    holds(Case::Unchanged, !spec.privileged && spec.sysctls.is_empty());
    holds(Case::Changed, !spec.privileged && !spec.sysctls.is_empty());
    holds(Case::NoNewPrivileges, !new_privileges);
    let filtered = person.seccomp.name != Seccomp::UNCONFINED;
    holds(Case::Filtered, filtered && !new_privileges);
    holds(Case::FilteredEarly, filtered && new_privileges);

    // Who is root on the host takes what its container, which is not, may not see.
    let takes = users && facts.mapper == Mapper::Launcher;
    let (mut before, mut mapped) = (Vec::new(), Vec::new());
    if takes {
        take(spec, &mut before, &mut mapped);
    }
    let given = before.len() as u32;
    before.extend_from_slice(&limits.before);

    let mut beside = Vec::new();
    order::each(order::BESIDE, &cases, &mut |mut step| {
        match step.act {
            Act::WriteLimit => return beside.extend_from_slice(&limits.beside),
            Act::MapIds => return beside.extend_from_slice(&mapped),
            Act::WriteIds if step.with.is_empty() => {
                let of_users = step.path == c"uid_map";
                step.with = if of_users { spec.uids } else { spec.gids }.0;
                if let Mapper::Programs([users, groups]) = facts.mapper {
                    (step.act, step.path) = (Act::RunMapper, if of_users { *users } else { *groups });
                }
            }
            _ => {}
        }
        beside.push(step);
    });
    let mut after = Vec::new();
    order::each(order::AFTER, &cases, &mut |step| after.push(step));

    // So far; the first of the devices, the last of what is no layer, and the lowest layer.
    let (mut sources, mut device, mut taken, mut lowest) = (given, 0, given, 0);
    // About as many as there are: growing by doubling would touch twice the memory.
    let mut inside = Vec::with_capacity(96);
    order::each(order::INSIDE, &cases, &mut |mut step| {
        // /sys and what is below it.
        if spec.privileged && step.base as usize >= Base::Sys as usize {
            step.flags = step.flags.only(!Flags::READ);
        }
        match step.act {
            Act::Unshare => {
                let made = namespaces.unshared();
                if made == Namespaces::NONE {
                    return;
                }
                (step.number, step.with) = (made.0, kept_one(made.names().as_bytes()));
            }
            Act::SetHostname => step.with = kept_one(spec.hostname.as_bytes()),
            Act::SetDomainname if spec.domainname.is_empty() => return,
            Act::SetDomainname => step.with = kept_one(spec.domainname.as_bytes()),
            Act::SetUlimit => return person.limit(step, &mut inside),
            Act::WriteSysctl => {
                for (path, value) in spec.sysctls {
                    again(&mut inside, &step, Base::Proc, path).with = value;
                }
                return;
            }
            // A part of /dev, unless it has a size of its own: each file system costs a launch time and memory.
            Act::BindOnItself if step.path == c"shm" => {
                if let Some(size) = spec.shm_size {
                    (step.act, step.with) = (Act::MountBelow, c"tmpfs");
                    step.options = kept_two(b"mode=1777,size=", digits(size).as_bytes());
                }
            }
            // The sources of volumes come first, as `volumes` counts them; then shared memory, and what the launcher gives
            // of cgroups.
            Act::Take if step.base == Base::Root && step.path.is_empty() && takes => return,
            Act::Take if step.base == Base::Root && step.path.is_empty() => {
                for volume in spec.volumes {
                    if let VolumeKind::Bind { source } = volume.kind
                        && volume.flags.has(HEARS.0) == step.flags.has(HEARS.0)
                    {
                        again(&mut inside, &step, Base::Root, source).flags = volume.flags.only(Flags::ALONE);
                        sources += 1;
                    }
                }
                return;
            }
            Act::Take if step.base == Base::Dev => {
                device = sources + 1;
                for made in order::INSIDE.steps().filter(|made| made.act == Act::MakeDevice) {
                    if !made.path.is_empty() {
                        again(&mut inside, &step, Base::Root, kept_two(b"/dev/", made.path.to_bytes()));
                        sources += 1;
                    }
                }
                for device in spec.devices {
                    again(&mut inside, &step, Base::Root, device.source);
                    sources += 1;
                }
                return;
            }
            Act::Take => {
                sources += 1;
                taken = sources;
            }
            Act::TakeLayer => {
                lowest = sources + 1;
                for (index, (path, kind)) in spec.layers.iter().zip(spec.images).enumerate() {
                    let layer = again(&mut inside, &step, Base::Root, path);
                    layer.number = index as u32 + 1;
                    if !kind.is_empty() {
                        (layer.act, layer.with) = (Act::TakeImage, kind);
                    }
                    sources += 1;
                }
                return;
            }
            Act::TakeUpper | Act::MakeUpper => {
                sources += 1;
                step.path = spec.overlay;
            }
            Act::MountOverlay => {
                (step.number, step.with) = (lowest, spec.rootfs);
                step.flags.0 |= if upper { 0 } else { Flags::READ };
                step.options = if users { c"userxattr" } else { c"" };
            }
            // Another's processes cannot be shown by a proc of its own.
            Act::BorrowBase if step.base == Base::Proc && !pid => step.act = Act::MakeBase,
            Act::MakeDevice if step.path.is_empty() => {
                for made in spec.devices {
                    directories(made.path, &mut inside);
                    let node = again(&mut inside, &step, Base::Dev, made.path);
                    (node.act, node.number) =
                        if users { (Act::BindDevice, device) } else { (Act::MakeDevice, made.number) };
                    node.flags = Flags(u8::from(made.block) | u8::from(made.private) << 1);
                    node.with = if made.block { c"for blocks" } else { c"for characters" };
                    device += 1;
                }
                return;
            }
            Act::MakeDevice if users => {
                step = Step { act: Act::BindDevice, number: device, ..step };
                device += 1;
            }
            // The group of terminals need not be there.
            Act::MountBelow if users && step.with == c"devpts" => step.options = c"newinstance,ptmxmode=0666,mode=0620",
            Act::BindRootfs => {
                step.with = spec.rootfs;
                step.number = if spec.maps_rootfs { given } else { 0 };
            }
            Act::MakeMountPoint if step.path.is_empty() => return volumes(spec, true, &mut inside),
            Act::AttachVolume => return volumes(spec, false, &mut inside),
            Act::MakeDirectory | Act::AttachBelow if step.base == Base::Cgroup => {
                let mut number = sources;
                for (_, place) in &limits.shown {
                    number += 1;
                    again(&mut inside, &step, Base::Cgroup, place).number = number;
                }
                return;
            }
            Act::AttachBelow => step.number = taken,
            Act::AwaitCgroups => step.number = limits.shown.len() as u32,
            Act::UnshareCgroup => step.with = kept_one(limits.told.as_bytes()),
            _ => person.fill(&mut step, &program),
        }
        inside.push(step);
    });
    person.score(&mut before);
    Ok(Box::new(Plan { before, namespaces, beside, inside, after, shown: limits.shown, person, program }))
}

impl Plan {
    /// The directories of the control group that there will be, and that must be removed.
    pub fn groups(&self) -> &'static [Word] {
        let mut groups = Vec::new();
        for steps in [&self.before, &self.beside] {
            for step in steps {
                if step.act == Act::MakeCgroup {
                    groups.push(step.path);
                }
            }
        }
        groups.leak()
    }
}

impl Person {
    /// The launcher itself is killed as soon as the container, which the clone hands down: in a user namespace nobody may lower
    /// it.
    fn score(&self, before: &mut Vec<Step>) {
        if !self.oom_score_adj.is_empty() {
            add(before, Act::WriteLimit, c"/proc/self/oom_score_adj").with = self.oom_score_adj;
        }
    }

    /// The program of the seccomp filter.
    pub fn filter(&self) -> seccomp::Program {
        seccomp::program(self.seccomp, self.capabilities)
    }

    fn limit(&self, step: Step, steps: &mut Vec<Step>) {
        for ulimit in self.ulimits {
            let step = again(steps, &step, Base::Root, c"");
            (step.with, step.number) = (ulimit, resource(ulimit));
        }
    }

    /// Fills in what the last steps before the command do.
    fn fill(&self, step: &mut Step, program: &Program) {
        match step.act {
            Act::LimitCapabilities => {
                let names = match self.capabilities {
                    DEFAULT_CAPABILITIES => "the default",
                    set => capability_names(set),
                };
                step.with = kept_one(names.as_bytes());
            }
            Act::BecomeUser => {
                let User { uid, gid, groups } = self.user;
                let mut text = String::from(text!("% group %", digits(uid.into()), digits(gid.into())));
                for group in groups {
                    text.push(',');
                    text.push_str(digits((*group).into()));
                }
                step.with = kept_one(text.as_bytes());
            }
            Act::InstallFilter => step.with = self.seccomp.name,
            Act::EnterWorkdir => step.path = self.workdir,
            Act::AwaitGo => step.number = self.tells.into(),
            Act::Execute => step.with = kept_one(shell_line(program.arguments).as_bytes()),
            _ => {}
        }
    }
}

/// The launcher's taking of the volumes' sources, as `volumes` counts them, and of the rootfs; and the steps that map ids.
fn take(spec: &Spec, before: &mut Vec<Step>, mapped: &mut Vec<Step>) {
    for hearing in [true, false] {
        for volume in spec.volumes {
            if let VolumeKind::Bind { source } = volume.kind
                && volume.flags.has(HEARS.0) == hearing
            {
                add(before, Act::Take, source).flags = volume.flags.only(Flags::ALONE | HEARS.0);
                if volume.flags.has(Flags::ID_MAP) {
                    add(mapped, Act::MapIds, source).number = before.len() as u32;
                }
            }
        }
    }
    if spec.maps_rootfs {
        add(before, Act::TakeRootfs, c"").with = spec.rootfs;
        add(mapped, Act::MapIds, spec.rootfs).number = before.len() as u32;
    }
}

/// Mounts the volumes. Or, `early`, makes their mount points only: what lies below a file system still to be mounted is made
/// there, later.
fn volumes(spec: &Spec, early: bool, steps: &mut Vec<Step>) {
    let mut covered = vec![c"/proc", c"/dev", c"/sys"];
    // Those that hear of mounts are taken before the others.
    let hearing = spec.volumes.iter().filter(|volume| volume.flags.has(HEARS.0)).count() as u32;
    let mut sources = [hearing, 0];
    for volume in spec.volumes {
        let target = volume.target;
        let flags = volume.flags.only(!(Flags::ALONE | Flags::ID_MAP));
        let (mut act, mut number, mut with) = (Act::AttachVolume, 0, c"");
        match volume.kind {
            VolumeKind::Bind { .. } => {
                let next = &mut sources[usize::from(flags.has(HEARS.0))];
                *next += 1;
                number = *next;
            }
            VolumeKind::Tmpfs { options } => (act, with) = (Act::MountVolume, options),
        }
        if !early || !covered.iter().any(|above| is_below(target, above)) {
            make_mount_point(target, number, steps);
        }
        covered.push(target);
        if !early {
            let step = add(steps, act, target);
            (step.flags, step.number, step.options) = (flags, number, with);
        }
    }
}

/// The directories on the way to a path below /dev.
fn directories(path: Word, steps: &mut Vec<Step>) {
    for (at, _) in path.to_bytes().iter().enumerate().filter(|(_, b)| **b == b'/') {
        let step = add(steps, Act::MakeDirectory, kept_one(&path.to_bytes()[..at]));
        (step.base, step.with) = (Base::Dev, c"0755");
    }
}

fn is_below(path: &CStr, above: &CStr) -> bool {
    path.to_bytes().strip_prefix(above.to_bytes()).is_some_and(|rest| rest.starts_with(b"/"))
}

/// A step for each part of the path, since any may be missing; the last one is what the source is like.
fn make_mount_point(path: &CStr, like: u32, steps: &mut Vec<Step>) {
    let (mut parent, mut above) = (c"/", c"");
    let mut parts = path.to_bytes();
    while !parts.is_empty() {
        let length = parts.iter().position(|b| *b == b'/').unwrap_or(parts.len());
        let name = &parts[..length];
        parts = parts.get(length + 1..).unwrap_or_default();
        if !name.is_empty() {
            let path = kept_below(above.to_bytes(), name);
            let step = add(steps, Act::MakeMountPoint, path);
            (step.with, step.options, step.number) = (parent, kept_one(name), if parts.is_empty() { like } else { 0 });
            (parent, above) = (path, path);
        }
    }
}

impl Plan {
    /// For `--dry-run`: a step a line, in the order in which they take effect.
    pub fn text(&self) -> String {
        let grouped = self.before.iter().any(|step| step.act == Act::MakeCgroup);
        let born = if grouped { text!(" into the cgroup") } else { "" };
        let mut text = String::new();
        tell(&mut text, "", &self.before);
        let names = self.namespaces.cloned().names();
        text.extend(["clone", if names.is_empty() { "" } else { " " }, &names, born, "\n"]);
        tell(&mut text, text!("meanwhile "), &self.beside);
        tell(&mut text, "", &self.inside);
        tell(&mut text, "then ", &self.after);
        text
    }
}

fn tell(text: &mut String, who: &str, steps: &[Step]) {
    for step in steps {
        text.extend([who, step.line(), "\n"]);
    }
}
