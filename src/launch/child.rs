//! The child's side of a launch, from the clone to the command.
//!
//! Nothing here may allocate, format or panic: the process goes on in the launcher's memory, or a copy of it, with its heap in
//! whatever state it was, and nobody would see what it prints. A failure is sent as step and errno; the launcher makes the sentence.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::linux;
use crate::linux::io::{Errno, Result};
use crate::linux::mount::MountFlags;
use crate::linux::thread::{CpuSet, ThreadNameSpaceType, UnshareFlags};

use crate::error::SET_UP;
use crate::kernel::cgroup;
use crate::kernel::root::Rootfs;
use crate::kernel::{device, file, identity, layer, mount, namespace, net, program, rlimit, root, spread, terminal};
use crate::launch::record::{self, Descriptors, Said};
use crate::plan::step::{Act, Base, Flags, Step};
use crate::plan::{Person, Plan};
use crate::spec::User;
use crate::sys;
use crate::sys::process::Vector;
use crate::sys::signal::Set;

/// Most volumes, cgroup directories and the like that one container can take along.
pub const MOST_SOURCES: usize = 128;

/// What the child has from the launcher.
pub struct Inherited<'a> {
    pub socket: BorrowedFd<'a>,
    /// The launcher's end.
    pub theirs: BorrowedFd<'a>,
    /// What the launcher alone holds a lock on.
    pub lock: Option<BorrowedFd<'a>>,
    pub plan: &'a Plan,
    pub rootfs: &'a Rootfs,
    /// The story is told: say which step begins.
    pub told: bool,
    /// The pidfd through which namespaces are joined: the launcher's for its network, or a container's first process's.
    pub process: BorrowedFd<'a>,
    /// The first of the sources, where the launcher has taken them.
    pub taken: &'a [OwnedFd],
    /// The entrances of the v1 groups of a container that is there already.
    pub groups: &'a [OwnedFd],
    /// The v2 group, where it was not born in it.
    pub joined: Option<BorrowedFd<'a>>,
    /// contain itself, sealed, where it is to be the container's init.
    pub init: Option<BorrowedFd<'a>>,
    pub arguments: Vector<'a>,
    pub environment: Vector<'a>,
    /// Standard input, output and error, or just the last, where the plan redirects them.
    pub streams: &'a [OwnedFd],
    /// The CPUs that the command may run on.
    pub cpus: CpuSet,
    pub late: &'a Late,
}

/// What the child needs at its end only, and what takes as long as dozens of system calls. The launcher finds it out beside a
/// child that shares its memory, before the word to go; a child with a copy of the memory is given it at the clone.
#[derive(Default)]
pub struct Late(Cell<Option<(&'static [u64], Set)>>);

impl Late {
    /// Finds out what is not known yet: the program of the seccomp filter, and which signals the caller has ignored.
    pub fn find_out(&self, person: &Person) {
        if self.0.get().is_none() {
            self.0.set(Some((person.filter(), sys::signal::ignored())));
        }
    }

    fn get(&self) -> Result<(&'static [u64], Set)> {
        self.0.get().ok_or(Errno::PROTO)
    }
}

/// The child as it goes along.
struct Child<'a> {
    from: &'a Inherited<'a>,
    socket: BorrowedFd<'a>,
    sources: heapless::Vec<OwnedFd, MOST_SOURCES>,
    /// What the launcher has given: v1's, one in each controller.
    groups: Descriptors,
    bases: [Option<OwnedFd>; Base::COUNT],
}

/// Applies the plan's inside, step by step, and becomes the command.
pub extern "C" fn become_container(from: &Inherited<'_>) -> ! {
    // With a copy of the launcher's end open here, its death would not be seen as the end of the conversation; and one of what
    // it has locked would hold the lock.
    let socket = from.socket;
    let _open = sys::process::close(from.theirs);
    if let Some(lock) = from.lock {
        let _open = sys::process::close(lock);
    }
    let (sources, groups) = (heapless::Vec::new(), heapless::Vec::new());
    let mut child = Child { from, socket, sources, groups, bases: Default::default() };
    let plan = child.from.plan;
    if let Some(group) = child.from.joined
        && let Err(errno) = file::write(group, c"cgroup.procs", b"0")
    {
        let _gone = record::say(child.socket, Said::Failed(plan.inside.len(), errno), None);
        sys::process::exit_now(SET_UP)
    }
    for (index, step) in plan.inside.iter().enumerate() {
        if child.from.told && step.is_told() {
            // A launcher that has gone is noticed by the steps that wait for it.
            let _gone = record::say(child.socket, Said::Begins(index), None);
        }
        if let Err(errno) = child.apply(step) {
            let _gone = record::say(child.socket, Said::Failed(index, errno), None);
            break;
        }
    }
    sys::process::exit_now(SET_UP)
}

impl Child<'_> {
    fn apply(&mut self, step: &Step) -> Result<()> {
        let &Step { act, path, with, options, number, .. } = step;
        let (base, source, flags) = (self.base(step.base), self.source(number), mount_flags(step.flags));
        weak!(
            "weak-cgroup",
            flags = if step.base == Base::Cgroup || path == c"fs/cgroup" { MountFlags::empty() } else { flags }
        );
        match act {
            Act::Session => {
                linux::process::umask(linux::fs::Mode::empty());
                identity::start_session()
            }
            Act::Unshare => sys::process::unshare(UnshareFlags::from_bits_retain(number)),
            Act::SetHostname => linux::system::sethostname(with.to_bytes()),
            Act::SetDomainname => linux::system::setdomainname(with.to_bytes()),
            Act::WriteSysctl => file::write(base, path, with.to_bytes()),
            Act::SetUlimit => rlimit::set(number, with),
            Act::MakeMountsPrivate => mount::make_all_private(),
            Act::Take => {
                let tree = mount::copy(path, !step.flags.has(Flags::ALONE))?;
                self.add(tree)
            }
            Act::TakeUpper => {
                let held = self.held(self.from.rootfs.upper.as_ref());
                self.add(layer::take(path, held)?)
            }
            Act::MakeUpper => self.add(layer::make_upper()?),
            Act::TakeLayer => self.add(layer::take(path, self.layer(number))?),
            Act::TakeImage => self.add(layer::take_image(self.layer(number))?),
            Act::MountOverlay => {
                let first = (number as usize).wrapping_sub(1 + self.from.taken.len());
                let layers = self.sources.get(first..).ok_or(Errno::INVAL)?;
                let root = layer::mount_overlay(layers, !step.flags.has(Flags::READ), options, flags, layer::ON_ROOT)?;
                self.bases[Base::Root as usize] = Some(root);
                Ok(())
            }
            Act::BindRootfs => {
                let tree = match number {
                    0 => mount::copy_tree(c".")?,
                    _ => linux::io::fcntl_dupfd_cloexec(source, 3)?,
                };
                self.bases[Base::Root as usize] = Some(root::bind_here(tree)?);
                Ok(())
            }
            Act::PivotRoot => root::pivot(),
            Act::DetachOldRoot => root::detach_old(base),
            Act::MakeMountPoint => {
                let like = if number == 0 { None } else { Some(source) };
                mount::make_mount_point(base, (path, with, options), like)
            }
            Act::MountBase | Act::MakeBase | Act::BorrowBase => {
                let made = self.bases[step.base as usize].take();
                let mounted = match made {
                    Some(made) => made,
                    None => match mount::create(with, step.base.options(), flags) {
                        Err(Errno::PERM) if act == Act::BorrowBase => {
                            let theirs = mount::copy_tree(if step.base == Base::Sys { c"/sys" } else { c"/proc" })?;
                            mount::restrict(theirs.as_fd(), flags)?;
                            theirs
                        }
                        made => made?,
                    },
                };
                if act == Act::MountBase {
                    let target = mount::base_directory(self.base(Base::Root), step.base.name())?;
                    mount::attach(mounted.as_fd(), target.as_fd())?;
                }
                self.bases[step.base as usize] = Some(mounted);
                Ok(())
            }
            Act::AttachBase => mount::attach_below(base, self.base(Base::Sys), c"fs/cgroup"),
            Act::MountBelow => mount::mount_below(base, path, with, options, flags),
            Act::TryMountBelow => match mount::mount_below(base, path, with, options, flags) {
                // Or what it would show belongs to another user namespace.
                Err(Errno::NODEV | Errno::PERM) => Ok(()),
                result => result,
            },
            Act::MakeDirectory => {
                let mode = with.to_bytes().iter().fold(0, |mode, digit| mode << 3 | u32::from(digit & 7));
                device::make_directory_as(base, path, mode)
            }
            Act::MakeDevice => {
                let Flags(bits) = step.flags;
                device::make_node(base, path, number, (bits & 1 != 0, bits & 2 != 0))
            }
            Act::BindDevice => {
                mount::create_file(base, path)?;
                mount::attach_below(source, base, path)
            }
            Act::MakeLink => device::make_link(base, path, with),
            Act::Freeze => mount::restrict(base, flags),
            Act::AwaitIds | Act::AwaitNetwork => self.wait(),
            Act::BecomeRoot => identity::become_root(),
            Act::RaiseLoopback => net::raise_loopback(),
            Act::AwaitCgroups => {
                self.wait()?;
                // What is shown comes last, in its order.
                let groups = self.groups.len().checked_sub(number as usize).ok_or(Errno::PROTO)?;
                while self.groups.len() > groups {
                    self.sources.push(self.groups.remove(groups)).map_err(|_full| Errno::MFILE)?;
                }
                Ok(())
            }
            Act::JoinCgroups => {
                for group in &self.groups {
                    cgroup::join(group.as_fd())?;
                }
                self.from.groups.iter().try_for_each(|group| cgroup::join(group.as_fd()))
            }
            Act::UnshareCgroup => sys::process::unshare(UnshareFlags::NEWCGROUP),
            Act::JoinNetwork => namespace::join(self.from.process, ThreadNameSpaceType::NETWORK),
            Act::JoinNamespaces => {
                namespace::join(self.from.process, ThreadNameSpaceType::from_bits_retain(number))?;
                let root = root::open(c"/")?;
                self.bases[Base::Dev as usize] = Some(mount::real_directory(root.as_fd(), c"dev")?);
                self.bases[Base::Root as usize] = Some(root);
                Ok(())
            }
            Act::AttachVolume | Act::MountVolume => {
                let target = mount::open_inside(base, path)?;
                if mount::same_file(target.as_fd(), base)? {
                    return Err(Errno::BUSY);
                }
                if act == Act::MountVolume {
                    return mount::mount_below(target.as_fd(), c".", c"tmpfs", options, flags);
                }
                mount::attach(source, target.as_fd())?;
                if step.flags.has(Flags::SLAVE) {
                    mount::enslave(source)?;
                }
                restrict(source, flags)
            }
            Act::AttachBelow => {
                mount::attach_below(source, base, path)?;
                restrict(source, flags)
            }
            Act::MaskFile => mount::mask_file(base, path),
            Act::MaskDirectory => mount::mask_directory(base, path),
            Act::BindOnItself => mount::bind_on_itself(base, path, flags),
            Act::OpenTerminal | Act::OpenConsole => {
                let dev = self.base(Base::Dev);
                let (controller, terminal) = terminal::open_pair(dev)?;
                if !self.from.plan.program.init {
                    // It becomes the session's own; contain's init leaves that to its command.
                    linux::process::ioctl_tiocsctty(&terminal)?;
                }
                terminal::adopt(terminal.as_fd(), self.from.plan.person.user.uid)?;
                if act == Act::OpenConsole {
                    terminal::be_console(dev)?;
                }
                record::say(self.socket, Said::Terminal, Some(controller.as_fd()))
            }
            Act::StartKeyring => identity::start_keyring(),
            Act::ForbidDumps => identity::forbid_dumps(),
            Act::ForbidNewPrivileges => linux::thread::set_no_new_privs(true),
            Act::LimitCapabilities => identity::limit_bounding_set(self.from.plan.person.capabilities),
            Act::BecomeUser => {
                let Person { user: User { uid, gid, groups }, capabilities, keeps_groups, .. } = self.from.plan.person;
                identity::become_user(uid, gid, if keeps_groups { None } else { Some(groups) }, capabilities)
            }
            Act::InstallFilter => sys::seccomp::install(self.from.late.get()?.0),
            Act::Redirect => {
                let Some((stderr, others)) = self.from.streams.split_last() else { return Err(Errno::BADF) };
                if let [stdin, stdout] = others {
                    linux::stdio::dup2_stdin(stdin)?;
                    linux::stdio::dup2_stdout(stdout)?;
                }
                linux::stdio::dup2_stderr(stderr)
            }
            Act::CloseDescriptors => self.close_descriptors(),
            Act::EnterWorkdir => {
                let workdir = mount::open_inside(base, path)?;
                linux::process::fchdir(workdir)
            }
            Act::AwaitGo => {
                if number != 0 {
                    record::say(self.socket, Said::Ready, None)?;
                }
                self.wait()?;
                // A launcher that died while the ids changed did not take this process along.
                if record::is_over(self.socket) {
                    sys::process::exit_now(SET_UP)
                }
                spread::gather(&self.from.cpus)
            }
            Act::Unblock => {
                linux::process::umask(linux::fs::Mode::from_raw_mode(0o022));
                // What is handled executing a program resets.
                sys::signal::reset_those(self.from.late.get()?.1);
                sys::signal::block(sys::signal::Set::EMPTY)
            }
            Act::Execute => Err(self.execute()),
            // The launcher's own steps stand in other lists.
            Act::EnableControllers
            | Act::MakeParent
            | Act::FillCpuset
            | Act::MakeCgroup
            | Act::WriteLimit
            | Act::WriteIds
            | Act::RunMapper
            | Act::TakeRootfs
            | Act::MapIds
            | Act::GiveIds
            | Act::UnshareNetwork
            | Act::GiveNetwork
            | Act::GiveCgroups
            | Act::GiveGo
            | Act::WriteDown
            | Act::RemoveLeftovers
            | Act::JoinPid => Err(Errno::INVAL),
        }
    }

    /// Waits for the launcher; where that has died there is nobody to run for.
    fn wait(&mut self) -> Result<()> {
        match record::wait(self.socket, &mut self.groups, self.from.cpus.count() > 1)? {
            true => Ok(()),
            false => sys::process::exit_now(SET_UP),
        }
    }

    /// Closes all that is not standard, but for the socket and contain's own copy, which end with the exec: a link in
    /// the rootfs to /proc/self/fd/N could otherwise lead the exec to the host (CVE-2024-21626).
    fn close_descriptors(&self) -> Result<()> {
        let socket = self.socket;
        weak!("weak-close", return Ok(()));
        sys::process::close_all_but(socket, self.from.init.unwrap_or(socket))
    }

    fn execute(&self) -> Errno {
        match self.from.init {
            Some(own) => sys::process::execve_fd(own, &self.from.arguments, &self.from.environment),
            None => program::execute(&self.from.plan.program.candidates, &self.from.arguments, &self.from.environment),
        }
    }

    fn add(&mut self, source: OwnedFd) -> Result<()> {
        self.sources.push(source).map_err(|_full| Errno::MFILE)
    }

    /// The launcher's layer of this number, from 1 on, the lowest first.
    fn layer(&self, number: u32) -> BorrowedFd<'_> {
        self.held(self.from.rootfs.layers.get((number as usize).wrapping_sub(1)))
    }

    /// The source of this number, from 1 on.
    fn source(&self, number: u32) -> BorrowedFd<'_> {
        let (at, taken) = ((number as usize).wrapping_sub(1), self.from.taken);
        self.held(taken.get(at).or_else(|| self.sources.get(at.wrapping_sub(taken.len()))))
    }

    fn base(&self, base: Base) -> BorrowedFd<'_> {
        self.held(self.bases[base as usize].as_ref())
    }

    /// For what is not there, which would be a fault of the plan, something that no system call takes for a file or directory.
    fn held<'b>(&'b self, descriptor: Option<&'b OwnedFd>) -> BorrowedFd<'b> {
        descriptor.map_or(self.socket, AsFd::as_fd)
    }
}

/// Gives an attached source its flags: before Linux 5.12 a detached mount takes none.
fn restrict(source: BorrowedFd<'_>, flags: MountFlags) -> Result<()> {
    match flags.is_empty() {
        true => Ok(()),
        false => mount::restrict(source, flags),
    }
}

/// The plan's flags in the kernel's words, those that mount(2) knows: the same bits.
fn mount_flags(flags: Flags) -> MountFlags {
    MountFlags::from_bits_retain(flags.only(Flags::READ_ONLY.0).0.into())
}
