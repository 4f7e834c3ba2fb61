//! From a Plan to a running container: the clone, the launcher's own steps beside the child, and the conversation until
//! the command runs.

pub mod child;
pub mod facts;
pub mod record;

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use linux_raw_sys::general as raw;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::error::{Error, Result};
use crate::kernel::cgroup::{self, Group};
use crate::kernel::{mount, network, proc, program, spread};
use crate::launch::child::Inherited;
use crate::launch::record::Said;
use crate::log::Voice;
use crate::plan::step::Step;
use crate::plan::{Namespaces, Plan};
use crate::sys;
use crate::sys::process::{Cloned, Vector, clone3};

/// A container's first process, running.
pub struct Child {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    /// The controlling side of its terminal.
    pub terminal: Option<OwnedFd>,
    /// Its control group, of any number of directories. Dropped last: what is left inside is killed then.
    pub group: Group,
}

/// Makes the container and returns once its command runs. `rootfs` has been opened once, for all that follows.
pub fn launch(plan: &Plan, rootfs: BorrowedFd<'_>, voice: Voice) -> Result<Child> {
    let step = |doing: &'static str| move |errno| Error::os(doing, errno);
    let (ours, theirs) = record::channel().map_err(step("make a pair of sockets"))?;
    let launcher = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).map_err(step("open own pidfd"))?;
    let init = plan.program.init.then(program::sealed_copy).transpose().map_err(step("copy contain into memory"))?;
    let group = before(plan)?;
    let cpus = spread::allowed();
    let inherited = Inherited {
        plan,
        told: voice == Voice::Story,
        launcher: launcher.as_fd(),
        init,
        arguments: Vector::new(&plan.program.arguments),
        environment: Vector::new(&plan.program.environment),
        cpus,
    };
    voice.story(format_args!("creating namespaces: {}", plan.namespaces.names()));
    // The child finds the rootfs as its working directory: see kernel/root.rs, bind_here.
    rustix::process::fchdir(rootfs).map_err(step("enter the rootfs"))?;
    let born_in = group.directories().next();
    match clone3(flags(plan.namespaces), born_in).map_err(|errno| clone_error(errno, plan.namespaces))? {
        Cloned::Child => {
            // With a copy of the launcher's end open here, its death would not be seen as the end of the conversation.
            drop(ours);
            child::become_container(inherited, theirs)
        }
        Cloned::Parent { child: pid, pidfd } => {
            if plan.namespaces.net {
                spread::apart(pid, &cpus);
            }
            drop((theirs, inherited));
            let mut child = Child { pid, pidfd, terminal: None, group };
            match accompany(plan, rootfs, ours.as_fd(), &mut child, voice) {
                Ok(()) => Ok(child),
                Err(error) => {
                    child.end();
                    Err(error)
                }
            }
        }
    }
}

/// The launcher's own steps beside the child, and the conversation with it.
fn accompany(
    plan: &Plan,
    rootfs: BorrowedFd<'_>,
    socket: BorrowedFd<'_>,
    child: &mut Child,
    voice: Voice,
) -> Result<()> {
    for step in &plan.beside {
        beside(step, socket, &mut child.group).map_err(|errno| launcher_error(step, errno))?;
    }
    converse(plan, rootfs, socket, child, voice)
}

/// The launcher's steps before the clone, and the group that the child is to be born in.
fn before(plan: &Plan) -> Result<Group> {
    let mut group = Group::default();
    for step in &plan.before {
        match step {
            Step::EnableControllers { file, controllers } => cgroup::write(CWD, file, controllers),
            Step::MakeCgroup { path } => group.make(path),
            _ => Err(Errno::INVAL),
        }
        .map_err(|errno| launcher_error(step, errno))?;
    }
    Ok(group)
}

fn beside(step: &Step, socket: BorrowedFd<'_>, group: &mut Group) -> rustix::io::Result<()> {
    match step {
        Step::UnshareNetwork => network::unshare(),
        Step::MakeCgroup { path } => group.make(path),
        Step::WriteLimit { file, value } => cgroup::write(CWD, file, value),
        Step::GiveCgroups { shown } => {
            let shown: rustix::io::Result<Vec<OwnedFd>> = shown.iter().map(|path| mount::copy_tree(path)).collect();
            let shown = shown?;
            let all: Vec<_> = group.directories().chain(shown.iter().map(AsFd::as_fd)).collect();
            record::give(socket, &all)
        }
        Step::GiveNetwork | Step::GiveGo => record::give(socket, &[]),
        Step::RaiseLoopback => network::raise_loopback(),
        Step::RemoveLeftovers { places } => {
            places.iter().for_each(|place| cgroup::sweep::below(place));
            Ok(())
        }
        _ => Err(Errno::INVAL),
    }
}

impl Child {
    /// Kills and reaps a container that did not come to be.
    fn end(&self) {
        let _gone = pidfd_send_signal(&self.pidfd, Signal::KILL);
        while let Ok(None) = sys::process::reap(Some(self.pid)) {
            let mut poll = [rustix::event::PollFd::new(&self.pidfd, rustix::event::PollFlags::IN)];
            let _again = rustix::event::poll(&mut poll, None);
        }
    }
}

/// The namespaces that the clone makes. The network's is made beside it, which saves an eighth of a launch; the child
/// makes the cgroup's itself, once it is in its group, for its root to be there.
fn flags(namespaces: Namespaces) -> u64 {
    let wanted = [
        (true, raw::CLONE_NEWNS),
        (namespaces.pid, raw::CLONE_NEWPID),
        (namespaces.uts, raw::CLONE_NEWUTS),
        (namespaces.ipc, raw::CLONE_NEWIPC),
    ];
    wanted.iter().filter(|(wanted, _)| *wanted).map(|(_, flag)| u64::from(*flag)).sum()
}

/// Hears the child out until its command runs.
fn converse(
    plan: &Plan,
    rootfs: BorrowedFd<'_>,
    socket: BorrowedFd<'_>,
    child: &mut Child,
    voice: Voice,
) -> Result<()> {
    loop {
        match record::hear(socket).map_err(|errno| Error::os("listen to the container", errno))? {
            None => return Ok(()),
            Some((Said::Begins(index), _)) => {
                if let Some(line) = plan.inside.get(index).and_then(Step::story) {
                    voice.story(format_args!("{line}"));
                }
            }
            Some((Said::Failed(index, errno), _)) => return Err(child_error(plan, rootfs, index, errno)),
            Some((Said::Terminal, terminal)) => child.terminal = terminal.into_iter().next(),
            Some((Said::Ready, _)) => {
                if let Some(terminal) = &child.terminal {
                    crate::kernel::terminal::copy_size(terminal);
                }
                ready(plan, voice);
                record::give(socket, &[]).map_err(|errno| Error::os("release the container", errno))?;
            }
        }
    }
}

fn ready(plan: &Plan, voice: Voice) {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let (name, release, machine) = (text(system.sysname()), text(system.release()), text(system.machine()));
    voice.story(format_args!("container ready: {name} {release} {machine}"));
    if let Some(Step::Execute { command }) = plan.inside.last() {
        voice.story(format_args!("running: {command}"));
    }
}

fn clone_error(errno: Errno, namespaces: Namespaces) -> Error {
    let doing = format!("clone with new namespaces {}", namespaces.names());
    let missing: Vec<_> =
        namespaces.names().split(' ').filter(|name| !proc::has_namespace(name)).map(String::from).collect();
    let hint = match errno {
        Errno::PERM => "new namespaces need root (CAP_SYS_ADMIN): run it with sudo".into(),
        Errno::NOSPC => "a limit below /proc/sys/user/max_*_namespaces, or 32 nested ones, is reached".into(),
        Errno::NOSYS => "clone3 needs Linux 5.3, and a seccomp filter that lets it through".into(),
        Errno::INVAL if !missing.is_empty() => format!("this kernel has no namespaces for: {}", missing.join(" ")),
        Errno::INVAL => "this kernel lacks one of these namespaces, or was built without: see `contain check`".into(),
        Errno::AGAIN => "a limit on processes is reached: see ulimit -u and pids.max".into(),
        _ => String::new(),
    };
    Error::os(doing, errno).with_hint(hint)
}

fn launcher_error(step: &Step, errno: Errno) -> Error {
    let hint = match (step, errno) {
        (Step::UnshareNetwork, Errno::INVAL) => "this kernel has no network namespaces: use --net host",
        (Step::UnshareNetwork, Errno::NOSPC) => "the limit in /proc/sys/user/max_net_namespaces is reached",
        (Step::WriteLimit { file, .. }, errno) => limit_hint(file, errno),
        (Step::EnableControllers { .. }, Errno::BUSY) => {
            "the top cgroup that is seen here holds processes itself, as in a container: run contain outside of it"
        }
        (Step::EnableControllers { .. } | Step::MakeCgroup { .. }, Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            "limits need a writable cgroup file system"
        }
        (Step::MakeCgroup { .. }, Errno::AGAIN | Errno::NOSPC) => {
            "a limit on the number of cgroups is reached: see cgroup.max.descendants"
        }
        _ => "",
    };
    Error::os(step.to_string(), errno).with_hint(hint)
}

/// Why the kernel refuses a limit, in terms of the flag that asked for it.
fn limit_hint(path: &CStr, errno: Errno) -> &'static str {
    let is = |file: &str| path.to_bytes().ends_with(file.as_bytes());
    match errno {
        Errno::NOENT | Errno::OPNOTSUPP if is("swap.max") || is("memsw.limit_in_bytes") => {
            "this kernel does not count swap: boot with swapaccount=1, or leave --memory-swap out"
        }
        Errno::NOENT if is("cpu.max") || is("cfs_quota_us") => {
            "this kernel has no CPU bandwidth control (CONFIG_CFS_BANDWIDTH)"
        }
        _ if is("cpuset.cpus") => {
            "--cpuset names a CPU that this machine does not have: see /sys/devices/system/cpu/online"
        }
        Errno::NOENT => "this kernel's controller has no such limit",
        _ => "",
    }
}

fn child_error(plan: &Plan, rootfs: BorrowedFd<'_>, index: usize, errno: Errno) -> Error {
    let Some(step) = plan.inside.get(index) else { return Error::os("set up the container", errno) };
    if let Step::Execute { .. } = step {
        return program::failure(rootfs, &as_seen_from_root(plan), &plan.program.arguments[0], errno);
    }
    let hint = match (step, errno) {
        (Step::MakeMountsPrivate, Errno::INVAL) => "the root that contain sees is no mount point, as in a plain chroot",
        (Step::Take { .. }, Errno::NOENT) => "the source of a volume must exist: make it, or correct the path",
        (Step::MountBase { .. }, Errno::LOOP | Errno::XDEV) => {
            "it is a symbolic link in the rootfs; it must be a directory, or missing"
        }
        (Step::MountBase { .. }, Errno::NOTDIR) => "it is no directory in the rootfs; remove it, it will be made",
        (Step::MountBase { .. } | Step::MakeMountPoint { .. }, Errno::ROFS) => {
            "the directory is missing in the rootfs, which is read-only: make it there beforehand"
        }
        (Step::MakeMountPoint { .. }, Errno::NOTDIR | Errno::ISDIR) => {
            "a file can only be mounted on a file, and a directory on a directory"
        }
        (Step::MakeMountPoint { .. }, Errno::EXIST) => "it is a symbolic link in the rootfs that leads nowhere",
        (Step::MountVolume { .. }, Errno::INVAL) => {
            "tmpfs(5) does not take these options: write them as size=64m,mode=1777"
        }
        (Step::UnshareCgroup { .. }, Errno::NOSPC) => "the limit in /proc/sys/user/max_cgroup_namespaces is reached",
        (Step::AttachVolume { .. } | Step::MountVolume { .. }, Errno::BUSY) => "it leads to the root itself",
        (Step::EnterWorkdir(_), Errno::NOENT) => "--workdir must exist in the rootfs",
        (Step::EnterWorkdir(_), Errno::NOTDIR) => "--workdir names a file",
        (Step::EnterWorkdir(_), Errno::ACCESS) => "the user of the container may not enter it",
        (Step::JoinNetwork, Errno::INVAL) => "setns by pidfd needs Linux 5.8",
        (_, Errno::NOSYS) => "contain needs Linux 5.9 or newer: see `contain check`",
        _ => "",
    };
    Error::os(step.to_string(), errno).with_hint(hint)
}

/// The candidates by absolute path: a relative one was tried from the working directory.
fn as_seen_from_root(plan: &Plan) -> Vec<CString> {
    let workdir = plan.inside.iter().find_map(|step| match step {
        Step::EnterWorkdir(path) => Some(path.to_bytes()),
        _ => None,
    });
    let absolute = |path: &CString| match path.to_bytes().first() {
        Some(b'/') => path.clone(),
        _ => CString::new([workdir.unwrap_or(b"/"), b"/", path.to_bytes()].concat()).unwrap_or_default(),
    };
    plan.program.candidates.iter().map(absolute).collect()
}
