//! From a Plan to a running container: the clone, the launcher's own steps beside the child, and the conversation until
//! the command runs.

pub mod child;
pub mod facts;
pub mod record;

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::event::{PollFd, PollFlags, Timespec, poll};
use crate::linux::fs::CWD;
use crate::linux::io::Errno;
use crate::linux::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use crate::linux::thread::ThreadNameSpaceType;

use crate::error::{Error, Result, hint_for, name};
use crate::kernel::cgroup::{self, Made};
use crate::kernel::root::Rootfs;
use crate::kernel::{file, identity, mount, namespace, net, proc, program, spread, users};
use crate::launch::child::{Inherited, Late};
use crate::launch::record::{Descriptors, Said};
use crate::log::Voice;
use crate::packed::{Sentence, sentence, text};
use crate::plan::step::{Act, Step};
use crate::plan::{Namespaces, Plan};
use crate::spec::Flags;
use crate::sys::clone::{Stack, clone_beside};
use crate::sys::process::{Cloned, Reaped, Vector, clone3};
use crate::text::{Word, kept, kept_below, shown};

/// A container's first process, running.
pub struct Child {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    /// The controlling side of its terminal.
    pub terminal: Option<OwnedFd>,
    /// Its control group, of any number of directories. Dropped last: what is left inside is killed then.
    pub group: Made,
}

/// What a launch needs beside its plan.
pub struct Given<'a> {
    /// Opened once, for all that follows.
    pub rootfs: &'a Rootfs,
    /// Standard input, output and error of a command whose plan redirects them, or just the last; else none.
    pub streams: &'a [OwnedFd],
    pub voice: Voice,
    /// Whether the container need not be written down if it ends at once.
    pub brief: bool,
    /// Writes down a container that runs.
    pub write_down: &'a mut dyn FnMut(&Child) -> Result<()>,
    /// Removes what killed launchers left.
    pub remove_leftovers: &'a mut dyn FnMut(),
    /// What this process alone is to hold a lock on. The child's copy would hold it after a death of this process.
    pub lock: Option<BorrowedFd<'a>>,
    /// The container that is there already, where the plan joins one.
    pub host: Option<Host<'a>>,
}

/// A container that a command joins.
pub struct Host<'a> {
    /// Its first process.
    pub process: BorrowedFd<'a>,
    /// The entrances of its v1 groups.
    pub groups: &'a [OwnedFd],
    /// Its v2 group.
    pub born_in: Option<BorrowedFd<'a>>,
    /// Comes before the word to go.
    pub release: &'a mut dyn FnMut() -> Result<()>,
}

/// The first words of contain as a container's init.
const INIT: [&CStr; 3] = [c"contain", c"init", c"--"];

/// Makes the container and returns once its command runs.
pub fn launch(plan: &Plan, given: &mut Given<'_>) -> Result<Child> {
    let (rootfs, voice) = (given.rootfs, given.voice);
    let failed = |doing: Sentence| move |errno| Error::os(doing, errno);
    let (ours, theirs) = record::channel().map_err(failed(sentence!("make a pair of sockets")))?;
    let launcher =
        pidfd_open(linux::process::getpid(), PidfdFlags::empty()).map_err(failed(sentence!("open own pidfd")))?;
    let init = plan
        .program
        .init
        .then(program::sealed_copy)
        .transpose()
        .map_err(failed(sentence!("copy contain into memory")))?;
    let host = given.host.as_ref();
    let process = host.map_or(launcher.as_fd(), |host| host.process);
    let (mut group, mut taken) = (Made::default(), Vec::new());
    before(plan, process, rootfs, &mut group, &mut taken)?;
    let cpus = spread::allowed();
    let late = Late::default();
    if plan.person.new_privileges {
        // The filter is installed before the word to go then.
        late.find_out(&plan.person);
    }
    // Never moved nor dropped: the child may read it where it is.
    let inherited = Box::leak(Box::new(Inherited {
        socket: theirs.as_fd(),
        theirs: ours.as_fd(),
        lock: given.lock,
        plan,
        joined: None,
        rootfs,
        told: voice == Voice::Story,
        process,
        taken: &taken,
        groups: host.map_or(&[], |host| host.groups),
        init: init.as_ref().map(AsFd::as_fd),
        arguments: Vector::new(if plan.program.init { &INIT } else { &[] }, plan.program.arguments),
        environment: Vector::new(&[], plan.program.environment),
        streams: given.streams,
        cpus,
        late: &late,
    }));
    voice.story(sentence!("creating namespaces: %"), &[&plan.namespaces.names()]);
    if let (true, [rootfs]) = (host.is_none(), rootfs.layers.as_slice()) {
        // The child finds the rootfs as its working directory: see kernel/root.rs, bind_here.
        linux::process::fchdir(rootfs).map_err(failed(sentence!("enter the rootfs")))?;
    }
    let born_in = host.map_or(group.directories().next(), |host| host.born_in);
    let stack = if shares_memory(plan, host.is_some()) { Stack::new().ok() } else { None };
    let flags = plan.namespaces.cloned().0.into();
    let cloned = match fork(flags, born_in, stack.as_ref(), inherited) {
        // clone(2) knows no cgroups, and what forbids one is told better by the child. A group that is full stays full.
        Err(errno) if born_in.is_some() && errno != Errno::AGAIN => {
            inherited.joined = born_in;
            fork(flags, None, None, inherited)
        }
        cloned => cloned,
    };
    let (pid, pidfd) = cloned.map_err(|errno| clone_error(errno, plan.namespaces))?;
    if plan.namespaces.has(Namespaces::NET) && !plan.namespaces.has(Namespaces::USER) {
        spread::apart(pid, &cpus);
    }
    drop((theirs, init, launcher));
    let mut child = Child { pid, pidfd, terminal: None, group };
    match accompany(plan, &late, given, ours.as_fd(), &mut child, &taken, stack) {
        Ok(()) => Ok(child),
        Err(error) => {
            child.end();
            // A step of the launcher's may have failed because the child had, and was gone.
            converse(plan, &late, given, ours.as_fd(), &mut child)?;
            Err(error)
        }
    }
}

/// Whether the child goes on in the memory of this process until it executes the command. Not where somebody else is in its
/// pid namespace; nor where it can be out of memory alone: the kernel kills all that share it. In a user namespace what it
/// does to be looked into counts for this process as well.
fn shares_memory(plan: &Plan, joins: bool) -> bool {
    let Plan { namespaces, .. } = plan;
    !joins && namespaces.has(Namespaces::PID) && !namespaces.has(Namespaces::USER) && plan.groups().is_empty()
}

/// Makes the child, on a stack where it shares this process's memory.
fn fork(
    flags: u64,
    born_in: Option<BorrowedFd<'_>>,
    stack: Option<&Stack>,
    inherited: &Inherited<'_>,
) -> linux::io::Result<(Pid, OwnedFd)> {
    if let (Some(stack), None) = (stack, born_in)
        && let Ok(made) = clone_beside(flags, stack, inherited, child::become_container)
    {
        return Ok(made);
    }
    inherited.late.find_out(&inherited.plan.person);
    match clone3(flags, born_in)? {
        Cloned::Child => child::become_container(inherited),
        Cloned::Parent { child, pidfd } => Ok((child, pidfd)),
    }
}

/// The launcher's own steps beside the child, the conversation with it, and what can wait until the command runs.
#[inline(never)]
fn accompany(
    plan: &Plan,
    late: &Late,
    given: &mut Given<'_>,
    socket: BorrowedFd<'_>,
    child: &mut Child,
    taken: &[OwnedFd],
    stack: Option<Stack>,
) -> Result<()> {
    for step in &plan.beside {
        if step.act == Act::GiveGo {
            late.find_out(&plan.person);
        }
        match step.act {
            Act::RunMapper => users::run_mapper(step.path, child.pid, step.with)?,
            Act::MapIds => map_ids(step, child.pid, taken)?,
            Act::RemoveLeftovers => (given.remove_leftovers)(),
            _ => beside(plan, step, socket, child).map_err(|errno| launcher_error(step, errno))?,
        }
    }
    // To hear that the command begins this process would wake beside it, and a short one would be held up: its end tells as much.
    let tells = plan.person.tells;
    let mut ended = given.brief && !tells && child.ends_at_once();
    converse(plan, late, given, socket, child)?;
    // It runs a program of its own, in memory of its own; or has ended, and this process ends soon.
    if let (false, Some(stack)) = (ended, stack) {
        stack.unmap();
    }
    ended |= given.brief && tells && child.ends_at_once();
    for step in &plan.after {
        match step.act {
            // Nobody looks for it, and to write it down would hold up its end.
            Act::WriteDown if ended => {}
            Act::WriteDown => (given.write_down)(child)?,
            _ => (given.remove_leftovers)(),
        }
    }
    Ok(())
}

/// The launcher's steps before the clone: the group that the child is to be born in, and what is taken for it. `process`
/// is of the container that is joined.
#[inline(never)]
fn before(
    plan: &Plan,
    process: BorrowedFd<'_>,
    rootfs: &Rootfs,
    group: &mut Made,
    taken: &mut Vec<OwnedFd>,
) -> Result<()> {
    let mut take = |tree: linux::io::Result<OwnedFd>, private: bool| {
        let tree = tree?;
        taken.push(tree);
        taken.last().filter(|_| private).map_or(Ok(()), |tree| mount::make_private(tree.as_fd()))
    };
    for step in &plan.before {
        match step.act {
            Act::Take => take(
                mount::copy(step.path, !step.flags.has(Flags::ALONE)),
                !step.flags.has(Flags::SLAVE | Flags::SHARED),
            ),
            Act::TakeRootfs => {
                let top = rootfs.layers.first().ok_or(Errno::BADF);
                take(top.and_then(|top| mount::copy_open(top.as_fd())), true)
            }
            Act::EnableControllers => file::write(CWD, step.path, step.with.to_bytes()),
            Act::MakeParent => cgroup::make_parent(step.path),
            Act::MakeCgroup => group.make(step.path),
            Act::WriteLimit => file::write(CWD, step.path, step.with.to_bytes()),
            Act::ForbidDumps => identity::forbid_dumps(),
            Act::JoinPid => namespace::join(process, ThreadNameSpaceType::from_bits_retain(step.number)),
            _ => Err(Errno::INVAL),
        }
        .map_err(|errno| launcher_error(step, errno))?;
    }
    Ok(())
}

/// Shows the owners in what was taken as the container's ids, once it has any.
fn map_ids(step: &Step, pid: Pid, taken: &[OwnedFd]) -> Result<()> {
    let tree = taken.get((step.number as usize).wrapping_sub(1)).ok_or(Errno::BADF);
    let mapped = tree.and_then(|tree| mount::map_ids(tree.as_fd(), users::of(pid)?.as_fd()));
    mapped.map_err(|errno| {
        let error = launcher_error(step, errno);
        // A relative path can only be the rootfs's, which this process has entered.
        let here = linux::process::getcwd(Vec::new()).unwrap_or_default();
        let path = if step.path.to_bytes().starts_with(b"/") { step.path } else { &here };
        match errno {
            Errno::INVAL | Errno::PERM => error.with_hint(NO_MAP.fill(&[&mount::file_systems(path)])),
            _ => error,
        }
    })
}

const NO_MAP: Sentence = sentence!(
    "of the file systems at and below it (%) one takes no map of ids: ext4, xfs and btrfs do; leave it out, or idmap, \
    or --userns"
);

fn beside(plan: &Plan, step: &Step, socket: BorrowedFd<'_>, child: &mut Child) -> linux::io::Result<()> {
    weak!(
        "weak-limits",
        if step.act == Act::WriteLimit {
            return Ok(());
        }
    );
    let group = &mut child.group;
    match step.act {
        Act::WriteIds => users::write(child.pid, step.path, step.with),
        Act::UnshareNetwork => net::unshare(),
        Act::MakeParent => cgroup::make_parent(step.path),
        Act::MakeCgroup => group.make(step.path),
        Act::FillCpuset => cgroup::fill_cpuset(step.path),
        Act::WriteLimit => file::write(CWD, step.path, step.with.to_bytes()),
        Act::GiveCgroups => {
            let mut shown = Vec::new();
            for (path, _) in &plan.shown {
                shown.push(mount::copy_tree(path)?);
            }
            let mut all = Vec::new();
            let mut entrances = Vec::new();
            for directory in group.directories() {
                entrances.push(cgroup::entrance(directory)?);
            }
            entrances.iter().for_each(|entrance| all.push(entrance.as_fd()));
            shown.iter().for_each(|mount| all.push(mount.as_fd()));
            record::give(socket, &all)
        }
        Act::GiveIds | Act::GiveNetwork | Act::GiveGo => record::give(socket, &[]),
        Act::RaiseLoopback => net::raise_loopback(),
        _ => Err(Errno::INVAL),
    }
}

/// Longer than the last steps of a set-up and the shortest of commands take, and no time for anybody who types.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

impl Child {
    fn ends_at_once(&self) -> bool {
        poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], Some(&AT_ONCE)) == Ok(1)
    }

    /// Kills and reaps a container that did not come to be.
    fn end(&self) {
        let _gone = pidfd_send_signal(&self.pidfd, Signal::KILL);
        let _gone = self.wait();
    }

    /// Waits for its end, and for nothing else; `None` where somebody else has reaped it.
    pub fn wait(&self) -> Option<Reaped> {
        program::wait(self.pid, &self.pidfd)
    }
}

/// Hears the child out until its command runs.
#[inline(never)]
fn converse(plan: &Plan, late: &Late, given: &mut Given<'_>, socket: BorrowedFd<'_>, child: &mut Child) -> Result<()> {
    let voice = given.voice;
    let mut descriptors = Descriptors::new();
    loop {
        match record::hear(socket, &mut descriptors)
            .map_err(|errno| Error::os(sentence!("listen to the container"), errno))?
        {
            None => return Ok(()),
            Some(Said::Begins(index)) => {
                if let Some(step) = plan.inside.get(index) {
                    voice.story(sentence!("%"), &[step.story()]);
                }
            }
            Some(Said::Failed(index, errno)) => return Err(child_error(plan, given.rootfs, index, errno)),
            Some(Said::Terminal) => child.terminal = descriptors.pop(),
            Some(Said::Ready) => {
                if let Some(terminal) = &child.terminal {
                    crate::kernel::terminal::copy_size(terminal);
                }
                ready(plan, voice);
                late.find_out(&plan.person);
                if let Some(host) = &mut given.host {
                    (host.release)()?;
                }
                record::give(socket, &[]).map_err(|errno| Error::os(sentence!("release the container"), errno))?;
            }
        }
    }
}

#[inline(never)]
fn ready(plan: &Plan, voice: Voice) {
    let system = linux::system::uname();
    let (name, release, machine) = (system.sysname(), system.release(), system.machine());
    let system = kept(&[name.to_bytes(), b" ", release.to_bytes(), b" ", machine.to_bytes()]);
    voice.story(sentence!("container ready: %"), &[shown(system)]);
    if let Some(step) = plan.inside.last() {
        voice.story(sentence!("running: %"), &[shown(step.with)]);
    }
}

#[cold]
#[inline(never)]
fn clone_error(errno: Errno, namespaces: Namespaces) -> Error {
    if namespaces == Namespaces::NONE {
        // Where the first process has ended there are no numbers for others (pid_namespaces(7)).
        let errno = if errno == Errno::NOMEM { Errno::SRCH } else { errno };
        let hint = if errno == Errno::AGAIN {
            text!("the container's limit on processes is reached, or ulimit -u")
        } else {
            ""
        };
        return Error::os(sentence!("make a process in the container"), errno).with_hint(hint);
    }
    namespaces_error(text!("clone with new namespaces %", &namespaces.names()), errno, namespaces)
}

fn namespaces_error(doing: &'static str, errno: Errno, namespaces: Namespaces) -> Error {
    let mut missing = String::new();
    for (name, kind) in &Namespaces::ALL {
        if namespaces.has(*kind) && !proc::has_namespace(name) {
            missing.push(' ');
            missing.push_str(name);
        }
    }
    let error = Error::os(doing, errno);
    match errno {
        Errno::INVAL if !missing.is_empty() => error.with_hint(text!("this kernel has no namespaces for:%", &missing)),
        _ => match users::forbidden(Some(errno)) {
            knob if !knob.is_empty() && namespaces.has(Namespaces::USER) => error.with_hint(knob),
            _ => error.with_hint(hint_for(CLONE_HINTS.get(), name(errno))),
        },
    }
}

const CLONE_HINTS: Sentence = sentence!(concat!(
    "EPERM none can be made in a chroot, nor where a seccomp filter or a security module forbids it\t",
    "ENOSPC,EUSERS a limit below /proc/sys/user/max_*_namespaces, or 32 nested ones, is reached\t",
    "EINVAL this kernel lacks one of these namespaces, or was built without: see `contain check`\t",
    "EAGAIN a limit on processes is reached: see ulimit -u and pids.max",
));

fn launcher_error(step: &Step, errno: Errno) -> Error {
    let hint = if step.act == Act::WriteLimit { limit_hint(step.path, errno) } else { step.hint(errno) };
    Error::os(step.line(), errno).with_hint(hint)
}

/// Why the kernel refuses a limit, in terms of the flag that asked for it.
pub fn limit_hint(path: &CStr, errno: Errno) -> &'static str {
    let is = |file: &str| path.to_bytes().ends_with(file.as_bytes());
    match errno {
        Errno::NOENT | Errno::OPNOTSUPP if is("swap.max") || is("memsw.limit_in_bytes") => {
            text!("this kernel does not count swap: boot with swapaccount=1, or leave --memory-swap out")
        }
        Errno::NOENT if is("cpu.max") || is("cfs_quota_us") => {
            text!("this kernel has no CPU bandwidth control (CONFIG_CFS_BANDWIDTH)")
        }
        _ if is("cpuset.cpus") => {
            text!("--cpuset names a CPU that this machine does not have: see /sys/devices/system/cpu/online")
        }
        Errno::ACCESS if is("oom_score_adj") => {
            text!("to lower it takes CAP_SYS_RESOURCE: give --oom-score-adj a higher one")
        }
        Errno::NOENT => text!("this kernel's controller has no such limit"),
        _ => "",
    }
}

fn child_error(plan: &Plan, rootfs: &Rootfs, index: usize, errno: Errno) -> Error {
    let Some(step) = plan.inside.get(index) else {
        let hint = if errno == Errno::ACCESS { OUTSIDE } else { "" };
        return Error::os(sentence!("enter the container's cgroup"), errno).with_hint(hint);
    };
    if step.act == Act::Execute {
        let word = if plan.program.init { INIT[0] } else { plan.program.arguments[0] };
        return program::failure(rootfs, &as_seen_from_root(plan), word, errno);
    }
    if step.act == Act::Unshare {
        return namespaces_error(step.line(), errno, plan.namespaces);
    }
    let hint = match step.hint(errno) {
        "" if errno == Errno::NOSYS => text!("contain needs Linux 5.9 or newer: see `contain check`"),
        "" if plan.namespaces.has(Namespaces::USER) => users::forbidden(Some(errno)),
        hint => hint,
    };
    Error::os(step.line(), errno).with_hint(hint)
}

const OUTSIDE: &str = "for that contain must run below the same cgroup of this user's itself, as in a leaf beside the container's: \
    `systemd-run --user --scope -p Delegate=yes contain ...`";

/// The candidates by absolute path: a relative one was tried from the working directory.
fn as_seen_from_root(plan: &Plan) -> Vec<Word> {
    let mut seen = plan.program.candidates.clone();
    for path in &mut seen {
        if !path.to_bytes().starts_with(b"/") {
            *path = kept_below(plan.person.workdir.to_bytes(), path.to_bytes());
        }
    }
    seen
}
