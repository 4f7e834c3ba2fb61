//! The system calls as rustix has them, but for what they answer: an errno here is as wide as a descriptor, so that either of
//! them comes back in a register of its own, and nothing is packed and taken apart at each call: 3 KB less of binary.
//! Everyone knows this file; it knows nobody.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub use rustix::buffer;
use rustix::buffer::Buffer;

pub type Result<T> = std::result::Result<T, Errno>;

/// Why a system call failed: errno(3), negative as the kernel gives it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Errno(i32);

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Errno::from_raw_os_error(errno.raw_os_error())
    }
}

impl Errno {
    pub const fn from_raw_os_error(number: i32) -> Errno {
        Errno(-number)
    }

    pub const fn raw_os_error(self) -> i32 {
        -self.0
    }
}

macro_rules! errnos {
    ($($name:ident)*) => {
        impl Errno {
            $(pub const $name: Errno = Errno::from_raw_os_error(rustix::io::Errno::$name.raw_os_error());)*
        }
    };
}

errnos! {
    ACCESS ADDRINUSE AGAIN BADF BUSY CHILD CONNREFUSED CONNRESET EXIST FBIG ILSEQ INTR INVAL ISDIR LOOP MFILE NAMETOOLONG NOBUFS
    NODEV NOENT NOEXEC NOMEM NOSPC NOSYS NOTDIR NOTEMPTY NOTSUP NOTTY NXIO OPNOTSUPP PERM PIPE PROTO ROFS SRCH STALE TOOBIG USERS
    XDEV
}

/// A module of rustix's with these of its calls.
macro_rules! calls {
    ($($module:ident { $($call:ident($($name:ident: $type:ty),*) -> $result:ty;)* $(@ $more:item)* })*) => {$(
        pub mod $module {
            use super::*;
            pub use rustix::$module::*;

            $(pub fn $call($($name: $type),*) -> Result<$result> {
                Ok(rustix::$module::$call($($name),*)?)
            })*
            $($more)*
        }
    )*};
}

calls! {
    event {
        poll(descriptors: &mut [PollFd<'_>], timeout: Option<&Timespec>) -> usize;
    }
    fs {
        access(path: &CStr, access: Access) -> ();
        accessat(base: impl AsFd, path: &CStr, access: Access, flags: AtFlags) -> ();
        chmod(path: &CStr, mode: Mode) -> ();
        fchmod(file: impl AsFd, mode: Mode) -> ();
        fchown(file: impl AsFd, owner: Option<Uid>, group: Option<Gid>) -> ();
        fcntl_add_seals(file: impl AsFd, seals: SealFlags) -> ();
        fcntl_get_seals(file: impl AsFd) -> SealFlags;
        fcntl_getfl(file: impl AsFd) -> OFlags;
        fcntl_setfl(file: impl AsFd, flags: OFlags) -> ();
        fdatasync(file: impl AsFd) -> ();
        flock(file: impl AsFd, operation: FlockOperation) -> ();
        fstatvfs(file: impl AsFd) -> StatVfs;
        fsync(file: impl AsFd) -> ();
        ftruncate(file: impl AsFd, length: u64) -> ();
        memfd_create(name: &CStr, flags: MemfdFlags) -> OwnedFd;
        mkdirat(base: impl AsFd, path: &CStr, mode: Mode) -> ();
        mknodat(base: impl AsFd, path: &CStr, kind: FileType, mode: Mode, device: Dev) -> ();
        openat(base: impl AsFd, path: &CStr, flags: OFlags, mode: Mode) -> OwnedFd;
        openat2(base: impl AsFd, path: &CStr, flags: OFlags, mode: Mode, resolve: ResolveFlags) -> OwnedFd;
        rename(old: &CStr, new: &CStr) -> ();
        renameat(old_base: impl AsFd, old: &CStr, new_base: impl AsFd, new: &CStr) -> ();
        seek(file: impl AsFd, to: SeekFrom) -> u64;
        sendfile(to: impl AsFd, from: impl AsFd, at: Option<&mut u64>, count: usize) -> usize;
        statvfs(path: &CStr) -> StatVfs;
        symlinkat(target: &CStr, base: impl AsFd, path: &CStr) -> ();
        unlink(path: &CStr) -> ();
        unlinkat(base: impl AsFd, path: &CStr, flags: AtFlags) -> ();
        @ pub use super::files::{Stat, fstat, fstatfs, stat, statat, statfs, statx};
        @ pub fn readlinkat_raw<B: Buffer<u8>>(base: impl AsFd, path: &CStr, buffer: B) -> Result<B::Output> {
            Ok(rustix::fs::readlinkat_raw(base, path, buffer)?)
        }
    }
    io {
        fcntl_dupfd_cloexec(file: impl AsFd, least: i32) -> OwnedFd;
        fcntl_getfd(file: impl AsFd) -> FdFlags;
        ioctl_fionread(file: impl AsFd) -> u64;
        pwrite(file: impl AsFd, bytes: &[u8], at: u64) -> usize;
        write(file: impl AsFd, bytes: &[u8]) -> usize;
        @ pub use super::{Errno, Result};
        @ pub fn read(file: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
            read_into(file.as_fd(), buffer)
        }
        @ /// The same for a place that holds nothing yet.
        pub fn read_into<B: Buffer<u8>>(file: BorrowedFd<'_>, buffer: B) -> Result<B::Output> {
            Ok(rustix::io::read(file, buffer)?)
        }
        @ pub fn pread(file: impl AsFd, buffer: &mut [u8], at: u64) -> Result<usize> {
            fn of(file: BorrowedFd<'_>, buffer: &mut [u8], at: u64) -> Result<usize> {
                Ok(rustix::io::pread(file, buffer, at)?)
            }
            of(file.as_fd(), buffer, at)
        }
        @ /// Until no signal comes between.
        pub fn retry_on_intr<T>(mut call: impl FnMut() -> Result<T>) -> Result<T> {
            loop {
                match call() {
                    Err(Errno::INTR) => {}
                    result => return result,
                }
            }
        }
    }
    mount {
        fsconfig_create(context: impl AsFd) -> ();
        fsconfig_set_flag(context: impl AsFd, key: &CStr) -> ();
        fsconfig_set_string(context: impl AsFd, key: &CStr, value: &CStr) -> ();
        fsmount(context: impl AsFd, flags: FsMountFlags, attributes: MountAttrFlags) -> OwnedFd;
        fsopen(filesystem: &CStr, flags: FsOpenFlags) -> OwnedFd;
        mount(source: &CStr, target: &CStr, filesystem: &CStr, flags: MountFlags, options: Option<&CStr>) -> ();
        mount_bind(source: &CStr, target: &CStr) -> ();
        mount_bind_recursive(source: &CStr, target: &CStr) -> ();
        mount_change(target: &CStr, flags: MountPropagationFlags) -> ();
        mount_move(source: &CStr, target: &CStr) -> ();
        mount_remount(target: &CStr, flags: MountFlags, options: &CStr) -> ();
        move_mount(from: impl AsFd, from_path: &CStr, to: impl AsFd, to_path: &CStr, flags: MoveMountFlags) -> ();
        open_tree(base: impl AsFd, path: &CStr, flags: OpenTreeFlags) -> OwnedFd;
        unmount(target: &CStr, flags: UnmountFlags) -> ();
    }
    net {
        accept_with(socket: impl AsFd, flags: SocketFlags) -> OwnedFd;
        bind(socket: impl AsFd, address: &impl addr::SocketAddrArg) -> ();
        connect(socket: impl AsFd, address: &impl addr::SocketAddrArg) -> ();
        listen(socket: impl AsFd, backlog: i32) -> ();
        socket_with(domain: AddressFamily, kind: SocketType, flags: SocketFlags, protocol: Option<Protocol>) -> OwnedFd;
        socketpair(domain: AddressFamily, kind: SocketType, flags: SocketFlags, protocol: Option<Protocol>) -> (OwnedFd, OwnedFd);
    }
    pipe {
        pipe_with(flags: PipeFlags) -> (OwnedFd, OwnedFd);
    }
    process {
        chdir(path: &CStr) -> ();
        chroot(path: &CStr) -> ();
        fchdir(directory: impl AsFd) -> ();
        getcwd(reuse: Vec<u8>) -> CString;
        ioctl_tiocsctty(terminal: impl AsFd) -> ();
        kill_process(process: Pid, signal: Signal) -> ();
        kill_process_group(group: Pid, signal: Signal) -> ();
        pidfd_open(process: Pid, flags: PidfdFlags) -> OwnedFd;
        pidfd_send_signal(process: impl AsFd, signal: Signal) -> ();
        pivot_root(new: &CStr, old: &CStr) -> ();
        set_child_subreaper(process: Option<Pid>) -> ();
        set_dumpable_behavior(how: DumpableBehavior) -> ();
        set_parent_process_death_signal(signal: Option<Signal>) -> ();
        setpgid(process: Option<Pid>, group: Option<Pid>) -> ();
        setrlimit(resource: Resource, limit: Rlimit) -> ();
        setsid() -> Pid;
        waitpid(process: Option<Pid>, options: WaitOptions) -> Option<(Pid, WaitStatus)>;
    }
    pty {
        ioctl_tiocgptpeer(controller: impl AsFd, flags: OpenptFlags) -> OwnedFd;
        unlockpt(controller: impl AsFd) -> ();
    }
    rand {
        @ pub fn getrandom<B: Buffer<u8>>(buffer: B, flags: GetRandomFlags) -> Result<B::Output> {
            Ok(rustix::rand::getrandom(buffer, flags)?)
        }
    }
    stdio {
        dup2_stderr(file: impl AsFd) -> ();
        dup2_stdin(file: impl AsFd) -> ();
        dup2_stdout(file: impl AsFd) -> ();
    }
    system {
        reboot(command: RebootCommand) -> ();
        setdomainname(name: &[u8]) -> ();
        sethostname(name: &[u8]) -> ();
    }
    termios {
        tcdrain(terminal: impl AsFd) -> ();
        tcgetpgrp(terminal: impl AsFd) -> Pid;
        tcgetsid(terminal: impl AsFd) -> Pid;
        tcgetwinsize(terminal: impl AsFd) -> Winsize;
        tcsetpgrp(terminal: impl AsFd, group: Pid) -> ();
        tcsetwinsize(terminal: impl AsFd, size: Winsize) -> ();
    }
    thread {
        capabilities(process: Option<Pid>) -> CapabilitySets;
        capability_is_in_bounding_set(capability: CapabilitySet) -> bool;
        move_into_thread_name_spaces(process: BorrowedFd<'_>, kinds: ThreadNameSpaceType) -> ();
        remove_capability_from_bounding_set(capability: CapabilitySet) -> ();
        sched_getaffinity(process: Option<Pid>) -> CpuSet;
        sched_setaffinity(process: Option<Pid>, cpus: &CpuSet) -> ();
        set_capabilities(process: Option<Pid>, sets: CapabilitySets) -> ();
        set_name(name: &CStr) -> ();
        set_no_new_privs(are: bool) -> ();
        set_thread_res_gid(real: Gid, effective: Gid, saved: Gid) -> ();
        set_thread_res_uid(real: Uid, effective: Uid, saved: Uid) -> ();
        @ /// Sleeps for so many nanoseconds, whatever signals come.
        #[inline(never)]
        pub fn sleep(nanoseconds: u64) {
            let (tv_sec, tv_nsec) = ((nanoseconds / 1_000_000_000) as i64, (nanoseconds % 1_000_000_000) as i64);
            let mut rest = Timespec { tv_sec, tv_nsec };
            while let NanosleepRelativeResult::Interrupted(more) = nanosleep(&rest) {
                rest = more;
            }
        }
    }
}

/// What is asked of files, of which the kernel tells ten times as much.
mod files {
    use super::*;
    use rustix::fs::{AtFlags, CWD, FileType, StatxAttributes, StatxFlags};

    #[derive(Clone, Copy)]
    pub struct Stat {
        pub st_dev: u64,
        pub st_ino: u64,
        pub st_mode: u32,
        pub st_uid: u32,
        pub st_nlink: u32,
        pub st_rdev: u64,
        pub st_size: i64,
        pub st_mtime: i64,
    }

    impl Stat {
        #[inline(always)]
        pub fn is(&self, kind: FileType) -> bool {
            self.st_mode & 0o170_000 == kind.as_raw_mode()
        }

        /// Refuses what is no regular file.
        pub fn regular(&self) -> Result<()> {
            if self.is(FileType::RegularFile) {
                return Ok(());
            }
            Err(if self.is(FileType::Directory) { Errno::ISDIR } else { Errno::INVAL })
        }
    }

    impl From<rustix::fs::Stat> for Stat {
        #[inline(never)]
        fn from(found: rustix::fs::Stat) -> Self {
            let rustix::fs::Stat { st_dev, st_ino, st_mode, st_uid, st_nlink, st_rdev, st_size, st_mtime, .. } = found;
            Stat { st_dev, st_ino, st_mode, st_uid, st_nlink: st_nlink as u32, st_rdev, st_size, st_mtime }
        }
    }

    pub fn fstat(file: impl AsFd) -> Result<Stat> {
        fn of(file: BorrowedFd<'_>) -> Result<Stat> {
            Ok(rustix::fs::fstat(file)?.into())
        }
        of(file.as_fd())
    }

    pub fn stat(path: &CStr) -> Result<Stat> {
        statat(CWD, path, AtFlags::empty())
    }

    pub fn statat(base: impl AsFd, path: &CStr, flags: AtFlags) -> Result<Stat> {
        fn of(base: BorrowedFd<'_>, path: &CStr, flags: AtFlags) -> Result<Stat> {
            Ok(rustix::fs::statat(base, path, flags)?.into())
        }
        of(base.as_fd(), path, flags)
    }

    pub struct StatFs {
        pub f_type: i64,
    }

    pub fn fstatfs(file: impl AsFd) -> Result<StatFs> {
        Ok(StatFs { f_type: rustix::fs::fstatfs(file)?.f_type })
    }

    pub fn statfs(path: &CStr) -> Result<StatFs> {
        Ok(StatFs { f_type: rustix::fs::statfs(path)?.f_type })
    }

    pub struct Statx {
        pub stx_mnt_id: u64,
        pub stx_attributes: StatxAttributes,
    }

    pub fn statx(base: impl AsFd, path: &CStr, flags: AtFlags, mask: StatxFlags) -> Result<Statx> {
        let rustix::fs::Statx { stx_mnt_id, stx_attributes, .. } = rustix::fs::statx(base, path, flags, mask)?;
        Ok(Statx { stx_mnt_id, stx_attributes })
    }
}
