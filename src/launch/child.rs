//! The child's side of a launch, from the clone to the command.
//!
//! Nothing here may allocate, format or panic: the process is a copy of the launcher, with its heap in whatever state it
//! was, and nobody would see what it prints. A failure is sent as step and errno; the launcher makes the sentence.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::{Errno, Result};
use rustix::mount::MountFlags;
use rustix::thread::{CpuSet, UnshareFlags};

use crate::error::SET_UP;
use crate::kernel::cgroup;
use crate::kernel::{device, identity, mount, network, program, root, spread, terminal};
use crate::launch::record::{self, Descriptors, Said};
use crate::plan::Plan;
use crate::plan::step::{Base, Flags, Necessity, Step};
use crate::sys;
use crate::sys::process::Vector;

/// Most volumes, cgroup directories and the like that one container can take along.
pub const MOST_SOURCES: usize = 128;

/// What the child has from the launcher.
pub struct Inherited<'a> {
    pub plan: &'a Plan,
    /// The story is told: say which step begins.
    pub told: bool,
    /// The launcher's pidfd, through which its network namespace is joined.
    pub launcher: BorrowedFd<'a>,
    /// contain itself, sealed, where it is to be the container's init.
    pub init: Option<OwnedFd>,
    pub arguments: Vector<'a>,
    pub environment: Vector<'a>,
    /// The CPUs that the command may run on.
    pub cpus: CpuSet,
}

/// The child as it goes along.
struct Child<'a> {
    from: Inherited<'a>,
    socket: OwnedFd,
    sources: heapless::Vec<OwnedFd, MOST_SOURCES>,
    /// v1's, one in each controller.
    groups: Descriptors,
    root: Option<OwnedFd>,
    bases: [Option<OwnedFd>; 4],
    /// The file system that directories are hidden behind.
    empty: Option<OwnedFd>,
}

/// Applies the plan's inside, step by step, and becomes the command.
pub fn become_container(from: Inherited<'_>, socket: OwnedFd) -> ! {
    let (sources, groups) = (heapless::Vec::new(), heapless::Vec::new());
    let mut child = Child { from, socket, sources, groups, root: None, bases: [const { None }; 4], empty: None };
    let plan = child.from.plan;
    for (index, step) in plan.inside.iter().enumerate() {
        if child.from.told && step.is_told() {
            // A launcher that has gone is noticed by the steps that wait for it.
            let _gone = record::say(child.socket.as_fd(), Said::Begins(index), &[]);
        }
        if let Err(errno) = child.apply(step) {
            let _gone = record::say(child.socket.as_fd(), Said::Failed(index, errno), &[]);
            sys::process::exit_now(SET_UP);
        }
    }
    sys::process::exit_now(SET_UP)
}

impl Child<'_> {
    fn apply(&mut self, step: &Step) -> Result<()> {
        match step {
            Step::Session => {
                rustix::process::umask(rustix::fs::Mode::empty());
                sys::signal::reset_dispositions();
                identity::start_session()
            }
            Step::SetHostname(name) => rustix::system::sethostname(name.as_bytes()),
            Step::MakeMountsPrivate => mount::make_all_private(),
            Step::Take { source } => {
                let source = mount::copy_tree(source)?;
                self.sources.push(source).map_err(|_full| Errno::MFILE)
            }
            Step::BindRootfs(_) => {
                self.root = Some(root::bind_here()?);
                Ok(())
            }
            Step::PivotRoot => root::pivot(),
            Step::DetachOldRoot => root::detach_old(self.root()?),
            Step::MakeMountPoint { path, parent, name, like } => {
                let like = like.map(|index| self.source(index)).transpose()?;
                mount::make_mount_point(self.root()?, (path, parent, name), like)
            }
            Step::MakeRootReadOnly => mount::restrict(self.root()?, MountFlags::RDONLY),
            Step::MountBase { base, filesystem, options, flags } => {
                let mounted = mount::create(filesystem, options, words(*flags))?;
                mount::attach(mounted.as_fd(), mount::base_directory(self.root()?, base.name())?.as_fd())?;
                self.bases[*base as usize] = Some(mounted);
                Ok(())
            }
            Step::MountBelow { base, path, filesystem, options, flags, necessity } => {
                match mount::mount_below(self.base(*base)?, path, filesystem, options, words(*flags)) {
                    Err(Errno::NODEV) if *necessity == Necessity::IfKnown => Ok(()),
                    result => result,
                }
            }
            Step::MakeDirectory { base, path, mode } => device::make_directory(self.base(*base)?, path, *mode),
            Step::MakeDevice { name, major, minor } => device::make_node(self.base(Base::Dev)?, name, *major, *minor),
            Step::MakeLink { name, target } => device::make_link(self.base(Base::Dev)?, name, target),
            Step::Freeze { base } => mount::restrict_below(self.base(*base)?, c".", words(Flags::READ_ONLY)),
            Step::MakeBase { base, filesystem, options, flags } => {
                self.bases[*base as usize] = Some(mount::create(filesystem, options, words(*flags))?);
                Ok(())
            }
            Step::AttachBase { base, below, path } => mount::attach_below(self.base(*base)?, self.base(*below)?, path),
            Step::AwaitNetwork => self.wait().map(drop),
            Step::AwaitCgroups { shown } => {
                self.groups = self.wait()?;
                // What is shown comes last, in its order.
                let groups = self.groups.len().checked_sub(*shown).ok_or(Errno::PROTO)?;
                while self.groups.len() > groups {
                    self.sources.push(self.groups.remove(groups)).map_err(|_full| Errno::MFILE)?;
                }
                Ok(())
            }
            Step::JoinCgroups => self.groups.iter().try_for_each(cgroup::join),
            Step::UnshareCgroup { .. } => sys::process::unshare(UnshareFlags::NEWCGROUP),
            Step::JoinNetwork => network::join(self.from.launcher),
            Step::AttachVolume { index, target, flags } => {
                let target = mount::open_inside(self.root()?, target)?;
                if mount::same_file(target.as_fd(), self.root()?)? {
                    return Err(Errno::BUSY);
                }
                mount::attach(self.source(*index)?, target.as_fd())?;
                self.restrict(*index, *flags)
            }
            Step::AttachBelow { index, base, path, flags } => {
                mount::attach_below(self.source(*index)?, self.base(*base)?, path)?;
                self.restrict(*index, *flags)
            }
            Step::MountVolume { target, options, flags } => {
                let target = mount::open_inside(self.root()?, target)?;
                if mount::same_file(target.as_fd(), self.root()?)? {
                    return Err(Errno::BUSY);
                }
                mount::mount_below(target.as_fd(), c".", c"tmpfs", options, words(*flags))
            }
            Step::MaskFile { base, path } => mount::mask_file(self.base(*base)?, path),
            Step::MaskDirectory { base, path } => {
                let mut empty = self.empty.take();
                let masked = mount::mask_directory(self.base(*base)?, path, &mut empty);
                self.empty = empty;
                masked
            }
            Step::BindReadOnly { base, path } => {
                match mount::bind_read_only(self.base(*base)?, path, words(Flags::READ_ONLY)) {
                    // What the kernel does not have cannot be written to.
                    Err(Errno::NOENT) => Ok(()),
                    result => result,
                }
            }
            Step::OpenTerminal { owner, controlling } => {
                let (controller, terminal) = terminal::open_pair(self.base(Base::Dev)?)?;
                if *controlling {
                    rustix::process::ioctl_tiocsctty(&terminal)?;
                }
                terminal::adopt(terminal.as_fd(), self.base(Base::Dev)?, *owner)?;
                record::say(self.socket.as_fd(), Said::Terminal, &[controller.as_fd()])
            }
            Step::LimitCapabilities => identity::limit_bounding_set(),
            Step::BecomeUser(user) => identity::become_user(user.uid, user.gid, &user.groups),
            Step::CloseDescriptors => self.close_descriptors(),
            Step::EnterWorkdir(path) => {
                let workdir = mount::open_inside(self.root()?, path)?;
                rustix::process::fchdir(workdir)
            }
            Step::AwaitGo { tell } => {
                if *tell {
                    record::say(self.socket.as_fd(), Said::Ready, &[])?;
                }
                self.wait()?;
                spread::gather(&self.from.cpus)
            }
            Step::Unblock => {
                rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
                sys::signal::block(sys::signal::Set::EMPTY)
            }
            Step::Execute { .. } => Err(self.execute()),
            // The launcher's own steps stand in other lists.
            Step::EnableControllers { .. }
            | Step::MakeCgroup { .. }
            | Step::WriteLimit { .. }
            | Step::UnshareNetwork
            | Step::GiveNetwork
            | Step::GiveCgroups { .. }
            | Step::RaiseLoopback
            | Step::GiveGo
            | Step::RemoveLeftovers { .. } => Err(Errno::INVAL),
        }
    }

    /// Waits for the launcher; where that has died there is nobody to run for.
    fn wait(&self) -> Result<Descriptors> {
        match record::wait(self.socket.as_fd())? {
            Some(descriptors) => Ok(descriptors),
            None => sys::process::exit_now(SET_UP),
        }
    }

    /// Closes all that is not standard, but for the socket and contain's own copy, which end with the exec: a link in
    /// the rootfs to /proc/self/fd/N could otherwise lead the exec to the host (CVE-2024-21626).
    fn close_descriptors(&self) -> Result<()> {
        let socket = self.socket.as_fd();
        sys::process::close_all_but(socket, self.from.init.as_ref().map_or(socket, AsFd::as_fd))
    }

    fn execute(&self) -> Errno {
        match &self.from.init {
            Some(own) => sys::process::execve_fd(own.as_fd(), &self.from.arguments, &self.from.environment),
            None => program::execute(&self.from.plan.program.candidates, &self.from.arguments, &self.from.environment),
        }
    }

    /// Gives an attached source its flags: before Linux 5.12 a detached mount takes none.
    fn restrict(&self, index: usize, flags: Flags) -> Result<()> {
        match flags == Flags::NONE {
            true => Ok(()),
            false => mount::restrict(self.source(index)?, words(flags)),
        }
    }

    fn source(&self, index: usize) -> Result<BorrowedFd<'_>> {
        self.sources.get(index).map(AsFd::as_fd).ok_or(Errno::BADF)
    }

    fn base(&self, base: Base) -> Result<BorrowedFd<'_>> {
        self.bases[base as usize].as_ref().map(AsFd::as_fd).ok_or(Errno::BADF)
    }

    fn root(&self) -> Result<BorrowedFd<'_>> {
        self.root.as_ref().map(AsFd::as_fd).ok_or(Errno::BADF)
    }
}

/// The plan's flags in the kernel's words.
fn words(flags: Flags) -> MountFlags {
    let pairs = [
        (flags.read_only, MountFlags::RDONLY),
        (flags.no_suid, MountFlags::NOSUID),
        (flags.no_dev, MountFlags::NODEV),
        (flags.no_exec, MountFlags::NOEXEC),
    ];
    pairs.into_iter().filter(|(set, _)| *set).fold(MountFlags::empty(), |all, (_, flag)| all | flag)
}
