//! From a Plan to a running container: the clone, the launcher's own steps beside the child, and the conversation until
//! the command runs.

pub mod child;
pub mod facts;
pub mod record;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use linux_raw_sys::general as raw;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::error::{Error, NOT_EXECUTABLE, NOT_FOUND, Result};
use crate::kernel::cgroup::Group;
use crate::kernel::{network, proc, program};
use crate::launch::child::Inherited;
use crate::launch::record::Said;
use crate::log::Voice;
use crate::plan::step::Step;
use crate::plan::{Namespaces, Plan, shown};
use crate::sys;
use crate::sys::process::{Cloned, Vector, clone3};

/// A container's first process, running.
pub struct Child {
    pub pid: Pid,
    pub pidfd: OwnedFd,
    /// The controlling side of its terminal.
    pub terminal: Option<OwnedFd>,
}

/// The container's group, where the plan has one. Abandoned by `Ok(None)` only where no limit was asked.
pub fn make_group(plan: &Plan) -> Result<Option<Group>> {
    for step in &plan.before {
        if let Step::EnableControllers { file, controllers } = step {
            let doing = || step.to_string();
            let value = controllers.as_bytes();
            std::fs::write(file.to_string_lossy().as_ref(), value).map_err(|error| {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                Error::os(doing(), errno).with_hint(match errno {
                    Errno::BUSY => {
                        "the top cgroup here holds processes itself; run contain from outside this container"
                    }
                    Errno::ACCESS | Errno::PERM | Errno::ROFS => "limits need a writable cgroup file system",
                    _ => "",
                })
            })?;
        }
    }
    let mut paths = plan.before.iter().filter_map(|step| match step {
        Step::MakeCgroup { path } => Some(path),
        _ => None,
    });
    match Group::make(&mut paths) {
        Ok(group) => Ok(group.first().is_some().then_some(group)),
        Err(_) if plan.cgroup_optional => Ok(None),
        Err((path, errno)) => {
            let hint = match errno {
                Errno::ACCESS | Errno::PERM | Errno::ROFS => "limits need a writable cgroup file system",
                _ => "",
            };
            Err(Error::os(Step::MakeCgroup { path }.to_string(), errno).with_hint(hint))
        }
    }
}

/// Makes the container and returns once its command runs. `rootfs` has been opened once, for all that follows.
pub fn launch(plan: &Plan, rootfs: BorrowedFd<'_>, group: Option<&Group>, voice: Voice) -> Result<Child> {
    let step = |doing: &'static str| move |errno| Error::os(doing, errno);
    let (ours, theirs) = record::channel().map_err(step("make a pair of sockets"))?;
    let launcher = pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).map_err(step("open own pidfd"))?;
    let init = plan.program.init.then(program::sealed_copy).transpose().map_err(step("copy contain into memory"))?;
    let inherited = Inherited {
        plan,
        told: voice == Voice::Story,
        group,
        launcher: launcher.as_fd(),
        init,
        arguments: Vector::new(&plan.program.arguments),
        environment: Vector::new(&plan.program.environment),
    };
    voice.story(format_args!("creating namespaces: {}", plan.namespaces.names()));
    // The child finds the rootfs as its working directory: see kernel/root.rs, bind_here.
    rustix::process::fchdir(rootfs).map_err(step("enter the rootfs"))?;
    let cgroup = group.filter(|_| plan.born_in_cgroup).and_then(Group::first).map(AsFd::as_fd);
    match clone3(flags(plan.namespaces), cgroup).map_err(|errno| clone_error(errno, plan.namespaces))? {
        Cloned::Child => child::become_container(inherited, theirs),
        Cloned::Parent { child, pidfd } => {
            drop((theirs, inherited));
            let mut child = Child { pid: child, pidfd, terminal: None };
            let result = beside(plan, group)
                .and_then(|()| record::release(&ours).or_else(gone).map_err(step("release the container")))
                .and_then(|()| converse(plan, rootfs, &ours, &mut child, voice));
            match result {
                Ok(()) => Ok(child),
                Err(error) => {
                    child.end();
                    Err(error)
                }
            }
        }
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

/// The launcher's own steps while the child works.
fn beside(plan: &Plan, group: Option<&Group>) -> Result<()> {
    for step in &plan.beside {
        let done = match step {
            Step::UnshareNetwork => network::unshare(),
            Step::RaiseLoopback => network::raise_loopback(),
            Step::WriteLimit { group: index, file, value } => {
                group.map_or(Err(Errno::NOENT), |group| group.write(*index, file, value))
            }
            _ => Err(Errno::INVAL),
        };
        done.map_err(|errno| beside_error(step, group, errno))?;
    }
    Ok(())
}

/// A child that has died says why, or has nothing more to say, when it is listened to.
fn gone(errno: Errno) -> std::result::Result<(), Errno> {
    match errno {
        Errno::PIPE | Errno::CONNRESET => Ok(()),
        errno => Err(errno),
    }
}

/// Hears the child out until its command runs.
fn converse(plan: &Plan, rootfs: BorrowedFd<'_>, socket: &OwnedFd, child: &mut Child, voice: Voice) -> Result<()> {
    loop {
        match record::hear(socket).map_err(|errno| Error::os("listen to the container", errno))? {
            None => return Ok(()),
            Some((Said::Begins(index), _)) => {
                if let Some(line) = plan.inside.get(index).and_then(Step::story) {
                    voice.story(format_args!("{line}"));
                }
            }
            Some((Said::Failed(index, errno), _)) => return Err(child_error(plan, rootfs, index, errno)),
            Some((Said::Terminal, terminal)) => child.terminal = terminal,
            Some((Said::Ready, _)) => {
                if let Some(terminal) = &child.terminal {
                    crate::kernel::terminal::copy_size(terminal);
                }
                ready(plan, voice);
                record::release(socket).or_else(gone).map_err(|errno| Error::os("release the container", errno))?;
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

fn beside_error(step: &Step, group: Option<&Group>, errno: Errno) -> Error {
    let Step::WriteLimit { group: index, file, value } = step else {
        let hint = match (step, errno) {
            (Step::UnshareNetwork, Errno::INVAL) => "this kernel has no network namespaces: use --net host",
            (Step::UnshareNetwork, Errno::NOSPC) => "the limit in /proc/sys/user/max_net_namespaces is reached",
            _ => "",
        };
        return Error::os(step.to_string(), errno).with_hint(hint);
    };
    let path = group.map_or(c"", |group| group.path(*index)).to_string_lossy();
    let (file, hint) = (file.to_string_lossy(), limit_hint(&file.to_string_lossy(), errno));
    Error::os(format!("write {value} to {path}/{file}"), errno).with_hint(hint)
}

/// Why the kernel refuses a limit, in terms of the flag that asked for it.
fn limit_hint(file: &str, errno: Errno) -> &'static str {
    match (file, errno) {
        ("memory.swap.max" | "memory.memsw.limit_in_bytes", Errno::NOENT | Errno::OPNOTSUPP | Errno::ACCESS) => {
            "this kernel does not count swap: boot with swapaccount=1, or leave --memory-swap out"
        }
        ("cpu.cfs_quota_us" | "cpu.cfs_period_us" | "cpu.max", Errno::NOENT) => {
            "this kernel has no CPU bandwidth control (CONFIG_CFS_BANDWIDTH)"
        }
        ("cpuset.cpus", Errno::INVAL | Errno::RANGE | Errno::ACCESS | Errno::NOSPC | Errno::NODEV) => {
            "--cpuset names a CPU that this machine does not have: see /sys/devices/system/cpu/online"
        }
        (_, Errno::NOENT) => "this kernel's controller has no such limit",
        _ => "",
    }
}

fn child_error(plan: &Plan, rootfs: BorrowedFd<'_>, index: usize, errno: Errno) -> Error {
    let Some(step) = plan.inside.get(index) else { return Error::os("set up the container", errno) };
    if let Step::Execute { command } = step {
        return execute_error(plan, rootfs, command, errno);
    }
    let hint = match (step, errno) {
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
        (Step::EnterWorkdir(_), Errno::NOENT) => "--workdir must exist in the rootfs",
        (Step::EnterWorkdir(_), Errno::NOTDIR) => "--workdir names a file",
        (Step::EnterWorkdir(_), Errno::ACCESS) => "the user of the container may not enter it",
        (Step::JoinNetwork, Errno::INVAL) => "setns by pidfd needs Linux 5.8",
        (_, Errno::NOSYS) => "contain needs Linux 5.9 or newer: see `contain check`",
        _ => "",
    };
    Error::os(step.to_string(), errno).with_hint(hint)
}

fn execute_error(plan: &Plan, rootfs: BorrowedFd<'_>, command: &str, errno: Errno) -> Error {
    let candidates = &plan.program.candidates;
    let found = program::find(rootfs, candidates);
    let word = shown(&plan.program.arguments[..1]);
    match (found, errno) {
        (None, Errno::NOENT | Errno::NOTDIR) => {
            let searched =
                candidates.len() > 1 || candidates.first().is_some_and(|path| path.to_string_lossy() != word);
            let place = if searched { "in the PATH of the container" } else { "in the container" };
            Error::new(format!("{word}: not found {place}")).with_status(NOT_FOUND)
        }
        (found, errno) => {
            let status = if errno == Errno::NOENT { NOT_FOUND } else { NOT_EXECUTABLE };
            let path = found.map_or(word, |path| path.to_string_lossy().into_owned());
            match found.and_then(|path| program::explain(rootfs, path, errno)) {
                Some(why) => Error::new(format!("{path} {why}")).with_status(status),
                None => Error::os(format!("execute {command}"), errno).with_status(status),
            }
        }
    }
}
